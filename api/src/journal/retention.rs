//! Retention: what is older than `journal.kept_days` goes. On PostgreSQL whole partitions are dropped, and made ahead of what comes; on SQLite rows are
//! deleted in batches.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, SecondsFormat, Utc};
use entity::{journal_events, journal_runs};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Statement,
};

use super::{Journal, sequencer};
use crate::{
    database::{self, Pool, Transaction, dialect},
    domain::{clock, error::Result},
};

/// How often a process looks.
pub const INTERVAL: Duration = Duration::from_secs(30);
/// Runs that are kept, for processes that were away. Who missed more makes everybody look.
const RUNS: i64 = 10_000;
/// How many numbers a partition has at least: a table has few of them, and there are seldom new ones.
const SMALLEST: i64 = 1_000_000;
/// A new partition is made where less than so much of the newest is left, or than half a day takes.
const LEAST_ROOM: i64 = SMALLEST / 2;
/// Events that one transaction deletes at most on SQLite.
const BATCH: u64 = 1_000;

/// How far the numbering had come when it was looked at last, and when that was: it tells how many numbers a day takes.
#[derive(Default)]
pub struct Pace(Mutex<Option<(Instant, i64)>>);

impl Pace {
    /// The numbers that a day takes, by how many were taken since the last look.
    fn a_day(&self, last_id: i64) -> i64 {
        let now = Instant::now();
        let before = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace((now, last_id));
        let Some((at, id)) = before else { return 0 };
        let a_second = (last_id - id).max(0) as f64 / (now - at).as_secs_f64().max(1.0);
        (a_second * 24.0 * 60.0 * 60.0) as i64
    }
}

/// A partition of one of the journal's tables.
#[derive(FromQueryResult)]
struct Partition {
    table: String,
    name: String,
    /// What its comment says: since when it is full.
    comment: Option<String>,
}

impl Journal {
    /// Lets go of what is old, and makes room for what comes. Any number of processes may do so at once.
    ///
    /// # Errors
    /// The database cannot be asked, or a partition is in use for too long: the next look tries it again.
    pub async fn retain(&self, db: &Pool, pace: &Pace) -> Result<()> {
        let last = sequencer::last_run(db).await?;
        journal_runs::Entity::delete_many().filter(journal_runs::Column::Id.lte(last.id - RUNS)).exec(db).await?;
        if !dialect::has_partitions(db.get_database_backend()) {
            while old_events_delete(db, last.last_id, self.kept_since()).await? {}
            return Ok(());
        }
        let transaction = database::begin(db).await?;
        let Some(partitions) = partitions_alone(&transaction).await? else { return Ok(()) };
        let a_day = pace.a_day(last.last_id);
        for (table, head) in [
            ("journal_events", last.last_id),
            ("journal_positions", last.last_id),
            ("journal_entries", last.last_position),
        ] {
            let of_table: Vec<_> = partitions.iter().filter(|partition| partition.table == table).collect();
            let Some(end) = of_table.iter().filter_map(|partition| partition.end()).max() else { continue };
            if end - head < LEAST_ROOM.max(a_day / 2) {
                make(&transaction, table, end, end + SMALLEST.max(a_day)).await?;
            }
            for full in of_table.iter().filter(|partition| partition.comment.is_none()) {
                if full.end().is_some_and(|end| end <= head) {
                    let now = clock::now().to_rfc3339_opts(SecondsFormat::Secs, true);
                    transaction.execute_unprepared(&format!("comment on table {} is '{now}'", full.name)).await?;
                }
            }
        }
        transaction.commit().await?;
        for old in partitions.iter().filter(|old| old.full_since().is_some_and(|at| at < self.kept_since())) {
            drop_partition(db, &old.name).await?;
            tracing::info!(partition = old.name, "what is older than journal.kept_days was dropped from the journal");
        }
        Ok(())
    }
}

impl Partition {
    /// The number that it ends before, which is in its name.
    fn end(&self) -> Option<i64> {
        self.name.rsplit_once("_to_").and_then(|(_, end)| end.parse().ok())
    }

    fn full_since(&self) -> Option<DateTime<Utc>> {
        DateTime::parse_from_rfc3339(self.comment.as_deref()?).ok().map(|at| at.to_utc())
    }
}

/// The partitions of the journal's tables, in a transaction that alone may change them; none where another one does.
async fn partitions_alone(transaction: &Transaction) -> Result<Option<Vec<Partition>>, DbErr> {
    /// The name of the lock, for locks have numbers: "part" in ASCII.
    const LOCK: i32 = 0x7061_7274;
    let backend = transaction.get_database_backend();
    let lock = Statement::from_string(backend, format!("select pg_try_advisory_xact_lock({LOCK})"));
    let is_alone = transaction.query_one_raw(lock).await?.map_or(Ok(false), |row| row.try_get_by_index(0))?;
    if !is_alone {
        return Ok(None);
    }
    let partitions = "select parent.relname::text as table, part.relname::text as name, obj_description(part.oid, 'pg_class') as comment \
         from pg_inherits join pg_class as parent on parent.oid = inhparent join pg_class as part on part.oid = inhrelid \
         where inhparent in ('journal_events'::regclass, 'journal_positions'::regclass, 'journal_entries'::regclass)";
    let statement = Statement::from_string(backend, partitions);
    Partition::find_by_statement(statement).all(transaction).await.map(Some)
}

/// Makes a partition. It is attached, which keeps neither readers nor writers of the table waiting.
async fn make(transaction: &Transaction, table: &str, from: i64, to: i64) -> Result<(), DbErr> {
    let name = format!("{table}_to_{to}");
    for statement in [
        format!("create table {name} (like {table} including all)"),
        format!("alter table {table} attach partition {name} for values from ({from}) to ({to})"),
    ] {
        transaction.execute_unprepared(&statement).await?;
    }
    Ok(())
}

/// Drops a partition. It waits for the statements that read the table, and others wait behind it: not for long, or it is tried again later.
async fn drop_partition(db: &Pool, name: &str) -> Result<()> {
    let transaction = database::begin(db).await?;
    for statement in ["set local lock_timeout = '1s'".to_owned(), format!("drop table if exists {name}")] {
        transaction.execute_unprepared(&statement).await?;
    }
    Ok(transaction.commit().await?)
}

/// Deletes the oldest events, with their entries and positions. Gives whether there may be more.
async fn old_events_delete(db: &Pool, last_id: i64, kept_since: DateTime<Utc>) -> Result<bool> {
    let oldest = journal_events::Entity::find()
        .filter(journal_events::Column::Id.lte(last_id))
        .order_by_asc(journal_events::Column::Id)
        .limit(BATCH)
        .all(db)
        .await?;
    let Some(last) = oldest.iter().take_while(|event| event.at < kept_since).last() else { return Ok(false) };
    let transaction = database::begin(db).await?;
    let backend = transaction.get_database_backend();
    for delete in [
        "delete from journal_entries where (topic, position) in (select topic.value, journal_positions.position from journal_events \
         join journal_positions on journal_positions.event_id = journal_events.id join json_each(journal_events.topics) as topic \
         where journal_events.id <= ?)",
        "delete from journal_positions where event_id <= ?",
        "delete from journal_events where id <= ?",
    ] {
        transaction.execute_raw(Statement::from_sql_and_values(backend, delete, [last.id.into()])).await?;
    }
    transaction.commit().await?;
    Ok(oldest.len() as u64 == BATCH && oldest.last().is_some_and(|event| event.id == last.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_named_by_its_end_and_says_since_when_it_is_full() {
        let partition = |name: &str, comment: Option<&str>| Partition {
            table: "journal_events".to_owned(),
            name: name.to_owned(),
            comment: comment.map(str::to_owned),
        };
        assert_eq!(partition("journal_events_to_1000001", None).end(), Some(1_000_001));
        assert_eq!(partition("journal_events_old", None).end(), None);
        assert_eq!(partition("journal_events_to_7", Some("a note of somebody's")).full_since(), None);
        let full = partition("journal_events_to_7", Some("2026-12-01T10:00:00Z"));
        assert_eq!(full.full_since().map(|at| at.timestamp()), Some(1_796_119_200));
    }
}
