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

use self::marks::{Askable, Marks, differences};
use super::{Pool, Transaction};
use crate::domain::clock;

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
    /// The database cannot be asked.
    pub async fn open(db: &Pool) -> anyhow::Result<Self> {
        let askable = Askable::of(db).await;
        let present = find(db, askable).await.context("cannot tell whether the database was restored")?;
        let life = match present {
            Some(LifeCheck::Same(life)) => life,
            Some(LifeCheck::Another) => begin(db).await?,
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
    pub async fn look(&self, db: &Pool) -> anyhow::Result<()> {
        // The file that this process has open stays the same, whatever is put into its place.
        if db.get_database_backend() == DbBackend::Sqlite {
            return Ok(());
        }
        let life = match find(db, self.askable).await? {
            Some(LifeCheck::Same(life)) => life,
            Some(LifeCheck::Another) => begin(db).await?,
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
    let Some(found) = marks::of_database(db, askable).await? else { return Ok(None) };
    let newest = newest(db).await?;
    Ok(Some(match newest.filter(|newest| is_same(newest, &found)) {
        Some(newest) => LifeCheck::Same(Life::of(newest)),
        None => LifeCheck::Another,
    }))
}

async fn newest(db: &impl ConnectionTrait) -> Result<Option<database_lives::Model>, DbErr> {
    database_lives::Entity::find().order_by_desc(database_lives::Column::BeganAt).one(db).await
}

fn is_same(life: &database_lives::Model, found: &Marks) -> bool {
    differences(&known_marks(life), found).is_empty()
}

fn known_marks(life: &database_lives::Model) -> Marks {
    serde_json::from_value(life.marks.clone()).unwrap_or_default()
}

/// Begins a life, or finds the one that another process has begun.
async fn begin(db: &Pool) -> anyhow::Result<Life> {
    let askable = Askable::of(db).await;
    let life = async {
        let transaction = Transaction::begin(db).await?;
        be_alone(&transaction).await?;
        let life = match (marks::of_database(&transaction, askable).await?, newest(&transaction).await?) {
            (None, _) => return Err(DbErr::Custom("the database has become a standby".to_owned())),
            (Some(found), Some(newest)) if is_same(&newest, &found) => Life::of(newest),
            (Some(found), former) => begin_in_tx(&transaction, found, former).await?,
        };
        transaction.commit().await?;
        Ok(life)
    };
    life.await.context("cannot begin a life of the database")
}

/// Takes an advisory lock, so that one process begins a life and those that wait find it. Waiting for it blocks nobody, so it has no time-out.
async fn be_alone(transaction: &Transaction) -> Result<(), DbErr> {
    /// The name of the lock, for locks have numbers: "life" in ASCII.
    const LOCK: i32 = 0x6c69_6665;
    if transaction.get_database_backend() == DbBackend::Sqlite {
        return Ok(());
    }
    for statement in ["set local lock_timeout = 0".to_owned(), format!("select pg_advisory_xact_lock({LOCK})")] {
        transaction.execute_unprepared(&statement).await?;
    }
    Ok(())
}

async fn begin_in_tx(
    transaction: &Transaction,
    found: Marks,
    former: Option<database_lives::Model>,
) -> Result<Life, DbErr> {
    let now = clock::now();
    // Clock skew between machines: the newest life is the newest all the same.
    let began_at = former.as_ref().map_or(now, |former| now.max(former.began_at.to_utc() + TimeDelta::microseconds(1)));
    let life = database_lives::ActiveModel {
        id: Set(rand::random_range(1..i64::MAX)),
        is_first: Set(former.is_none()),
        began_at: Set(began_at.into()),
        marks: Set(json!(found)),
    };
    let life = life.insert(transaction).await?;
    if !life.is_first {
        let different = former.map_or_else(Vec::new, |former| differences(&known_marks(&former), &found));
        tracing::warn!(
            life = life.id,
            different = different.join(", "),
            "the data were restored, copied or taken over from somewhere else: cursors of live updates from before are refused"
        );
    }
    Ok(Life::of(life))
}
