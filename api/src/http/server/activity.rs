//! The activity of a connection, by which its time-outs go: keep-alive without a request, and a head that comes too slowly (slowloris).

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::Instant,
};

use super::limits::Limits;

/// What has happened on a connection lately.
pub struct Activity {
    limits: Limits,
    state: Mutex<ActivityState>,
}

struct ActivityState {
    /// Requests whose answer has not been given to its end.
    under_way: usize,
    /// When it is idle, where there are none until then.
    idle_at: Instant,
    /// When the head of the next request began to come, or the connection was made: the first head has to come at once.
    head_since: Option<Instant>,
    is_http2: bool,
}

/// What is to be done with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing, for now.
    Busy,
    /// It has had no request for long enough.
    Idle,
    /// The head of a request takes too long.
    Slow,
}

impl Activity {
    pub fn new(limits: Limits) -> Self {
        let now = Instant::now();
        let idle_at = now + limits.idle_time;
        let state = ActivityState { under_way: 0, idle_at, head_since: Some(now), is_http2: false };
        Activity { limits, state: Mutex::new(state) }
    }

    /// A request has come, whose answer is under way until what this gives is dropped.
    pub fn begin(self: &Arc<Self>, is_http2: bool) -> UnderWay {
        let mut state = self.state();
        state.under_way += 1;
        state.head_since = None;
        state.is_http2 |= is_http2;
        drop(state);
        UnderWay(self.clone())
    }

    pub fn is_http2(&self) -> bool {
        self.state().is_http2
    }

    /// When to ask for the next verdict.
    pub fn next_look(&self) -> Instant {
        let soon = Instant::now() + self.limits.header_time;
        self.state().deadline(&self.limits).map_or(soon, |(_, deadline)| deadline.min(soon))
    }

    pub fn verdict(&self) -> Verdict {
        match self.state().deadline(&self.limits) {
            Some((verdict, deadline)) if deadline <= Instant::now() => verdict,
            Some(_) | None => Verdict::Busy,
        }
    }

    /// Its descriptor is wanted: it is idle at once where it waits for a request.
    pub fn make_room(&self) {
        self.state().idle_at = Instant::now();
    }

    /// Something was read.
    fn hear(&self) {
        let mut state = self.state();
        // HTTP/2 has much to say without a request.
        if state.under_way == 0 && !state.is_http2 && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
        }
    }

    fn state(&self) -> MutexGuard<'_, ActivityState> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ActivityState {
    /// What the connection is by when, if nothing happens.
    fn deadline(&self, limits: &Limits) -> Option<(Verdict, Instant)> {
        match (self.under_way, self.head_since) {
            (0, Some(since)) => Some((Verdict::Slow, since + limits.header_time)),
            (0, None) => Some((Verdict::Idle, self.idle_at)),
            _ => None,
        }
    }
}

/// A request until the end of its answer; and its clone, until the end of what has become of its stream.
pub struct UnderWay(Arc<Activity>);

impl UnderWay {
    pub fn until_the_end_of(self, body: Body) -> AnswerBody {
        AnswerBody { body, _under_way: self }
    }
}

impl Clone for UnderWay {
    fn clone(&self) -> Self {
        self.0.state().under_way += 1;
        UnderWay(self.0.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.under_way -= 1;
        state.idle_at = Instant::now() + self.0.limits.idle_time;
    }
}

/// The body of an answer.
pub struct AnswerBody {
    body: Body,
    _under_way: UnderWay,
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection whose activity is noted, with its place among all of them, also where it becomes a websocket.
pub struct WatchedConnection {
    stream: TcpStream,
    activity: Arc<Activity>,
    _place: OwnedSemaphorePermit,
}

impl WatchedConnection {
    pub fn new(stream: TcpStream, activity: Arc<Activity>, place: OwnedSemaphorePermit) -> Self {
        WatchedConnection { stream, activity, _place: place }
    }
}

impl AsyncRead for WatchedConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.activity.hear();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for WatchedConnection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_request_is_under_way_as_long_as_what_its_stream_became() {
        let activity = Arc::new(Activity::new(Limits {
            connections: 1,
            header_time: Duration::ZERO,
            idle_time: Duration::ZERO,
            ping_time: Duration::ZERO,
        }));
        let answer = activity.begin(true);
        let socket = answer.clone();
        assert_eq!(activity.verdict(), Verdict::Busy);
        drop(answer);
        assert_eq!(activity.verdict(), Verdict::Busy, "the socket goes on");
        drop(socket);
        assert_eq!(activity.verdict(), Verdict::Idle);
    }
}
