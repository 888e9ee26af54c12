//! Batches that run inside the request's own task.
//!
//! async-graphql's `DataLoader` spawns a task for each batch and lets a timer pass before it takes the keys: 2 ms a level with
//! the default, and batches that split when the runtime's other threads are faster than the query. Here a batch is put on a
//! queue of its request instead, and is started when the query cannot go on without it. Nothing is waited for, a level is
//! exactly one batch of each kind of key, and everything of a request runs in one task, so that dropping the request drops
//! its batches. `docs/decisions/0003-batches-in-the-requests-task.md` has the measurements.

use std::{
    future::{Future, poll_fn},
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use async_graphql::runtime::Timer;
use futures_util::{
    FutureExt, Stream, StreamExt,
    future::BoxFuture,
    stream::{self, FuturesUnordered},
    task::{FutureObj, Spawn, SpawnError},
};

/// The batches that one operation has asked for and that have not been started.
///
/// Given to a `DataLoader` as its spawner, together with [`Immediately`] as its timer; [`drive`] or [`drive_stream`] start
/// what is queued. A loader made with the queue of an operation that nothing drives never answers.
#[derive(Clone, Default)]
pub struct BatchQueue(Arc<Mutex<Vec<FutureObj<'static, ()>>>>);

impl BatchQueue {
    fn take_from(&self, start: usize) -> Vec<FutureObj<'static, ()>> {
        // A queue stays whole whatever happened to a holder of its lock: pushing and splitting do not panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).split_off(start)
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Spawn for BatchQueue {
    fn spawn_obj(&self, batch: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(batch);
        Ok(())
    }
}

/// A timer that is ready at once: the queue already waits for the right moment.
pub struct Immediately;

impl Timer for Immediately {
    fn delay(&self, _: Duration) -> BoxFuture<'static, ()> {
        std::future::ready(()).boxed()
    }
}

/// Runs `query` to its end, starting the batches that it queues.
pub async fn drive<F: Future>(queue: BatchQueue, query: F) -> F::Output {
    let mut query = pin!(query);
    let mut batches = Batches::new(queue);
    poll_fn(|context| batches.poll_with(context, |context| query.as_mut().poll(context))).await
}

/// The items of `events`, starting the batches that making them queues.
pub fn drive_stream<S>(queue: BatchQueue, events: S) -> impl Stream<Item = S::Item>
where
    S: Stream + Unpin,
{
    let mut events = events;
    let mut batches = Batches::new(queue);
    stream::poll_fn(move |context| batches.poll_with(context, |context| events.poll_next_unpin(context)))
}

struct Batches {
    queue: BatchQueue,
    running: FuturesUnordered<BoxFuture<'static, ()>>,
}

impl Batches {
    fn new(queue: BatchQueue) -> Self {
        Self { queue, running: FuturesUnordered::new() }
    }

    /// Polls the query, then the batches, until neither can go on.
    ///
    /// A new batch waits while others run, so that those which wait for different statements of one level still ask for the
    /// next level together. Not so the batches that a running one asked for: it may be waiting for them.
    fn poll_with<T>(
        &mut self,
        context: &mut Context<'_>,
        mut poll_query: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        loop {
            if let Poll::Ready(output) = poll_query(context) {
                return Poll::Ready(output);
            }
            if self.running.is_empty() {
                self.start(0);
            }
            let asked_by_query = self.queue.len();
            let finished = self.running.poll_next_unpin(context);
            if self.start(asked_by_query) {
                continue;
            }
            if ready!(finished).is_none() {
                return Poll::Pending;
            }
        }
    }

    /// Starts the queued batches from the given one on, and says whether there were any.
    fn start(&mut self, first: usize) -> bool {
        let batches = self.queue.take_from(first);
        let started = !batches.is_empty();
        self.running.extend(batches.into_iter().map(|batch| {
            let batch = AssertUnwindSafe(batch).catch_unwind();
            // Its waiters hear from it no more, and panic in their turn, with nothing to say of why, which the log has; others are not
            // disturbed.
            batch.map(|end| end.unwrap_or_else(|_| tracing::debug!("a batch of loads ends in a panic"))).boxed()
        }));
        started
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashMap,
        convert::Infallible,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use async_graphql::{
        Context, EmptyMutation, EmptySubscription, Object, Request, Schema,
        dataloader::{DataLoader, Loader},
    };

    use super::*;

    #[derive(Default)]
    struct Numbers {
        batches: Arc<AtomicUsize>,
    }

    /// A number that is looked up by its parent's, on one level of a tree.
    #[derive(Clone, PartialEq, Eq, Hash)]
    struct Key(u32);

    impl Loader<Key> for Numbers {
        type Value = u32;
        type Error = Infallible;

        async fn load(&self, keys: &[Key]) -> Result<HashMap<Key, u32>, Infallible> {
            self.batches.fetch_add(1, Ordering::SeqCst);
            assert!(keys.iter().all(|key| key.0 < 1_000_000), "a bad number");
            // As long as a statement may take: other threads would have the time to ask for less than a level.
            tokio::time::sleep(Duration::from_micros(200)).await;
            Ok(keys.iter().map(|key| (key.clone(), key.0 * 10)).collect())
        }
    }

    struct Number(u32);

    #[Object]
    impl Number {
        async fn value(&self) -> u32 {
            self.0
        }

        async fn children(&self, context: &Context<'_>) -> Vec<Number> {
            let loader = context.data_unchecked::<DataLoader<Numbers>>();
            let loads = (0..5).map(|child| loader.load_one(Key(self.0 + child)));
            let loaded = futures_util::future::join_all(loads).await;
            loaded.into_iter().filter_map(|number| number.unwrap_or(None)).map(Number).collect()
        }
    }

    struct Query;

    #[Object]
    impl Query {
        async fn roots(&self) -> Vec<Number> {
            (1..=20).map(Number).collect()
        }

        async fn bad(&self, context: &Context<'_>) -> Option<u32> {
            let loader = context.data_unchecked::<DataLoader<Numbers>>();
            loader.load_one(Key(u32::MAX)).await.unwrap_or(None)
        }
    }

    fn schema() -> Schema<Query, EmptyMutation, EmptySubscription> {
        Schema::new(Query, EmptyMutation, EmptySubscription)
    }

    const TREE: &str = "{ roots { value children { value children { value children { value } } } } }";

    /// Runs the query with loaders of its own, and gives the number of batches.
    async fn batches_of(query: &str) -> usize {
        let (queue, numbers) = (BatchQueue::default(), Numbers::default());
        let batches = numbers.batches.clone();
        let request =
            Request::new(query).data(DataLoader::new(numbers, queue.clone(), Immediately).max_batch_size(100_000));
        let response = drive(queue, schema().execute(request)).await;
        assert!(response.errors.is_empty(), "{:?}", response.errors);
        batches.load(Ordering::SeqCst)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_level_is_one_batch() {
        let queries = (0..40).map(|_| tokio::spawn(batches_of(TREE)));
        for batches in futures_util::future::join_all(queries).await {
            assert_eq!(batches.unwrap(), 3);
        }
    }

    #[tokio::test]
    async fn a_panic_in_a_batch_ends_its_own_query_only() {
        let bad = tokio::spawn(batches_of("{ bad }")).await;
        assert!(bad.is_err_and(|failure| failure.is_panic()));
        assert_eq!(batches_of(TREE).await, 3);
    }

    /// Doubles a number that another loader of the same operation looks up.
    struct Doubles(DataLoader<Numbers>);

    impl Loader<u32> for Doubles {
        type Value = u32;
        type Error = Infallible;

        async fn load(&self, keys: &[u32]) -> Result<HashMap<u32, u32>, Infallible> {
            let numbers = self.0.load_many(keys.iter().map(|key| Key(*key))).await?;
            Ok(numbers.into_iter().map(|(key, number)| (key.0, 2 * number)).collect())
        }
    }

    #[tokio::test]
    async fn a_batch_may_wait_for_another() {
        let queue = BatchQueue::default();
        let numbers = DataLoader::new(Numbers::default(), queue.clone(), Immediately);
        let doubles = DataLoader::new(Doubles(numbers), queue.clone(), Immediately);
        let doubled = tokio::time::timeout(Duration::from_secs(5), drive(queue, doubles.load_one(3)));
        assert_eq!(doubled.await, Ok(Ok(Some(60))));
    }

    #[tokio::test]
    async fn events_of_a_stream_are_batched_too() {
        let (queue, numbers) = (BatchQueue::default(), Numbers::default());
        let batches = numbers.batches.clone();
        let loader = Arc::new(DataLoader::new(numbers, queue.clone(), Immediately));
        let events = stream::iter(1..=3).then(move |event| {
            let loader = loader.clone();
            async move {
                let keys = [Key(event), Key(event + 1)].map(|key| loader.load_one(key));
                futures_util::future::join_all(keys).await.len()
            }
        });
        let counts: Vec<_> = drive_stream(queue, events.boxed()).collect().await;
        assert_eq!(counts, [2, 2, 2]);
        assert_eq!(batches.load(Ordering::SeqCst), 3);
    }

    /// `cargo test --release -p tiffin --lib batching_compared -- --ignored --nocapture`; the decision has a result.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "a measurement, not a test"]
    async fn batching_compared() {
        use async_graphql::runtime::{TokioSpawner, TokioTimer};
        const ROUNDS: u32 = 300;
        let schema = schema();
        let levels = "{ roots { value children { value ... } } }";
        for depth in 1..=3 {
            let query = (1..depth).fold(levels.to_owned(), |query, _| query.replace("...", "children { value ... }"));
            let query = query.replace("...", "");
            let (mut ours, mut default, mut default_batches) = (Duration::ZERO, Duration::ZERO, 0);
            for _ in 0..ROUNDS {
                let started = std::time::Instant::now();
                let queue = BatchQueue::default();
                let loader = DataLoader::new(Numbers::default(), queue.clone(), Immediately).max_batch_size(100_000);
                drive(queue, schema.execute(Request::new(&query).data(loader))).await;
                ours += started.elapsed();

                let started = std::time::Instant::now();
                let numbers = Numbers::default();
                let batches = numbers.batches.clone();
                let loader =
                    DataLoader::new(numbers, TokioSpawner::current(), TokioTimer::default()).max_batch_size(100_000);
                schema.execute(Request::new(&query).data(loader)).await;
                default += started.elapsed();
                default_batches += batches.load(Ordering::SeqCst);
            }
            println!(
                "{depth} levels: in the task {:.2?}, default {:.2?} and {:.2} batches; ratio {:.2}",
                ours / ROUNDS,
                default / ROUNDS,
                default_batches as f64 / f64::from(ROUNDS),
                default.as_secs_f64() / ours.as_secs_f64(),
            );
        }
    }
}
