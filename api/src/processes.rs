//! Membership by heartbeat: the processes that serve from one PostgreSQL, as each of them sees the others. On SQLite there is one process,
//! which [`database::claim`](crate::database::claim) sees to.
//!
//! Processes tell each other of changes through a broker. One without a broker that is not alone looks at the database every few seconds
//! for whatever is followed in it, so that what happens elsewhere is told there, though late.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use entity::processes;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, Statement};

use crate::{database::Pool, domain::error::Result, events::Events};

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
select id, host, version, has_broker from processes where id <> $1 and seen_at > now() - make_interval(secs => $5)";

/// This process, and what it knows of the others.
pub struct Processes {
    id: i64,
    has_broker: bool,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    company: Company,
    /// The others without a broker, and when the newest of them was first seen.
    without_broker: HashSet<i64>,
    newest_at: Option<Instant>,
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
    id: i64,
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

    /// Writes that this process lives, looks for others, and lets everybody here look who may have missed something.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn beat(&self, db: &Pool, events: &Events) -> Result<()> {
        if db.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        let is_to_look = self.see(&self.write(db).await?);
        events.leave_steps_to_others(self.company() == Company::OthersHaveBroker);
        if is_to_look {
            events.look_everywhere();
        }
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

    /// Takes in who else lives. Gives whether what is followed here may have missed something.
    fn see(&self, others: &[Other]) -> bool {
        let company = Company::of(self.has_broker, others);
        let mut seen = self.seen();
        let without_broker: HashSet<_> =
            others.iter().filter(|other| !other.has_broker).map(|other| other.id).collect();
        if !without_broker.is_subset(&seen.without_broker) {
            seen.newest_at = Some(Instant::now());
        }
        seen.without_broker = without_broker;
        let is_new = std::mem::replace(&mut seen.company, company) != company;
        if is_new || seen.said_at.is_some_and(|said| company != Company::InOrder && said.elapsed() >= SAID_AGAIN_AFTER)
        {
            company.say(others);
            seen.said_at = Some(Instant::now());
        }
        match company {
            Company::InOrder => false,
            Company::NobodyHasBroker | Company::OthersHaveBroker => true,
            // Until that one has seen us, and leaves its steps to be swept by those with a broker.
            Company::OtherWithoutBroker => seen.newest_at.is_some_and(|at| at.elapsed() < GONE_AFTER),
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
        let other = |(id, has_broker): (usize, &bool)| Other {
            id: id as i64,
            host: "elsewhere".to_owned(),
            version: "0.2.0".to_owned(),
            has_broker: *has_broker,
        };
        brokers.iter().enumerate().map(other).collect()
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

    #[test]
    fn one_without_a_broker_looks_as_long_as_there_are_others_and_one_with_until_it_is_seen() {
        let alone = Processes::new(false);
        assert!(!alone.see(&[]) && alone.see(&others(&[false])) && alone.see(&others(&[true])) && !alone.see(&[]));
        let connected = Processes::new(true);
        assert!(!connected.see(&others(&[true])) && connected.see(&others(&[true, false])));
        connected.seen().newest_at = Instant::now().checked_sub(GONE_AFTER);
        assert!(!connected.see(&others(&[true, false])));
        assert!(connected.see(&others(&[false, false])), "another one");
    }
}
