//! Rows that have a global id, and the two ways to load them: by reference ([`ById`]), and by the client's id ([`Visible`]).

use std::{
    collections::HashMap,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use async_graphql::ID;
use entity::columns::{Columns, Partial};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend,
    sea_query::{DynIden, SelectStatement, Value, postgres_array::NotU8},
};
use serde_json::Value as Json;

use super::{
    loaders::Reader,
    plan::{Batch, Found, Planned},
};
use crate::{
    database::{
        Transaction,
        columns::{column_of, read},
        dialect,
    },
    domain::{
        error::{Error, Result},
        ids::GlobalId,
        viewer::Viewer,
    },
};

/// A row with a global id.
pub trait Row: Partial + Clone {
    type Id: GlobalId + Eq + Hash + Send + Sync + fmt::Debug;
    type IdColumn: sea_orm::ColumnTrait;

    const ID_COLUMN: Self::IdColumn;

    fn id(&self) -> Self::Id;

    /// The table that rows are locked in.
    fn table() -> DynIden {
        Self::ID_COLUMN.entity_name()
    }

    /// All rows, with whatever joins [`Row::visible_to`] and the row's columns need; no column is selected.
    fn source() -> SelectStatement;

    /// All rows, with the joins that these columns need and no others; no column is selected.
    fn source_of(_columns: Columns) -> SelectStatement {
        Self::source()
    }

    /// Which of [`Row::source`] the viewer may know of, when asked for by id or in a list of its own.
    fn visible_to(viewer: &Viewer, backend: DbBackend) -> Condition;

    /// The rows that the viewer may know of, to read these columns of; none is selected.
    fn visible(viewer: &Viewer, backend: DbBackend, columns: Columns) -> SelectStatement {
        let condition = Self::visible_to(viewer, backend);
        if condition.is_empty() { Self::source_of(columns) } else { Self::source().cond_where(condition).to_owned() }
    }

    /// NOT_FOUND, the same for a hidden row and for one that does not exist.
    fn not_found() -> Error {
        Error::not_found(&Self::Id::TYPE_NAME.to_lowercase())
    }

    /// The visible row of this id; NOT_FOUND both for what is hidden and for what does not exist.
    fn find_visible<C: ConnectionTrait>(
        db: &C,
        viewer: &Viewer,
        id: Self::Id,
    ) -> impl Future<Output = Result<Self>> + Send {
        let backend = db.get_database_backend();
        let mut select = Self::visible(viewer, backend, Columns::ALL);
        select.and_where(Self::ID_COLUMN.eq(id.number()));
        async move {
            let row = read(db, select, Columns::ALL).await?.pop();
            row.ok_or_else(Self::not_found)
        }
    }

    /// The visible row of this id, locked until the transaction ends; NOT_FOUND both for what is hidden and for what does not
    /// exist. On SQLite the transaction itself is the lock.
    fn find_visible_for_update(
        transaction: &Transaction,
        viewer: &Viewer,
        id: Self::Id,
    ) -> impl Future<Output = Result<Self>> + Send {
        let backend = transaction.get_database_backend();
        let mut select = Self::visible(viewer, backend, Columns::ALL);
        select.and_where(Self::ID_COLUMN.eq(id.number()));
        dialect::lock_rows(backend, &mut select, Self::table());
        async move {
            let row = read(transaction, select, Columns::ALL).await?.pop();
            row.ok_or_else(Self::not_found)
        }
    }
}

/// Loads a row, shared by all who ask for it, that is reached by reference from one the viewer sees. What is reachable stays visible, also when it is no longer on sale.
pub struct ById<R: Row>(pub R::Id);

/// Loads a row that the viewer asks for by its id: only if the viewer may know of it.
pub struct Visible<R: Row>(pub R::Id);

impl Reader {
    /// The rows that `select` finds whose column holds one of these numbers, in one statement. Their ids and this column are read besides.
    pub async fn rows_by<R: Row, N>(
        &self,
        mut select: SelectStatement,
        column: impl ColumnTrait,
        numbers: impl Iterator<Item = N>,
        columns: Columns,
    ) -> Result<Vec<R>>
    where
        N: Into<Value> + Into<Json> + NotU8,
    {
        let columns = columns.and(column_of::<R>(&R::ID_COLUMN)).and(column_of::<R>(&column));
        select.and_where(dialect::any_of(self.app.db.get_database_backend(), column, numbers));
        read(&self.app.db, select, columns).await
    }
}

impl<R: Row> Batch for ById<R> {
    type Value = Arc<R>;

    async fn load(reader: &Reader, keys: &[Self], columns: Columns) -> Result<HashMap<Self, Arc<R>>> {
        let ids = keys.iter().map(|key| key.0.number());
        let rows = reader.rows_by::<R, _>(R::source_of(columns), R::ID_COLUMN, ids, columns).await?;
        Ok(rows.into_iter().map(|row| (ById(row.id()), Arc::new(row))).collect())
    }
}

impl<R: Row> Batch for Visible<R> {
    type Value = Arc<R>;

    async fn load(reader: &Reader, keys: &[Self], columns: Columns) -> Result<HashMap<Self, Arc<R>>> {
        let select = R::visible(&reader.viewer, reader.app.db.get_database_backend(), columns);
        let ids = keys.iter().map(|key| key.0.number());
        let rows = reader.rows_by::<R, _>(select, R::ID_COLUMN, ids, columns).await?;
        Ok(rows.into_iter().map(|row| (Visible(row.id()), Arc::new(row))).collect())
    }
}

// Derives would put their bounds on `R` too, where only the id needs them.
macro_rules! key_of_id {
    ($name:ident) => {
        impl<R: Row> Clone for $name<R> {
            fn clone(&self) -> Self {
                $name(self.0)
            }
        }

        impl<R: Row> PartialEq for $name<R> {
            fn eq(&self, other: &Self) -> bool {
                self.0 == other.0
            }
        }

        impl<R: Row> Eq for $name<R> {}

        impl<R: Row> Hash for $name<R> {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.0.hash(state);
            }
        }

        impl<R: Row> fmt::Debug for $name<R> {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!(stringify!($name), "({:?})"), self.0)
            }
        }
    };
}

key_of_id!(ById);
key_of_id!(Visible);

/// What the client asks for by its id in the argument `field`: NOT_FOUND where the viewer may not know of it.
///
/// # Errors
/// BAD_USER_INPUT for what is no id of this type.
pub fn visible<T: Planned>(id: &ID, field: &'static str) -> Result<Found<T>>
where
    T::Row: Row,
{
    Ok(Found { id: <T::Row as Row>::Id::parse(id, field)?, field })
}
