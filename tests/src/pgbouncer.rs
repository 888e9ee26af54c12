//! Runs a PgBouncer, a connection pooler, before the tests' PostgreSQL, for one test.

use std::{
    fs::{File, Permissions},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::Url;
use tempfile::TempDir;

use crate::PATIENCE;

/// When a client gives back the session at PostgreSQL that it was lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// When it disconnects.
    Session,
    /// After each transaction.
    Transaction,
}

/// A pooler that lets everybody in. Dropped, its process is killed.
pub struct PgBouncer {
    process: Child,
    port: u16,
    directory: TempDir,
}

impl PgBouncer {
    /// How this PgBouncer can be used by the server: before 1.21 it knows nothing of prepared statements, and sessions have to be kept.
    pub fn poolings() -> &'static [Pooling] {
        let said = Command::new(binary()).arg("--version").output().expect("PgBouncer tells its version");
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let version = said.lines().next().and_then(|line| line.strip_prefix("PgBouncer ")).unwrap_or_default();
        let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
        match (numbers.next(), numbers.next()) {
            (Some(1), Some(0..21)) => &[Pooling::Session],
            (Some(1..), _) => &[Pooling::Session, Pooling::Transaction],
            _ => panic!("TEST_PGBOUNCER is no PgBouncer: {said}"),
        }
    }

    /// Starts one before the PostgreSQL at this URL, set up as `docs/operations.md` says, with these settings besides.
    pub async fn start(postgres: &str, pooling: Pooling, settings: &[(&str, &str)]) -> Self {
        let directory = tempfile::Builder::new().prefix("tiffin-pooler.").tempdir().expect("a directory can be made");
        // It does not run as root.
        let everybody = Permissions::from_mode(0o755);
        std::fs::set_permissions(directory.path(), everybody).expect("a directory can be opened to others");
        let started = Instant::now();
        loop {
            let mut pooler = PgBouncer::spawn(postgres, pooling, settings, &directory);
            while matches!(pooler.0.try_wait(), Ok(None)) {
                if TcpStream::connect(("127.0.0.1", pooler.1)).is_ok() {
                    let (process, port) = pooler;
                    return PgBouncer { process, port, directory };
                }
                assert!(started.elapsed() < PATIENCE, "PgBouncer does not listen:\n{}", log(&directory));
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            // Somebody else took the port meanwhile.
            assert!(started.elapsed() < PATIENCE, "PgBouncer ends at once:\n{}", log(&directory));
        }
    }

    fn spawn(postgres: &str, pooling: Pooling, settings: &[(&str, &str)], directory: &TempDir) -> (Child, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("the listener is bound").port();
        drop(listener);
        let url: Url = postgres.parse().expect("PostgreSQL has a URL");
        let mode = if pooling == Pooling::Session { "session" } else { "transaction" };
        let mut text = format!(
            "[databases]\n* = host={} port={} user={} password={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\npool_mode = {mode}\nignore_startup_parameters = options\n",
            url.host_str().expect("a URL has a host"),
            url.port().unwrap_or(5432),
            url.username(),
            url.password().unwrap_or_default(),
        );
        if pooling == Pooling::Transaction {
            text += "max_prepared_statements = 200\n";
        }
        for (name, value) in settings {
            text += &format!("{name} = {value}\n");
        }
        let file = directory.path().join("pgbouncer.ini");
        std::fs::write(&file, text).expect("a file can be written");
        let log = File::create(directory.path().join("log")).expect("a file can be made");
        let mut command = Command::new(binary());
        let user = Command::new("id").arg("-u").output().expect("it is known who runs this");
        if user.stdout.trim_ascii() == b"0" {
            command.arg("--user=nobody");
        }
        let process = command.arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        (process.expect("PgBouncer starts"), port)
    }

    /// The same database by way of this pooler.
    pub fn url(&self, database: &str) -> String {
        let mut url: Url = database.parse().expect("a database has a URL");
        url.set_host(Some("127.0.0.1")).expect("the URL takes a host");
        url.set_port(Some(self.port)).expect("the URL takes a port");
        url.into()
    }
}

fn binary() -> String {
    std::env::var("TEST_PGBOUNCER").expect(
        "TEST_PGBOUNCER is not set: run the tests with ./test, which finds or installs a PgBouncer, or set it to the path of one",
    )
}

fn log(directory: &TempDir) -> String {
    let read = |file: &Path| std::fs::read_to_string(file).unwrap_or_default();
    read(&directory.path().join("log"))
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("---- the log of PgBouncer ----\n{}", log(&self.directory));
        }
    }
}
