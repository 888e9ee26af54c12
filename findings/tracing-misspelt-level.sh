#!/usr/bin/env bash
# A misspelt level in RUST_LOG is valid for tracing's EnvFilter, which is strict about levels elsewhere, and turns the whole log off.
#
# Versions: tracing-subscriber 0.3.23, tracing 0.1.44.
# Guess:    `inof` is an error, as `shop=inof` is one.
# Is:       a word that is no level is the name of a target, so `inof` parses with `try_new`, and lets through everything of a module called
#           "inof" and nothing of anybody else, errors included. Only what stands behind `=` has to be a level.
# Matters:  somebody turns the log up in the night of an outage, restarts, and from then on the server says nothing at all, not even that
#           payments fail. Nothing has complained.
# Source:   src/filter/env/directive.rs ("Setting the target without the level enables every level for that target"); what is printed below.
#
# Exits with 0 while it is so, and with another code when it has changed.
set -euo pipefail

directory=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
trap 'rm -rf "$directory"' EXIT
cd "$directory"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "asked"
version = "0.0.0"
edition = "2024"
[dependencies]
tracing = "=0.1.44"
tracing-subscriber = { version = "=0.3.23", features = ["env-filter"] }
[workspace]
TOML
cat >src/main.rs <<'RUST'
use tracing_subscriber::{EnvFilter, fmt};

fn main() {
    let Ok(filter) = EnvFilter::try_new(std::env::args().nth(1).unwrap()) else {
        return println!("it is refused");
    };
    fmt().with_env_filter(filter).without_time().with_ansi(false).init();
    tracing::error!(target: "payments", "payments fail");
    tracing::debug!(target: "shop", "an order is placed");
}
RUST
cargo build --quiet
for filter in info inof shop=debug shop=inof; do
  said=$(target/debug/asked "$filter" | sed -E 's/^ *//')
  echo "$filter -> ${said:-(nothing)}"
done | tee said
# Seen on 2026-11-30:
#   info -> ERROR payments: payments fail
#   inof -> (nothing)
#   shop=debug -> DEBUG shop: an order is placed
#   shop=inof -> it is refused
diff said - <<'EXPECTED'
info -> ERROR payments: payments fail
inof -> (nothing)
shop=debug -> DEBUG shop: an order is placed
shop=inof -> it is refused
EXPECTED
echo "it is still so"
