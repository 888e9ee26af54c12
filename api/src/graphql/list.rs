//! Lists of rows as connections: at a root, and hanging on parents, where one statement serves all parents of a level.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use async_graphql::dataloader::Loader;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, FromQueryResult,
    sea_query::{Alias, Asterisk, Expr, Func, SelectStatement},
};

use super::{
    connection::Connection,
    context::OperationContext,
    error::{Error, Result},
    ids::GlobalId,
    loaders::{Reader, grouped},
    page::Page,
    sort::Sort,
};
use crate::{dialect, viewer::Viewer};

/// A kind of list with its filter; equal ones are answered together.
pub trait List: Clone + Eq + Hash + Send + Sync + 'static {
    type Row: FromQueryResult + Clone + Send + Sync + 'static;
    type Sort: Sort<Self::Row>;

    /// The rows of the list, all of them, that the viewer may see: neither sorted nor limited.
    fn select(&self, viewer: &Viewer, backend: DbBackend) -> SelectStatement;
}

/// A list that hangs on a parent row.
pub trait Children: List {
    type Parent: GlobalId + Eq + Hash + Send + Sync;
    type ParentColumn: ColumnTrait;

    /// The column that holds the parent's number.
    const PARENT_COLUMN: Self::ParentColumn;

    fn parent(row: &Self::Row) -> Self::Parent;
}

/// A page of the list at a root of a query.
pub async fn page_of_all<L: List, T>(
    context: &impl OperationContext,
    list: L,
    page: Page<L::Sort>,
    wrap: impl Fn(Arc<L::Row>) -> T,
) -> Result<Connection<T>> {
    let (app, viewer) = (context.app().clone(), context.viewer().clone());
    let select = list.select(&viewer, app.db.get_database_backend());
    let slice = page.load(&app.db, select).await?.shared();
    let count = Box::new(move || -> futures_util::future::BoxFuture<'static, Result<u64>> {
        let (app, viewer, list) = (app.clone(), viewer.clone(), list.clone());
        Box::pin(async move { count(&app.db, list.select(&viewer, app.db.get_database_backend())).await })
    });
    Ok(Connection::new(page.sort, slice, wrap, count))
}

/// A page of the list that hangs on `parent`, loaded together with those of all other parents at this level.
pub async fn page_of_parent<L: Children, T>(
    context: &impl OperationContext,
    parent: L::Parent,
    list: L,
    page: Page<L::Sort>,
    wrap: impl Fn(Arc<L::Row>) -> T,
) -> Result<Connection<T>> {
    let loaders = context.loaders().clone();
    let key = PageOf { parent, list: list.clone(), page: page.clone() };
    let rows = loaders.load(key).await?.unwrap_or_default();
    let count = Box::new(move || -> futures_util::future::BoxFuture<'static, Result<u64>> {
        let (loaders, key) = (loaders.clone(), CountOf { parent, list: list.clone() });
        Box::pin(async move { Ok(loaders.load(key).await?.unwrap_or(0)) })
    });
    Ok(Connection::new(page.sort, page.slice(rows), wrap, count))
}

/// The first rows of the list at a root of a query.
pub async fn first_of_all<L: List>(
    context: &impl OperationContext,
    list: L,
    page: Page<L::Sort>,
) -> Result<Vec<Arc<L::Row>>> {
    let app = context.app();
    let select = list.select(context.viewer(), app.db.get_database_backend());
    Ok(page.load(&app.db, select).await?.shared().rows)
}

/// The first rows of the list that hangs on `parent`, loaded together with those of all other parents at this level.
pub async fn first_of_parent<L: Children>(
    context: &impl OperationContext,
    parent: L::Parent,
    list: L,
    page: Page<L::Sort>,
) -> Result<Vec<Arc<L::Row>>> {
    let rows = context.loaders().load(PageOf { parent, list, page: page.clone() }).await?.unwrap_or_default();
    Ok(page.slice(rows).rows)
}

async fn count(db: &impl ConnectionTrait, mut select: SelectStatement) -> Result<u64> {
    select.clear_selects().expr_as(Func::count(Expr::col(Asterisk)), Alias::new("count"));
    let row = db.query_one_raw(db.get_database_backend().build(&select)).await?;
    let count: i64 = row.map_or(Ok(0), |row| row.try_get("", "count"))?;
    Ok(count.unsigned_abs())
}

/// Loader key: one page of a parent's list.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PageOf<L: Children> {
    parent: L::Parent,
    list: L,
    page: Page<L::Sort>,
}

/// Loader key: the length of a parent's list.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CountOf<L: Children> {
    parent: L::Parent,
    list: L,
}

impl<L: Children> Loader<PageOf<L>> for Reader {
    type Value = Vec<Arc<L::Row>>;
    type Error = Error;

    /// One statement for all parents that ask with the same arguments, which those of one field do.
    async fn load(&self, keys: &[PageOf<L>]) -> Result<HashMap<PageOf<L>, Vec<Arc<L::Row>>>> {
        let db = &self.app.db;
        let mut pages = HashMap::with_capacity(keys.len());
        let same_arguments = grouped(&[], keys.iter().map(|key| ((&key.list, &key.page), key.parent)));
        for ((list, page), parents) in same_arguments {
            let select = list.select(&self.viewer, db.get_database_backend());
            let numbers: Vec<i32> = parents.iter().map(|parent| (*parent).into()).collect();
            let rows = page.load_each(db, select, L::PARENT_COLUMN, &numbers).await?;
            let lists = grouped(&parents, rows.into_iter().map(|row| (L::parent(&row), Arc::new(row))));
            pages.extend(
                lists
                    .into_iter()
                    .map(|(parent, rows)| (PageOf { parent, list: list.clone(), page: page.clone() }, rows)),
            );
        }
        Ok(pages)
    }
}

impl<L: Children> Loader<CountOf<L>> for Reader {
    type Value = u64;
    type Error = Error;

    async fn load(&self, keys: &[CountOf<L>]) -> Result<HashMap<CountOf<L>, u64>> {
        let db = &self.app.db;
        let backend = db.get_database_backend();
        let mut counts = HashMap::with_capacity(keys.len());
        for (list, parents) in grouped(&[], keys.iter().map(|key| (&key.list, key.parent))) {
            let mut select = list.select(&self.viewer, backend);
            select
                .clear_selects()
                .expr_as(Expr::col(L::PARENT_COLUMN.as_column_ref()), Alias::new("parent"))
                .expr_as(Func::count(Expr::col(Asterisk)), Alias::new("count"))
                .and_where(dialect::any_of(backend, L::PARENT_COLUMN, parents.iter().map(|parent| (*parent).into())))
                .add_group_by([Expr::col(L::PARENT_COLUMN.as_column_ref())]);
            for row in db.query_all_raw(backend.build(&select)).await? {
                let (parent, count): (i32, i64) = (row.try_get("", "parent")?, row.try_get("", "count")?);
                counts.insert(CountOf { parent: parent.into(), list: list.clone() }, count.unsigned_abs());
            }
        }
        Ok(counts)
    }
}
