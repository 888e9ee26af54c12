//! How much live updates cost: many sockets that follow some orders, whose steps are taken at a given pace.
//!
//! `tests/load` builds it in release and runs it; `--help` says what can be varied. Each row of its table is one server of its own
//! on an empty database.

mod load;
mod measure;
mod socket;

use std::fmt;

use clap::{Parser, ValueEnum};
use serde::Serialize;

use load::Outcome;

/// Lets many sockets follow orders, takes steps, and says what each message costs the server.
#[derive(Parser)]
struct Options {
    /// Sockets, each with one subscription.
    #[arg(long, default_value_t = 1000)]
    sockets: usize,
    /// Orders that are followed, each by as many sockets.
    #[arg(long, default_value_t = 100)]
    topics: usize,
    /// Steps in a second, over all orders.
    #[arg(long, default_value_t = 10.0)]
    steps_per_second: f64,
    /// Seconds for which steps are taken.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
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

/// One row of the table.
#[derive(Clone, Copy, Debug, Serialize)]
struct Case {
    broker: Broker,
    sockets: usize,
    topics: usize,
    stalled_percent: usize,
    steps_per_second: f64,
    seconds: u64,
}

fn main() {
    let options = Options::parse();
    if !options.json {
        println!("{HEAD}");
    }
    for &broker in &options.broker {
        for &stalled_percent in &options.stalled_percent {
            let Options { sockets, topics, steps_per_second, seconds, .. } = options;
            let case = Case { broker, sockets, topics, stalled_percent, steps_per_second, seconds };
            tiffin_tests::run(async {
                let outcome = load::run(case).await;
                if options.json {
                    println!("{}", serde_json::to_string(&Row { case, outcome }).expect("a row is JSON"));
                } else {
                    println!("{}", Row { case, outcome });
                }
            });
        }
    }
}

#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    case: Case,
    #[serde(flatten)]
    outcome: Outcome,
}

const HEAD: &str = "\
| broker | sockets × orders | stalled | steps | delivered (lost) | server µs a message | KB a socket idle, following, after | from step to socket p50, p99 ms \
| echo p50, p99 ms | generator µs a message | processors busy |
|---|---|---|---|---|---|---|---|---|---|---|";

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { case, outcome } = self;
        write!(
            formatter,
            "| {:?} | {} × {} | {} % ({} closed) | {} | {} ({}) | {:.1} | {:.1}, {:.1}, {:.1} | {:.1}, {:.1} | {:.1}, {:.1} | {:.1} | {:.0} % |",
            case.broker,
            case.sockets,
            case.topics,
            case.stalled_percent,
            outcome.closed,
            outcome.steps,
            outcome.delivered,
            outcome.lost,
            outcome.server_micros_a_message,
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
