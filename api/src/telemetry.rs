//! The log: to standard error, one event a line (but for the pretty format).
//!
//! Every SQL statement is an event of the target `sqlx::query` at debug, with `db.statement`, `rows_returned` and `elapsed_secs`, inside the
//! span of its request; slow ones are warnings. Statements of at most four words stand in `summary` instead of `db.statement`.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogConfig, LogFormat};

/// Starts the log of the process. Once.
pub fn start(config: &LogConfig) -> anyhow::Result<()> {
    let registry = tracing_subscriber::registry().with(EnvFilter::try_new(&config.filter)?);
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    match config.format {
        LogFormat::Compact => registry.with(lines.compact()).try_init()?,
        LogFormat::Pretty => registry.with(lines.pretty()).try_init()?,
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(true).with_span_list(false);
            registry.with(lines).try_init()?;
        }
    }
    Ok(())
}
