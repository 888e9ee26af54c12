//! Runs a Redis of a test's own, which can be frozen.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{Identity, PATIENCE};

/// A Redis on a free port. Dropped, its process is killed.
pub struct RedisServer {
    process: Child,
    port: u16,
    /// Where it is spoken to by TLS, if anywhere.
    tls_port: Option<u16>,
    _directory: Option<TempDir>,
}

impl RedisServer {
    /// Starts one, and waits until it answers.
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let mut server = Self::start_with(directory.path(), &[]).await;
        server._directory = Some(directory);
        server
    }

    /// Starts one that can be spoken to by TLS as well, at `tls_port`.
    pub async fn start_with_tls(identity: &Identity) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("the listener is bound").port();
        drop(listener);
        let [certificate, key] = identity.paths();
        let tls = ["--tls-port", &port.to_string(), "--tls-cert-file", certificate, "--tls-key-file", key];
        let arguments = [&tls[..], &["--tls-ca-cert-file", certificate, "--tls-auth-clients", "no"]].concat();
        let mut server = Self::start_with(directory.path(), &arguments).await;
        server.tls_port = Some(port);
        server._directory = Some(directory);
        server
    }

    /// Where it is spoken to by TLS, by this name.
    pub fn tls_url(&self, host: &str) -> String {
        format!("rediss://{host}:{}", self.tls_port.expect("it was started with TLS"))
    }

    /// Starts a node of a cluster in this directory, with another port for its bus, and waits until it answers.
    pub(crate) async fn start_node(directory: &Path) -> Self {
        std::fs::create_dir(directory).expect("a directory can be made");
        Self::start_with(directory, &["--cluster-enabled", "yes", "--cluster-node-timeout", "5000"]).await
    }

    async fn start_with(directory: &Path, arguments: &[&str]) -> Self {
        let started = Instant::now();
        loop {
            let mut server = Self::spawn(directory, arguments);
            while matches!(server.process.try_wait(), Ok(None)) {
                if server.ask(&["ping"]) == "PONG" {
                    return server;
                }
                assert!(started.elapsed() < PATIENCE, "a Redis does not answer");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            // Somebody else took one of the ports meanwhile.
            assert!(started.elapsed() < PATIENCE, "redis-server ends at once; it has to be of version 7 or newer");
        }
    }

    fn spawn(directory: &Path, arguments: &[&str]) -> Self {
        let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port is free"));
        let [port, bus] = ports.map(|listener| listener.local_addr().expect("the listener is bound").port());
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--cluster-port", &bus.to_string()])
            .args(["--save", "", "--appendonly", "no"])
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server starts: run the tests with ./test, which installs it");
        RedisServer { process, port, tls_port: None, _directory: None }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Stops its process where it is (SIGSTOP): connections to it stay, new ones are made, and nothing is answered.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on: it answers what it was asked meanwhile.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "the process can be signalled");
    }

    /// How often it has run a command.
    pub fn calls_of(&self, command: &str) -> u64 {
        let statistics = self.ask(&["info", "commandstats"]);
        let line = statistics.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        line.and_then(|line| line.split(',').next()?.parse().ok()).unwrap_or(0)
    }

    /// What it answers to a command.
    pub fn ask(&self, command: &[&str]) -> String {
        let port = self.port.to_string();
        let answer = Command::new("redis-cli").args(["-p", &port]).args(command).stdin(Stdio::null()).output();
        let answer = answer.expect("redis-cli starts: it comes with Redis");
        String::from_utf8_lossy(&answer.stdout).trim().to_owned()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
