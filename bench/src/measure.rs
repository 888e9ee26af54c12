//! Measuring an operation: who answers with the same data, what each asks of the database, and what that costs.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, ensure};
use serde::Serialize;
use serde_json::Value;
use tiffin_bench::operation::Operation;
use tokio::time::sleep;
use tokio_postgres::Client as Database;

use crate::{
    answers,
    client::{Client, Load, load},
    contestant::{Contestant, Server},
    live::Followed,
    options::Options,
    postgres::{self, Asked},
    requests::{Ask, Tokens, requests},
    usage,
};

/// How long a server that was just started is left alone before its memory is read.
const SETTLED: Duration = Duration::from_millis(500);

/// A contestant with its connection to its database.
pub struct Party {
    pub contestant: Contestant,
    pub database: Database,
    pub tokens: Tokens,
    /// What it asks of the database while nobody asks anything of it: from its start to its end.
    pub at_rest: Asked,
}

/// All that stays the same over the operations.
pub struct Bench {
    pub options: Options,
    pub parties: Vec<Party>,
    pub postgres: u32,
    pub counts_statements: bool,
}

/// What an operation came to.
#[derive(Serialize)]
pub struct Outcome {
    pub name: String,
    pub title: String,
    pub contestants: BTreeMap<Contestant, Figures>,
}

#[derive(Serialize)]
pub struct Figures {
    /// For each request; null where they cannot be counted.
    pub statements: f64,
    pub rows_told: f64,
    pub rows_read: f64,
    /// How often PostgreSQL waited for the server.
    pub round_trips: f64,
    pub rounds: Vec<Round>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Round {
    /// Processor seconds for a thousand requests.
    pub server_seconds: f64,
    pub postgres_seconds: f64,
    pub requests_per_second: f64,
    pub p50_milliseconds: f64,
    pub p99_milliseconds: f64,
    pub bytes_an_answer: f64,
    /// Resident, before the first request and at most while it was measured.
    pub idle_megabytes: f64,
    pub peak_megabytes: f64,
    pub first_answer_milliseconds: f64,
}

impl Figures {
    const UNCOUNTED: Figures = Figures {
        statements: f64::NAN,
        rows_told: f64::NAN,
        rows_read: f64::NAN,
        round_trips: f64::NAN,
        rounds: Vec::new(),
    };

    /// The median of the rounds.
    pub fn median(&self, figure: impl Fn(&Round) -> f64) -> f64 {
        let mut figures: Vec<f64> = self.rounds.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        match figures.len() {
            0 => f64::NAN,
            count if count % 2 == 1 => figures[count / 2],
            count => f64::midpoint(figures[count / 2 - 1], figures[count / 2]),
        }
    }
}

impl Bench {
    /// Compares, counts and measures one operation.
    pub async fn measure(&self, operation: &Operation) -> anyhow::Result<Outcome> {
        let asks = self.compare(operation).await?;
        if asks.is_empty() {
            eprint!("is left out: the city is too small for it");
        }
        let mut contestants = BTreeMap::new();
        postgres::count(&self.parties[0].database, self.counts_statements).await?;
        for (party, asks) in &asks {
            let figures = match operation.live {
                // What makes and moves the order would be counted, and no message.
                Some(_) => Figures::UNCOUNTED,
                None => self.count(party, asks).await?,
            };
            contestants.insert(party.contestant, figures);
        }
        postgres::count(&self.parties[0].database, false).await?;
        let rounds = if self.options.check { 0 } else { self.options.rounds() };
        for round in 0..rounds {
            // Whoever comes first is not the same in every round.
            for turn in 0..asks.len() {
                let (party, asks) = &asks[(round + turn) % asks.len()];
                let measured =
                    self.round(operation, party, asks).await.with_context(|| format!("{:?}", party.contestant))?;
                if let Some(figures) = contestants.get_mut(&party.contestant) {
                    figures.rounds.push(measured);
                }
            }
            eprint!(".");
        }
        eprintln!();
        Ok(Outcome { name: operation.name.clone(), title: operation.title.clone(), contestants })
    }

    /// Asks everybody for the same, and fails where the answers are not.
    async fn compare(&self, operation: &Operation) -> anyhow::Result<Vec<(&Party, Vec<Ask>)>> {
        let mut all = Vec::new();
        let mut reference: Option<(Vec<Value>, Vec<Option<i64>>)> = None;
        for party in &self.parties {
            let server = Server::start(party.contestant, &self.options).await?;
            // A connection that ends here: PostgreSQL counts what was read by the others later, with what a contestant reads.
            let database = postgres::connect(party.contestant.database(&self.options)).await?;
            let asks = requests(operation, party.contestant, &server, &database, &party.tokens).await?;
            let Some(asks) = asks else {
                server.stop().await?;
                continue;
            };
            let before = postgres::rows(&database, &operation.writes).await?;
            let mut client = Client::connect(server.address).await?;
            let mut answers = Vec::new();
            for ask in asks.iter().cycle().take(self.options.compared) {
                let answer = client.ask(ask).await;
                let answer = answer.with_context(|| format!("{:?} at {}", party.contestant, operation.name))?;
                answers.push(answers::normalized(&answer, &operation.ignored)?);
            }
            let after = postgres::rows(&database, &operation.writes).await?;
            let written: Vec<_> = after.iter().zip(before).map(|(after, before)| Some((*after)? - before?)).collect();
            if operation.live.is_some() {
                let followed = Followed::start(server.address, &asks, 1, 1).await?;
                for message in followed.messages().await? {
                    answers.push(answers::normalized(message.to_string().as_bytes(), &operation.ignored)?);
                }
            }
            server.stop().await?;
            match &reference {
                None => reference = Some((answers, written)),
                Some((expected, rows)) => {
                    for (number, (expected, answer)) in expected.iter().zip(&answers).enumerate() {
                        let difference = answers::difference(expected, answer);
                        ensure!(
                            difference.is_none(),
                            "{}: Tiffin and {:?} answer request {number} differently, at {}",
                            operation.name,
                            party.contestant,
                            difference.unwrap_or_default()
                        );
                    }
                    let differ = rows
                        .iter()
                        .zip(&written)
                        .any(|(ours, theirs)| ours.zip(*theirs).is_some_and(|(ours, theirs)| ours != theirs));
                    ensure!(
                        !differ,
                        "{}: Tiffin writes {rows:?} rows into {:?}, and {:?} {written:?}",
                        operation.name,
                        operation.writes,
                        party.contestant
                    );
                }
            }
            all.push((party, asks));
        }
        Ok(all)
    }

    /// Counts what requests one after the other ask of the database.
    async fn count(&self, party: &Party, asks: &[Ask]) -> anyhow::Result<Figures> {
        let before = Asked::by_now(&party.database, self.counts_statements).await?;
        let server = Server::start(party.contestant, &self.options).await?;
        let mut client = Client::connect(server.address).await?;
        client.ask(&asks[0]).await?;
        let waits_before = usage::waits_of_children(self.postgres)?;
        for ask in asks.iter().cycle().take(self.options.counted) {
            client.ask(ask).await?;
        }
        let waits = usage::waits_of_children(self.postgres)? - waits_before;
        server.stop().await?;
        let asked = Asked::by_now(&party.database, self.counts_statements).await?;
        let asked = asked.since(before).since(party.at_rest).each(self.options.counted + 1);
        Ok(Figures {
            statements: asked.statements,
            rows_told: asked.told,
            rows_read: asked.read,
            round_trips: waits as f64 / self.options.counted as f64,
            rounds: Vec::new(),
        })
    }

    /// What a contestant asks of the database by itself.
    pub async fn at_rest(
        contestant: Contestant,
        database: &Database,
        counts_statements: bool,
        options: &Options,
    ) -> anyhow::Result<Asked> {
        postgres::count(database, counts_statements).await?;
        let before = Asked::by_now(database, counts_statements).await?;
        Server::start(contestant, options).await?.stop().await?;
        let asked = Asked::by_now(database, counts_statements).await?;
        postgres::count(database, false).await?;
        Ok(asked.since(before))
    }

    /// One contestant in one round, as a new process.
    async fn round(&self, operation: &Operation, party: &Party, asks: &[Ask]) -> anyhow::Result<Round> {
        postgres::pass_over(&party.database).await?;
        let server = Server::start(party.contestant, &self.options).await?;
        sleep(SETTLED).await;
        let (idle, _) = usage::memory(server.process())?;
        let followed = match &operation.live {
            Some(live) => Some(Followed::start(server.address, asks, live.orders, live.followers).await?),
            None => None,
        };
        let load = async |seconds| -> anyhow::Result<Load> {
            let time = Duration::from_secs_f64(seconds);
            match &followed {
                Some(followed) => followed.load(self.options.connections, time).await,
                None => load(server.address, asks, self.options.connections, time).await,
            }
        };
        load(self.options.warm_up(party.contestant)).await?;
        usage::forget_peak(server.process())?;
        let before = (usage::processor_time(server.process())?, usage::family_processor_time(self.postgres)?);
        let load = load(self.options.seconds()).await?;
        let after = (usage::processor_time(server.process())?, usage::family_processor_time(self.postgres)?);
        let (_, peak) = usage::memory(server.process())?;
        let started = server.started;
        drop(followed);
        server.stop().await?;
        let thousands = load.requests as f64 / 1000.0;
        Ok(Round {
            server_seconds: (after.0 - before.0).as_secs_f64() / thousands,
            postgres_seconds: (after.1 - before.1).as_secs_f64() / thousands,
            requests_per_second: load.requests as f64 / load.seconds,
            p50_milliseconds: load.percentile(0.5).as_secs_f64() * 1000.0,
            p99_milliseconds: load.percentile(0.99).as_secs_f64() * 1000.0,
            bytes_an_answer: load.bytes as f64 / load.requests as f64,
            idle_megabytes: idle as f64 / 1024.0,
            peak_megabytes: peak as f64 / 1024.0,
            first_answer_milliseconds: started.as_secs_f64() * 1000.0,
        })
    }
}
