//! Who is measured: how each is started, where it is asked, and on which database.

use std::{
    fs::File,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use serde::Serialize;
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use crate::{client::Client, options::Options};

/// How long a server may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(60);
/// Connections that each has to the database.
const CONNECTIONS: &str = "10";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Contestant {
    /// The server of this working tree.
    Tiffin,
    /// An older build of it, on a database of its own.
    Base,
    /// PostGraphile on the database of Tiffin.
    Postgraphile,
    /// One statement for each operation, on the same database.
    Limit,
}

impl Contestant {
    pub const ALL: [Contestant; 4] =
        [Contestant::Tiffin, Contestant::Base, Contestant::Postgraphile, Contestant::Limit];

    /// Whether it is asked by Tiffin's documents, with its ids and its access tokens.
    pub fn is_tiffin(self) -> bool {
        matches!(self, Contestant::Tiffin | Contestant::Base)
    }

    pub fn database(self, options: &Options) -> &str {
        match self {
            Contestant::Base => &options.base_database,
            Contestant::Tiffin | Contestant::Postgraphile | Contestant::Limit => &options.database,
        }
    }

    /// Where an operation is asked for.
    pub fn path(self, operation: &str) -> String {
        match self {
            Contestant::Limit => format!("/{operation}"),
            Contestant::Tiffin | Contestant::Base | Contestant::Postgraphile => "/graphql".to_owned(),
        }
    }

    fn command(self, options: &Options, port: u16) -> Command {
        let database = self.database(options);
        let mut command = match self {
            Contestant::Tiffin => tiffin(&options.server, database, options, port),
            Contestant::Base => {
                tiffin(options.base_server.as_ref().unwrap_or(&options.server), database, options, port)
            }
            Contestant::Postgraphile => {
                let mut command = Command::new(&options.node);
                command.arg(&options.postgraphile).env_clear();
                command.envs([("NODE_ENV", "production"), ("GRAPHILE_ENV", "production")]);
                command.envs([("DATABASE_URL", database), ("CONNECTIONS", CONNECTIONS)]).env("PORT", port.to_string());
                command
            }
            Contestant::Limit => {
                let mut command = Command::new(&options.limit);
                command.arg("--operations").arg(&options.operations);
                command.args(["--database", database, "--connections", CONNECTIONS, "--port", &port.to_string()]);
                command
            }
        };
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }
}

/// As in production, but for the environment, which would deactivate the made-up people, and for what keeps strangers from asking
/// this much.
fn tiffin(binary: &Path, database: &str, options: &Options, port: u16) -> Command {
    let mut command = Command::new(binary);
    let name = database.rsplit('/').next().unwrap_or_default();
    command.arg("serve").env_clear();
    command.envs([
        ("TIFFIN_ENV", "development"),
        ("DATABASE_URL", database),
        ("REDIS_URL", &options.redis),
        ("TIFFIN_BROKER_PREFIX", name),
        ("TIFFIN_DATABASE_MAX_CONNECTIONS", CONNECTIONS),
        ("TIFFIN_DEMO_SEED", "false"),
        ("TIFFIN_DEMO_LIVE", "false"),
        ("TIFFIN_METRICS_ENABLED", "false"),
        ("TIFFIN_LOG", "info"),
        ("TIFFIN_LOG_FORMAT", "json"),
        ("TIFFIN_LIMITS_COMPLEXITY", "200000"),
        ("TIFFIN_LIMITS_VIEWER_COST", "0"),
        ("TIFFIN_ACCOUNTS_TOKEN_KEYS", &options.token_key),
        ("TIFFIN_ACCOUNTS_ACCESS_TOKEN_SECONDS", "2592000"),
        // 30 days: each order has its time-out, and none of them comes.
        ("TIFFIN_ORDERS_ACCEPTANCE_TIMEOUT_MINUTES", "43200"),
    ]);
    command.env("TIFFIN_LISTEN", format!("127.0.0.1:{port}"));
    command
}

/// A running one. Dropped, its process is killed.
pub struct Server {
    process: Child,
    pub address: SocketAddr,
    /// From the start of the process to its first answer.
    pub started: Duration,
}

impl Server {
    pub async fn start(contestant: Contestant, options: &Options) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        drop(listener);
        let log = options.logs.join(format!("{contestant:?}.log").to_lowercase());
        let file = File::create(&log).with_context(|| format!("{}", log.display()))?;
        let began = Instant::now();
        let mut command = contestant.command(options, address.port());
        let process = command.stdout(file.try_clone()?).stderr(file).spawn();
        let process = process.with_context(|| format!("{contestant:?} does not start"))?;
        let mut server = Server { process, address, started: Duration::ZERO };
        let answered = timeout(PATIENCE, server.first_answer()).await;
        match answered {
            Ok(Ok(())) => server.started = began.elapsed(),
            Ok(Err(error)) => bail!("{contestant:?}: {error:#}\n{}", std::fs::read_to_string(log).unwrap_or_default()),
            Err(_) => bail!("{contestant:?} does not answer: see {}", log.display()),
        }
        Ok(server)
    }

    async fn first_answer(&mut self) -> anyhow::Result<()> {
        loop {
            if let Some(status) = self.process.try_wait()? {
                bail!("it ended with {status}");
            }
            if let Ok(mut client) = Client::connect(self.address).await
                && client.post("/graphql", None, "{\"query\":\"{__typename}\"}".into()).await.is_ok()
            {
                return Ok(());
            }
            sleep(Duration::from_millis(1)).await;
        }
    }

    pub fn process(&self) -> u32 {
        self.process.id().unwrap_or_default()
    }

    /// Ends it and waits for that.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let asked = Command::new("kill").args(["-TERM", &self.process().to_string()]).status().await?;
        if !asked.success() || timeout(Duration::from_secs(10), self.process.wait()).await.is_err() {
            self.process.kill().await?;
        }
        Ok(())
    }
}
