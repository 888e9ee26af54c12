//! Whether the process lives, and whether it can serve: for load balancers, containers and people.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use sea_orm::{ConnectionTrait, DbBackend};
use serde::Serialize;

use crate::{app::App, shutdown::Shutdown};

/// A part that has not answered by then counts as away, be it for want of a free connection.
const PATIENCE: Duration = Duration::from_secs(2);

/// `/health/live` and `/health/ready`.
pub fn routes(app: Arc<App>, shutdown: Shutdown) -> Router {
    Router::new().route("/health/live", get(live)).route("/health/ready", get(ready)).with_state((app, shutdown))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    Unavailable,
    ShuttingDown,
}

#[derive(Debug, Serialize)]
struct Live {
    status: Status,
}

#[derive(Debug, Serialize)]
struct Ready {
    status: Status,
    database: Part,
    broker: Part,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    kind: &'static str,
    status: Status,
    /// What the answer took, or the waiting for it.
    latency_milliseconds: f64,
    /// Why it is away, in words for everybody: the cause is in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'static str>,
}

/// The process answers. Nothing else is asked: a restart mends nothing else.
async fn live() -> Json<Live> {
    Json(Live { status: Status::Ok })
}

/// 200 when the database and the broker answer; 503, naming the part, when one is away or the process is about to end.
async fn ready(State((app, shutdown)): State<(Arc<App>, Shutdown)>) -> (StatusCode, Json<Ready>) {
    let database = if app.db.get_database_backend() == DbBackend::Sqlite { "sqlite" } else { "postgresql" };
    let (database, broker) = tokio::join!(
        part(database, async { Ok(app.db.execute_unprepared("select 1").await.map(drop)?) }),
        part(app.events.broker_name(), app.events.ping()),
    );
    let status = match (database.status, broker.status) {
        _ if shutdown.is_announced() => Status::ShuttingDown,
        (Status::Ok, Status::Ok) => Status::Ok,
        _ => Status::Unavailable,
    };
    let code = if status == Status::Ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(Ready { status, database, broker }))
}

async fn part(kind: &'static str, answer: impl Future<Output = anyhow::Result<()>>) -> Part {
    let asked = Instant::now();
    let problem = match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => {
            tracing::warn!(part = kind, error = format!("{error:#}"), "not ready");
            Some("it refuses or fails")
        }
        Err(_) => {
            tracing::warn!(part = kind, "not ready: no answer in time");
            Some("no answer in time")
        }
    };
    Part {
        kind,
        status: if problem.is_none() { Status::Ok } else { Status::Unavailable },
        latency_milliseconds: (asked.elapsed().as_secs_f64() * 1e6).round() / 1e3,
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_hangs_is_away_after_two_seconds() {
        let begun = Instant::now();
        let part = part("postgresql", std::future::pending()).await;
        assert_eq!((part.status, part.problem), (Status::Unavailable, Some("no answer in time")));
        assert!(begun.elapsed() >= PATIENCE && begun.elapsed() < 2 * PATIENCE);
    }

    #[tokio::test]
    async fn a_part_that_fails_is_away_and_does_not_say_why_to_everybody() {
        let part = part("redis", async { anyhow::bail!("redis://:hunter2@cache refused") }).await;
        let said = serde_json::to_string(&part).expect("plain");
        assert!(said.contains("\"status\":\"unavailable\"") && !said.contains("hunter2"), "{said}");
    }
}
