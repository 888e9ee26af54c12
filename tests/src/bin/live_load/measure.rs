//! How busy the machine is, and how late things are.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

/// How often the echo is asked.
const ECHO_PAUSE: Duration = Duration::from_millis(10);

/// Ticks in which the processors had work, and all ticks.
pub fn processor_ticks() -> (f64, f64) {
    let text = std::fs::read_to_string("/proc/stat").expect("measured on Linux only");
    let first = text.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let ticks: Vec<f64> = first.map(|ticks| ticks.parse().expect("ticks are a number")).take(8).collect();
    let all: f64 = ticks.iter().sum();
    // The fourth and fifth are those without work, and those that waited for a disk.
    (all - ticks[3] - ticks[4], all)
}

/// Of some times, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p99: f64,
}

impl Percentiles {
    /// Of times in microseconds.
    pub fn of(mut micros: Vec<u32>) -> Self {
        micros.sort_unstable();
        let at = |part: f64| {
            micros.get((micros.len() as f64 * part) as usize).map_or(0.0, |micros| f64::from(*micros) / 1000.0)
        };
        Percentiles { p50: at(0.5), p99: at(0.99) }
    }
}

/// A message to oneself over the loopback interface, again and again: what of all delays is the generator's own and the machine's.
pub struct Echo {
    stop: oneshot::Sender<()>,
    echoes: tokio::task::JoinHandle<Vec<u32>>,
}

impl Echo {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("the listener is bound");
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("the echo is asked");
            let mut byte = [0];
            while socket.read_exact(&mut byte).await.is_ok() && socket.write_all(&byte).await.is_ok() {}
        });
        let mut socket = TcpStream::connect(address).await.expect("the echo is there");
        let (stop, mut stopped) = oneshot::channel();
        let echoes = tokio::spawn(async move {
            let mut echoes = Vec::new();
            while stopped.try_recv().is_err() {
                let asked = Instant::now();
                socket.write_all(&[0]).await.expect("the echo is there");
                socket.read_exact(&mut [0]).await.expect("the echo answers");
                echoes.push(asked.elapsed().as_micros() as u32);
                tokio::time::sleep(ECHO_PAUSE).await;
            }
            echoes
        });
        Echo { stop, echoes }
    }

    pub async fn stop(self) -> Percentiles {
        let _ = self.stop.send(());
        Percentiles::of(self.echoes.await.expect("the echo works"))
    }
}
