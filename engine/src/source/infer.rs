//! Which columns the files have: declared, or learned from the files themselves.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::execution::SessionState;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore};

use super::definition::Definition;
use super::dialect::SampleRows;
use super::{ColumnSpec, adapt, location, resolve, widen};
use crate::error::{Error, Kind, Result};

/// What inference may look at.
pub(super) struct Sample<'a> {
    pub state: &'a SessionState,
    pub store: &'a Arc<dyn ObjectStore>,
    pub files: &'a [ObjectMeta],
    pub rows: SampleRows,
}

/// The columns of the files; fills in what else the definition needs to read them.
pub(super) async fn columns(
    sample: &Sample<'_>,
    definition: &mut Definition,
    declared: &[ColumnSpec],
) -> Result<Vec<Field>> {
    let schema = match declared.is_empty() {
        true => learned(sample, definition).await?,
        false => resolve::declared(declared),
    };
    Ok(schema.fields().iter().map(|f| f.as_ref().clone()).collect())
}

async fn learned(sample: &Sample<'_>, definition: &Definition) -> Result<Schema> {
    let format = adapt::format(definition, sample.state, sample.rows);
    let concurrency = sample
        .state
        .config_options()
        .execution
        .meta_fetch_concurrency
        .get();
    let schemas: Vec<SchemaRef> = futures::stream::iter(sample.files.iter().cloned())
        .map(|file: ObjectMeta| {
            let format = Arc::clone(&format);
            async move {
                let one = std::slice::from_ref(&file);
                let schema = format.infer_schema(sample.state, sample.store, one).await;
                schema.map_err(|error| unreadable(&file, error.into()))
            }
        })
        .buffered(concurrency)
        .try_collect()
        .await?;
    let schema = widen::union(schemas.iter().map(AsRef::as_ref));
    match schema.fields().is_empty() {
        true => Err(Error::new(Kind::BadData, "the files have no columns")),
        false => Ok(schema),
    }
}

/// Names the file in the error of a reader.
pub(super) fn unreadable(file: &ObjectMeta, error: Error) -> Error {
    let shown = location::shown(&file.location);
    if error.message.contains(&shown) {
        return error;
    }
    let kind = match error.kind {
        Kind::Internal | Kind::InvalidStatement | Kind::InvalidText | Kind::TypeMismatch => {
            Kind::BadData
        }
        other => other,
    };
    Error {
        kind,
        message: format!("cannot read file \"{shown}\": {}", error.message),
        hint: None,
        ..error
    }
}
