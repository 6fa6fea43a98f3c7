//! The engine's own threads: planning and running happen there, never on the caller's threads.
//!
//! So a caller notices at once that its query is cancelled or out of time, however long a step of
//! the work takes, and a panic in the work is an error of that statement and of no other. The
//! threads' stacks fit what the guards on depth let through ([`crate::sql::guard`]).

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::error::{Error, Kind, Result};

/// Only what is touched of a stack takes memory.
const STACK_BYTES: usize = 32 << 20;

/// However many partitions are asked for.
const MAX_THREADS: usize = 1024;

/// Threads for blocking calls, such as those of file systems.
const BLOCKING_THREADS: usize = 128;

#[derive(Debug)]
pub struct Workers {
    /// Taken when the workers are let go.
    runtime: Option<Runtime>,
}

impl Workers {
    /// More threads than queries run partitions side by side: a cancelled query may hold some until
    /// its step ends.
    pub fn start(partitions: usize) -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(
                partitions
                    .saturating_mul(2)
                    .saturating_add(2)
                    .min(MAX_THREADS),
            )
            .thread_name("quern-worker")
            .thread_stack_size(STACK_BYTES)
            .max_blocking_threads(BLOCKING_THREADS)
            .enable_all()
            .build()
            .map_err(|e| Error::new(Kind::Io, format!("cannot start threads: {e}")))?;
        Ok(Self {
            runtime: Some(runtime),
        })
    }

    /// Starts the work; it ends early when the task is dropped.
    pub fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Task<T> {
        Task(self.runtime.as_ref().map(|runtime| runtime.spawn(work)))
    }

    /// Starts work that nobody waits for.
    pub fn leave(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(work);
        }
    }
}

impl Drop for Workers {
    /// Does not wait: the last holder may be one of the workers.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Work that was started; dropping it ends the work at its next step.
#[derive(Debug)]
pub struct Task<T>(Option<JoinHandle<Result<T>>>);

impl<T> Future for Task<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(handle) = self.0.as_mut() else {
            return Poll::Ready(Err(crate::error::cancelled()));
        };
        let joined = futures::ready!(Pin::new(handle).poll(context));
        self.0 = None;
        Poll::Ready(match joined {
            Ok(result) => result,
            Err(error) => Err(match error.try_into_panic() {
                Ok(payload) => panicked(payload.as_ref()),
                Err(_) => crate::error::cancelled(),
            }),
        })
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.abort();
        }
    }
}

/// Calls `work` on this thread; a panic in it becomes an error.
pub(crate) fn or_panicked<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(panicked(payload.as_ref())))
}

fn panicked(payload: &(dyn Any + Send)) -> Error {
    let message = payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_string());
    tracing::error!(message, "a statement panicked");
    Error::internal("the statement failed by an internal error").detail(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_workers_go_on() {
        let workers = Workers::start(1).unwrap();
        let error = workers
            .run(async {
                if true {
                    panic!("seven")
                }
                Ok(())
            })
            .await
            .unwrap_err();
        assert_eq!(error.kind, Kind::Internal);
        assert_eq!(error.detail.as_deref(), Some("seven"));
        assert_eq!(workers.run(async { Ok(1) }).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn dropped_work_ends() {
        let workers = Workers::start(1).unwrap();
        let (alive, ended) = tokio::sync::oneshot::channel::<()>();
        let task = workers.run(async move {
            let _alive = alive;
            std::future::pending::<Result<()>>().await
        });
        drop(task);
        assert!(ended.await.is_err());
    }
}
