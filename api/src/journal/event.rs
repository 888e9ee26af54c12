//! Events: what has happened, as it is written into the journal.

use entity::journal_events;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, InsertStatement, Query, SimpleExpr},
};
use serde_json::Value as Json;

use super::{Journal, known_topics};
use crate::{
    database::{Transaction, dialect},
    domain::{
        clock,
        error::Result,
        ids::{DriverId, OrderId},
    },
    events::Topic,
};

/// What has happened. Its subject is the number of the row that it has happened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// An order took a step. The subject is the order; the step in its history has the event's id as its position.
    OrderStep,
    /// What a user may do has changed, or which of its sessions are good. The subject is the user.
    RightsChange,
    /// A review was posted. The subject is the review.
    ReviewPosted,
}

impl EventKind {
    /// The name in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::OrderStep => "ORDER_STEP",
            Self::RightsChange => "RIGHTS_CHANGE",
            Self::ReviewPosted => "REVIEW_POSTED",
        }
    }

    /// The topics to look at besides those that the event is filed under.
    fn other_topics(kind: &str, subject: i64, topics: &Json) -> Vec<Topic> {
        if kind != Self::OrderStep.name() {
            return Vec::new();
        }
        let order = i32::try_from(subject).map(OrderId).map(Topic::Order);
        let locations = known_topics(topics).filter_map(|topic| match topic {
            Topic::Driver(DriverId(driver)) => Some(Topic::DriverLocation(DriverId(driver))),
            _ => None,
        });
        order.into_iter().chain(locations).collect()
    }
}

/// All topics to look at because of an event.
pub(super) fn topics_to_look_at(kind: &str, subject: i64, topics: &Json) -> impl Iterator<Item = Topic> {
    known_topics(topics).chain(EventKind::other_topics(kind, subject, topics))
}

impl Journal {
    /// Appends an event to the journal, in the transaction of what has happened, and asks for a run after its commit. For the order
    /// of events, see [`append`].
    pub async fn append_in_tx(
        &self,
        transaction: &Transaction,
        kind: EventKind,
        subject: i32,
        topics: &[Topic],
    ) -> Result<()> {
        let id = dialect::next_event(transaction.get_database_backend());
        transaction.execute(&append(id, kind, Expr::val(subject), topics)?).await?;
        let requested = self.requested.clone();
        transaction.after_commit(move || requested.notify_one());
        Ok(())
    }
}

/// The statement that appends an event to the journal, as part of the transaction or the chain of what has happened. It appends nothing where
/// `id` is null. After the commit, [`request_run`](super::Journal::request_run).
///
/// The id comes from [`dialect::next_event`], which steps of orders have taken already. It has to be taken when what
/// depends on the order of events is locked: events of one subject are told in the order of their ids.
pub fn append(id: SimpleExpr, kind: EventKind, subject: SimpleExpr, topics: &[Topic]) -> Result<InsertStatement> {
    use journal_events::Column;
    let topics: Json = topics.iter().map(Topic::to_string).collect();
    let event = Query::select()
        .expr(id.clone())
        .expr(Expr::val(kind.name()))
        .expr(Expr::val(topics))
        .expr(subject)
        .expr(Expr::val(clock::now()))
        .and_where(id.is_not_null())
        .to_owned();
    let mut insert = Query::insert();
    insert
        .into_table(journal_events::Entity)
        .columns([Column::Id, Column::Kind, Column::Topics, Column::Subject, Column::At])
        .select_from(event)?
        .returning_col(Column::Id);
    Ok(insert)
}
