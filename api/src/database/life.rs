//! Which life (incarnation) of the data this is: a restored dump, a copy, or a failover that lost commits begins a new one. Cursors of
//! feeds from another life do not fit: they would wait for ever, or skip events. A life is told from the one before by marks that no dump
//! carries.

mod marks;

use anyhow::Context;
use chrono::TimeDelta;
use entity::database_lives;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryOrder};
use serde_json::json;
use tokio::sync::watch;

use self::marks::{Askable, FoundDatabase, Marks, differences};
use super::{Pool, Transaction};
use crate::{config::DatabaseConfig, domain::clock};

/// One life of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    id: i64,
    is_first: bool,
}

impl Life {
    /// The name that its cursors carry, which are good in no other life; none in the first one, as when lives were not told apart.
    pub fn name(self) -> Option<i64> {
        (!self.is_first).then_some(self.id)
    }

    fn of(row: database_lives::Model) -> Self {
        Life { id: row.id, is_first: row.is_first }
    }
}

/// The present life, as far as this process knows.
pub struct Lives {
    present: watch::Sender<Life>,
    askable: Askable,
}

impl Lives {
    /// Checks whether the database is still the one that its data say, and begins a new life where it is not.
    ///
    /// # Errors
    /// The database cannot be asked, or the feeds of restored data cannot be put in order.
    pub async fn open(db: &Pool, config: &DatabaseConfig) -> anyhow::Result<Self> {
        let askable = Askable::of(db).await;
        let present = find(db, askable).await.context("cannot tell whether the database was restored")?;
        let life = match present {
            Some(LifeCheck::Same(life)) => life,
            Some(LifeCheck::Another) => begin(db, config).await?,
            // A standby: the life of its primary. It is looked at again, for it may be promoted.
            None => newest(db).await?.map_or(Life { id: 0, is_first: true }, Life::of),
        };
        Ok(Lives { present: watch::Sender::new(life), askable })
    }

    /// The present life.
    pub fn present(&self) -> Life {
        *self.present.borrow()
    }

    /// Tells when another life has begun.
    pub fn follow(&self) -> watch::Receiver<Life> {
        self.present.subscribe()
    }

    /// Looks again: the data may have been restored beneath the process, or a standby may have taken over.
    ///
    /// # Errors
    /// As of [`open`](Self::open); the life that was known stays until the next look.
    pub async fn look(&self, db: &Pool, config: &DatabaseConfig) -> anyhow::Result<()> {
        // The file that this process has open stays the same, whatever is put into its place.
        if db.get_database_backend() == DbBackend::Sqlite {
            return Ok(());
        }
        let life = match find(db, self.askable).await? {
            Some(LifeCheck::Same(life)) => life,
            Some(LifeCheck::Another) => begin(db, config).await?,
            None => return Ok(()),
        };
        if self.present.send_if_modified(|present| std::mem::replace(present, life) != life) {
            tracing::warn!("another life of the database has begun: live updates begin anew");
            // Tables and types may be others by the same names, which the prepared statements of old connections do not know.
            db.renew();
        }
        Ok(())
    }
}

/// Whether the database is still in the newest life of its data.
enum LifeCheck {
    Same(Life),
    /// No: it was restored, copied or taken over, and a new life begins.
    Another,
}

/// None where it is a standby.
async fn find(db: &impl ConnectionTrait, askable: Askable) -> Result<Option<LifeCheck>, DbErr> {
    let Some(found) = FoundDatabase::at(db, askable).await? else { return Ok(None) };
    let newest = newest(db).await?;
    Ok(Some(match newest.filter(|newest| is_same(newest, &found)) {
        Some(newest) => LifeCheck::Same(Life::of(newest)),
        None => LifeCheck::Another,
    }))
}

async fn newest(db: &impl ConnectionTrait) -> Result<Option<database_lives::Model>, DbErr> {
    database_lives::Entity::find().order_by_desc(database_lives::Column::BeganAt).one(db).await
}

fn is_same(life: &database_lives::Model, found: &FoundDatabase) -> bool {
    !found.is_ahead && differences(&known_marks(life), &found.marks).is_empty()
}

fn known_marks(life: &database_lives::Model) -> Marks {
    serde_json::from_value(life.marks.clone()).unwrap_or_default()
}

/// Begins a life, or finds the one that another process has begun. It has a connection of its own, past a pooler: putting the feeds in
/// order may take longer than the statement time-out of requests.
async fn begin(db: &Pool, config: &DatabaseConfig) -> anyhow::Result<Life> {
    if db.get_database_backend() == DbBackend::Sqlite {
        return begin_alone(db).await;
    }
    let maintenance = super::connect_for_maintenance(config).await?;
    let life = begin_alone(&maintenance).await;
    // What was to be done there is done, or has failed with a better reason.
    maintenance.close().await.ok();
    life
}

async fn begin_alone(db: &Pool) -> anyhow::Result<Life> {
    let askable = Askable::of(db).await;
    let life = async {
        let transaction = Transaction::begin(db).await?;
        be_alone(&transaction).await?;
        let life = match (FoundDatabase::at(&transaction, askable).await?, newest(&transaction).await?) {
            (None, _) => return Err(DbErr::Custom("the database has become a standby".to_owned())),
            (Some(found), Some(newest)) if is_same(&newest, &found) => Life::of(newest),
            (Some(found), former) => begin_in_tx(&transaction, found, former).await?,
        };
        transaction.commit().await?;
        Ok(life)
    };
    life.await.context("cannot begin a life of the database")
}

/// Takes an advisory lock, so that one process begins a life and those that wait find it; and keeps steps from being written meanwhile,
/// which would follow their order's last one to transaction numbers that are yet to come.
async fn be_alone(transaction: &Transaction) -> Result<(), DbErr> {
    /// The name of the lock, for locks have numbers: "life" in ASCII.
    const LOCK: i32 = 0x6c69_6665;
    if transaction.get_database_backend() == DbBackend::Sqlite {
        return Ok(());
    }
    // Waiting for the advisory lock blocks nobody, so it has no time-out; waiting for the table's lock does.
    for statement in [
        "set local lock_timeout = 0".to_owned(),
        format!("select pg_advisory_xact_lock({LOCK})"),
        "set local lock_timeout to default".to_owned(),
        "lock table order_events in share row exclusive mode".to_owned(),
    ] {
        transaction.execute_unprepared(&statement).await?;
    }
    Ok(())
}

async fn begin_in_tx(
    transaction: &Transaction,
    found: FoundDatabase,
    former: Option<database_lives::Model>,
) -> Result<Life, DbErr> {
    let mended = if found.is_ahead { settle_feeds(transaction).await? } else { 0 };
    let now = clock::now();
    // Clock skew between machines: the newest life is the newest all the same.
    let began_at = former.as_ref().map_or(now, |former| now.max(former.began_at.to_utc() + TimeDelta::microseconds(1)));
    let life = database_lives::ActiveModel {
        id: Set(rand::random_range(1..i64::MAX)),
        is_first: Set(former.is_none() && mended == 0),
        began_at: Set(began_at.into()),
        marks: Set(json!(found.marks)),
    };
    let life = life.insert(transaction).await?;
    if !life.is_first {
        let different = former.map_or_else(Vec::new, |former| differences(&known_marks(&former), &found.marks));
        tracing::warn!(
            life = life.id,
            different = different.join(", "),
            steps_settled = mended,
            "the data were restored, copied or taken over from somewhere else: cursors of live updates from before are refused"
        );
    }
    Ok(Life::of(life))
}

/// Moves steps whose transaction number is yet to come in this cluster to just below its oldest running transaction. They keep their order
/// by position, and each order's by its sequence. Gives how many there were.
async fn settle_feeds(transaction: &Transaction) -> Result<u64, DbErr> {
    let settle = "update order_events \
         set feed_transaction = pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1 \
         where feed_transaction >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint";
    Ok(transaction.execute_unprepared(settle).await?.rows_affected())
}
