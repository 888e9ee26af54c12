//! Loaders (batching, against N+1): all keys that one level of a query asks for go into one statement.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use super::flights::{Flights, SharedReading};
use crate::{app::App, domain::viewer::Viewer};

/// Loads for one viewer. Features implement [`Batch`](super::plan::Batch) for their keys beside their statements. Nothing is cached longer
/// than a level: what a mutation or a later event of a subscription reads is the present.
#[derive(Clone)]
pub struct Reader {
    pub app: Arc<App>,
    pub viewer: Viewer,
    /// The loads in flight, shared by all fields that need the same.
    pub flights: Loading,
}

impl Reader {
    pub fn new(app: Arc<App>, viewer: Viewer) -> Self {
        Reader { app, viewer, flights: Loading::default() }
    }
}

/// The loads in flight, by the types of keys and values.
#[derive(Clone, Default)]
pub struct Loading {
    flights: Arc<Mutex<HashMap<TypeId, Box<dyn Any + Send>>>>,
    /// What was loaded for the level that is being answered: a database may answer one field before the next one asks.
    kept: Arc<Mutex<Vec<Box<dyn Any + Send>>>>,
    /// What a mutation has just written, by the types of key and value.
    written: Arc<Mutex<HashMap<TypeId, Box<dyn Any + Send>>>>,
}

impl Loading {
    /// The loads in flight for keys of this type.
    pub fn of<K: Eq + Hash + Send + 'static, V: Send + Sync + 'static>(&self) -> Flights<K, V> {
        // Nothing panics while it holds the lock.
        let mut all = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        let flights = all.entry(TypeId::of::<Flights<K, V>>()).or_insert_with(|| Box::new(Flights::<K, V>::default()));
        flights.downcast_ref::<Flights<K, V>>().cloned().unwrap_or_default()
    }

    /// Keeps what was loaded until the level is answered.
    pub fn keep<V: Send + Sync + 'static>(&self, reading: SharedReading<V>) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(reading));
    }

    /// Notes what a mutation has written itself and nobody else can have changed since, for its payload need not read it again.
    pub fn note_written<K: Send + 'static, V: Send + 'static>(&self, key: K, value: V) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.insert(TypeId::of::<(K, V)>(), Box::new((key, value)));
    }

    /// What was noted of this key. It is given once: what is read later is the present.
    pub fn take_written<K: Eq + Send + 'static, V: Send + 'static>(&self, key: &K) -> Option<V> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let (noted, value) = *written.remove(&TypeId::of::<(K, V)>())?.downcast::<(K, V)>().ok()?;
        (noted == *key).then_some(value)
    }

    /// The level is answered: what is asked for next is the present.
    pub fn forget(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Groups rows by key; every key asked for gets a list, if an empty one.
pub fn grouped<K: Eq + Hash + Clone, R>(keys: &[K], rows: impl IntoIterator<Item = (K, R)>) -> HashMap<K, Vec<R>> {
    let mut lists: HashMap<K, Vec<R>> = keys.iter().map(|key| (key.clone(), Vec::new())).collect();
    for (key, row) in rows {
        lists.entry(key).or_default().push(row);
    }
    lists
}
