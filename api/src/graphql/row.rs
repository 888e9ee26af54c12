//! Rows that have a global id, and the two ways to load them.

use std::{
    collections::HashMap,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use async_graphql::{ID, dataloader::Loader};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, FromQueryResult,
    sea_query::{DynIden, SelectStatement},
};

use super::{
    context::OperationContext,
    error::{Error, Result},
    ids::GlobalId,
    loaders::Reader,
};
use crate::{database::Transaction, dialect, viewer::Viewer};

/// A row with a global id.
pub trait Row: FromQueryResult + Clone + Send + Sync + 'static {
    type Id: GlobalId + Eq + Hash + Send + Sync + fmt::Debug;
    type IdColumn: sea_orm::ColumnTrait;

    const ID_COLUMN: Self::IdColumn;

    fn id(&self) -> Self::Id;

    /// The table that rows are locked in.
    fn table() -> DynIden {
        Self::ID_COLUMN.entity_name()
    }

    /// All rows, with whatever joins the row's columns need.
    fn select() -> SelectStatement;

    /// Which of them the viewer may know of, when asked for by id or in a list of its own.
    fn visible_to(viewer: &Viewer, backend: DbBackend) -> Condition;

    /// The visible row of this id; NOT_FOUND both for what is hidden and for what does not exist.
    fn find_visible<C: ConnectionTrait>(
        db: &C,
        viewer: &Viewer,
        id: Self::Id,
    ) -> impl Future<Output = Result<Self>> + Send {
        let backend = db.get_database_backend();
        let mut select = Self::select();
        select.and_where(Self::ID_COLUMN.eq(id.into())).cond_where(Self::visible_to(viewer, backend));
        async move {
            let row = Self::find_by_statement(backend.build(&select)).one(db).await?;
            row.ok_or_else(|| Error::not_found(&Self::Id::TYPE_NAME.to_lowercase()))
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
        let mut select = Self::select();
        select.and_where(Self::ID_COLUMN.eq(id.into())).cond_where(Self::visible_to(viewer, backend));
        dialect::lock_rows(backend, &mut select, Self::table());
        async move {
            let row = Self::find_by_statement(backend.build(&select)).one(transaction).await?;
            row.ok_or_else(|| Error::not_found(&Self::Id::TYPE_NAME.to_lowercase()))
        }
    }
}

/// Loads a row, shared by all who ask for it, that is reached from one the viewer sees. What is reachable stays visible, also when it is no longer on sale.
pub struct ById<R: Row>(pub R::Id);

/// Loads a row that the viewer asks for by its id: only if the viewer may know of it.
pub struct Visible<R: Row>(pub R::Id);

impl Reader {
    /// The rows of these ids within the scope, in one statement.
    pub async fn rows<R: Row>(&self, ids: impl Iterator<Item = R::Id>, scope: Condition) -> Result<Vec<R>> {
        let backend = self.app.db.get_database_backend();
        let mut select = R::select();
        select.and_where(dialect::any_of(backend, R::ID_COLUMN, ids.map(Into::into))).cond_where(scope);
        Ok(R::find_by_statement(backend.build(&select)).all(&self.app.db).await?)
    }
}

impl<R: Row> Loader<ById<R>> for Reader {
    type Value = Arc<R>;
    type Error = Error;

    async fn load(&self, keys: &[ById<R>]) -> Result<HashMap<ById<R>, Arc<R>>> {
        let rows = self.rows::<R>(keys.iter().map(|key| key.0), Condition::all()).await?;
        Ok(rows.into_iter().map(|row| (ById(row.id()), Arc::new(row))).collect())
    }
}

impl<R: Row> Loader<Visible<R>> for Reader {
    type Value = Arc<R>;
    type Error = Error;

    async fn load(&self, keys: &[Visible<R>]) -> Result<HashMap<Visible<R>, Arc<R>>> {
        let scope = R::visible_to(&self.viewer, self.app.db.get_database_backend());
        let rows = self.rows::<R>(keys.iter().map(|key| key.0), scope).await?;
        Ok(rows.into_iter().map(|row| (Visible(row.id()), Arc::new(row))).collect())
    }
}

// Derives would ask of the row what only the id must be able to do.
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

/// The row that the client asks for by its id in the argument `field`: NOT_FOUND where the viewer may not know of it.
pub async fn visible<R: Row>(context: &impl OperationContext, id: &ID, field: &str) -> Result<Arc<R>> {
    let id = R::Id::parse(id, field)?;
    let row = context.loaders().load(Visible::<R>(id)).await?;
    row.ok_or_else(|| Error::not_found(&R::Id::TYPE_NAME.to_lowercase()).with_field(field))
}
