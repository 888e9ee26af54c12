//! The SQL behind the jobs that admins look at.

use entity::{columns::Columns, jobs};
use sea_orm::{
    Condition, DbBackend,
    sea_query::{Query, SelectStatement},
};

use crate::{
    database::literal,
    domain::{ids::JobId, viewer::Viewer},
    graphql::{
        list::List,
        row::Row,
        sort::{IdOrder, KeyKind, KeyValue, Sort, SortKey, SortPosition},
    },
    jobs::operators::{self, JobStanding},
};

impl Row for jobs::Model {
    type Id = JobId;
    type IdColumn = jobs::Column;
    const ID_COLUMN: jobs::Column = jobs::Column::Id;

    fn id(&self) -> JobId {
        JobId(self.id)
    }

    fn source() -> SelectStatement {
        Query::select().from(jobs::Entity).to_owned()
    }

    /// All for admins, and none for anybody else, not even those about oneself.
    fn visible_to(viewer: &Viewer, _: DbBackend) -> Condition {
        match viewer.is_admin() {
            true => Condition::all(),
            false => Condition::all().add(literal::never()),
        }
    }
}

/// The jobs that the viewer may know of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Jobs {
    pub kind: Option<String>,
    pub standing: Option<JobStanding>,
}

impl List for Jobs {
    type Row = jobs::Model;
    type Sort = IdOrder;

    fn select(&self, viewer: &Viewer, backend: DbBackend, _: Columns) -> SelectStatement {
        let mut select = jobs::Model::source();
        select
            .cond_where(jobs::Model::visible_to(viewer, backend))
            .cond_where(operators::which(self.kind.as_deref(), self.standing));
        select
    }
}

impl Sort<jobs::Model> for IdOrder {
    fn name(self) -> &'static str {
        "jobs"
    }

    fn descending(self) -> bool {
        false
    }

    fn keys(self) -> Vec<SortKey> {
        vec![SortKey::new(jobs::Column::Id, KeyKind::Long)]
    }

    fn position(self, row: &jobs::Model) -> SortPosition {
        SortPosition(vec![KeyValue::Integer(row.id)])
    }
}
