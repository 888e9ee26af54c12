//! What many subscribers are told at the same moment is resolved once for all who select the same and have the same rights.
//!
//! An event that a thousand sockets wait for would otherwise be resolved a thousand times, with all statements that its relations take.
//! `docs/decisions/0012-events-are-read-and-resolved-once.md` has the measurements.

use std::{
    borrow::Cow,
    collections::HashMap,
    hash::Hash,
    ops::Deref,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use async_graphql::{
    ContextSelectionSet, OutputType, Positioned, Request, ServerResult, Value, parser::types::Field, registry::Registry,
};
use futures_util::FutureExt;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::{context::OperationContext, error::Result, ids::UserId};
use crate::viewer::Rights;

/// For how long what was resolved counts as the present.
const FRESH: Duration = Duration::from_secs(1);

/// What a subscription selects: the same for documents, operation names and variables that are the same to the letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Selection([u8; 32]);

impl Selection {
    /// That of a request as it was sent.
    pub fn of(request: &Request) -> Self {
        let whole = (&request.query, &request.operation_name, &request.variables);
        // Maps here have text for keys, and nothing else makes JSON fail.
        let whole = serde_json::to_vec(&whole).unwrap_or_default();
        Selection(Sha256::digest(&whole).into())
    }
}

/// An event that several subscribers may be told. Clones are the same event, and share what is resolved of it.
pub struct Shared<T>(Arc<Event<T>>);

struct Event<T> {
    value: T,
    resolved: Mutex<HashMap<(UserId, Selection), (Rights, Resolved)>>,
}

/// What was resolved without an error, and when.
type Resolved = Arc<OnceCell<(Instant, Value)>>;

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Shared(self.0.clone())
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T> Shared<T> {
    pub fn new(value: T) -> Self {
        Shared(Arc::new(Event { value, resolved: Mutex::default() }))
    }

    /// Where to find what the viewer selects; none for whom it is not shared.
    fn resolved(&self, context: &ContextSelectionSet<'_>) -> Option<Resolved> {
        let (user, selection) = (context.viewer().user()?, context.data::<Selection>().ok()?);
        // Nothing panics while it holds the lock.
        let mut all = self.0.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        let (rights, resolved) =
            all.entry((user.id, *selection)).or_insert_with(|| (user.rights(), Resolved::default()));
        user.has(rights).then(|| resolved.clone())
    }
}

impl<T: OutputType> OutputType for Shared<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn qualified_type_name() -> String {
        T::qualified_type_name()
    }

    fn introspection_type_name(&self) -> Cow<'static, str> {
        (**self).introspection_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        // Boxed, for most who come here do not need it: it has been resolved.
        let resolve = || (**self).resolve(context, field).boxed();
        let Some(resolved) = self.resolved(context) else {
            return resolve().await;
        };
        let shared = resolved.get_or_try_init(async || {
            let at = Instant::now();
            match resolve().await {
                Ok(value) if has_no_errors(context) => Ok((at, value)),
                // Whoever comes next tries for itself: errors are told with the operation that they arose in.
                value => Err(value),
            }
        });
        match shared.await {
            Ok((at, value)) if at.elapsed() < FRESH => Ok(value.clone()),
            // A slow client asks late, and is shown what is then.
            Ok(_) => resolve().await,
            Err(own) => own,
        }
    }
}

fn has_no_errors(context: &ContextSelectionSet<'_>) -> bool {
    context.query_env.errors.lock().is_ok_and(|errors| errors.is_empty())
}

/// What is read at this moment, by what it is read for: whoever asks for the same meanwhile is given the same. Cheap to clone; all clones
/// are the same.
pub struct Flights<K, V>(Arc<Mutex<HashMap<K, Weak<OnceCell<V>>>>>);

/// What was read. It is shared for as long as somebody keeps it.
pub struct Reading<V>(Arc<OnceCell<V>>);

impl<K, V> Clone for Flights<K, V> {
    fn clone(&self) -> Self {
        Flights(self.0.clone())
    }
}

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Flights(Arc::default())
    }
}

impl<K: Eq + Hash, V: Send> Flights<K, V> {
    /// Reads once for all who ask with the same key at the same time; and for nobody else without one.
    pub async fn join<F>(&self, key: Option<K>, read: impl FnOnce() -> F) -> Result<Reading<V>>
    where
        F: Future<Output = Result<V>> + Send,
    {
        let cell = key.map(|key| self.cell(key)).unwrap_or_default();
        // Boxed, for what is read takes much room while it is, and most who come here only wait for it.
        cell.get_or_try_init(|| read().boxed()).await?;
        Ok(Reading(cell))
    }

    fn cell(&self, key: K) -> Arc<OnceCell<V>> {
        // Nothing panics while it holds the lock.
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = flights.get(&key).and_then(Weak::upgrade) {
            return cell;
        }
        // Those that have landed go when there would be no room for another one.
        if flights.len() == flights.capacity() {
            flights.retain(|_, cell| cell.strong_count() > 0);
        }
        let cell = Arc::default();
        flights.insert(key, Arc::downgrade(&cell));
        cell
    }
}

impl<V> Deref for Reading<V> {
    type Target = V;

    fn deref(&self) -> &V {
        // It is made only of a cell that has been filled, and no cell is emptied.
        #[expect(clippy::expect_used)]
        self.0.get().expect("what was read is there")
    }
}
