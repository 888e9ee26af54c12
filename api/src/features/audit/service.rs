//! Writes the audit record. An entry is inserted in the transaction of the act itself, so neither is committed without the other.

use entity::{audit_events, users};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{CaseStatement, Expr, ExprTrait, InsertStatement, LockType, Query},
};
use serde_json::{Value as Json, json};

pub use super::types::AuditAction as Action;
use crate::{
    database::Transaction,
    domain::{
        clock,
        error::Result,
        ids::{GlobalId, UserId},
        viewer::{Origin, Viewer},
    },
    features::account::service::deleted,
    graphql::enumeration,
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
    /// Further facts. No secrets, and no personal data.
    pub details: Option<Json>,
}

impl Entry {
    /// An act of the viewer.
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

    /// An act of a user who is authenticated by the act itself, such as signing in.
    pub fn by(user: UserId, origin: &Origin, action: Action) -> Self {
        Entry { actor: Some(user), ..Entry::from(origin, action) }
    }

    /// An act of somebody unknown.
    pub fn from(origin: &Origin, action: Action) -> Self {
        Entry { actor: None, origin: Some(origin.clone()), action, subject: None, details: None }
    }

    pub fn on(self, subject: impl GlobalId) -> Self {
        Entry { subject: Some(subject.to_global().0), ..self }
    }

    /// Names another user whom the act concerns.
    pub fn about(self, user: UserId) -> Self {
        self.with(json!({ "user": user.to_global().0 }))
    }

    pub fn with(self, details: Json) -> Self {
        Entry { details: Some(details), ..self }
    }

    /// The statement that inserts the entry, under this condition. The network address and user agent are left out where the actor's
    /// account is being deleted.
    pub fn insert(self, condition: Condition) -> Result<InsertStatement> {
        use audit_events::Column;
        let mut row = Query::select();
        row.expr(Expr::val(clock::now()))
            .expr(Expr::val(self.actor.map(|user| user.0)))
            .expr(Expr::val(enumeration::name(self.action)))
            .expr(Expr::val(self.subject))
            .expr(Expr::val(self.details))
            .cond_where(condition);
        let mut columns = vec![Column::At, Column::ActorId, Column::Action, Column::Subject, Column::Details];
        if let Some(origin) = self.origin {
            columns.extend([Column::Address, Column::UserAgent]);
            let origin = [Some(origin.address.to_string()), origin.user_agent].map(Expr::val);
            match self.actor {
                // Reads the actor's row under `for key share`, the lock that the foreign key takes anyway: this statement and a deletion
                // wait for one another.
                Some(actor) => {
                    row.exprs(origin.map(|text| CaseStatement::new().case(deleted().not(), text)))
                        .from(users::Entity)
                        .and_where(users::Column::Id.eq(actor.0))
                        .lock(LockType::KeyShare);
                }
                None => {
                    row.exprs(origin);
                }
            }
        }
        let mut insert = Query::insert();
        insert.into_table(audit_events::Entity).columns(columns).select_from(row)?;
        Ok(insert)
    }
}

/// Writes an act into the record.
pub async fn record_in_tx(transaction: &Transaction, entry: Entry) -> Result<()> {
    transaction.execute(&entry.insert(Condition::all())?).await?;
    Ok(())
}

/// Erases the network addresses and user agents of a user's acts.
pub async fn origins_forget_in_tx(transaction: &Transaction, user: UserId) -> Result<()> {
    audit_events::Entity::update_many()
        .col_expr(audit_events::Column::Address, Expr::val(None::<String>))
        .col_expr(audit_events::Column::UserAgent, Expr::val(None::<String>))
        .filter(audit_events::Column::ActorId.eq(user.0))
        .exec(transaction)
        .await?;
    Ok(())
}
