//! Runs the real server as a process: `tiffin serve` on a free port.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    PATIENCE, Usage,
    log::{Log, Statement, Statements},
    workspace,
};

/// Environment variables for a server, `TIFFIN_…` in most cases.
pub type Settings = Vec<(String, String)>;

/// A running server. Dropped, its process is killed.
pub struct Server {
    process: Child,
    address: SocketAddr,
    log: Log,
}

impl Server {
    /// Starts a server with exactly these settings, and nothing of the test's own environment. Its log goes into `directory`.
    pub async fn start(directory: &Path, settings: &Settings) -> Self {
        Server::try_start(directory, settings).await.unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// The same for a server that may have a reason not to start, such as a database that is away: its log is the error.
    pub async fn try_start(directory: &Path, settings: &Settings) -> Result<Self, String> {
        Server::try_start_by(&[], directory, settings).await
    }

    /// The same, started by a command that makes way for it.
    pub(crate) async fn try_start_by(
        command: &[String],
        directory: &Path,
        settings: &Settings,
    ) -> Result<Self, String> {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let log = Log::new(directory.join(format!("server-{}.log", NUMBER.fetch_add(1, Ordering::Relaxed))));
        let file = std::fs::File::create(log.file()).expect("a log file can be made");
        let process = workspace::tiffin_by(command, directory, settings)
            .arg("serve")
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .expect("the server's process starts");
        let mut server = Server { process, address: SocketAddr::from(([0, 0, 0, 0], 0)), log };
        server.address = server.bound_address().await?;
        Ok(server)
    }

    /// Waits for the line of the log that tells where the server listens.
    async fn bound_address(&mut self) -> Result<SocketAddr, String> {
        let started = Instant::now();
        loop {
            let lines = self.log.lines(0);
            let listening = lines.iter().find(|line| line["message"] == "listening");
            let address = listening.and_then(|line| line["address"].as_str()?.parse().ok());
            if let Some(address) = address {
                return Ok(address);
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(format!("the server ended with {status} before it listened:\n{}", self.log.tail()));
            }
            assert!(started.elapsed() < PATIENCE, "the server does not listen:\n{}", self.log.tail());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// `http://127.0.0.1:<port>` with this path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address that websockets connect to.
    pub fn websocket_url(&self) -> String {
        format!("ws://{}/graphql", self.address)
    }

    /// The SQL statements that the server ran for HTTP requests while this work was done, without those that only open or end a
    /// transaction.
    pub async fn statements_during<T>(&self, work: impl Future<Output = T>) -> (T, Statements) {
        self.read_during(work, Statement::of_request).await
    }

    /// The same with those of sockets and of the server's own tasks.
    pub async fn all_statements_during<T>(&self, work: impl Future<Output = T>) -> (T, Statements) {
        self.read_during(work, Statement::from_line).await
    }

    async fn read_during<T>(
        &self,
        work: impl Future<Output = T>,
        read: impl Fn(&Value) -> Option<Statement>,
    ) -> (T, Statements) {
        let start = self.log.settled().await;
        let result = work.await;
        self.log.settled().await;
        let lines = self.log.lines(start);
        let statements = lines.iter().filter_map(read).filter(|statement| !statement.is_housekeeping());
        (result, Statements(statements.collect()))
    }

    /// What the server's process has used so far.
    pub fn usage(&self) -> Usage {
        Usage::of_process(self.process.id())
    }

    /// Everything the server has logged.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Lets the server's files grow up to so many bytes only; none lifts the limit. As a disk that is full, for whoever may mount none.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let limit = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
        let arguments = [format!("--pid={}", self.process.id()), format!("--fsize={limit}:")];
        let status = Command::new("prlimit").args(arguments).status();
        assert!(status.is_ok_and(|status| status.success()), "the server's files can be limited");
    }

    /// Lets the server open only so many more files and connections; none lifts the limit.
    pub fn limit_descriptors(&self, more: Option<usize>) {
        let folder = format!("/proc/{}/fd", self.process.id());
        let present = std::fs::read_dir(folder).expect("the server's descriptors can be counted").count();
        let limit = more.map_or(1024, |more| present + more);
        let arguments = [format!("--pid={}", self.process.id()), format!("--nofile={limit}:")];
        let status = Command::new("prlimit").args(arguments).status();
        assert!(status.is_ok_and(|status| status.success()), "the server's descriptors can be limited");
    }

    /// Asks the server to stop (SIGTERM) without waiting for it.
    pub fn request_stop(&self) {
        let status = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "the server can be told to stop");
    }

    /// Stops the server, if it runs, and waits for its end.
    pub async fn stop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            self.request_stop();
            self.ended().await;
        }
    }

    /// Waits until the process has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().expect("the process can be waited for") {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "the server does not stop:\n{}", self.log.tail());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends the process at once (SIGKILL), as a crash would.
    pub fn kill(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("---- the log of the server at {} ----\n{}", self.address, self.log.tail());
        }
    }
}
