//! Parse, run, and say how it ended.

mod cli;

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use cli::CommandLine;

/// A request is some hundred small allocations, which the C library's allocator makes a fifth of what it costs (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let line = CommandLine::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let outcome = runtime.block_on(cli::run(line));
    // What is still running was given its time.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// One sentence with its causes, on standard error.
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("tiffin: {}", cli::sentence(error));
    ExitCode::FAILURE
}
