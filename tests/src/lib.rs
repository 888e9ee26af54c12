//! The harness of the end-to-end tests: a running server, its database, and people who act on it.
//!
//! - [`City`]: one test's world, a database of its own and a server on it
//! - [`Server`]: the real binary as a process, its address, its log, the statements it ran
//! - [`Person`]: somebody who sends operations, and [`Answer`], what came back
//! - [`Usage`]: the processor and memory that a server takes
//! - [`run_command`]: the binary's commands that end by themselves, and [`Proxy`], a line that can be cut
//! - [`PgBouncer`]: a pooler before PostgreSQL, and [`PostgresServer`]: one of a test's own, with a standby
//! - [`RedisServer`]: a Redis that can be frozen, and [`SmallDisk`]: a disk that is soon full
//! - [`Mailbox`]: an SMTP server that keeps the letters it is given
//! - [`OpenIdProvider`]: an OpenID provider, and the browser of those who sign in there
//! - [`Authority`]: signs certificates for the servers above, and is known to nobody who is not told
//! - [`Browser`]: a Chromium with the pages of clients, and [`Script`]: whatever else runs under Node.js meanwhile
//! - [`EventStream`]: a subscription over graphql-transport-ws, and [`EventSource`]: one over Server-Sent Events
//! - [`builders`]: rows that a test starts from
//! - [`acts`]: what people do with orders, and [`rows`], what came of it
//!
//! `tests/README.md` tells how to write a test.

mod access_token;
pub mod acts;
mod answer;
mod authority;
mod browser;
pub mod builders;
mod city;
mod command;
mod databases;
mod event_source;
pub mod journal;
mod log;
mod mailbox;
mod openid_provider;
mod person;
mod pgbouncer;
mod postgres_server;
mod proxy;
mod redis_cluster;
mod redis_server;
pub mod rows;
mod script;
mod server;
mod small_disk;
mod stream;
mod test_time;
mod usage;
pub mod workspace;

use std::{fmt::Display, time::Duration};

pub use access_token::{access_token, access_token_of};
pub use answer::{Answer, Problem};
pub use authority::{Authority, Identity};
pub use browser::{Browser, Click, Seen, SeenClose, SeenRequest, SeenSocket, Tab};
pub use city::City;
pub use command::{Outcome, run_command};
pub use databases::{Database, Locale, TestDatabase, copied_postgres, scratch_postgres};
pub use event_source::EventSource;
pub use log::{RIGHTS_CHECK, Statement, Statements};
pub use mailbox::{Letter, Mailbox};
pub use openid_provider::{OpenIdProvider, Returned};
pub use person::Person;
pub use pgbouncer::{PgBouncer, Pooling};
pub use postgres_server::{PostgresServer, Stop, dump, restore};
pub use proxy::Proxy;
pub use redis_cluster::RedisCluster;
pub use redis_server::RedisServer;
pub use script::Script;
pub use server::{Server, Settings};
pub use small_disk::SmallDisk;
pub use stream::{EventStream, First, Interruption};
use test_time::TestTime;
pub use usage::Usage;

/// How long anything may take to happen before the test fails. It is no expectation: a machine that has much else to do is slow, and only
/// what never happens is wrong.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The id that clients see for a row: `global_id("Order", 42)` is `Order:42`.
pub fn global_id(type_name: &str, id: impl Display) -> String {
    format!("{type_name}:{id}")
}

/// Runs each scenario on PostgreSQL with Redis and on SQLite without: `async fn name(city: &City)` becomes the tests
/// `name::postgres` and `name::sqlite`. A scenario that makes its own city takes `database: Database` instead.
#[macro_export]
macro_rules! both_databases {
    ($(#[$attribute:meta])* async fn $name:ident($city:ident: &City) $body:block $($rest:tt)*) => {
        $crate::both_databases! {
            $(#[$attribute])*
            async fn $name(database: Database) {
                let city = $crate::City::new(database).await;
                let $city = &city;
                $body
            }
            $($rest)*
        }
    };
    ($(#[$attribute:meta])* async fn $name:ident($database:ident: Database) $body:block $($rest:tt)*) => {
        $(#[$attribute])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn scenario($database: $crate::Database) $body

            #[test]
            fn postgres() {
                $crate::run(scenario($crate::Database::Postgres));
            }

            #[test]
            fn sqlite() {
                $crate::run(scenario($crate::Database::Sqlite));
            }
        }
        $crate::both_databases! { $($rest)* }
    };
    () => {};
}

/// Runs one test to its end on a runtime of its own.
pub fn run(scenario: impl Future<Output = ()>) {
    let _time = TestTime::begin();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts")
        .block_on(scenario);
}
