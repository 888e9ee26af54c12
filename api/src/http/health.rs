//! Health checks: liveness (the process answers) and readiness (it can serve), for load balancers, containers and people.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use sea_orm::{ConnectionTrait, DbBackend};
use serde::Serialize;

use crate::{
    app::App,
    domain::clock::{self, Agreement},
    processes::Company,
    shutdown::Shutdown,
};

/// A database that has not answered by then counts as away, be it for want of a free connection.
const DATABASE_PATIENCE: Duration = Duration::from_secs(2);
/// The same of the broker, without which we can serve. Shorter, for many probes give up after a second.
const BROKER_PATIENCE: Duration = Duration::from_millis(500);

/// `/health/live` and `/health/ready`.
pub fn routes(app: Arc<App>, shutdown: Shutdown) -> Router {
    Router::new().route("/health/live", get(live)).route("/health/ready", get(ready)).with_state((app, shutdown))
}

/// How the process is, or one of its parts; the worse, the larger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    #[default]
    Ok,
    /// It serves, yet not as it should: somebody should look.
    Degraded,
    /// It cannot serve.
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
    #[serde(flatten)]
    parts: BTreeMap<&'static str, HealthPart>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct HealthPart {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    status: Status,
    /// What the answer took, or the waiting for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_milliseconds: Option<f64>,
    /// How far the machine's clock is ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset_seconds: Option<f64>,
    /// What is wrong, in words for everybody: the cause is in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'static str>,
    /// The background tasks that failed last, and are tried again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failing: Vec<&'static str>,
    /// Whether nothing can be served without it.
    #[serde(skip)]
    is_required: bool,
}

/// Liveness: the process answers. No dependency is asked, for a restart mends none.
async fn live() -> Json<Live> {
    Json(Live { status: Status::Ok })
}

/// 200 when the process can serve, though maybe degraded; 503 when it cannot, or is about to end. The parts say why.
async fn ready(State((app, shutdown)): State<(Arc<App>, Shutdown)>) -> (StatusCode, Json<Ready>) {
    let (database, broker) = tokio::join!(database(&app), broker(&app));
    let parts = BTreeMap::from([
        ("database", database),
        ("broker", broker),
        ("clock", clock()),
        ("processes", processes(&app)),
        ("tasks", tasks(&app)),
    ]);
    let status = if shutdown.is_announced() { Status::ShuttingDown } else { status(&parts) };
    let code = if status <= Status::Degraded { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(Ready { status, parts }))
}

/// How a process with these parts is.
fn status(parts: &BTreeMap<&'static str, HealthPart>) -> Status {
    let most = |part: &HealthPart| if part.is_required { Status::Unavailable } else { Status::Degraded };
    parts.values().map(|part| part.status.min(most(part))).max().unwrap_or(Status::Ok)
}

async fn database(app: &App) -> HealthPart {
    let kind = if app.db.get_database_backend() == DbBackend::Sqlite { "sqlite" } else { "postgresql" };
    let answer = async { Ok(app.db.execute_unprepared("select 1").await.map(drop)?) };
    HealthPart { is_required: true, ..asked(kind, DATABASE_PATIENCE, answer).await }
}

async fn broker(app: &App) -> HealthPart {
    let part = asked(app.events.broker_name(), BROKER_PATIENCE, app.events.ping()).await;
    HealthPart { is_required: app.config.broker.required, ..part }
}

/// A task that fails only degrades: requests are served all the same, and to send them elsewhere would mend no task.
fn tasks(app: &App) -> HealthPart {
    let failing = app.tasks.failing();
    HealthPart {
        status: if failing.is_empty() { Status::Ok } else { Status::Degraded },
        problem: (!failing.is_empty()).then_some("background tasks fail, and are tried again"),
        failing,
        ..HealthPart::default()
    }
}

/// Whether this process and the others on its database hear of each other's changes.
fn processes(app: &App) -> HealthPart {
    let company = app.processes.company();
    let status = match company {
        Company::InOrder => Status::Ok,
        Company::NobodyHasBroker | Company::OtherWithoutBroker => Status::Degraded,
        Company::OthersHaveBroker => Status::Unavailable,
    };
    HealthPart { status, problem: company.problem(), is_required: true, ..HealthPart::default() }
}

/// How the machine's clock agrees with the database's, which deadlines go by.
fn clock() -> HealthPart {
    let offset = clock::offset();
    let (status, problem) = match Agreement::of(offset) {
        Agreement::Agrees => (Status::Ok, None),
        Agreement::Apart => {
            (Status::Degraded, Some("the machine's clock is more than five seconds off from the database's"))
        }
        Agreement::FarApart => {
            (Status::Unavailable, Some("the machine's clock is more than a minute off from the database's"))
        }
    };
    // No negative zero.
    let offset_seconds = Some((offset.as_seconds_f64() * 1e3).round() / 1e3 + 0.0);
    HealthPart { status, offset_seconds, problem, is_required: true, ..HealthPart::default() }
}

/// A part that is there when it answers.
async fn asked(kind: &'static str, patience: Duration, answer: impl Future<Output = anyhow::Result<()>>) -> HealthPart {
    let asked = Instant::now();
    let problem = match tokio::time::timeout(patience, answer).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => {
            tracing::warn!(part = kind, error = format!("{error:#}"), "a part of the process is not ready");
            Some("it refuses or fails")
        }
        Err(_) => {
            tracing::warn!(part = kind, error = "no answer in time", "a part of the process is not ready");
            Some("no answer in time")
        }
    };
    HealthPart {
        kind: Some(kind),
        status: if problem.is_none() { Status::Ok } else { Status::Unavailable },
        latency_milliseconds: Some((asked.elapsed().as_secs_f64() * 1e6).round() / 1e3),
        offset_seconds: None,
        problem,
        failing: Vec::new(),
        is_required: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_hangs_is_away_when_its_time_is_up() {
        let begun = Instant::now();
        let part = asked("postgresql", Duration::from_millis(200), std::future::pending()).await;
        assert_eq!((part.status, part.problem), (Status::Unavailable, Some("no answer in time")));
        assert!(begun.elapsed() >= Duration::from_millis(200));
    }

    #[tokio::test]
    async fn a_part_that_fails_is_away_and_does_not_say_why_to_everybody() {
        let part = asked("redis", BROKER_PATIENCE, async { anyhow::bail!("redis://:hunter2@cache refused") }).await;
        let said = serde_json::to_string(&part).expect("plain");
        assert!(said.contains("\"status\":\"unavailable\"") && !said.contains("hunter2"), "{said}");
    }

    #[test]
    fn what_can_be_done_without_degrades() {
        let part = |status, is_required| HealthPart {
            kind: None,
            status,
            latency_milliseconds: None,
            offset_seconds: None,
            problem: None,
            failing: Vec::new(),
            is_required,
        };
        let whole = |one, other| status(&BTreeMap::from([("one", one), ("other", other)]));
        let fine = || part(Status::Ok, true);
        assert_eq!(whole(fine(), part(Status::Ok, false)), Status::Ok);
        assert_eq!(whole(fine(), part(Status::Unavailable, false)), Status::Degraded);
        assert_eq!(whole(part(Status::Degraded, true), part(Status::Ok, false)), Status::Degraded);
        assert_eq!(whole(part(Status::Unavailable, true), part(Status::Unavailable, false)), Status::Unavailable);
    }
}
