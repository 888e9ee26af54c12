//! Graceful shutdown: all that outlives a request learns that the process is about to end, and the process waits until all of it is
//! drained.

use std::time::Duration;

use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinError,
};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TrackedFuture},
};

/// The end of the process, handed to all that outlives a request. Cheap to clone; all clones are the same.
///
/// It comes in steps: *announced* (readiness says no, all else goes on), *requested* (no new work; sockets close, background tasks
/// return), and then the deadline that the server keeps.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    announced: CancellationToken,
    requested: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    pub fn new() -> Self {
        Self::default()
    }

    /// Ready when no new work should begin. The future borrows nothing.
    pub fn requested(&self) -> impl Future<Output = ()> + Send + use<> {
        self.requested.clone().cancelled_owned()
    }

    /// Ready when the end is near. The future borrows nothing.
    pub fn announced(&self) -> impl Future<Output = ()> + Send + use<> {
        self.announced.clone().cancelled_owned()
    }

    /// Ready at a random moment within `spread` of the request (jitter): were all that are connected sent elsewhere at once, they would
    /// arrive there at once. The future borrows nothing.
    pub fn departure(&self, spread: Duration) -> impl Future<Output = ()> + Send + use<> {
        let requested = self.requested();
        async move {
            requested.await;
            tokio::time::sleep(spread.mul_f64(rand::random::<f64>())).await;
        }
    }

    /// Whether no new work should begin.
    pub fn is_requested(&self) -> bool {
        self.requested.is_cancelled()
    }

    /// Whether the end is near: load balancers should send nothing new.
    pub fn is_announced(&self) -> bool {
        self.announced.is_cancelled()
    }

    /// The same future, which [`wait`](Self::wait) then waits for. It should end soon after [`requested`](Self::requested).
    pub fn track<F: Future>(&self, future: F) -> TrackedFuture<F> {
        self.tasks.track_future(future)
    }

    /// Does this beside everything else, and stops in the middle when no new work should begin.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let requested = self.requested();
        tokio::spawn(self.track(async move {
            tokio::select! {
                () = requested => {}
                () = work => {}
            }
        }));
    }

    /// Does this to its end, which [`wait`](Self::wait) waits for, also when whoever wants it stops in the middle.
    pub fn to_its_end<T, F>(&self, work: F) -> impl Future<Output = T> + Send + use<T, F>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let task = tokio::spawn(self.track(work));
        async move {
            match task.await.map_err(JoinError::try_into_panic) {
                Ok(done) => done,
                Err(Ok(panic)) => std::panic::resume_unwind(panic),
                // The runtime itself is about to end.
                Err(Err(_)) => std::future::pending().await,
            }
        }
    }

    /// Announces the end now, and requests it after the delay.
    pub async fn begin(&self, delay: Duration) {
        self.announced.cancel();
        tokio::time::sleep(delay).await;
        self.requested.cancel();
    }

    /// Ready when everything tracked has ended. Call it after the request only.
    pub async fn wait(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// The next SIGTERM or SIGINT, by its name.
pub async fn next_signal() -> std::io::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => Ok("SIGTERM"),
        _ = interrupt.recv() => Ok("SIGINT"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_announced_then_requested_and_waits_for_what_is_tracked() {
        let shutdown = Shutdown::new();
        let (finish, finished) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(shutdown.track(async move { finished.await.is_ok() }));
        let begun = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.begin(Duration::from_millis(200)).await }
        });
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(shutdown.is_announced() && !shutdown.is_requested());
        shutdown.requested().await;
        begun.await.expect("no panic");

        assert!(tokio::time::timeout(Duration::from_millis(50), shutdown.wait()).await.is_err());
        finish.send(()).expect("the task listens");
        shutdown.wait().await;
        assert!(task.await.expect("no panic"));
    }
}
