//! `tiffin serve`: from a configuration to a server, and to its end.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use axum::Router;
use metrics_exporter_prometheus::PrometheusHandle;
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpSocket},
    signal::unix::{SignalKind, signal},
};
use tokio_util::task::AbortOnDropHandle;

use super::{demo, descriptors, patiently, structure, welcome};
use tiffin::{
    app::App,
    config::{Config, MetricsConfig, ShutdownConfig, WebsocketConfig},
    database,
    features::{
        account::made_up,
        driver::record::{record, setbacks},
    },
    graphql::{document::TrustedDocuments, execute::check_trusted},
    http::{
        self,
        server::{self, Limits},
    },
    processes::BEAT,
    schema::{self, Schema},
    shutdown::{Shutdown, next_signal},
};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// Connections to the address of the metrics.
const METRICS_CONNECTIONS: usize = 32;

/// Serves until a signal comes, and then until everything has ended or the deadline is over. `verify_plans`: see [`schema::Options`].
pub async fn run(config: Config, patience: Duration, verify_plans: bool) -> anyhow::Result<()> {
    config.check_for_serving()?;
    let connections = descriptors::connections(descriptors::raise_limit(), &config);
    leave_full_files_to_the_writer()?;
    // Taken before anything is changed, yet answered only when all is ready.
    let socket = bind(&config).with_context(|| format!("cannot listen on {}", config.listen))?;
    let _claim = patiently(patience, async || database::claim(&config.database)).await?;
    prepare_database(&config, patience).await?;
    let metrics = start_counting(&config.metrics)?;
    let app = patiently(patience, async || App::connect(config.clone()).await).await?;
    demo::prepare(&app).await?;
    if !app.config.is_development() {
        let withdrawn = made_up::withdraw(&app).await.map_err(|error| anyhow::anyhow!("{error:?}"));
        withdrawn.context("cannot keep everybody out of the demo city")?;
    }
    let limits = Limits::new(&app.config, connections);
    let schema = schema::build(schema::Options {
        introspection: app.config.graphql.introspection,
        federation: app.config.federation.enabled,
        verify_plans,
        documents: TrustedDocuments::read(&app.config.documents)?,
    });
    check_trusted(&app.config.limits, &schema).await;
    let outcome = serve(&app, schema, socket.listen(BACKLOG)?, limits, metrics).await;
    if tokio::time::timeout(Duration::from_secs(5), app.close()).await.is_err() {
        tracing::warn!("the database did not close in time");
    }
    outcome
}

/// Lets a write fail that exceeds the process's limit of file size, as one to a full disk does: by default the signal SIGXFSZ ends the
/// process.
fn leave_full_files_to_the_writer() -> std::io::Result<()> {
    /// SIGXFSZ, on Linux and macOS.
    const FILE_SIZE_EXCEEDED: i32 = 25;
    // Its listener is not needed: once a handler was installed, the signal ends nothing.
    signal(SignalKind::from_raw(FILE_SIZE_EXCEEDED)).map(drop)
}

fn bind(config: &Config) -> std::io::Result<TcpSocket> {
    let address = config.listen;
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    bound_memory(&socket, &config.websocket)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Bounds the send buffer that the system keeps for a client that does not read, and for how long. Every accepted connection inherits it.
#[cfg(target_os = "linux")]
fn bound_memory(socket: &TcpSocket, config: &WebsocketConfig) -> std::io::Result<()> {
    let socket = SockRef::from(socket);
    // Linux would keep up to 4 MiB for each. This bounds what is not yet on its way and leaves alone what is, and so the speed: a
    // client that does not read costs 120 KiB, most of it in its own system, and what it reads at last is not so old.
    socket.set_tcp_notsent_lowat(16 * 1024)?;
    // Of websockets pings tell that a client is gone; the writer of an answer that nobody takes would wait for a quarter of an hour.
    socket.set_tcp_user_timeout(Some(Duration::from_secs(2 * config.ping_interval_seconds)))
}

#[cfg(not(target_os = "linux"))]
fn bound_memory(_: &TcpSocket, _: &WebsocketConfig) -> std::io::Result<()> {
    Ok(())
}

/// Migrates, or makes sure that there is nothing to migrate.
async fn prepare_database(config: &Config, patience: Duration) -> anyhow::Result<()> {
    let db = patiently(patience, async || database::connect_for_maintenance(&config.database).await).await?;
    let pending = structure::inspect(&db).await?.pending.len();
    if pending > 0 && config.database.migrate {
        tracing::info!(migrations = pending, "migrating the database");
        migration::migrate(db.connections()).await.context("cannot migrate the database")?;
    }
    if pending > 0 {
        structure::require_current(&db).await?;
    }
    db.close().await?;
    Ok(())
}

async fn serve(
    app: &Arc<App>,
    schema: Schema,
    listener: TcpListener,
    limits: Limits,
    metrics: Option<PrometheusHandle>,
) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    let shutdown = Shutdown::new();
    if !app.config.is_development() && app.config.broker.redis_url.is_none() && !app.config.database.is_sqlite() {
        tracing::warn!("no broker is configured (REDIS_URL): this has to be the only process on its database");
    }
    // Who else is there is known before anything is served, and others know of this process until it has ended.
    let beating = beat(app).await;
    super::background::start(app, &shutdown);
    demo::begin(app, &shutdown);
    let metrics = tell_metrics(app, metrics).await?;
    let router = http::router(app.clone(), schema, shutdown.clone(), demo::graphiql_settings(&app.config), metrics);
    tracing::info!(%address, environment = ?app.config.environment, "listening");
    if app.config.is_development() && app.config.demo.seed && !address.ip().is_loopback() {
        tracing::warn!(
            "whoever reaches this address may sign in as an admin, for the demo's password is in the documents"
        );
    }
    welcome::print(app, address).await;
    let last_work = async {
        // What drivers have told until the last moment.
        if let Err(error) = record(app, &setbacks()).await {
            tracing::error!(error = error.for_log(), "where drivers were at the end is lost");
        }
    };
    let outcome = accept(listener, (router, limits), &shutdown, &app.config.shutdown, next_signal, last_work).await;
    drop(beating);
    app.processes.leave(&app.db).await;
    outcome?;
    tracing::info!("stopped");
    Ok(())
}

/// Looks for other processes, and goes on doing so until what it gives is dropped.
async fn beat(app: &Arc<App>) -> AbortOnDropHandle<()> {
    if let Err(error) = app.processes.beat(&app.db).await {
        tracing::warn!(error = error.for_log(), "it is not known yet what other processes there are");
    }
    let beating = app.clone();
    AbortOnDropHandle::new(tokio::spawn(app.tasks.every("processes", BEAT, move || {
        let app = beating.clone();
        async move { app.processes.beat(&app.db).await }
    })))
}

/// Begins to count where anybody may look: before anything is begun that counts.
fn start_counting(config: &MetricsConfig) -> anyhow::Result<Option<PrometheusHandle>> {
    (config.enabled || config.listen.is_some()).then(http::metrics::start).transpose()
}

/// Serves `/metrics` at its own address, until the very end. Gives it to be served with everything else as well, if so configured.
async fn tell_metrics(app: &App, metrics: Option<PrometheusHandle>) -> anyhow::Result<Option<PrometheusHandle>> {
    let config = &app.config.metrics;
    let Some(handle) = metrics else { return Ok(None) };
    if let Some(address) = config.listen {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| format!("cannot listen on {address} (metrics.listen)"))?;
        tracing::info!(address = %listener.local_addr()?, "telling metrics");
        let (listener, router) = (Arc::new(listener), http::metrics::routes(handle.clone()));
        let limits = Limits::new(&app.config, METRICS_CONNECTIONS);
        tokio::spawn(app.tasks.forever("metrics_listener", move || {
            let (listener, router) = (listener.clone(), router.clone());
            async move {
                server::serve(listener, router, limits, &Shutdown::new()).await;
                anyhow::bail!("it stopped listening")
            }
        }));
    }
    Ok(config.enabled.then_some(handle))
}

/// Serves until the first signal, and then what it began, with the last work at the end. An error when something was cut off.
async fn accept(
    listener: TcpListener,
    served: (Router, Limits),
    shutdown: &Shutdown,
    settings: &ShutdownConfig,
    signal: impl AsyncFn() -> std::io::Result<&'static str>,
    last_work: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let (router, limits) = served;
    let ended = async {
        server::serve(Arc::new(listener), router, limits, shutdown).await;
        shutdown.wait().await;
        last_work.await;
        Ok(())
    };
    tokio::select! {
        ended = ended => ended,
        cut_off = end(shutdown, settings, signal) => cut_off,
    }
}

/// Begins the shutdown at a signal. Ready, with the reason, only when there is no more waiting: the time is up, or somebody insists.
async fn end(
    shutdown: &Shutdown,
    settings: &ShutdownConfig,
    signal: impl AsyncFn() -> std::io::Result<&'static str>,
) -> anyhow::Result<()> {
    let name = signal().await?;
    tracing::info!(signal = name, "shutting down");
    let time_up = async {
        shutdown.begin(Duration::from_secs(settings.delay_seconds)).await;
        tokio::time::sleep(Duration::from_secs(settings.timeout_seconds)).await;
    };
    tokio::select! {
        () = time_up => anyhow::bail!("stopped after {} s with requests still in flight", settings.timeout_seconds),
        name = signal() => anyhow::bail!("stopped at once, at a second {}", name?),
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
        sync::Semaphore,
    };

    use super::*;
    use tiffin::config::Environment;

    /// A server whose one address answers after so long, and a request that it has begun with when a signal comes.
    async fn signalled_during_a_request(takes: Duration, timeout_seconds: u64) -> (anyhow::Result<()>, String) {
        static BEGUN: Semaphore = Semaphore::const_new(0);
        let slow = get(move || async move {
            BEGUN.add_permits(1);
            tokio::time::sleep(takes).await;
            "finished"
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("bound");
        let request = tokio::spawn(async move {
            let mut connection = TcpStream::connect(address).await.expect("connects");
            connection.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sent");
            let mut answer = String::new();
            let _ = connection.read_to_string(&mut answer).await;
            (answer, TcpStream::connect(address).await.is_err())
        });
        let signals = Semaphore::new(1);
        let signal = async || {
            signals.acquire().await.expect("open").forget();
            BEGUN.acquire().await.expect("open").forget();
            Ok("SIGTERM")
        };
        let settings = ShutdownConfig { delay_seconds: 0, spread_seconds: 0, timeout_seconds };
        let router = Router::new().route("/", slow);
        let limits = Limits::new(&Config::defaults(Environment::Production, false), 10);
        let outcome = accept(listener, (router, limits), &Shutdown::new(), &settings, signal, async {}).await;
        if outcome.is_err() {
            request.abort();
            return (outcome, String::new());
        }
        let (answer, refused) = request.await.expect("no panic");
        assert!(refused, "nothing listens any more");
        (outcome, answer)
    }

    #[tokio::test]
    async fn requests_in_flight_finish_up_to_the_deadline() {
        let (outcome, answer) = signalled_during_a_request(Duration::from_millis(300), 30).await;
        outcome.expect("in order");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("finished"), "{answer}");

        let (outcome, _) = signalled_during_a_request(Duration::from_secs(60), 1).await;
        assert_eq!(outcome.expect_err("cut").to_string(), "stopped after 1 s with requests still in flight");
    }
}
