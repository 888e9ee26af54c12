//! Batched loading of relations: every key asked for at one level of a query goes into one statement.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use async_graphql::dataloader::{DataLoader, Loader};

use super::{
    batch::{BatchQueue, Immediately},
    error::{Error, Result},
};
use crate::{app::App, viewer::Viewer};

/// Loads for one viewer. Features implement `Loader<TheirKey> for Reader` beside their statements.
pub struct Reader {
    pub app: Arc<App>,
    pub viewer: Viewer,
}

/// The loaders of one operation. They keep nothing: what a mutation or a later event of a subscription reads is the present.
#[derive(Clone)]
pub struct Loaders(Arc<DataLoader<Reader>>);

/// Loaders for one operation of the viewer, whose batches run in the operation's own task through `queue`.
pub fn for_operation(app: &Arc<App>, viewer: &Viewer, queue: BatchQueue) -> Loaders {
    let reader = Reader { app: app.clone(), viewer: viewer.clone() };
    Loaders(Arc::new(DataLoader::new(reader, queue, Immediately).max_batch_size(MAXIMUM_BATCH)))
}

/// More keys than any operation within the limits asks for, so that a level is never split.
const MAXIMUM_BATCH: usize = 100_000;

impl Loaders {
    /// The value of the key; `None` where there is none.
    pub async fn load<K>(&self, key: K) -> Result<Option<<Reader as Loader<K>>::Value>>
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        Reader: Loader<K, Error = Error>,
    {
        self.0.load_one(key).await
    }

    /// The value of a key that the database guarantees to exist.
    pub async fn load_existing<K>(&self, key: K) -> Result<<Reader as Loader<K>>::Value>
    where
        K: Send + Sync + Hash + Eq + Clone + std::fmt::Debug + 'static,
        Reader: Loader<K, Error = Error>,
    {
        let name = format!("{key:?}");
        self.load(key)
            .await?
            .ok_or_else(|| Error::internal(anyhow::anyhow!("a row that is referred to is missing: {name}")))
    }
}

/// Sorts rows into lists by key; every key asked for gets a list, if an empty one.
pub fn grouped<K: Eq + Hash + Clone, R>(keys: &[K], rows: impl IntoIterator<Item = (K, R)>) -> HashMap<K, Vec<R>> {
    let mut lists: HashMap<K, Vec<R>> = keys.iter().map(|key| (key.clone(), Vec::new())).collect();
    for (key, row) in rows {
        lists.entry(key).or_default().push(row);
    }
    lists
}
