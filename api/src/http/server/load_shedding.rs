//! Load shedding: a connection that there is no room for is answered with 503, or closed, at once, and never left to wait.

use std::{fs::File, io, sync::Arc, time::Duration};

use metrics::counter;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, Semaphore},
    time::{Instant, sleep, timeout},
};

use crate::domain::error::Code;

/// The name of the metric that counts connections that were refused, or could not be accepted.
pub const REFUSED: &str = "tiffin_connections_refused_total";

/// Connections that are told at the same time why they are refused, at the most; further ones are only closed.
const TOLD_AT_ONCE: usize = 32;
/// How long telling it may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long nothing is accepted where nothing can be.
const PAUSE: Duration = Duration::from_millis(50);
/// The log says so no more often than this.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// EMFILE and ENFILE: this process, or the system, has no descriptor left. The same numbers on Linux and macOS.
const OUT_OF_DESCRIPTORS: [i32; 2] = [24, 23];

pub struct Refusals {
    places: Arc<Semaphore>,
    /// A descriptor to give up where there is none left, so that who connects can be accepted and closed.
    spare: Option<File>,
    full: Seldom,
    failed: Seldom,
}

impl Refusals {
    /// Where so many connections are served: with few descriptors, few are for those that are refused.
    pub fn new(served: usize) -> Self {
        let places = Arc::new(Semaphore::new(TOLD_AT_ONCE.min(served / 4).max(1)));
        Refusals { places, spare: spare(), full: Seldom::default(), failed: Seldom::default() }
    }

    /// Gives back who was accepted, unless its descriptor is needed as the spare one: without it, whoever connects once there is none
    /// left could not even be closed.
    pub fn admit(&mut self, stream: TcpStream) -> Option<TcpStream> {
        if self.spare.is_none() {
            self.spare = spare();
        }
        if self.spare.is_some() {
            return Some(stream);
        }
        counter!(REFUSED).increment(1);
        drop(stream);
        self.spare = spare();
        None
    }

    /// Answers with 503, whatever the request is.
    pub fn refuse(&mut self, stream: TcpStream) {
        counter!(REFUSED).increment(1);
        if let Some(refused) = self.full.count() {
            tracing::warn!(refused, "there are as many connections as can be served: further ones are refused");
        }
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            tokio::spawn(async move {
                // Whoever does not listen is left.
                let told = timeout(PATIENCE, tell(stream)).await;
                tracing::trace!(?told, "a connection was refused");
                drop(place);
            });
        }
    }

    /// A connection could not be accepted. Where descriptors are missing, one is closed rather than left to wait; and where somebody
    /// else has taken the spare descriptor meanwhile, such as the database's pool, `room_wanted` tells the connections that wait for
    /// their next request.
    pub async fn accept_failed(&mut self, listener: &TcpListener, error: &io::Error, room_wanted: &Notify) {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
        if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
            return tracing::debug!(%error, "a client had gone before its connection was accepted");
        }
        counter!(REFUSED).increment(1);
        let refused = self.failed.count();
        if !error.raw_os_error().is_some_and(|code| OUT_OF_DESCRIPTORS.contains(&code)) {
            if let Some(refused) = refused {
                tracing::error!(refused, %error, "connections cannot be accepted");
            }
            return sleep(PAUSE).await;
        }
        if let Some(refused) = refused {
            tracing::error!(refused, %error, "connections are closed, for there is no descriptor left (ulimit -n)");
        }
        self.spare = None;
        drop(timeout(PAUSE, listener.accept()).await);
        self.spare = spare();
        if self.spare.is_none() {
            room_wanted.notify_waiters();
            sleep(PAUSE).await;
        }
    }
}

fn spare() -> Option<File> {
    File::open("/dev/null").inspect_err(|error| tracing::debug!(%error, "there is no spare descriptor")).ok()
}

async fn tell(mut stream: TcpStream) -> io::Result<()> {
    // A client that has not asked yet takes no answer, and one that still writes when the connection closes gets none.
    let mut rest = [0; 4096];
    if stream.read(&mut rest).await? == 0 {
        return Ok(());
    }
    stream.write_all(answer().as_bytes()).await?;
    stream.shutdown().await?;
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

fn answer() -> String {
    let message = "The server has as many connections as it can serve. Try again shortly.";
    let body = json!({ "errors": [{ "message": message, "extensions": { "code": Code::Unavailable.as_str() } }] });
    let body = body.to_string();
    format!(
        "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\ncache-control: no-store\r\n\
         content-type: application/json; charset=utf-8\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Something that happens often and is told now and then.
#[derive(Default)]
struct Seldom {
    told_at: Option<Instant>,
    untold: u64,
}

impl Seldom {
    /// Counts it; gives how often it has happened since it was last told, where it is to be told again.
    fn count(&mut self) -> Option<u64> {
        self.untold += 1;
        if self.told_at.is_some_and(|told_at| told_at.elapsed() < BETWEEN_LINES) {
            return None;
        }
        self.told_at = Some(Instant::now());
        Some(std::mem::take(&mut self.untold))
    }
}
