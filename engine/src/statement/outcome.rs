//! What a statement gives back: a command tag, rows that stream, and notices.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::stream;

use super::copy_stream::CopyStream;
use crate::error::Result;
use crate::execution::{Query, Rows};

/// Something worth knowing that is no error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// `WARNING` when the user may have expected something else, else `NOTICE`.
    pub severity: &'static str,
    pub message: String,
}

impl Notice {
    pub fn warning(message: impl Into<String>) -> Self {
        Self {
            severity: "WARNING",
            message: message.into(),
        }
    }

    pub fn info(message: impl Into<String>) -> Self {
        Self {
            severity: "NOTICE",
            message: message.into(),
        }
    }
}

pub struct Outcome {
    /// PostgreSQL's command tag, without the number of rows (`SELECT 5`, `INSERT 0 5`).
    pub tag: &'static str,
    pub rows: Option<Rows>,
    /// Rows that the statement wrote; the tag ends with their number.
    pub affected_rows: Option<u64>,
    pub notices: Vec<Notice>,
    /// Of COPY with the client: how its rows travel.
    pub copy: Option<CopyStream>,
}

impl Outcome {
    /// A statement that is done and gives no rows.
    pub fn done(tag: &'static str) -> Self {
        Self {
            tag,
            rows: None,
            affected_rows: None,
            notices: Vec::new(),
            copy: None,
        }
    }

    /// A statement that wrote so many rows.
    pub fn wrote(tag: &'static str, affected_rows: u64) -> Self {
        Self {
            affected_rows: Some(affected_rows),
            ..Self::done(tag)
        }
    }

    pub fn rows(tag: &'static str, rows: Rows) -> Self {
        Self {
            tag,
            rows: Some(rows),
            affected_rows: None,
            notices: Vec::new(),
            copy: None,
        }
    }

    /// Rows that are there already; for replies of a known small size.
    pub(crate) fn batch(tag: &'static str, query: &Arc<Query>, batch: RecordBatch) -> Self {
        let schema = batch.schema();
        let stream = RecordBatchStreamAdapter::new(schema, stream::iter([Ok(batch)]));
        Self::rows(tag, Rows::ready(Arc::clone(query), Box::pin(stream)))
    }

    pub(crate) fn with(mut self, notice: Notice) -> Self {
        self.notices.push(notice);
        self
    }
}

/// The schema of a reply of text columns.
pub(super) fn text_schema(columns: &[&str]) -> SchemaRef {
    Arc::new(Schema::new(
        columns
            .iter()
            .map(|c| Field::new(*c, DataType::Utf8, true))
            .collect::<Vec<_>>(),
    ))
}

/// A reply of one text column.
pub(super) fn text_column(name: &str, lines: Vec<String>) -> Result<RecordBatch> {
    let array: ArrayRef = Arc::new(StringArray::from(lines));
    Ok(RecordBatch::try_new(text_schema(&[name]), vec![array])?)
}
