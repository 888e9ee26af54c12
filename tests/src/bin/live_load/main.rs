//! Load test of live updates: many sockets follow some orders, whose steps are taken at a given pace.
//!
//! `tests/load` builds it in release and runs it; `--help` says what can be varied. Each row of its table is one server of its own
//! on an empty database.

mod load;
mod measure;
mod socket;

use std::fmt;

use clap::{Parser, ValueEnum};
use serde::Serialize;

use load::LoadOutcome;

/// Lets many sockets follow orders, lets something happen to these, and says what each message costs the server.
#[derive(Parser)]
struct Options {
    /// Sockets, each with one subscription.
    #[arg(long, default_value_t = 1000)]
    sockets: usize,
    /// Orders that are followed, each by as many sockets.
    #[arg(long, default_value_t = 100)]
    topics: usize,
    /// What is followed: the orders' steps, or where their drivers are.
    #[arg(long, value_delimiter = ',', default_values = ["steps", "places"])]
    events: Vec<Events>,
    /// Steps or places in a second, over all orders.
    #[arg(long, default_value_t = 10.0)]
    events_per_second: f64,
    /// Seconds for which they come.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Who follows an order: its customer with every socket, or somebody else with each.
    #[arg(long, value_delimiter = ',', default_values = ["same", "different"])]
    viewers: Vec<Viewers>,
    /// What carries signals between processes.
    #[arg(long, value_delimiter = ',', default_values = ["in-process", "redis"])]
    broker: Vec<Broker>,
    /// How many of a hundred sockets stop reading.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 5])]
    stalled_percent: Vec<usize>,
    /// Says it as JSON, a line for each row.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Broker {
    InProcess,
    Redis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Events {
    Steps,
    Places,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Viewers {
    Same,
    Different,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, Serialize)]
struct Case {
    events: Events,
    broker: Broker,
    viewers: Viewers,
    sockets: usize,
    topics: usize,
    stalled_percent: usize,
    events_per_second: f64,
    seconds: u64,
}

fn main() {
    let options = Options::parse();
    if !options.json {
        println!("{HEAD}");
    }
    for case in options.cases() {
        tiffin_tests::run(async {
            let outcome = load::run(case).await;
            if options.json {
                println!("{}", serde_json::to_string(&TableRow { case, outcome }).expect("a row is JSON"));
            } else {
                println!("{}", TableRow { case, outcome });
            }
        });
    }
}

impl Options {
    fn cases(&self) -> Vec<Case> {
        let Options { sockets, topics, events_per_second, seconds, .. } = *self;
        let mut cases = Vec::new();
        for &events in &self.events {
            for &broker in &self.broker {
                for &viewers in &self.viewers {
                    for &stalled_percent in &self.stalled_percent {
                        let paced = Case {
                            events,
                            broker,
                            viewers,
                            sockets,
                            topics,
                            stalled_percent,
                            events_per_second,
                            seconds,
                        };
                        cases.push(paced);
                    }
                }
            }
        }
        cases
    }
}

#[derive(Serialize)]
struct TableRow {
    #[serde(flatten)]
    case: Case,
    #[serde(flatten)]
    outcome: LoadOutcome,
}

const HEAD: &str = "\
| events | broker | viewers of an order | sockets × orders | stalled | events | delivered (lost) | server µs an event, and a message (a bare write) \
| KB a socket idle, following, after | from event to socket p50, p99 ms | echo p50, p99 ms | generator µs a message | processors busy |
|---|---|---|---|---|---|---|---|---|---|---|---|---|";

impl fmt::Display for TableRow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TableRow { case, outcome } = self;
        write!(
            formatter,
            "| {:?} | {:?} | {:?} | {} × {} | {} % ({} closed) | {} | {} ({}) | {:.0}, {:.1} ({:.1}) | {:.1}, {:.1}, {:.1} | {:.1}, {:.1} | {:.1}, {:.1} | {:.1} | {:.0} % |",
            case.events,
            case.broker,
            case.viewers,
            case.sockets,
            case.topics,
            case.stalled_percent,
            outcome.closed,
            outcome.happened,
            outcome.delivered,
            outcome.lost,
            outcome.server_micros_an_event,
            outcome.server_micros_a_message,
            outcome.bare_write_micros,
            outcome.idle_kilobytes_a_socket,
            outcome.following_kilobytes_a_socket,
            outcome.final_kilobytes_a_socket,
            outcome.delay.p50,
            outcome.delay.p99,
            outcome.echo.p50,
            outcome.echo.p99,
            outcome.generator_micros_a_message,
            outcome.processors_busy_percent,
        )
    }
}
