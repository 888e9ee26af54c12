//! The SQL behind the audit record.

use entity::{audit_events, columns::Columns};
use sea_orm::{
    ColumnTrait, Condition, DbBackend,
    sea_query::{Query, SelectStatement},
};

use crate::{
    database::literal,
    domain::{ids::AuditEventId, viewer::Viewer},
    features::audit::types::AuditConditions,
    graphql::{
        list::List,
        row::Row,
        sort::{KeyKind, KeyValue, Sort, SortKey, SortPosition},
    },
};

impl Row for audit_events::Model {
    type Id = AuditEventId;
    type IdColumn = audit_events::Column;
    const ID_COLUMN: audit_events::Column = audit_events::Column::Id;

    fn id(&self) -> AuditEventId {
        AuditEventId(self.id)
    }

    fn source() -> SelectStatement {
        Query::select().from(audit_events::Entity).to_owned()
    }

    /// One's own acts; all for admins.
    fn visible_to(viewer: &Viewer, _: DbBackend) -> Condition {
        if viewer.is_admin() {
            return Condition::all();
        }
        match viewer.user() {
            Some(user) => Condition::all().add(audit_events::Column::ActorId.eq(user.id.0)),
            None => Condition::all().add(literal::never()),
        }
    }
}

/// The entries that the viewer may know of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AuditEvents(pub AuditConditions);

impl List for AuditEvents {
    type Row = audit_events::Model;
    type Sort = NewestFirst;

    fn select(&self, viewer: &Viewer, backend: DbBackend, _: Columns) -> SelectStatement {
        use audit_events::Column;
        let AuditConditions { actor, actions, subject, since, until } = &self.0;
        let mut select = audit_events::Model::source();
        select.cond_where(audit_events::Model::visible_to(viewer, backend)).cond_where(
            Condition::all()
                .add_option(actor.map(|actor| Column::ActorId.eq(actor)))
                .add_option(actions.as_ref().map(|actions| Column::Action.is_in(actions.iter().copied())))
                .add_option(subject.as_ref().map(|subject| Column::Subject.eq(subject)))
                .add_option(since.map(|since| Column::At.gte(since)))
                .add_option(until.map(|until| Column::At.lt(until))),
        );
        select
    }
}

/// The order in which the record is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NewestFirst;

impl Sort<audit_events::Model> for NewestFirst {
    fn name(self) -> &'static str {
        "audit events"
    }

    fn descending(self) -> bool {
        true
    }

    fn keys(self) -> Vec<SortKey> {
        vec![SortKey::new(audit_events::Column::Id, KeyKind::Integer)]
    }

    fn position(self, row: &audit_events::Model) -> SortPosition {
        SortPosition(vec![KeyValue::Integer(row.id.into())])
    }
}
