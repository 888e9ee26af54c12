//! The sequencer: numbers the events that are committed, in runs, of which there is one at a time over all processes.
//!
//! A run reads what is new in a snapshot from after the commit of the run before, so positions grow in the order in which they can be read. Nothing
//! is updated: a transaction that is left open, wherever it is, makes no row costly to find.

use std::{
    collections::{BTreeSet, HashSet},
    time::{Duration, Instant},
};

use entity::{database_lives, journal_entries, journal_events, journal_positions, journal_runs};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QueryTrait,
    Statement,
    sea_query::{Alias, Expr, Order, Query, SelectStatement},
};
use serde_json::{Value as Json, json};

use super::{
    event::topics_to_look_at,
    gaps::{self, Gap},
};
use crate::{
    database::{self, Chain, Pool, Transaction, Writer, dialect, literal},
    domain::{
        clock,
        error::{Error, Result},
    },
    events::Topic,
};

/// Events that one run numbers at most, but for those from gaps.
const BATCH: u64 = 1_000;
/// How often a process looks at who writes to the journal, as long as there are old gaps.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// What one process remembers from run to run.
#[derive(Default)]
pub(super) struct Sequencer {
    looked_at: Option<Instant>,
}

/// A run that is committed.
pub(super) struct Run {
    pub id: i64,
    /// What is to be looked at because of it.
    pub topics: Vec<Topic>,
    /// Whether there may be more to number.
    pub is_full: bool,
}

/// The newest run, and the present life of the database.
#[derive(FromQueryResult)]
struct LastRun {
    #[sea_orm(nested)]
    run: journal_runs::Model,
    present_life: Option<i64>,
}

impl Sequencer {
    /// Numbers the next events. None where there are none.
    pub async fn run(&mut self, db: &Pool) -> Result<Option<Run>> {
        let transaction = database::begin(db).await?;
        lock(&transaction).await?;
        let run = self.run_in_tx(&transaction).await?;
        match run {
            Some(_) => transaction.commit().await?,
            None => transaction.rollback().await?,
        }
        Ok(run)
    }

    async fn run_in_tx(&mut self, transaction: &Transaction) -> Result<Option<Run>> {
        let LastRun { run: last, present_life } = last_run_in_life(transaction).await?;
        let mut gaps: Vec<Gap> = serde_json::from_value(last.gaps).map_err(Error::internal)?;
        // In another life of the database the transactions that could fill a gap are others, if there are any.
        let begins_life = last.life != present_life && !gaps.is_empty();
        if begins_life {
            // Virtual numbers of transactions are those of a server that runs. With nobody writing, what is not there will never be.
            for statement in dialect::lock_out_writers(transaction.get_database_backend()) {
                transaction.execute_unprepared(statement).await?;
            }
        }
        // What is new comes first: an event that was committed before one of those is in this snapshot or in the next one, of the gaps.
        let new = events_after(transaction, last.last_id).await?;
        let is_full = new.len() as u64 == BATCH;
        let now = clock::now();
        let new_ids: Vec<_> = new.iter().map(|event| event.id).collect();
        let mut events = events_in(transaction, &gaps).await?;
        let late_ids: Vec<_> = events.iter().map(|event| event.id).collect();
        events.extend(new);
        let Some(newest) = events.last() else { return Ok(None) };
        let last_id = last.last_id.max(newest.id);
        gaps = gaps::without(gaps, &late_ids);
        if begins_life {
            gaps.clear();
        }
        gaps.extend(gaps::between(last.last_id, &new_ids, now));
        gaps = self.open_gaps(transaction, gaps).await?;

        let id = last.id + 1;
        let positions = (last.last_position + 1..).zip(&events);
        let topics: HashSet<_> =
            events.iter().flat_map(|event| topics_to_look_at(&event.kind, event.subject, &event.topics)).collect();
        let run = journal_runs::ActiveModel {
            id: Set(id),
            last_position: Set(last.last_position + events.len() as i64),
            last_id: Set(last_id),
            gaps: Set(json!(gaps)),
            topics: Set(topics.iter().map(Topic::to_string).collect()),
            life: Set(present_life),
            at: Set(now.into()),
        };
        write(transaction, positions, run).await?;
        Ok(Some(Run { id, topics: topics.into_iter().collect(), is_full }))
    }

    async fn open_gaps(&mut self, transaction: &Transaction, gaps: Vec<Gap>) -> Result<Vec<Gap>, DbErr> {
        let now = clock::now();
        let has_looked = self.looked_at.is_some_and(|at| at.elapsed() < BETWEEN_LOOKS);
        if has_looked || !gaps::are_old(&gaps, now) {
            return Ok(gaps);
        }
        self.looked_at = Some(Instant::now());
        Ok(gaps::open(gaps, &writers(transaction).await?, now))
    }
}

/// Takes the lock that a run holds until its transaction ends.
async fn lock(transaction: &Transaction) -> Result<(), DbErr> {
    let statements = dialect::sequencer_lock(transaction.get_database_backend());
    if !statements.is_empty() {
        transaction.execute_unprepared(&statements.join("; ")).await?;
    }
    Ok(())
}

/// The statements that pass over the steps of orders which the transaction has written in bulk: their cursors are expired, as if from before
/// the journal.
pub fn pass_over(backend: DbBackend) -> Vec<String> {
    let pass = "insert into journal_runs (id, last_position, last_id, gaps, topics, life, at)
        select id + 1, last_position, (select coalesce(max(position), 0) from order_events), gaps, topics, life, at
        from journal_runs order by id desc limit 1";
    dialect::sequencer_lock(backend).iter().chain([&pass]).map(|statement| (*statement).to_owned()).collect()
}

pub(super) async fn last_run(db: &impl ConnectionTrait) -> Result<journal_runs::Model, DbErr> {
    Ok(last_run_in_life(db).await?.run)
}

async fn last_run_in_life(db: &impl ConnectionTrait) -> Result<LastRun, DbErr> {
    let life = Query::select()
        .column(database_lives::Column::Id)
        .from(database_lives::Entity)
        .order_by(database_lives::Column::BeganAt, Order::Desc)
        .limit(1)
        .to_owned();
    let mut select = journal_runs::Entity::find().order_by_desc(journal_runs::Column::Id).into_query();
    select.expr_as(Expr::SubQuery(None, Box::new(life.into())), Alias::new("present_life"));
    let statement = literal::limited(db.get_database_backend().build(&select), 1);
    let last = LastRun::find_by_statement(statement).one(db).await?;
    last.ok_or_else(|| DbErr::RecordNotFound("the first run of the journal".to_owned()))
}

async fn events_after(transaction: &Transaction, last_id: i64) -> Result<Vec<journal_events::Model>, DbErr> {
    let select = journal_events::Entity::find()
        .filter(journal_events::Column::Id.gt(last_id))
        .order_by_asc(journal_events::Column::Id);
    let statement = literal::limited(select.build(transaction.get_database_backend()), BATCH);
    journal_events::Model::find_by_statement(statement).all(transaction).await
}

/// The events that have come into the gaps, in order.
async fn events_in(transaction: &Transaction, gaps: &[Gap]) -> Result<Vec<journal_events::Model>, DbErr> {
    if gaps.is_empty() {
        return Ok(Vec::new());
    }
    let backend = transaction.get_database_backend();
    let sql = dialect::events_in_gaps(backend);
    let statement = Statement::from_sql_and_values(backend, sql, [json!(gaps).to_string().into()]);
    journal_events::Model::find_by_statement(statement).all(transaction).await
}

/// The transactions that have written, or are about to, what takes an id of an event. None on SQLite, where that is this one alone.
async fn writers(transaction: &Transaction) -> Result<BTreeSet<String>, DbErr> {
    let Some(sql) = dialect::journal_writers(transaction.get_database_backend()) else { return Ok(BTreeSet::new()) };
    let rows = transaction.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// Writes the run with its positions and entries.
async fn write<'e>(
    transaction: &Transaction,
    positions: impl Iterator<Item = (i64, &'e journal_events::Model)> + Clone,
    run: journal_runs::ActiveModel,
) -> Result<()> {
    let backend = transaction.get_database_backend();
    let numbered: Json =
        positions.clone().map(|(position, event)| json!({ "position": position, "event": event.id })).collect();
    let entries: Json = positions
        .flat_map(|(position, event)| {
            event.topics.as_array().into_iter().flatten().map(move |topic| {
                json!({ "topic": topic, "position": position, "event": event.id, "kind": event.kind, "subject": event.subject })
            })
        })
        .collect();
    let rows = |rows: &Json, values: &[&'static str]| -> SelectStatement {
        let mut select = Query::select();
        select.from_function(dialect::elements(backend, rows), "numbered");
        select.exprs(values.iter().map(|value| Expr::cust(*value)));
        select
    };
    let number = ["cast(value ->> 'event' as bigint)", "cast(value ->> 'position' as bigint)"];
    let entry = [
        "value ->> 'topic'",
        "cast(value ->> 'position' as bigint)",
        "cast(value ->> 'event' as bigint)",
        "value ->> 'kind'",
        "cast(value ->> 'subject' as bigint)",
    ];
    let mut insert_positions = Query::insert();
    insert_positions
        .into_table(journal_positions::Entity)
        .columns([journal_positions::Column::EventId, journal_positions::Column::Position])
        .select_from(rows(&numbered, &number))?;
    use journal_entries::Column;
    let mut insert_entries = Query::insert();
    insert_entries
        .into_table(journal_entries::Entity)
        .columns([Column::Topic, Column::Position, Column::EventId, Column::Kind, Column::Subject])
        .select_from(rows(&entries, &entry))?;
    let mut insert_run = journal_runs::Entity::insert(run).into_query();
    insert_run.returning_col(journal_runs::Column::Id);
    let chain =
        Chain::new(backend).giving("run", insert_run).and("positions", insert_positions).and("entries", insert_entries);
    transaction.write(chain).await?;
    Ok(())
}
