//! The log: to standard error, one event a line (but for the pretty format).
//!
//! Every SQL statement is an event of the target `sqlx::query` at debug, with `db.statement`, `rows_returned` and `elapsed_secs`, inside the
//! span of its request; slow ones are warnings. Statements of at most four words stand in `summary` instead of `db.statement`.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::IsTerminal,
    panic::PanicHookInfo,
};

use tracing_subscriber::{EnvFilter, filter::LevelFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    config::{LogConfig, LogFormat},
    tasks::panic_message,
};

/// Starts the log of the process. Once.
pub fn start(config: &LogConfig) -> anyhow::Result<()> {
    let registry = tracing_subscriber::registry().with(filter(&config.filter)?);
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    match config.format {
        LogFormat::Compact => registry.with(lines.compact()).try_init()?,
        LogFormat::Pretty => registry.with(lines.pretty()).try_init()?,
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(true).with_span_list(false);
            registry.with(lines).try_init()?;
        }
    }
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// What `log.filter` lets through. The error is one sentence.
pub fn filter(text: &str) -> anyhow::Result<EnvFilter> {
    let directives: Vec<_> = text.split(',').map(str::trim).filter(|directive| !directive.is_empty()).collect();
    for directive in &directives {
        // The library takes a word that is no level for the name of a module, and logs nothing but that: `inof` would be silence.
        let is_understood = directive.contains(['=', '[']) || directive.parse::<LevelFilter>().is_ok();
        anyhow::ensure!(
            is_understood,
            "{directive:?} is no level (off, error, warn, info, debug, trace) and no module with one, such as {directive}=debug"
        );
    }
    Ok(directives.join(",").parse()?)
}

/// A panic stands in the log like everything else, within the span in which it happened.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let error = panic_message(panic.payload());
    let location = panic.location().map(ToString::to_string);
    // Taken only where RUST_BACKTRACE asks for it.
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    let thread = std::thread::current();
    tracing::error!(error, location, thread = thread.name(), backtrace, "a defect: something panicked");
}
