//! The rows of a running query, as a stream that can be cancelled and is counted.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::{Stream, StreamExt};

use super::Query;
use crate::error::{Error, Kind, Result};
use crate::plan;

type OnError = Box<dyn FnOnce(Error) -> Error + Send>;
type Ending = Pin<Box<dyn Future<Output = Error> + Send>>;

/// Ends after the first error. Dropping it early cancels the query.
pub struct Rows {
    schema: SchemaRef,
    batches: SendableRecordBatchStream,
    query: Arc<Query>,
    /// Resolves when the query is to end early.
    ending: Ending,
    /// What the session does about an error before its client sees it.
    on_error: Option<OnError>,
    over: bool,
}

impl Rows {
    pub fn new(query: Arc<Query>, batches: SendableRecordBatchStream) -> Self {
        let ending = Box::pin(ending(Arc::clone(&query)));
        Self {
            schema: plan::shown(&batches.schema()),
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

/// Runs `work`, which may be planning or anything else, unless the query ends first.
pub(crate) async fn unless_ended<T>(
    query: &Arc<Query>,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::select! {
        biased;
        error = ending(Arc::clone(query)) => Err(error),
        result = work => result,
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
        match futures::ready!(self.batches.poll_next_unpin(context)) {
            Some(Ok(batch)) => {
                self.query.add_rows(batch.num_rows());
                Poll::Ready(Some(self.shown(batch)))
            }
            Some(Err(error)) => Poll::Ready(Some(Err(self.fail(Error::from(error))))),
            None => {
                self.over = true;
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
