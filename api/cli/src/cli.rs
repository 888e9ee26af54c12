//! The command line.

mod accounts;
mod admin;
mod background;
#[cfg_attr(not(feature = "demo"), path = "cli/without_demo.rs")]
mod demo;
mod descriptors;
mod healthcheck;
mod jobs;
mod migrate;
#[cfg(feature = "demo")]
mod seed;
mod serve;
mod structure;
mod welcome;

use std::{collections::BTreeMap, io::Write, net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, value_parser};
use figment::value::Value;
use tokio::time::Instant;

use tiffin::{
    config::{self, Config, Sources},
    schema, telemetry,
};

/// The GraphQL backend of a food-delivery service.
///
/// With nothing configured it serves a demo city from a SQLite file under ./data, ready to explore in a browser. With
/// DATABASE_URL (PostgreSQL) and REDIS_URL the same binary is a production server.
#[derive(Debug, Parser)]
#[command(name = "tiffin", version, after_long_help = EXAMPLES)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    serve: ServeOptions,

    /// Read this file instead of ./tiffin.toml.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Wait so many seconds for the database to come up before giving up. Redis is not waited for: it may come later.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 0, value_parser = value_parser!(u64).range(..=86_400))]
    wait_for: u64,
}

const EXAMPLES: &str = "\
Examples:
  tiffin                                        the demo city at http://127.0.0.1:8000
  tiffin --listen 0.0.0.0:8000 --no-live        where nothing moves by itself
  DATABASE_URL=postgres://tiffin:password@localhost/tiffin REDIS_URL=redis://localhost tiffin --wait-for 30
  tiffin migrate status                         which migrations are applied, and which wait
  tiffin migrate up && tiffin serve --no-migrate
  tiffin migrate up && tiffin seed --scale 1    fill a PostgreSQL database with a big city
  tiffin admin --email ada@example.com          make the first admin; prints a password
  tiffin accounts collisions                    which accounts share an e-mail address
  tiffin jobs list --state dead                 what was to be done later and has failed for good
  tiffin schema > schema.graphql                the GraphQL schema, for client tools
  tiffin config > tiffin.toml                   what is set, as a file to start from, with what else there is

Configuration comes from defaults, then ./tiffin.toml, then environment variables, then options.
`tiffin config` prints every key with its variable and where its value came from.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API (this is the default).
    Serve(ServeOptions),
    /// Change the database's structure, or say how far it is.
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    /// Fill the database with a made-up city. A second run changes nothing.
    #[cfg(feature = "demo")]
    Seed(seed::SeedOptions),
    /// Make an admin: somebody new, or who has an account already.
    Admin(admin::AdminOptions),
    /// Look at accounts that share an e-mail address, and decide whose it is.
    #[command(subcommand)]
    Accounts(accounts::Accounts),
    /// Look at what is to be done later, run dead letters again, or discard them.
    #[command(subcommand)]
    Jobs(jobs::Jobs),
    /// Print the GraphQL schema in its definition language.
    Schema {
        /// As a subgraph of Apollo Federation 2, which a server with `federation.enabled` is: to be composed with others.
        #[arg(long)]
        subgraph: bool,
    },
    /// Print the configuration that is in force; defaults and secrets, which are hidden, as comments.
    Config,
    /// Ask the server that runs here whether it is ready: exits with 0 or 1. For containers.
    Healthcheck(healthcheck::HealthcheckOptions),
}

#[derive(Clone, Debug, Default, Args)]
struct ServeOptions {
    /// The address to serve on, such as 0.0.0.0:8000 or localhost:8000; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", value_parser = config::listen_address)]
    listen: Option<SocketAddr>,

    /// Let a few orders and drivers move by themselves (in the demo it is on).
    #[arg(long, overrides_with = "no_live")]
    live: bool,

    /// Let nothing move by itself.
    #[arg(long, overrides_with = "live")]
    no_live: bool,

    /// Do not migrate the database; refuse to start where migrations wait.
    #[arg(long)]
    no_migrate: bool,

    /// Answer every query twice, by plans and by async-graphql's own execution, and fail where the two differ: for tests.
    #[arg(long, hide = true, env = "TEST_VERIFY_PLANS", value_parser = value_parser!(bool))]
    verify_plans: bool,
}

impl ServeOptions {
    /// The options that stand for a configuration key.
    fn configuration(&self) -> BTreeMap<&'static str, Value> {
        let mut options = BTreeMap::new();
        if let Some(listen) = self.listen {
            options.insert("listen", Value::from(listen.to_string()));
        }
        if self.no_migrate {
            options.insert("database.migrate", Value::from(false));
        }
        match (self.live, self.no_live) {
            (true, _) => options.insert("demo.live", Value::from(true)),
            (false, true) => options.insert("demo.live", Value::from(false)),
            (false, false) => None,
        };
        options
    }
}

/// Does what the command line says. The error is for the person at it.
pub async fn run(line: CommandLine) -> anyhow::Result<()> {
    let patience = Duration::from_secs(line.wait_for);
    let sources = line.sources();
    match line.command {
        None => serve::run(start(&sources)?, patience, line.serve.verify_plans).await,
        Some(Command::Serve(options)) => serve::run(start(&sources)?, patience, options.verify_plans).await,
        Some(Command::Migrate(action)) => migrate::run(action, start(&sources)?, patience).await,
        #[cfg(feature = "demo")]
        Some(Command::Seed(options)) => seed::run(options, start(&sources)?, patience).await,
        Some(Command::Admin(options)) => admin::run(options, start(&sources)?, patience).await,
        Some(Command::Accounts(action)) => accounts::run(action, start(&sources)?, patience).await,
        Some(Command::Jobs(action)) => jobs::run(action, start(&sources)?, patience).await,
        Some(Command::Schema { subgraph: true }) => print(schema::subgraph_sdl()),
        Some(Command::Schema { subgraph: false }) => print(&schema::sdl()),
        Some(Command::Config) => print(&config::describe(&sources)?),
        Some(Command::Healthcheck(options)) => healthcheck::run(options, Config::load(&sources)?).await,
    }
}

/// The configuration, with the log started as it says.
fn start(sources: &Sources) -> anyhow::Result<Config> {
    let config = Config::load(sources)?;
    telemetry::start(&config.log)?;
    Ok(demo::within_reach(config))
}

impl CommandLine {
    /// The process's environment, under the options given here.
    fn sources(&self) -> Sources {
        let mut sources = Sources::of_process();
        let options = match &self.command {
            Some(Command::Serve(options)) => self.serve.configuration().into_iter().chain(options.configuration()),
            _ => self.serve.configuration().into_iter().chain(BTreeMap::new()),
        };
        sources.options = options.collect();
        sources.file = self.config.clone().or(sources.file);
        sources
    }
}

/// An error with its causes, but for those that only repeat what was said.
pub fn sentence(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| {
        if said.is_empty() {
            cause
        } else if said.contains(&cause) {
            said
        } else {
            format!("{said}: {cause}")
        }
    })
}

/// Writes to standard output; a reader that has gone away (`tiffin schema | head`) is no error.
fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Tries until it works or the time is up; then says why not.
async fn patiently<T>(patience: Duration, attempt: impl AsyncFn() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        match attempt().await {
            Err(error) if Instant::now() < deadline => tracing::info!("waiting: {error:#}"),
            outcome => return outcome,
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn options(line: &[&str]) -> BTreeMap<&'static str, Value> {
        CommandLine::parse_from(line).sources().options
    }

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn serve_is_the_default_and_takes_its_options_either_way() {
        let expected = BTreeMap::from([
            ("database.migrate", Value::from(false)),
            ("demo.live", Value::from(false)),
            ("listen", Value::from("127.0.0.1:9000")),
        ]);
        assert_eq!(options(&["tiffin", "--listen", "127.0.0.1:9000", "--no-live", "--no-migrate"]), expected);
        assert_eq!(options(&["tiffin", "serve", "--listen", "127.0.0.1:9000", "--no-live", "--no-migrate"]), expected);
        assert_eq!(options(&["tiffin"]), BTreeMap::new());
        assert_eq!(options(&["tiffin", "config", "--config", "x.toml"]), BTreeMap::new());
        assert_eq!(options(&["tiffin", "--no-live", "--live"]), BTreeMap::from([("demo.live", Value::from(true))]));
    }

    #[test]
    fn nobody_waits_for_ever() {
        for (seconds, is_taken) in [("0", true), ("86400", true), ("86401", false), ("18446744073709551615", false)] {
            assert_eq!(CommandLine::try_parse_from(["tiffin", "--wait-for", seconds]).is_ok(), is_taken, "{seconds}");
        }
    }

    #[test]
    fn a_sentence_says_a_thing_once() {
        let error = anyhow::anyhow!("connection refused").context("error: connection refused").context("no Redis");
        assert_eq!(sentence(&error), "no Redis: error: connection refused");
    }

    #[tokio::test]
    async fn patience_ends() {
        let attempts = std::sync::atomic::AtomicUsize::new(0);
        let attempt = async || {
            attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Err::<(), _>(anyhow::anyhow!("still away"))
        };
        let error = patiently(Duration::from_millis(1200), attempt).await.expect_err("away");
        assert_eq!((error.to_string().as_str(), attempts.into_inner()), ("still away", 4));
    }
}
