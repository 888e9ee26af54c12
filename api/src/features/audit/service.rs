//! The record of what was done. Each entry is written in the transaction of the act: neither is there without the other.

use entity::{audit_events, users};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{CaseStatement, Expr, ExprTrait, LockType, Query},
};
use serde_json::{Value as Json, json};

pub use super::types::AuditAction as Action;
use crate::{
    clock,
    database::Transaction,
    features::account::service::deleted,
    graphql::{
        enumeration,
        error::{Error, Result},
        ids::{GlobalId, UserId},
    },
    viewer::{Origin, Viewer},
};

/// One act, on the way into the record.
#[derive(Clone, Debug)]
pub struct Entry {
    /// None for the server itself, and where nobody knows who it was.
    pub actor: Option<UserId>,
    pub origin: Option<Origin>,
    pub action: Action,
    /// The global id of what it was done to.
    pub subject: Option<String>,
    /// What else there is to tell. Nothing secret, and no personal data.
    pub details: Option<Json>,
}

impl Entry {
    /// What the viewer does.
    pub fn of(viewer: &Viewer, action: Action) -> Self {
        let user = viewer.user();
        Entry {
            actor: user.map(|user| user.id),
            origin: user.and_then(|user| user.origin.clone()),
            action,
            subject: None,
            details: None,
        }
    }

    /// What a user does who proves only now who it is.
    pub fn by(user: UserId, origin: &Origin, action: Action) -> Self {
        Entry { actor: Some(user), ..Entry::from(origin, action) }
    }

    /// What somebody unknown does.
    pub fn from(origin: &Origin, action: Action) -> Self {
        Entry { actor: None, origin: Some(origin.clone()), action, subject: None, details: None }
    }

    pub fn on(self, subject: impl GlobalId) -> Self {
        Entry { subject: Some(subject.to_global().0), ..self }
    }

    /// Tells whom else it concerns.
    pub fn about(self, user: UserId) -> Self {
        self.with(json!({ "user": user.to_global().0 }))
    }

    pub fn with(self, details: Json) -> Self {
        Entry { details: Some(details), ..self }
    }
}

/// Writes an act into the record. From where it was done is left out where the actor's account is deleted at this moment.
pub async fn record_in_tx(transaction: &Transaction, entry: Entry) -> Result<()> {
    if let (Some(actor), Some(origin)) = (entry.actor, &entry.origin) {
        return record_with_origin_in_tx(transaction, &entry, actor, origin).await;
    }
    let row = audit_events::ActiveModel {
        at: Set(clock::now().into()),
        actor_id: Set(entry.actor.map(|user| user.0)),
        action: Set(enumeration::name(entry.action).to_owned()),
        subject: Set(entry.subject),
        address: Set(entry.origin.as_ref().map(|origin| origin.address.to_string())),
        user_agent: Set(entry.origin.and_then(|origin| origin.user_agent)),
        details: Set(entry.details),
        ..Default::default()
    };
    row.insert(transaction).await?;
    Ok(())
}

/// Looks at the actor's row, with the lock that a reference to it takes anyway: a deletion waits for this, or this for a deletion.
async fn record_with_origin_in_tx(
    transaction: &Transaction,
    entry: &Entry,
    actor: UserId,
    origin: &Origin,
) -> Result<()> {
    use audit_events::Column;
    let unless_deleted = |text: Option<String>| CaseStatement::new().case(deleted().not(), Expr::val(text));
    let mut row = Query::select();
    row.expr(Expr::val(clock::now()))
        .expr(Expr::val(actor.0))
        .expr(Expr::val(enumeration::name(entry.action)))
        .expr(Expr::val(entry.subject.clone()))
        .expr(unless_deleted(Some(origin.address.to_string())))
        .expr(unless_deleted(origin.user_agent.clone()))
        .expr(Expr::val(entry.details.clone()))
        .from(users::Entity)
        .and_where(users::Column::Id.eq(actor.0))
        .lock(LockType::KeyShare);
    let mut insert = Query::insert();
    insert
        .into_table(audit_events::Entity)
        .columns([
            Column::At,
            Column::ActorId,
            Column::Action,
            Column::Subject,
            Column::Address,
            Column::UserAgent,
            Column::Details,
        ])
        .select_from(row)
        .map_err(|mismatch| Error::internal(anyhow::anyhow!("{mismatch:?}")))?;
    transaction.execute(&insert).await?;
    Ok(())
}

/// Forgets from where a user acted.
pub async fn origins_forget_in_tx(transaction: &Transaction, user: UserId) -> Result<()> {
    audit_events::Entity::update_many()
        .col_expr(audit_events::Column::Address, Expr::val(None::<String>))
        .col_expr(audit_events::Column::UserAgent, Expr::val(None::<String>))
        .filter(audit_events::Column::ActorId.eq(user.0))
        .exec(transaction)
        .await?;
    Ok(())
}
