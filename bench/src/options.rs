//! What can be chosen. `bench/run` gives the paths and passes everything else on.

use std::path::PathBuf;

use clap::Parser;

use crate::contestant::Contestant;

/// Sends the same requests to the server, an older build, PostGraphile and the limit, and says what each costs.
#[derive(Parser)]
#[command(name = "bench/run", args_override_self = true)]
pub struct Options {
    /// Three short rounds: figures in minutes, which say little about differences below a tenth.
    #[arg(long)]
    pub short: bool,
    /// Operations by the beginnings of their names: `--only q,m1`. All when left out.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Who is measured; Tiffin always is.
    #[arg(long, value_delimiter = ',', default_values = ["tiffin", "base", "postgraphile", "limit"])]
    pub contestants: Vec<Contestant>,
    /// Rounds of each operation; the contestants take turns within each.
    #[arg(long)]
    rounds: Option<usize>,
    /// Seconds of one contestant in a round.
    #[arg(long)]
    seconds: Option<f64>,
    /// Seconds before them in which nothing is measured.
    #[arg(long)]
    warm_up: Option<f64>,
    /// The same for PostGraphile, whose JavaScript is compiled and optimised while it runs.
    #[arg(long)]
    warm_up_postgraphile: Option<f64>,
    /// Connections that ask at the same time.
    #[arg(long, default_value_t = 16)]
    pub connections: usize,
    /// Requests, one after the other, over which statements and rows are counted.
    #[arg(long, default_value_t = 96)]
    pub counted: usize,
    /// Answers of each that are compared with Tiffin's.
    #[arg(long, default_value_t = 16)]
    pub compared: usize,
    /// Compare and count, and measure nothing.
    #[arg(long)]
    pub check: bool,
    /// Where everything is written as JSON, and the tables as Markdown beside it.
    #[arg(long)]
    pub json: PathBuf,

    #[arg(long, hide = true)]
    pub operations: PathBuf,
    #[arg(long, hide = true)]
    pub database: String,
    #[arg(long, hide = true, default_value = "")]
    pub base_database: String,
    /// What the older build is called.
    #[arg(long, hide = true, default_value = "")]
    pub base_name: String,
    #[arg(long, hide = true)]
    pub redis: String,
    #[arg(long, hide = true)]
    pub server: PathBuf,
    /// None: there is no older build.
    #[arg(long, hide = true)]
    pub base_server: Option<PathBuf>,
    #[arg(long, hide = true)]
    pub node: PathBuf,
    #[arg(long, hide = true)]
    pub postgraphile: PathBuf,
    #[arg(long, hide = true)]
    pub limit: PathBuf,
    /// Where the contestants' logs go.
    #[arg(long, hide = true)]
    pub logs: PathBuf,
    /// What access tokens are signed with: `name=secret`.
    #[arg(long, hide = true)]
    pub token_key: String,
}

impl Options {
    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.short { 3 } else { 5 })
    }

    pub fn seconds(&self) -> f64 {
        self.seconds.unwrap_or(if self.short { 2.0 } else { 8.0 })
    }

    pub fn warm_up(&self, contestant: Contestant) -> f64 {
        match contestant {
            Contestant::Postgraphile => self.warm_up_postgraphile.unwrap_or(if self.short { 10.0 } else { 25.0 }),
            Contestant::Tiffin | Contestant::Base | Contestant::Limit => {
                self.warm_up.unwrap_or(if self.short { 1.5 } else { 3.0 })
            }
        }
    }

    pub fn is_chosen(&self, operation: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|beginning| operation.starts_with(beginning.as_str()))
    }

    /// Tiffin always is measured, and an older build where there is one.
    pub fn is_measured(&self, contestant: Contestant) -> bool {
        match contestant {
            Contestant::Tiffin => true,
            Contestant::Base => self.base_server.is_some() && self.contestants.contains(&contestant),
            Contestant::Postgraphile | Contestant::Limit => self.contestants.contains(&contestant),
        }
    }

    pub fn name(&self, contestant: Contestant) -> &str {
        match contestant {
            Contestant::Tiffin => "Tiffin",
            Contestant::Base => &self.base_name,
            Contestant::Postgraphile => "PostGraphile",
            Contestant::Limit => "limit",
        }
    }
}
