//! The cursors of a session: queries whose rows are fetched a few at a time.
//!
//! A cursor is one query that runs, read from its start to its end. While rows are fetched it is
//! with them, and goes back to its session when they have been taken or their reader stops.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::RecordBatchStream;
use futures::{Stream, StreamExt};

use super::Variables;
use crate::execution::Rows;

pub struct OpenCursor {
    rows: Rows,
    /// Rows that were computed and not fetched yet.
    rest: Option<RecordBatch>,
    /// Whether it outlives its transaction.
    pub held: bool,
}

impl fmt::Debug for OpenCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenCursor")
            .field("held", &self.held)
            .finish()
    }
}

impl OpenCursor {
    pub fn new(rows: Rows, held: bool) -> Self {
        Self {
            rows,
            rest: None,
            held,
        }
    }

    pub fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }
}

/// The next rows of a cursor, up to a number of them.
pub(super) struct Fetched {
    name: String,
    cursor: Option<OpenCursor>,
    left: usize,
    home: Arc<Variables>,
    schema: SchemaRef,
}

impl Fetched {
    /// Takes the cursor from its session; `None` when there is none of that name.
    pub fn new(home: &Arc<Variables>, name: &str, rows: usize) -> Option<Self> {
        let cursor = home.cursors.lock().remove(name)?;
        Some(Self {
            name: name.to_string(),
            schema: cursor.schema(),
            cursor: Some(cursor),
            left: rows,
            home: Arc::clone(home),
        })
    }
}

impl Stream for Fetched {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(cursor) = this.cursor.as_mut().filter(|_| this.left > 0) else {
            return Poll::Ready(None);
        };
        let batch = match cursor.rest.take() {
            Some(batch) => batch,
            None => match futures::ready!(cursor.rows.poll_next_unpin(task)) {
                Some(Ok(batch)) => batch,
                Some(Err(error)) => {
                    this.cursor = None;
                    return Poll::Ready(Some(Err(DataFusionError::from(error))));
                }
                None => return Poll::Ready(None),
            },
        };
        let now = batch.num_rows().min(this.left);
        if now < batch.num_rows() {
            cursor.rest = Some(batch.slice(now, batch.num_rows() - now));
        }
        this.left -= now;
        Poll::Ready(Some(Ok(batch.slice(0, now))))
    }
}

impl RecordBatchStream for Fetched {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

impl Drop for Fetched {
    fn drop(&mut self) {
        if let Some(cursor) = self.cursor.take() {
            let name = std::mem::take(&mut self.name);
            self.home.cursors.lock().insert(name, cursor);
        }
    }
}
