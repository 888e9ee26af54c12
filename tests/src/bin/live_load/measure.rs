//! Measures processor load, and percentiles of latency.

use std::{
    io::Write,
    net::{TcpListener as StdTcpListener, TcpStream as StdTcpStream},
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

/// Sockets that are written to for comparison, how often each is, how many at a time, how many bytes, and what time lies between.
const BARE_SOCKETS: usize = 500;
const BARE_ROUNDS: usize = 20;
const BARE_AT_ONCE: usize = 50;
const BARE_BYTES: usize = 180;
const BARE_PAUSE: Duration = Duration::from_millis(2);

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

/// A message to oneself over the loopback interface, again and again: the share of all latency that is the generator's and the machine's
/// own.
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

/// Microseconds of processor time for one write of a short message to a socket that somebody waits for: what no server can do without.
pub async fn bare_write_micros() -> f64 {
    let listener = StdTcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("the listener is bound");
    let mut written = Vec::new();
    for _ in 0..BARE_SOCKETS {
        let mut socket = TcpStream::connect(address).await.expect("the listener is there");
        let (accepted, _) = listener.accept().expect("somebody has connected");
        accepted.set_nodelay(true).expect("the socket is open");
        tokio::spawn(async move {
            let mut message = [0; BARE_BYTES];
            while socket.read_exact(&mut message).await.is_ok() {}
        });
        written.push(accepted);
    }
    tokio::task::spawn_blocking(move || write_to_all(written)).await.expect("everybody reads")
}

fn write_to_all(mut sockets: Vec<StdTcpStream>) -> f64 {
    let before = thread_processor_nanoseconds();
    for _ in 0..BARE_ROUNDS {
        for some in sockets.chunks_mut(BARE_AT_ONCE) {
            some.iter_mut().for_each(|socket| socket.write_all(&[0; BARE_BYTES]).expect("somebody reads"));
            std::thread::sleep(BARE_PAUSE);
        }
    }
    let writes = (BARE_ROUNDS * sockets.len()) as f64;
    (thread_processor_nanoseconds() - before) / writes / 1000.0
}

/// What this thread has used of the processors.
fn thread_processor_nanoseconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("measured on Linux only");
    let used = text.split(' ').next().unwrap_or_default();
    used.parse().expect("nanoseconds are a number")
}
