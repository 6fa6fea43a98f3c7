//! The rows of a running query, as a stream that can be cancelled and is counted.
//!
//! A plan is polled by a task of the workers, which starts with the first poll of the rows and is
//! at most [`AHEAD_BATCHES`] ahead of its reader.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;

use super::{Query, Task, Workers};
use crate::error::{Error, Kind, Result};
use crate::plan;

type OnError = Box<dyn FnOnce(Error) -> Error + Send>;
type Ending = Pin<Box<dyn Future<Output = Error> + Send>>;

/// Batches that wait for their reader.
const AHEAD_BATCHES: usize = 1;

/// How long a statement that is cancelled waits for its commit to succeed or fail.
const COMMIT_PATIENCE: Duration = Duration::from_secs(30);

/// Ends after the first error. Dropping it early cancels the query.
pub struct Rows {
    schema: SchemaRef,
    batches: Batches,
    query: Arc<Query>,
    /// Resolves when the query is to end early.
    ending: Ending,
    /// What the session does about an error before its client sees it.
    on_error: Option<OnError>,
    over: bool,
}

/// Where batches come from.
enum Batches {
    /// There already: nothing is left to compute.
    Ready(SendableRecordBatchStream),
    /// To be polled by the workers, once somebody asks.
    Waiting(SendableRecordBatchStream, Arc<Workers>),
    Running {
        received: mpsc::Receiver<Result<RecordBatch, DataFusionError>>,
        polling: Task<()>,
        /// Kept for as long as their work is.
        _workers: Arc<Workers>,
    },
    Over,
}

impl Batches {
    fn running(batches: SendableRecordBatchStream, workers: Arc<Workers>) -> Self {
        let (sender, received) = mpsc::channel(AHEAD_BATCHES);
        Self::Running {
            received,
            polling: workers.run(hand_over(batches, sender)),
            _workers: workers,
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<RecordBatch>>> {
        if let Batches::Waiting(..) = self
            && let Batches::Waiting(batches, workers) = std::mem::replace(self, Batches::Over)
        {
            *self = Self::running(batches, workers);
        }
        match self {
            Batches::Ready(batches) => batches.poll_next_unpin(context).map_err(Error::from),
            Batches::Running {
                received, polling, ..
            } => match futures::ready!(received.poll_recv(context)) {
                Some(batch) => Poll::Ready(Some(batch.map_err(Error::from))),
                // Ended, or panicked: the task knows.
                None => Pin::new(polling)
                    .poll(context)
                    .map(|end| end.err().map(Err)),
            },
            Batches::Waiting(..) | Batches::Over => Poll::Ready(None),
        }
    }
}

/// Polls a plan and hands its batches over; what the plan holds is let go before its end is told.
async fn hand_over(
    mut batches: SendableRecordBatchStream,
    sender: mpsc::Sender<Result<RecordBatch, DataFusionError>>,
) -> Result<()> {
    while let Some(batch) = batches.next().await {
        match batch {
            Ok(batch) => {
                if sender.send(Ok(batch)).await.is_err() {
                    break;
                }
            }
            Err(error) => {
                drop(batches);
                let _ = sender.send(Err(error)).await;
                return Ok(());
            }
        }
    }
    drop(batches);
    Ok(())
}

impl Rows {
    /// The rows of a plan.
    pub fn new(
        query: Arc<Query>,
        batches: SendableRecordBatchStream,
        workers: Arc<Workers>,
    ) -> Self {
        let schema = plan::shown(&batches.schema());
        Self::of(query, schema, Batches::Waiting(batches, workers))
    }

    /// Rows that are there already.
    pub fn ready(query: Arc<Query>, batches: SendableRecordBatchStream) -> Self {
        let schema = plan::shown(&batches.schema());
        Self::of(query, schema, Batches::Ready(batches))
    }

    fn of(query: Arc<Query>, schema: SchemaRef, batches: Batches) -> Self {
        let ending = Box::pin(ending(Arc::clone(&query)));
        Self {
            schema,
            batches,
            query,
            ending,
            on_error: None,
            over: false,
        }
    }

    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    pub fn query(&self) -> &Arc<Query> {
        &self.query
    }

    /// Every batch; for results that are known to be small.
    pub async fn collect(mut self) -> Result<Vec<RecordBatch>> {
        let mut batches = Vec::new();
        while let Some(batch) = self.next().await {
            batches.push(batch?);
        }
        Ok(batches)
    }

    /// The batch under the names that the user is to see.
    fn shown(&self, batch: RecordBatch) -> Result<RecordBatch> {
        if batch.schema_ref().fields() == self.schema.fields() {
            return Ok(batch);
        }
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let columns = batch.columns().to_vec();
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            columns,
            &rows,
        )?)
    }

    /// Calls `hook` with the error that ends the stream, if one does.
    pub(crate) fn on_error(mut self, hook: impl FnOnce(Error) -> Error + Send + 'static) -> Self {
        self.on_error = Some(Box::new(hook));
        self
    }

    fn fail(&mut self, error: Error) -> Error {
        self.over = true;
        self.batches = Batches::Over;
        let error = match self.on_error.take() {
            Some(hook) => hook(error),
            None => error,
        };
        self.query.finish(Err(&error));
        error
    }
}

/// The error with which a query ends when it is cancelled or its time is up.
async fn ending(query: Arc<Query>) -> Error {
    let timeout = async {
        match query.deadline() {
            Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = query.cancel_token().cancelled_owned() => {
            Error::new(Kind::Cancelled, "canceling statement due to user request")
        }
        () = timeout => Error::new(Kind::Cancelled, "canceling statement due to statement timeout")
            .hint("Raise statement_timeout, or set it to 0 for no limit."),
    }
}

/// Waits for `work`, which may be planning or anything else, unless the query ends first.
///
/// A change that is being committed is waited for, so that the reply says what became of it: it is
/// cancelled before, or it is done.
pub(crate) async fn unless_ended<T>(
    query: &Arc<Query>,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut work = std::pin::pin!(work);
    let error = tokio::select! {
        biased;
        error = ending(Arc::clone(query)) => error,
        result = &mut work => return result,
    };
    // Work that is about to commit sees it as well when its time was up.
    query.cancel();
    if !query.is_committing() {
        return Err(error);
    }
    match tokio::time::timeout(COMMIT_PATIENCE, work).await {
        Ok(Err(e)) if e.kind == Kind::Cancelled => Err(error),
        Ok(result) => result,
        Err(_) => Err(error.detail("It is not known whether the change was committed.")),
    }
}

impl Stream for Rows {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        if let Poll::Ready(error) = self.ending.as_mut().poll(context) {
            return Poll::Ready(Some(Err(self.fail(error))));
        }
        match futures::ready!(self.batches.poll_next(context)) {
            Some(Ok(batch)) => {
                self.query.add_rows(batch.num_rows());
                Poll::Ready(Some(self.shown(batch)))
            }
            Some(Err(error)) => Poll::Ready(Some(Err(self.fail(error)))),
            None => {
                self.over = true;
                self.batches = Batches::Over;
                self.query.finish(Ok(()));
                Poll::Ready(None)
            }
        }
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        if !self.over {
            self.query.cancel();
            self.query.finish(Err(&Error::new(
                Kind::Cancelled,
                "the client closed the result",
            )));
        }
    }
}
