//! `tiffin serve`: from a configuration to a server, and to its end.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use axum::serve::ListenerExt;
use tokio::net::{TcpListener, TcpSocket};

use super::{patiently, welcome};
use crate::{
    app::App,
    config::Config,
    database,
    events::sweep_forever,
    features::order::overdue::cancel_overdue_forever,
    graphql, http, seed,
    shutdown::{Shutdown, next_signal},
};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// Serves until a signal comes, and then until everything has ended or the deadline is over.
pub async fn run(config: Config, patience: Duration) -> anyhow::Result<()> {
    // Taken before anything is changed, yet answered only when all is ready.
    let socket = bind(config.listen).with_context(|| format!("cannot listen on {}", config.listen))?;
    prepare_database(&config, patience).await?;
    let app = patiently(patience, async || App::connect(config.clone()).await).await?;
    if config.demo.seed {
        seed::demo(&app).await.context("cannot make the demo city")?;
    }
    let outcome = serve(&app, socket.listen(BACKLOG)?).await;
    if tokio::time::timeout(Duration::from_secs(5), app.close()).await.is_err() {
        tracing::warn!("the database did not close in time");
    }
    outcome
}

fn bind(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Migrates, or makes sure that there is nothing to migrate.
async fn prepare_database(config: &Config, patience: Duration) -> anyhow::Result<()> {
    let db = patiently(patience, async || database::connect_for_maintenance(&config.database).await).await?;
    let pending = migration::pending(&db).await.context("cannot read which migrations are applied")?;
    if !pending.is_empty() {
        let names = pending.join(", ");
        anyhow::ensure!(config.database.migrate, "these migrations wait for `tiffin migrate up`: {names}");
        tracing::info!(migrations = pending.len(), "migrating the database");
        migration::migrate(&db).await.context("cannot migrate the database")?;
    }
    db.close().await?;
    Ok(())
}

async fn serve(app: &Arc<App>, listener: TcpListener) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    let settings = &app.config.shutdown;
    let shutdown = Shutdown::new();
    if app.config.demo.live {
        tokio::spawn(shutdown.track(seed::live(app.clone(), shutdown.clone())));
    }
    tokio::spawn(until_shutdown(&shutdown, sweep_forever(app.clone())));
    tokio::spawn(until_shutdown(&shutdown, cancel_overdue_forever(app.clone())));
    let router = http::router(app.clone(), graphql::schema::build(), shutdown.clone());
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let server = axum::serve(listener, router).with_graceful_shutdown(shutdown.requested());

    tracing::info!(%address, environment = ?app.config.environment, "listening");
    welcome::print(&app.config, address);
    tokio::select! {
        ended = async { server.await?; shutdown.wait().await; anyhow::Ok(()) } => ended?,
        late = end(&shutdown, Duration::from_secs(settings.delay_seconds), Duration::from_secs(settings.timeout_seconds)) => late?,
    }
    tracing::info!("stopped");
    Ok(())
}

/// Something to do for as long as the server runs: cut off where it stands, which is harmless to what happens whole or not at all.
fn until_shutdown<W>(shutdown: &Shutdown, work: W) -> impl Future<Output = ()> + Send + use<W>
where
    W: Future<Output = ()> + Send + 'static,
{
    let requested = shutdown.requested();
    shutdown.track(async move {
        tokio::select! {
            () = work => {}
            () = requested => {}
        }
    })
}

/// Begins the shutdown at a signal. Ready, with the reason, only when there is no more waiting: the time is up, or somebody insists.
async fn end(shutdown: &Shutdown, delay: Duration, timeout: Duration) -> anyhow::Result<()> {
    let name = next_signal().await?;
    tracing::info!(signal = name, "shutting down");
    let time_up = async {
        shutdown.begin(delay).await;
        tokio::time::sleep(timeout).await;
    };
    tokio::select! {
        () = time_up => anyhow::bail!("stopped after {} s with requests still in flight", timeout.as_secs()),
        name = next_signal() => anyhow::bail!("stopped at once, at a second {}", name?),
    }
}
