//! Lists of rows: at a root, or of a parent row. One statement reads the lists of all parents of a level (batching, against N+1).

use std::{borrow::Cow, collections::HashMap, fmt::Debug, hash::Hash, marker::PhantomData, sync::Arc};

use async_graphql::{
    ContextSelectionSet, OutputType, Positioned, ServerResult, Value, parser::types::Field, registry::Registry,
};
use entity::columns::{Columns, Partial};
use futures_util::{
    FutureExt,
    future::{BoxFuture, try_join},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend,
    sea_query::{Alias, Asterisk, Expr, Func, SelectStatement},
};

use super::{
    connection::{Connection, ConnectionPlan},
    context::OperationContext,
    loaders::{Reader, grouped},
    page::{Page, Slice},
    plan::{
        Answer, Batch, Level, Output, Scope, Selected, Violation, load_each, loaded_as, never_ready, planned_as,
        type_of,
    },
    sort::Sort,
};
use crate::{
    database::{columns::column_of, dialect},
    domain::{error::Result, ids::GlobalId, viewer::Viewer},
};

/// A kind of list with its filter; equal ones are answered together.
pub trait List: Clone + Eq + Hash + Debug + Send + Sync + 'static {
    type Row: Partial;
    type Sort: Sort<Self::Row> + Debug;

    /// The rows of the list, all of them, that the viewer may see, with the joins that these columns need: neither sorted nor limited, and no
    /// column is selected.
    fn select(&self, viewer: &Viewer, backend: DbBackend, columns: Columns) -> SelectStatement;
}

/// A list of the rows that belong to a parent row (one-to-many).
pub trait Children: List {
    type Parent: GlobalId<Number = i32> + Eq + Hash + Debug + Send + Sync + 'static;
    type ParentColumn: ColumnTrait;

    /// The column that holds the parent's number.
    const PARENT_COLUMN: Self::ParentColumn;

    fn parent(row: &Self::Row) -> Self::Parent;
}

/// A page of a list, as a connection of `T`.
pub struct Pages<L: List, T, W> {
    whose: W,
    list: L,
    page: Page<L::Sort>,
    object: PhantomData<fn() -> T>,
}

/// The first rows of a list, as a list of `T` without pages.
pub struct First<L: List, T, W>(Pages<L, T, W>);

/// A page of a list at a root.
pub type PageOfAll<L, T> = Pages<L, T, All>;
/// A page of a list that hangs on a parent.
pub type PageOfParent<L, T> = Pages<L, T, Of<L>>;
/// The first rows of a list at a root.
pub type FirstOfAll<L, T> = First<L, T, All>;
/// The first rows of a list that hangs on a parent.
pub type FirstOfParent<L, T> = First<L, T, Of<L>>;

/// A page of the list at a root of a query.
pub fn page_of_all<L: List, T>(list: L, page: Page<L::Sort>) -> PageOfAll<L, T> {
    Pages { whose: All, list, page, object: PhantomData }
}

/// A page of the list that hangs on `parent`; of nothing where there is no parent.
pub fn page_of_parent<L: Children, T>(
    parent: impl Into<Option<L::Parent>>,
    list: L,
    page: Page<L::Sort>,
) -> PageOfParent<L, T> {
    Pages { whose: Of(parent.into()), list, page, object: PhantomData }
}

/// The first rows of the list at a root of a query.
pub fn first_of_all<L: List, T>(list: L, page: Page<L::Sort>) -> FirstOfAll<L, T> {
    First(page_of_all(list, page))
}

/// The first rows of the list that hangs on `parent`.
pub fn first_of_parent<L: Children, T>(parent: L::Parent, list: L, page: Page<L::Sort>) -> FirstOfParent<L, T> {
    First(page_of_parent(parent, list, page))
}

/// Whose lists are read: everybody's, or those of the parents of a level.
pub trait Whose<L: List>: Clone + Send + Sync + 'static {
    /// The pages of these lists, one for each.
    fn pages<T: Send>(
        reader: &Reader,
        lists: &[Pages<L, T, Self>],
        columns: Columns,
    ) -> impl Future<Output = Result<Vec<Slice<Arc<L::Row>>>>> + Send;

    /// The lengths of these lists, one for each.
    fn counts<T: Send>(reader: &Reader, lists: &[Pages<L, T, Self>]) -> impl Future<Output = Result<Vec<u64>>> + Send;
}

/// A list at a root, which belongs to no parent.
#[derive(Clone)]
pub struct All;

/// The list of a parent; an empty one where there is no parent.
pub struct Of<L: Children>(Option<L::Parent>);

impl<L: Children> Clone for Of<L> {
    fn clone(&self) -> Self {
        Of(self.0)
    }
}

impl<L: List> Whose<L> for All {
    async fn pages<T: Send>(
        reader: &Reader,
        lists: &[Pages<L, T, All>],
        columns: Columns,
    ) -> Result<Vec<Slice<Arc<L::Row>>>> {
        let db = &reader.app.db;
        let mut pages = Vec::with_capacity(lists.len());
        for Pages { list, page, .. } in lists {
            let select = list.select(&reader.viewer, db.get_database_backend(), columns);
            pages.push(page.load(db, select, columns).await?.shared());
        }
        Ok(pages)
    }

    async fn counts<T: Send>(reader: &Reader, lists: &[Pages<L, T, All>]) -> Result<Vec<u64>> {
        let db = &reader.app.db;
        let mut counts = Vec::with_capacity(lists.len());
        for Pages { list, .. } in lists {
            let select = list.select(&reader.viewer, db.get_database_backend(), Columns::NONE);
            counts.push(count(db, select).await?);
        }
        Ok(counts)
    }
}

impl<L: Children> Whose<L> for Of<L> {
    async fn pages<T: Send>(
        reader: &Reader,
        lists: &[Pages<L, T, Of<L>>],
        columns: Columns,
    ) -> Result<Vec<Slice<Arc<L::Row>>>> {
        let key = |Pages { whose, list, page, .. }: &Pages<L, T, Of<L>>| {
            Some(PageOf { parent: whose.0?, list: list.clone(), page: page.clone() })
        };
        let keys: Vec<_> = lists.iter().filter_map(key).collect();
        let mut loaded = load_each(reader, &keys, columns).await?.into_iter();
        let slice = |Pages { whose, page, .. }: &Pages<L, T, Of<L>>| {
            page.slice(whose.0.and_then(|_| loaded.next()).flatten().unwrap_or_default())
        };
        Ok(lists.iter().map(slice).collect())
    }

    async fn counts<T: Send>(reader: &Reader, lists: &[Pages<L, T, Of<L>>]) -> Result<Vec<u64>> {
        let key =
            |Pages { whose, list, .. }: &Pages<L, T, Of<L>>| Some(CountOf { parent: whose.0?, list: list.clone() });
        let keys: Vec<_> = lists.iter().filter_map(key).collect();
        let mut loaded = load_each(reader, &keys, Columns::NONE).await?.into_iter();
        let count =
            |Pages { whose, .. }: &Pages<L, T, Of<L>>| whose.0.and_then(|_| loaded.next()).flatten().unwrap_or(0);
        Ok(lists.iter().map(count).collect())
    }
}

async fn count(db: &impl ConnectionTrait, mut select: SelectStatement) -> Result<u64> {
    select.expr_as(Func::count(Expr::col(Asterisk)), Alias::new("count"));
    let row = db.query_one_raw(db.get_database_backend().build(&select)).await?;
    let count: i64 = row.map_or(Ok(0), |row| row.try_get("", "count"))?;
    Ok(count.unsigned_abs())
}

impl<L: List, T, W: Clone> Clone for Pages<L, T, W> {
    fn clone(&self) -> Self {
        let Pages { whose, list, page, object } = self;
        Pages { whose: whose.clone(), list: list.clone(), page: page.clone(), object: *object }
    }
}

impl<L: List, T, W: Clone> Clone for First<L, T, W> {
    fn clone(&self) -> Self {
        First(self.0.clone())
    }
}

impl<L, T, W> OutputType for Pages<L, T, W>
where
    L: List,
    T: Output + From<Arc<L::Row>> + Clone + Sync + 'static,
    W: Whose<L>,
{
    loaded_as!(Connection<T>, |this, context| {
        let reader = context.reader();
        let slice = W::pages(reader, std::slice::from_ref(this), Columns::ALL).await;
        slice.map(|mut slices| {
            let (reader, counted) = (reader.clone(), this.clone());
            let count = move || -> BoxFuture<'static, Result<u64>> {
                let (reader, counted) = (reader.clone(), counted.clone());
                async move { Ok(W::counts(&reader, &[counted]).await?.into_iter().sum()) }.boxed()
            };
            let slice = slices.pop().unwrap_or_default();
            Connection::<T>::new(this.page.sort, slice, T::from, Box::new(count))
        })
    });
}

impl<L, T, W> Output for Pages<L, T, W>
where
    L: List,
    T: Output + From<Arc<L::Row>> + Clone + Sync + 'static,
    W: Whose<L>,
{
    type Plan = ConnectionPlan<T>;

    fn plan(selected: &Selected<'_>) -> ServerResult<Self::Plan> {
        ConnectionPlan::of(selected)
    }

    never_ready!();

    fn answer<'a>(lists: Vec<Self>, plan: &'a Self::Plan, scope: Scope<'a>) -> BoxFuture<'a, Level>
    where
        Self: 'a,
    {
        async move {
            let counting =
                async { if plan.counts() { W::counts(scope.reader, &lists).await } else { Ok(vec![0; lists.len()]) } };
            let paging = async {
                let Some(Pages { page, .. }) = lists.first().filter(|_| plan.reads_rows()) else {
                    return Ok(lists.iter().map(|_| Slice::default()).collect());
                };
                let sorted_by = if plan.has_cursors() { page.columns::<L::Row>() } else { Columns::NONE };
                W::pages(scope.reader, &lists, plan.columns().and(sorted_by)).await
            };
            match try_join(paging, counting).await {
                Ok((slices, counts)) => {
                    let sorts = lists.iter().map(|list| list.page.sort);
                    plan.answer(sorts.zip(slices).zip(counts), scope).await
                }
                Err(error) => Level::failed(lists.len(), &error, scope),
            }
        }
        .boxed()
    }
}

impl<L, T, W> OutputType for First<L, T, W>
where
    L: List,
    T: Output + From<Arc<L::Row>> + Clone + Sync + 'static,
    W: Whose<L>,
{
    loaded_as!(Vec<T>, |this, context| {
        let slices = W::pages(context.reader(), std::slice::from_ref(&this.0), Columns::ALL).await;
        slices.map(|slices| slices.into_iter().flat_map(|slice| slice.rows).map(T::from).collect::<Vec<_>>())
    });
}

impl<L, T, W> Output for First<L, T, W>
where
    L: List,
    T: Output + From<Arc<L::Row>> + Clone + Sync + 'static,
    W: Whose<L>,
{
    planned_as!(T);
    never_ready!();

    fn answer<'a>(lists: Vec<Self>, plan: &'a Self::Plan, scope: Scope<'a>) -> BoxFuture<'a, Level>
    where
        Self: 'a,
    {
        async move {
            let lists: Vec<_> = lists.into_iter().map(|First(list)| list).collect();
            // A `T` that is no object of the row names no columns: it is made of those that the list is sorted by.
            let sorted_by = lists.first().map_or(Columns::NONE, |list| list.page.columns::<L::Row>());
            match W::pages(scope.reader, &lists, T::columns(plan).and(sorted_by)).await {
                Ok(slices) => {
                    let rows = slices.into_iter().map(|slice| slice.rows.into_iter().map(T::from).collect());
                    Vec::<T>::answer(rows.collect(), plan, scope).await
                }
                Err(error) => Level::failed(lists.len(), &error, scope),
            }
        }
        .boxed()
    }
}

/// Key: one page of a parent's list.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct PageOf<L: Children> {
    parent: L::Parent,
    list: L,
    page: Page<L::Sort>,
}

/// Key: the length of a parent's list.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct CountOf<L: Children> {
    parent: L::Parent,
    list: L,
}

impl<L: Children> Batch for PageOf<L> {
    type Value = Vec<Arc<L::Row>>;

    /// One statement for all parents with the same arguments, which those of one field have: see [`Page::load_each`].
    async fn load(reader: &Reader, keys: &[Self], columns: Columns) -> Result<HashMap<Self, Self::Value>> {
        let db = &reader.app.db;
        let columns = columns.and(column_of::<L::Row>(&L::PARENT_COLUMN));
        let mut pages = HashMap::with_capacity(keys.len());
        let same_arguments = grouped(&[], keys.iter().map(|key| ((&key.list, &key.page), key.parent)));
        for ((list, page), parents) in same_arguments {
            let select = list.select(&reader.viewer, db.get_database_backend(), columns);
            let numbers: Vec<i32> = parents.iter().map(|parent| parent.number()).collect();
            let rows = page.load_each(db, select, L::PARENT_COLUMN, &numbers, columns).await?;
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

impl<L: Children> Batch for CountOf<L> {
    type Value = u64;

    async fn load(reader: &Reader, keys: &[Self], _: Columns) -> Result<HashMap<Self, u64>> {
        let db = &reader.app.db;
        let backend = db.get_database_backend();
        let mut counts = HashMap::with_capacity(keys.len());
        for (list, parents) in grouped(&[], keys.iter().map(|key| (&key.list, key.parent))) {
            let mut select = list.select(&reader.viewer, backend, Columns::NONE);
            select
                .expr_as(Expr::col(L::PARENT_COLUMN.as_column_ref()), Alias::new("parent"))
                .expr_as(Func::count(Expr::col(Asterisk)), Alias::new("count"))
                .and_where(dialect::any_of(backend, L::PARENT_COLUMN, parents.iter().map(|parent| parent.number())))
                .add_group_by([Expr::col(L::PARENT_COLUMN.as_column_ref())]);
            for row in db.query_all_raw(backend.build(&select)).await? {
                let (parent, count): (i32, i64) = (row.try_get("", "parent")?, row.try_get("", "count")?);
                counts.insert(CountOf { parent: parent.into(), list: list.clone() }, count.unsigned_abs());
            }
        }
        Ok(counts)
    }
}
