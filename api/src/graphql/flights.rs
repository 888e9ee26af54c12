//! Single-flight: callers who ask for the same at the same moment share one read (coalescing).

use std::{
    collections::HashMap,
    hash::Hash,
    ops::Deref,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use futures_util::FutureExt;
use tokio::sync::OnceCell;

use crate::domain::error::Result;

/// The reads in flight, by key: a caller with a key that is in flight waits for that read and shares its result. Cheap to clone; all
/// clones share the same reads.
pub struct Flights<K, V>(Arc<Mutex<HashMap<K, Weak<Flight<V>>>>>);

type Flight<V> = OnceCell<Result<V>>;

/// The result of a read, shared by all who asked. For as long as somebody keeps it, those who ask later are given it too.
pub struct SharedReading<V>(Arc<Flight<V>>);

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
    /// Reads once for all who ask with the same key at the same time; without a key, for this caller alone. A failure fails all who have
    /// waited, and is not kept. If the caller that reads is dropped, the next one that waits reads.
    pub async fn join<F>(&self, key: Option<K>, read: impl FnOnce() -> F) -> Result<SharedReading<V>>
    where
        F: Future<Output = Result<V>> + Send,
    {
        let cell = key.map(|key| self.cell(key)).unwrap_or_default();
        // Boxed to keep the callers' futures small: the read's own is large, and most callers only wait.
        match cell.get_or_init(|| read().boxed()).await {
            Ok(_) => Ok(SharedReading(cell)),
            Err(error) => Err(error.clone()),
        }
    }

    fn cell(&self, key: K) -> Arc<Flight<V>> {
        // Nothing panics while it holds the lock.
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = flights.get(&key).and_then(Weak::upgrade) {
            return cell;
        }
        // Swept only before the map would grow: results that nobody keeps any more make room.
        if flights.len() == flights.capacity() {
            flights.retain(|_, cell| cell.strong_count() > 0);
        }
        let cell = Arc::default();
        flights.insert(key, Arc::downgrade(&cell));
        cell
    }
}

impl<V> Deref for SharedReading<V> {
    type Target = V;

    fn deref(&self) -> &V {
        match self.0.get() {
            Some(Ok(read)) => read,
            // `join` returns only cells that hold a result, and no cell is emptied.
            Some(Err(_)) | None => unreachable!("a reading was read"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, ready},
        sync::atomic::{AtomicUsize, Ordering},
    };

    use futures_util::future::join_all;

    use super::*;
    use crate::domain::error::{Code, Error};

    /// Reads the number of readings so far, and waits meanwhile for as long as others need to join.
    async fn counted(readings: &AtomicUsize) -> Result<usize> {
        tokio::task::yield_now().await;
        Ok(readings.fetch_add(1, Ordering::SeqCst))
    }

    #[tokio::test]
    async fn those_who_ask_for_the_same_together_read_once() {
        let (flights, readings) = (Flights::default(), AtomicUsize::new(0));
        let join = |key| flights.join(key, || counted(&readings));
        let together = join_all([Some(1), Some(1), Some(2), None, None].map(join)).await;
        let read: Vec<usize> = together.iter().map(|reading| **reading.as_ref().expect("it is read")).collect();
        assert_eq!(read[0], read[1]);
        assert_eq!(readings.load(Ordering::SeqCst), 4);
        // What somebody still keeps is the same for those who come later, and nothing else is kept.
        assert_eq!(*join(Some(1)).await.expect("it is there"), read[0]);
        drop(together);
        assert_eq!(*join(Some(1)).await.expect("it is read"), 4);
    }

    #[tokio::test]
    async fn a_failure_is_everybody_s_at_once_and_not_kept() {
        let (flights, readings) = (Flights::default(), AtomicUsize::new(0));
        let fail = async || {
            counted(&readings).await?;
            Err::<usize, _>(Error::unavailable(anyhow::anyhow!("away")))
        };
        let failures = join_all((0..5).map(|_| flights.join(Some(1), fail))).await;
        let is_away = |failure: &Result<_>| failure.as_ref().is_err_and(|error| error.code == Code::Unavailable);
        assert!(failures.iter().all(is_away));
        assert_eq!(readings.load(Ordering::SeqCst), 1);
        assert_eq!(*flights.join(Some(1), || counted(&readings)).await.expect("it is back"), 1);
    }

    #[tokio::test]
    async fn who_leaves_while_it_reads_leaves_it_to_the_next() {
        let flights = Flights::<i32, i32>::default();
        let mut first = Box::pin(flights.join(Some(1), pending));
        assert!(first.as_mut().now_or_never().is_none(), "it reads");
        let mut second = Box::pin(flights.join(Some(1), || ready(Ok(2))));
        assert!(second.as_mut().now_or_never().is_none(), "it waits for the first");
        drop(first);
        assert_eq!(*second.await.expect("it reads in turn"), 2);
    }
}
