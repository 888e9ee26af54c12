//! A Redis of the test's own, which can be killed and stopped.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A Redis that keeps nothing on the disk. Dropped, its process is killed.
pub struct Redis {
    process: Child,
    port: u16,
}

impl Redis {
    /// Starts one, empty, and waits until it answers.
    pub async fn start() -> Self {
        loop {
            if let Some(redis) = Self::try_start(free_port().await).await {
                return redis;
            }
        }
    }

    /// None where somebody else has taken the port in the meantime.
    async fn try_start(port: u16) -> Option<Self> {
        let process = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is installed: run ./test");
        let mut redis = Redis { process, port };
        while !redis.answers().await {
            if redis.process.try_wait().expect("the process can be waited for").is_some() {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Some(redis)
    }

    /// Whether this Redis, and no other one, answers at the port.
    async fn answers(&self) -> bool {
        let asking = async {
            let mut socket = TcpStream::connect(("127.0.0.1", self.port)).await?;
            socket.write_all(b"INFO server\r\nQUIT\r\n").await?;
            let mut answer = String::new();
            socket.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        asking.await.is_ok_and(|answer| answer.contains(&format!("process_id:{}\r\n", self.process.id())))
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Stops the process where it stands (SIGSTOP): its connections stay, and nothing answers.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "Redis takes the signal {signal}");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    listener.local_addr().expect("the listener is bound").port()
}
