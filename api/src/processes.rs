//! Membership by heartbeat: the processes that serve from one PostgreSQL, as each of them sees the others. On SQLite there is one process,
//! which [`database::claim`](crate::database::claim) sees to.
//!
//! Processes tell each other of changes through a broker. Without one, what happens elsewhere is found in the journal, about a second late, and
//! where drivers are not at all.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use entity::processes;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, Statement};

use crate::{database::Pool, domain::error::Result};

/// The heartbeat: how often a process writes that it lives, and looks for others.
pub const BEAT: Duration = Duration::from_secs(3);
/// A process without a heartbeat for so long is gone: crashed, or cut off from the database.
const GONE_AFTER: Duration = Duration::from_secs(10);
/// How often it is said that something is wrong, as long as it is.
const SAID_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Writes that this process lives, by the database's clock, and gives the others that do.
const WRITE: &str = "\
with mine as (
    insert into processes (id, host, version, has_broker, started_at, seen_at) values ($1, $2, $3, $4, now(), now())
    on conflict (id) do update set seen_at = excluded.seen_at
), gone as (
    delete from processes where seen_at < now() - interval '1 hour'
)
select host, version, has_broker from processes where id <> $1 and seen_at > now() - make_interval(secs => $5)";

/// This process, and what it knows of the others.
pub struct Processes {
    id: i64,
    has_broker: bool,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    company: Company,
    said_at: Option<Instant>,
}

/// Whether the processes on this database hear of each other's changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Company {
    /// There is no other, or all have a broker.
    #[default]
    InOrder,
    /// Neither this one nor any other has a broker.
    NobodyHasBroker,
    /// This one has a broker, and another has none.
    OtherWithoutBroker,
    /// This one has no broker, and others have one.
    OthersHaveBroker,
}

#[derive(FromQueryResult)]
struct Other {
    host: String,
    version: String,
    has_broker: bool,
}

impl Processes {
    /// A process that does not know yet of any other.
    pub fn new(has_broker: bool) -> Self {
        Processes { id: rand::random(), has_broker, seen: Mutex::default() }
    }

    /// Whether all hear of each other's changes, as far as is known.
    pub fn company(&self) -> Company {
        self.seen().company
    }

    /// Writes that this process lives, and looks for others.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn beat(&self, db: &Pool) -> Result<()> {
        if db.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        self.see(&self.write(db).await?);
        Ok(())
    }

    /// Says that this process ends, so that nobody takes it for one that lives.
    pub async fn leave(&self, db: &Pool) {
        if db.get_database_backend() == DbBackend::Postgres
            && let Err(error) = processes::Entity::delete_by_id(self.id).exec(db).await
        {
            tracing::debug!(%error, "the others think for a few seconds more that this process lives");
        }
    }

    async fn write(&self, db: &Pool) -> Result<Vec<Other>, DbErr> {
        let host = hostname::get().map_or_else(|_| "unknown".into(), |host| host.to_string_lossy().into_owned());
        let values: [sea_orm::Value; 5] = [
            self.id.into(),
            host.chars().take(255).collect::<String>().into(),
            env!("CARGO_PKG_VERSION").into(),
            self.has_broker.into(),
            GONE_AFTER.as_secs_f64().into(),
        ];
        let rows = db.query_all_raw(Statement::from_sql_and_values(DbBackend::Postgres, WRITE, values)).await?;
        rows.iter().map(|row| Other::from_query_result(row, "")).collect()
    }

    /// Takes in who else lives.
    fn see(&self, others: &[Other]) {
        let company = Company::of(self.has_broker, others);
        let mut seen = self.seen();
        let is_new = std::mem::replace(&mut seen.company, company) != company;
        if is_new || seen.said_at.is_some_and(|said| company != Company::InOrder && said.elapsed() >= SAID_AGAIN_AFTER)
        {
            company.say(others);
            seen.said_at = Some(Instant::now());
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Nothing panics while it holds the lock.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Company {
    fn of(has_broker: bool, others: &[Other]) -> Self {
        match (has_broker, others.iter().any(|other| other.has_broker), others.iter().any(|other| !other.has_broker)) {
            (true, _, true) => Self::OtherWithoutBroker,
            (false, true, _) => Self::OthersHaveBroker,
            (false, false, true) => Self::NobodyHasBroker,
            (true, _, false) | (false, false, false) => Self::InOrder,
        }
    }

    /// What is wrong, and what to do, in words for everybody.
    pub fn problem(self) -> Option<&'static str> {
        match self {
            Self::InOrder => None,
            Self::NobodyHasBroker => Some("another process serves from this database, and neither has a broker"),
            Self::OtherWithoutBroker => Some("another process serves from this database without a broker"),
            Self::OthersHaveBroker => Some("other processes share a broker, and this one has none"),
        }
    }

    fn say(self, others: &[Other]) {
        let others: Vec<_> = others
            .iter()
            .map(|Other { host, version, has_broker, .. }| {
                format!("{host} ({version}, {} broker)", if *has_broker { "with a" } else { "without a" })
            })
            .collect();
        let others = others.join(", ");
        match self {
            Self::InOrder => {
                tracing::info!(others, "all processes on this database hear of each other's changes again")
            }
            Self::NobodyHasBroker => tracing::warn!(
                others,
                "another process serves from this database, and neither has a broker: orders are told late, and places of drivers not at all, \
                 to whoever is connected to the other one. Set REDIS_URL for all of them, or stop one"
            ),
            Self::OtherWithoutBroker => tracing::error!(
                others,
                "another process serves from this database without a broker: set REDIS_URL there as here, or stop it"
            ),
            Self::OthersHaveBroker => tracing::error!(
                others,
                "this process is not ready, for others on this database share a broker and it has none: set REDIS_URL as there"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn others(brokers: &[bool]) -> Vec<Other> {
        let other = |has_broker: &bool| Other {
            host: "elsewhere".to_owned(),
            version: "0.2.0".to_owned(),
            has_broker: *has_broker,
        };
        brokers.iter().map(other).collect()
    }

    #[test]
    fn whoever_has_no_broker_and_is_not_alone_is_the_wrong_one() {
        for (has_broker, brokers, company) in [
            (false, &[] as &[_], Company::InOrder),
            (true, &[], Company::InOrder),
            (true, &[true, true], Company::InOrder),
            (true, &[true, false], Company::OtherWithoutBroker),
            (false, &[false], Company::NobodyHasBroker),
            (false, &[false, true], Company::OthersHaveBroker),
        ] {
            assert_eq!(Company::of(has_broker, &others(brokers)), company, "{has_broker} beside {brokers:?}");
        }
    }
}
