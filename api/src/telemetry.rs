//! The log: to standard error, one event a line (but for the pretty format).
//!
//! Every SQL statement is an event of the target `sqlx::query` at debug, with `db.statement`, `rows_returned` and `elapsed_secs`, inside the
//! span of its request; slow ones are warnings. Statements of at most four words stand in `summary` instead of `db.statement`.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::IsTerminal,
    panic::PanicHookInfo,
};

use tracing_subscriber::{fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    config::{self, LogConfig, LogFormat},
    tasks::panic_message,
};

/// Starts the log of the process. Once.
pub fn start(config: &LogConfig) -> anyhow::Result<()> {
    let registry = tracing_subscriber::registry().with(config::log_filter(&config.filter)?);
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

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("whole").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_is_a_line_like_any_other() {
        let lines = Lines::default();
        let layer = fmt::layer().json().flatten_event(true).with_current_span(true).with_writer({
            let lines = lines.clone();
            move || lines.clone()
        });
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(log_panic));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let _request = tracing::info_span!("request", id = "a-1").entered();
            std::panic::catch_unwind(|| panic!("the inside")).expect_err("it panics");
        });
        std::panic::set_hook(before);
        let line = lines.0.lock().expect("whole");
        let line: serde_json::Value = serde_json::from_slice(&line).expect("one line of JSON");
        assert_eq!((&line["level"], &line["span"]["id"]), (&"ERROR".into(), &"a-1".into()), "{line}");
        assert_eq!(line["error"], "panic: the inside", "{line}");
        assert!(line["location"].as_str().is_some_and(|place| place.contains("telemetry.rs:")), "{line}");
    }
}
