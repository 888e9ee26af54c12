//! The HTTP server's connections: how many there may be, their time-outs (head of a request, keep-alive, ping), and their graceful
//! shutdown.

mod activity;
mod limits;
mod load_shedding;

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderValue, Method, Request, Response, StatusCode, Version, header::CONNECTION},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until},
};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

pub use self::{activity::UnderWay, limits::Limits, load_shedding::REFUSED};
use self::{
    activity::{Activity, Verdict, WatchedConnection},
    load_shedding::Refusals,
};
use crate::shutdown::Shutdown;

/// Serves whoever connects until the shutdown is requested, and then what was begun.
///
/// Once the end is announced, each answer says that its connection closes, so that clients come back elsewhere; those that say nothing are
/// closed when it is requested.
pub async fn serve(listener: Arc<TcpListener>, router: Router, limits: Limits, shutdown: &Shutdown) {
    let room_wanted = Notify::new();
    let served = Arc::new(ServerContext { router, limits, shutdown: shutdown.clone(), room_wanted });
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut refusals = Refusals::new(limits.connections);
    let connections = TaskTracker::new();
    let requested = shutdown.requested();
    tokio::pin!(requested);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut requested => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(stream) = refusals.admit(stream) else { continue };
                match places.clone().try_acquire_owned() {
                    Ok(place) => drop(connections.spawn(served.clone().connection(stream, peer, place))),
                    Err(_) => refusals.refuse(stream),
                }
            }
            Err(error) => refusals.accept_failed(&listener, &error, &served.room_wanted).await,
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// What all connections have in common.
struct ServerContext {
    router: Router,
    limits: Limits,
    shutdown: Shutdown,
    /// Connections that wait for a request are asked to close, for there is no descriptor left.
    room_wanted: Notify,
}

impl ServerContext {
    async fn connection(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
        let activity = Arc::new(Activity::new(self.limits));
        let io = TokioIo::new(WatchedConnection::new(stream, activity.clone(), place));
        let service = service_fn({
            let (served, activity) = (self.clone(), activity.clone());
            move |request| served.clone().answer(request, peer, activity.clone())
        });
        let mut builder = Builder::new(TokioExecutor::new());
        // hyper's own time for a head would end connections between two requests as well.
        builder.http1().timer(TokioTimer::new()).header_read_timeout(None::<Duration>);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(self.limits.ping_time)
            .keep_alive_timeout(self.limits.ping_time)
            .enable_connect_protocol();
        let connection = builder.serve_connection_with_upgrades(io, service);
        let (announced, requested) = (self.shutdown.announced(), self.shutdown.requested());
        let room_wanted = self.room_wanted.notified();
        tokio::pin!(connection, announced, requested, room_wanted);
        let (mut is_announced, mut is_requested) = (false, false);
        // When a connection that was told to end for want of requests is cut.
        let mut cut_at = None;
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection ended");
                    }
                    return;
                }
                () = &mut announced, if !is_announced => {
                    is_announced = true;
                    // HTTP/1 has a header for it, which goes with the next answer.
                    if activity.is_http2() {
                        connection.as_mut().graceful_shutdown();
                    }
                }
                () = &mut requested, if !is_requested => {
                    is_requested = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = &mut room_wanted => {
                    room_wanted.set(self.room_wanted.notified());
                    activity.make_room();
                }
                () = sleep_until(cut_at.unwrap_or_else(|| activity.next_look())) => match activity.verdict() {
                    Verdict::Busy => cut_at = None,
                    Verdict::Idle if cut_at.is_none() => {
                        connection.as_mut().graceful_shutdown();
                        cut_at = Some(Instant::now() + self.limits.header_time);
                    }
                    Verdict::Idle => return,
                    Verdict::Slow => {
                        tracing::debug!(%peer, "the head of a request did not come in time");
                        return;
                    }
                },
            }
        }
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
        activity: Arc<Activity>,
    ) -> Result<Response<Body>, Infallible> {
        let version = request.version();
        let under_way = activity.begin(version == Version::HTTP_2);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        if request.method() == Method::CONNECT {
            // What the stream becomes lives longer than the answer.
            request.extensions_mut().insert(under_way.clone());
        }
        let mut response = self.router.clone().oneshot(request).await?;
        if self.shutdown.is_announced()
            && version < Version::HTTP_2
            && response.status() != StatusCode::SWITCHING_PROTOCOLS
        {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|body| Body::new(under_way.until_the_end_of(body))))
    }
}
