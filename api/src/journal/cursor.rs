//! Cursors: the names of events, as clients keep them. A cursor is good in every feed, whether that tells its event or not.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use entity::{journal_events, journal_positions};
use sea_orm::{DbErr, EntityTrait, JoinType, QuerySelect};

use super::{Journal, Position};
use crate::{
    database::{Life, Pool},
    domain::error::{Error, Result},
    events::Events,
};

/// Names an event of the journal, in one life of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    event: i64,
}

impl Cursor {
    /// Of the event with this id.
    pub fn of(event: i64) -> Self {
        Cursor { event }
    }

    /// The text of it. `feed_transaction` is what servers from before the journal go by, and 0 where they know nothing of the event. In the
    /// database's first life the text names no life, so that they can read it.
    pub fn to_text(self, feed_transaction: i64, life: Life) -> String {
        let event = self.event;
        BASE64_URL_SAFE_NO_PAD.encode(match life.name() {
            None => format!("{feed_transaction}:{event}"),
            Some(life) => format!("{feed_transaction}:{event}:{life}"),
        })
    }

    /// The argument `after` of a feed.
    ///
    /// # Errors
    /// Those of [`parse`](Self::parse).
    pub fn after(after: Option<&str>, life: Life) -> Result<Option<Self>> {
        after.map(|cursor| Cursor::parse(cursor, "after", life)).transpose()
    }

    /// BAD_USER_INPUT for a text that is no cursor; with the reason CURSOR_EXPIRED for one of another life of the database.
    fn parse(text: &str, field: &str, life: Life) -> Result<Self> {
        let decoded = BASE64_URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let numbers: Option<Vec<i64>> = decoded
            .and_then(|text| text.split(':').map(|number| number.parse().ok().filter(|number| *number >= 0)).collect());
        let (event, name) = match numbers.as_deref() {
            Some([_, event]) => (*event, None),
            Some([_, event, life]) => (*event, Some(*life)),
            _ => return Err(Error::bad_input(field, "This is not a cursor that this server gave out.")),
        };
        if name != life.name() {
            return Err(Error::cursor_expired());
        }
        Ok(Cursor { event })
    }
}

impl Journal {
    /// The position of the event. One that is committed and not numbered yet is numbered first.
    ///
    /// # Errors
    /// CURSOR_EXPIRED where the event is older than the journal is kept, or not in it.
    pub async fn position_of(&self, db: &Pool, events: &Events, Cursor { event }: Cursor) -> Result<Position> {
        let known = match find(db, event).await? {
            Some((at, _)) if at < self.kept_since() => None,
            Some((_, None)) => {
                self.run(db, events).await?;
                find(db, event).await?
            }
            known => known,
        };
        known.and_then(|(_, position)| position).map(Position).ok_or_else(Error::cursor_expired)
    }
}

/// When the event happened, and its position if it has one.
async fn find(db: &Pool, event: i64) -> Result<Option<(DateTime<Utc>, Option<i64>)>, DbErr> {
    let select = journal_events::Entity::find_by_id(event)
        .select_only()
        .column(journal_events::Column::At)
        .column(journal_positions::Column::Position)
        .join(
            JoinType::LeftJoin,
            journal_events::Entity::belongs_to(journal_positions::Entity)
                .from(journal_events::Column::Id)
                .to(journal_positions::Column::EventId)
                .into(),
        );
    select.into_tuple().one(db).await
}
