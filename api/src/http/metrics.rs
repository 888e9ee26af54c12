//! The metrics, and `/metrics`, where Prometheus scrapes them in its text format.

use axum::{Router, http::header, routing::get};
use metrics::{Gauge, counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::server::REFUSED;
use crate::{
    domain::clock,
    events::LAG,
    jobs::{FINISHED, WAITING_DEAD, WAITING_SECONDS},
    tasks::{FAILING, ITEM_FAILURES, RESTARTS},
};

const CONNECTIONS: &str = "tiffin_connections";
const OPERATIONS: &str = "tiffin_operations";
const OPERATION_ENDS: &str = "tiffin_operation_ends_total";
const WEBSOCKET_CLOSES: &str = "tiffin_websocket_closes_total";
const RESPONSES: &str = "tiffin_http_responses_total";

/// How a live connection is spoken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    GraphqlTransportWs,
    SubscriptionsTransportWs,
    EventStream,
    Multipart,
}

impl Transport {
    const ALL: [Self; 4] =
        [Self::GraphqlTransportWs, Self::SubscriptionsTransportWs, Self::EventStream, Self::Multipart];

    const fn label(self) -> &'static str {
        match self {
            Self::GraphqlTransportWs => "graphql-transport-ws",
            Self::SubscriptionsTransportWs => "graphql-ws",
            Self::EventStream => "event-stream",
            Self::Multipart => "multipart",
        }
    }
}

/// Why an operation on a live connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// It came to its own end.
    Completed,
    /// Its first answer was an error.
    Refused,
    /// The client completed it.
    ClientCompleted,
    /// The client closed the connection, or vanished.
    ClientGone,
    /// The client was connected and did not read.
    Stalled,
    /// The client broke the protocol.
    ProtocolBroken,
    /// The access token expired and was not renewed.
    Expired,
    /// The session ended: it was revoked, or the account deactivated.
    Revoked,
    /// The viewer lost the right to what it followed.
    RightLost,
    /// The process is about to end.
    Shutdown,
    /// It failed.
    Failed,
}

impl EndReason {
    const ALL: [Self; 11] = [
        Self::Completed,
        Self::Refused,
        Self::ClientCompleted,
        Self::ClientGone,
        Self::Stalled,
        Self::ProtocolBroken,
        Self::Expired,
        Self::Revoked,
        Self::RightLost,
        Self::Shutdown,
        Self::Failed,
    ];

    const fn label(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Refused => "refused",
            Self::ClientCompleted => "client_completed",
            Self::ClientGone => "client_gone",
            Self::Stalled => "stalled",
            Self::ProtocolBroken => "protocol_broken",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::RightLost => "right_lost",
            Self::Shutdown => "shutdown",
            Self::Failed => "failed",
        }
    }
}

/// The connections that are open.
pub fn connections(transport: Transport) -> Gauge {
    gauge!(CONNECTIONS, "transport" => transport.label())
}

/// The operations that run on connections.
pub fn operations(transport: Transport) -> Gauge {
    gauge!(OPERATIONS, "transport" => transport.label())
}

pub fn count_end(transport: Transport, reason: EndReason) {
    counter!(OPERATION_ENDS, "transport" => transport.label(), "reason" => reason.label()).increment(1);
}

/// Counts a websocket that the server closed with this code, or that ended without one from the server.
pub fn count_close(code: Option<u16>) {
    let code = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
    counter!(WEBSOCKET_CLOSES, "code" => code).increment(1);
}

pub fn count_response(status: u16) {
    let class = match status {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    };
    counter!(RESPONSES, "status" => class).increment(1);
}

/// Begins to count, once a process: what was counted before is lost.
pub fn start() -> anyhow::Result<PrometheusHandle> {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)?;
    describe_gauge!(CONNECTIONS, "Websockets and event streams that are open, by what is spoken on them.");
    describe_gauge!(
        OPERATIONS,
        "Operations that run on open connections: subscriptions, and what is about to be answered."
    );
    describe_gauge!(LAG, "Seconds from the latest step that was told to a follower until it was told.");
    describe_gauge!(clock::OFFSET, "Seconds that this machine's clock is ahead of the database's.");
    describe_counter!(OPERATION_ENDS, "Operations on connections that have ended, by why.");
    describe_counter!(WEBSOCKET_CLOSES, "Websockets that have ended, by the code with which the server closed them.");
    describe_counter!(RESPONSES, "Answers over HTTP, by the class of their status.");
    describe_gauge!(FAILING, "1 for a background task that failed last and is tried again, 0 for one that does well.");
    describe_counter!(RESTARTS, "How often a background task began anew after it had failed or panicked.");
    describe_counter!(
        FINISHED,
        "Attempts at jobs that ended, by how: done, early (due again later), failed (tried again) or dead."
    );
    describe_gauge!(WAITING_DEAD, "Dead letters, up to 1,000.");
    describe_gauge!(WAITING_SECONDS, "How long the oldest job that is due has waited for a worker.");
    describe_counter!(ITEM_FAILURES, "How often an item of a background task's batch failed, and was left for later.");
    describe_counter!(REFUSED, "Connections that were refused for want of room or descriptors.");
    counter!(REFUSED).absolute(0);
    // What has not happened yet is 0 and not missing.
    for transport in Transport::ALL {
        connections(transport).set(0);
        operations(transport).set(0);
        for reason in EndReason::ALL {
            counter!(OPERATION_ENDS, "transport" => transport.label(), "reason" => reason.label()).absolute(0);
        }
    }
    Ok(handle)
}

/// `/metrics`.
pub fn routes(handle: PrometheusHandle) -> Router {
    let content_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Router::new().route("/metrics", get(async move || (content_type, handle.render())))
}
