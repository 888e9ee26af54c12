//! Batching (against N+1): what is loaded for all objects of a level at once, the rows that they refer to and whatever else has a batch.

use std::{borrow::Cow, collections::HashMap, fmt::Debug, hash::Hash, sync::Arc};

use async_graphql::{
    ContextSelectionSet, OutputType, Positioned, ServerResult, Value, parser::types::Field, registry::Registry,
};
use entity::columns::Columns;
use futures_util::{
    FutureExt,
    future::{BoxFuture, join_all},
};

use super::{Answer, Level, Output, Planned, Scope, Selected, Violation};
use crate::{
    domain::error::{Error, Result},
    graphql::{
        context::OperationContext,
        loaders::Reader,
        row::{ById, Row, Visible},
    },
};

/// A key, and what is loaded by it: one batch for all keys of a level. The safe way is the short one: what the viewer may not see is not
/// loaded.
pub trait Batch: Clone + Eq + Hash + Debug + Send + Sync + 'static {
    type Value: Clone + Send + Sync + 'static;

    /// Whether several fields of an object load by the same keys, as those do that need the same right: then their loads are coalesced.
    const IS_SHARED: bool = false;

    /// Loads the values of all keys that have one. Of rows, the id and those columns are read at least.
    fn load(
        reader: &Reader,
        keys: &[Self],
        columns: Columns,
    ) -> impl Future<Output = Result<HashMap<Self, Self::Value>>> + Send;
}

/// The value of one key; `None` where it has none.
///
/// # Errors
/// Those of the batch.
pub async fn load_one<K: Batch>(reader: &Reader, key: K) -> Result<Option<K::Value>> {
    Ok(K::load(reader, std::slice::from_ref(&key), Columns::ALL).await?.remove(&key))
}

/// Loads the values of keys in one batch, each distinct key once.
///
/// # Errors
/// Those of the batch.
pub async fn load_each<K: Batch>(reader: &Reader, keys: &[K], columns: Columns) -> Result<Vec<Option<K::Value>>> {
    if let [key] = keys
        && let Some(written) = reader.flights.take_written(key)
    {
        return Ok(vec![Some(written)]);
    }
    let mut wanted: HashMap<&K, usize> = HashMap::with_capacity(keys.len());
    let mut distinct = Vec::with_capacity(keys.len());
    for key in keys {
        wanted.entry(key).and_modify(|times| *times += 1).or_insert_with(|| {
            distinct.push(key.clone());
            1
        });
    }
    let mut loaded = if K::IS_SHARED {
        let key = Some((distinct.clone(), columns));
        let loading = || async { K::load(reader, &distinct, columns).await };
        let reading = reader.flights.of::<(Vec<K>, Columns), HashMap<K, K::Value>>().join(key, loading).await?;
        let loaded = reading.clone();
        reader.flights.keep(reading);
        loaded
    } else {
        K::load(reader, &distinct, columns).await?
    };
    let values = keys.iter().map(|key| {
        let times = wanted.get_mut(key)?;
        *times -= 1;
        // The last use moves the value, only those before it clone.
        if *times == 0 { loaded.remove(key) } else { loaded.get(key).cloned() }
    });
    Ok(values.collect())
}

/// The object whose row a foreign key refers to, and which therefore exists. What is reachable stays visible, also when it
/// is no longer on sale.
pub struct One<T: Planned>(pub <T::Row as Row>::Id)
where
    T::Row: Row;

impl<T: Planned> Clone for One<T>
where
    T::Row: Row,
{
    fn clone(&self) -> Self {
        One(self.0)
    }
}

/// The object that the client asks for by its id: NOT_FOUND both for what is hidden and for what does not exist.
pub struct Found<T: Planned>
where
    T::Row: Row,
{
    pub id: <T::Row as Row>::Id,
    /// The argument that holds the id.
    pub field: &'static str,
}

impl<T: Planned> Clone for Found<T>
where
    T::Row: Row,
{
    fn clone(&self) -> Self {
        Found { ..*self }
    }
}

/// A value that is loaded by a key, and what the field makes of it.
pub struct Load<K: Batch, T> {
    key: K,
    columns: Columns,
    then: Then<K, T>,
}

type Then<K, T> = Arc<dyn Fn(Result<Option<<K as Batch>::Value>>) -> T + Send + Sync>;

impl<K: Batch, T> Load<K, T> {
    /// Loads by the key; then the field is what `then` makes of what was found, if anything was, or of the failure to look. Rows are read
    /// whole.
    pub fn new(key: K, then: impl Fn(Result<Option<K::Value>>) -> T + Send + Sync + 'static) -> Self {
        Load { key, columns: Columns::ALL, then: Arc::new(then) }
    }

    /// The same, where `then` looks at no more of rows than their ids and these columns, besides making objects of them: what is selected
    /// of those is read anyway.
    #[must_use]
    pub fn reading(self, columns: Columns) -> Self {
        Load { columns, ..self }
    }
}

impl<K: Batch, T> Clone for Load<K, T> {
    fn clone(&self) -> Self {
        Load { key: self.key.clone(), columns: self.columns, then: self.then.clone() }
    }
}

/// A value that queries the database for each object by itself: for the root of queries, of which there is only one.
pub struct Computed<T>(Computation<T>);

type Computation<T> = Arc<dyn Fn(Reader) -> BoxFuture<'static, Result<T>> + Send + Sync>;

impl<T> Computed<T> {
    pub fn new<F: Future<Output = Result<T>> + Send + 'static>(
        compute: impl Fn(Reader) -> F + Send + Sync + 'static,
    ) -> Self {
        Computed(Arc::new(move |reader| compute(reader).boxed()))
    }
}

impl<T> Clone for Computed<T> {
    fn clone(&self) -> Self {
        Computed(self.0.clone())
    }
}

/// Gives an `OutputType` the schema type of `$inner`, which it is loaded for.
macro_rules! type_of {
    ($inner:ty) => {
        fn type_name() -> Cow<'static, str> {
            <$inner>::type_name()
        }

        fn qualified_type_name() -> String {
            <$inner>::qualified_type_name()
        }

        fn create_type_info(registry: &mut Registry) -> String {
            <$inner>::create_type_info(registry)
        }
    };
}
pub(crate) use type_of;

/// Gives an `OutputType` the schema type of `$inner`, and resolves it by its plan; where async-graphql executes alone, `$alone` loads it for
/// this one object.
macro_rules! loaded_as {
    ($inner:ty, |$this:ident, $context:ident| $alone:expr) => {
        type_of!($inner);

        async fn resolve(&self, $context: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
            if !crate::graphql::plan::is_executed_alone($context) {
                return crate::graphql::plan::resolve(self, $context, field).await;
            }
            let $this = self;
            ($alone).resolve($context, field).await
        }
    };
}
pub(crate) use loaded_as;

/// Plans a value as `$inner`, which it holds or is loaded for.
macro_rules! planned_as {
    ($inner:ty) => {
        type Plan = <$inner as Output>::Plan;

        fn plan(selected: &Selected<'_>) -> ServerResult<Self::Plan> {
            <$inner as Output>::plan(selected)
        }
    };
}
pub(crate) use planned_as;

/// The value always has to be loaded: it is answered together with the others of its level, and never written by itself.
macro_rules! never_ready {
    () => {
        fn is_ready(_: &Self::Plan) -> bool {
            false
        }

        fn write(&self, _: &Self::Plan, _: Scope<'_>, answer: &mut Answer) -> std::result::Result<(), Violation> {
            answer.null();
            Ok(())
        }
    };
}
pub(crate) use never_ready;

impl<T> OutputType for One<T>
where
    T: Planned + Output + From<Arc<T::Row>>,
    T::Row: Row,
{
    loaded_as!(T, |this, context| this.load(context.reader()).await);
}

impl<T> One<T>
where
    T: Planned + From<Arc<T::Row>>,
    T::Row: Row,
{
    /// The object by itself.
    ///
    /// # Errors
    /// It could not be loaded.
    pub async fn load(&self, reader: &Reader) -> Result<T> {
        existing(self.0, load_one(reader, ById::<T::Row>(self.0)).await).map(T::from)
    }
}

/// The row that something refers to, which the database guarantees to exist.
///
/// # Errors
/// It could not be loaded.
pub fn existing<V>(id: impl Debug, row: Result<Option<V>>) -> Result<V> {
    row?.ok_or_else(|| Error::internal(anyhow::anyhow!("a row that is referred to is missing: {id:?}")))
}

impl<T> Output for One<T>
where
    T: Planned + Output + From<Arc<T::Row>>,
    T::Row: Row,
{
    planned_as!(T);
    never_ready!();

    /// Each row is loaded once, and written once, however many refer to it.
    fn answer<'a>(values: Vec<Self>, plan: &'a T::Plan, scope: Scope<'a>) -> BoxFuture<'a, Level>
    where
        Self: 'a,
    {
        async move {
            let mut places = HashMap::with_capacity(values.len());
            let mut keys = Vec::with_capacity(values.len());
            let order: Vec<usize> = values
                .iter()
                .map(|value| {
                    *places.entry(value.0).or_insert_with(|| {
                        keys.push(ById::<T::Row>(value.0));
                        keys.len() - 1
                    })
                })
                .collect();
            let objects = match Batch::load(scope.reader, &keys, T::columns(plan)).await {
                Ok(mut rows) => keys.iter().map(|key| existing(key, Ok(rows.remove(key))).map(T::from)).collect(),
                Err(error) => vec![Err(error); keys.len()],
            };
            <Result<T, Error>>::answer(objects, plan, scope).await.in_order(order.into_iter())
        }
        .boxed()
    }
}

impl<T> OutputType for Found<T>
where
    T: Planned + Output + From<Arc<T::Row>>,
    T::Row: Row,
{
    loaded_as!(T, |this, context| {
        let row = load_one(context.reader(), Visible::<T::Row>(this.id)).await;
        row.and_then(|row| row.map(T::from).ok_or_else(|| this.is_not_there()))
    });
}

impl<T: Planned> Found<T>
where
    T::Row: Row,
{
    fn is_not_there(&self) -> Error {
        T::Row::not_found().with_field(self.field)
    }
}

impl<T> Output for Found<T>
where
    T: Planned + Output + From<Arc<T::Row>>,
    T::Row: Row,
{
    planned_as!(T);
    never_ready!();

    fn answer<'a>(values: Vec<Self>, plan: &'a T::Plan, scope: Scope<'a>) -> BoxFuture<'a, Level>
    where
        Self: 'a,
    {
        async move {
            let keys: Vec<_> = values.iter().map(|value| Visible::<T::Row>(value.id)).collect();
            let objects = match load_each(scope.reader, &keys, T::columns(plan)).await {
                Ok(rows) => {
                    let asked = rows.into_iter().zip(&values);
                    asked.map(|(row, value)| row.map(T::from).ok_or_else(|| value.is_not_there())).collect()
                }
                Err(error) => vec![Err(error); values.len()],
            };
            <Result<T, Error>>::answer(objects, plan, scope).await
        }
        .boxed()
    }
}

impl<K: Batch, T: Output + 'static> OutputType for Load<K, T> {
    loaded_as!(T, |this, context| (this.then)(load_one(context.reader(), this.key.clone()).await));
}

impl<K: Batch, T: Output + 'static> Output for Load<K, T> {
    planned_as!(T);
    never_ready!();

    fn answer<'a>(values: Vec<Self>, plan: &'a T::Plan, scope: Scope<'a>) -> BoxFuture<'a, Level>
    where
        Self: 'a,
    {
        async move {
            let keys: Vec<K> = values.iter().map(|value| value.key.clone()).collect();
            let columns = values.iter().fold(T::columns(plan), |columns, value| columns.and(value.columns));
            let loaded = match load_each(scope.reader, &keys, columns).await {
                Ok(loaded) => loaded.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error); keys.len()],
            };
            let made = values.iter().zip(loaded).map(|(value, loaded)| (value.then)(loaded)).collect();
            T::answer(made, plan, scope).await
        }
        .boxed()
    }
}

impl<T: Output + 'static> OutputType for Computed<T> {
    type_of!(T);

    async fn resolve(&self, context: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        (self.0)(context.reader().clone()).await.resolve(context, field).await
    }
}

impl<T: Output + 'static> Output for Computed<T> {
    planned_as!(T);
    never_ready!();

    fn answer<'a>(values: Vec<Self>, plan: &'a T::Plan, scope: Scope<'a>) -> BoxFuture<'a, Level>
    where
        Self: 'a,
    {
        async move {
            let computed = join_all(values.iter().map(|Computed(compute)| compute(scope.reader.clone()))).await;
            <Result<T, Error>>::answer(computed, plan, scope).await
        }
        .boxed()
    }
}
