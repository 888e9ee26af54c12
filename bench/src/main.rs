//! The same requests to the server, an older build of it, PostGraphile and the limit, and what each costs.
//!
//! `bench/run` prepares everything and starts this; docs/performance.md says how the figures are made and how to read them.

mod answers;
mod client;
mod contestant;
mod live;
mod measure;
mod options;
mod people;
mod postgres;
mod report;
mod requests;
mod usage;

use std::fs;

use clap::Parser;
use contestant::{Contestant, Server};
use measure::{Bench, Party};
use options::Options;
use requests::Tokens;
use tiffin_bench::operation;

// One thread: the load is to leave the processors to those who are measured.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let operations = operation::read_all(&options.operations)?;
    let bench = prepare(options).await?;
    let mut outcomes = Vec::new();
    for operation in operations.iter().filter(|operation| bench.options.is_chosen(&operation.name)) {
        eprint!("{} ", operation.title);
        outcomes.push(bench.measure(operation).await?);
        // After each operation: a run that is ended early has told what it knows.
        fs::write(&bench.options.json, format!("{:#}\n", report::json(&outcomes, &bench.options)))?;
        fs::write(bench.options.json.with_extension("md"), report::tables(&outcomes, &bench.options))?;
    }
    print!("{}", report::tables(&outcomes, &bench.options));
    Ok(())
}

async fn prepare(options: Options) -> anyhow::Result<Bench> {
    let database = postgres::connect(&options.database).await?;
    let postgres = postgres::first_process(&database).await?;
    let counts_statements = postgres::can_count(&database).await;
    if !counts_statements {
        eprintln!("statements are not counted: this PostgreSQL has no pg_stat_statements");
    }
    let mut parties = Vec::new();
    for contestant in Contestant::ALL.into_iter().filter(|contestant| options.is_measured(*contestant)) {
        let database = postgres::connect(contestant.database(&options)).await?;
        if counts_statements {
            postgres::can_count(&database).await;
        }
        let mut tokens = Tokens::new();
        if contestant.is_tiffin() {
            let server = Server::start(contestant, &options).await?;
            tokens = people::sign_in(&server, &database, options.connections).await?;
            server.stop().await?;
        }
        let at_rest = Bench::at_rest(contestant, &database, counts_statements, &options).await?;
        parties.push(Party { contestant, database, tokens, at_rest });
    }
    Ok(Bench { options, parties, postgres, counts_statements })
}
