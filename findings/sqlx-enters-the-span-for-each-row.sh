#!/usr/bin/env bash
# sqlx 0.9 enters and leaves the caller's tracing span for each row that a pool's query reads.
#
# Versions: sqlx 0.9.0 with SQLite, tracing 0.1.44, tracing-subscriber 0.3.23.
# Guess:    a future that is instrumented with a request's span enters it when it is polled: a few times for a query, however many rows it has.
# Is:       the streams of rows within sqlx take the span in which they are made with them, hand over one row at a time, and are polled once for
#           each: the span is entered and left once a row. PostgreSQL's connections have one such stream more inside, so there it is one more.
# Matters:  a customer's last orders are 160 rows, and each request of a server has a span for its log. What a layer does in `on_enter` and
#           `on_exit` is done for every row: an EnvFilter looks the span up under a lock, and one such page spent a twentieth of its
#           instructions on entering one span 370 times.
# Source:   https://docs.rs/tracing/0.1.44/tracing/trait.Instrument.html#method.in_current_span, used by `try_stream!` in sqlx-core's
#           src/ext/async_stream.rs; what is printed below.
#
# Exits with 0 while it is so, and with another code when it has changed.
set -euo pipefail

directory=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
trap 'rm -rf "$directory"' EXIT
cd "$directory"

mkdir src
cat >Cargo.toml <<'MANIFEST'
[package]
name = "finds"
version = "0.0.0"
edition = "2024"

[dependencies]
sqlx = { version = "=0.9.0", default-features = false, features = ["runtime-tokio", "sqlite-bundled"] }
tokio = { version = "1", features = ["macros", "rt"] }
tracing = "=0.1.44"
tracing-subscriber = "=0.3.23"
MANIFEST
cat >src/main.rs <<'RUST'
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use sqlx::sqlite::SqlitePoolOptions;
use tracing::{Instrument, Span, Subscriber, span::Id};
use tracing_subscriber::{Layer, layer::{Context, SubscriberExt}, util::SubscriberInitExt};

static ENTERED: AtomicUsize = AtomicUsize::new(0);

struct Counting;

impl<S: Subscriber> Layer<S> for Counting {
    fn on_enter(&self, _: &Id, _: Context<'_, S>) {
        ENTERED.fetch_add(1, Relaxed);
    }
}

const ROWS: usize = 1_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), sqlx::Error> {
    tracing_subscriber::registry().with(Counting).init();
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    let sql = "with recursive lines(line) as (select 1 union all select line + 1 from lines where line < 1000) select line from lines";
    for (name, span) in [("no span", Span::none()), ("a request's span", tracing::info_span!("request"))] {
        ENTERED.store(0, Relaxed);
        let rows = sqlx::query(sql).fetch_all(&pool).instrument(span).await?;
        assert_eq!(rows.len(), ROWS);
        println!("{name}: entered {} times a row", ENTERED.load(Relaxed) / ROWS);
    }
    Ok(())
}
RUST
cargo run --quiet 2>&1 | tee printed

diff printed - <<'EXPECTED'
no span: entered 0 times a row
a request's span: entered 1 times a row
EXPECTED
