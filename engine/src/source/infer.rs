//! Which columns the files have: declared, or learned from the files themselves.
//!
//! Parquet, Avro and Arrow files say it; every file is asked. Text files are sampled: the first
//! files in full measure, the others by their header alone.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::datasource::file_format::FileFormat;
use datafusion::execution::SessionState;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore};

use super::definition::Definition;
use super::dialect::{JsonLayout, SampleRows};
use super::format::Format;
use super::scan::Reading;
use super::{ColumnSpec, arrow_ipc, avro, csv, guard, json, location, parquet, resolve, widen};
use crate::error::{Error, Kind, Result};

/// Text files whose values are sampled; evenly spread over the list.
const SAMPLED_FILES: usize = 8;
/// Text files whose header is read; evenly spread over the list.
const SEEN_FILES: usize = 1000;

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
    let learned = match (definition.format, declared.is_empty()) {
        (Format::Json, _) => json_columns(sample, definition).await?,
        (_, true) => learned(sample, definition).await?,
        (Format::Csv, false) => {
            place_columns(sample, definition, declared).await?;
            Schema::empty()
        }
        (_, false) => Schema::empty(),
    };
    let schema = match declared.is_empty() {
        true => learned,
        false => resolve::declared(declared),
    };
    if schema.fields().is_empty() {
        return Err(Error::new(Kind::BadData, "the files have no columns").hint(
            "They may be empty; then declare the columns: CREATE TABLE t (a BIGINT, …) WITH (…).",
        ));
    }
    Ok(schema.fields().iter().map(|f| f.as_ref().clone()).collect())
}

/// Finds out whether declared columns go by the header's names.
async fn place_columns(
    sample: &Sample<'_>,
    definition: &mut Definition,
    declared: &[ColumnSpec],
) -> Result<()> {
    let reading = Reading::of(definition);
    let Some(dialect) = definition.csv.as_mut().filter(|dialect| dialect.header) else {
        return Ok(());
    };
    let mut heads = Vec::new();
    for file in spread(sample.files, SAMPLED_FILES) {
        let part = reading.part(sample.store, file, None);
        let head = csv::head_of_file(&part, dialect).await?;
        heads.push((head, file));
    }
    let folders = &definition.partition_columns;
    let in_files = declared
        .iter()
        .filter(|column| !folders.iter().any(|f| f.name == column.name));
    let in_files: Vec<_> = in_files.cloned().collect();
    dialect.by_place = csv::goes_by_place(&resolve::declared(&in_files), &heads)?;
    Ok(())
}

async fn learned(sample: &Sample<'_>, definition: &Definition) -> Result<Schema> {
    let reading = Reading::of(definition);
    let seen = match definition.format {
        Format::Csv => spread(sample.files, SEEN_FILES),
        _ => sample.files.iter().collect(),
    };
    let sampled: Vec<_> = spread(&seen, SAMPLED_FILES)
        .into_iter()
        .map(|file| &file.location)
        .collect();
    let concurrency = sample
        .state
        .config_options()
        .execution
        .meta_fetch_concurrency
        .get();
    let seen: Vec<(ObjectMeta, bool)> = seen
        .into_iter()
        .map(|file| {
            let thorough = sampled.contains(&&file.location) || sample.rows == SampleRows::All;
            (file.clone(), thorough)
        })
        .collect();
    let schemas: Vec<SchemaRef> = futures::stream::iter(seen)
        .map(|(file, thorough)| {
            let reading = &reading;
            async move { of_file(sample, reading, &file, thorough).await }
        })
        .buffered(concurrency)
        .try_collect()
        .await?;
    let merged = widen::union(schemas.iter().map(AsRef::as_ref));
    match definition.format {
        Format::Csv => Ok(settled(&merged)),
        _ => Ok(merged),
    }
}

async fn of_file(
    sample: &Sample<'_>,
    reading: &Reading,
    file: &ObjectMeta,
    thorough: bool,
) -> Result<SchemaRef> {
    let part = reading.part(sample.store, file, None);
    let schema = match reading.format {
        Format::Parquet => {
            let one = std::slice::from_ref(file);
            let format = parquet::format(sample.state);
            let schema = guard::future(format.infer_schema(sample.state, sample.store, one)).await;
            return schema.map_err(|error| unreadable(file, error.into()));
        }
        Format::Csv => {
            let dialect = reading.csv.clone().unwrap_or_default();
            if thorough {
                csv::file_schema(&part, &dialect, sample.rows).await?
            } else {
                let head = csv::head_of_file(&part, &dialect).await?;
                let fields = head
                    .names
                    .iter()
                    .map(|name| Field::new(name, DataType::Null, true));
                Schema::new(fields.collect::<Vec<_>>())
            }
        }
        Format::Avro => avro::schema(sample.store, file).await?,
        Format::Arrow => arrow_ipc::schema(sample.store, file).await?,
        Format::Delta => return Err(Error::unsupported("a Delta table in this place")),
        Format::Json => Schema::empty(),
    };
    Ok(Arc::new(schema))
}

/// Samples JSON files; all of a table's files have the same layout.
async fn json_columns(sample: &Sample<'_>, definition: &mut Definition) -> Result<Schema> {
    let reading = Reading::of(definition);
    let files = match sample.rows {
        SampleRows::All => sample.files.iter().collect(),
        SampleRows::Count(_) => spread(sample.files, SAMPLED_FILES),
    };
    let mut schemas = Vec::new();
    let mut layout: Option<JsonLayout> = None;
    for file in files {
        let part = reading.part(sample.store, file, None);
        let guessed = json::guess(&part, sample.rows).await?;
        layout = match (layout, guessed.layout) {
            (Some(JsonLayout::Array), Some(other)) | (Some(other), Some(JsonLayout::Array))
                if other != JsonLayout::Array =>
            {
                return Err(Error::new(
                    Kind::BadData,
                    format!(
                        "file \"{}\" is laid out differently than the others: some are one array, some are not",
                        location::shown(&file.location)
                    ),
                )
                .hint("Make a table of each kind."));
            }
            (Some(JsonLayout::Objects), _) | (_, Some(JsonLayout::Objects)) => {
                Some(JsonLayout::Objects)
            }
            (known, found) => known.or(found),
        };
        schemas.push(guessed.schema);
    }
    definition.json = Some(layout.unwrap_or(JsonLayout::Lines));
    Ok(settled(&widen::union(&schemas)))
}

/// At most so many of the items, the first and the last among them.
fn spread<T>(items: &[T], most: usize) -> Vec<&T> {
    if items.len() <= most {
        return items.iter().collect();
    }
    (0..most)
        .filter_map(|n| items.get(n * (items.len() - 1) / (most - 1).max(1)))
        .collect()
}

/// Columns of which no value was seen are text; any column of a text file may lack a value.
fn settled(schema: &Schema) -> Schema {
    let fields = schema
        .fields()
        .iter()
        .map(|f| Field::new(f.name(), json::settled(f.data_type()), true));
    Schema::new(fields.collect::<Vec<_>>())
}

/// Names the file in the error of a reader.
pub(super) fn unreadable(file: &ObjectMeta, error: Error) -> Error {
    named(&location::shown(&file.location), error)
}

pub(super) fn named(shown: &str, error: Error) -> Error {
    if error.message.contains(shown) {
        return error;
    }
    let kind = match error.kind {
        Kind::Io
        | Kind::UndefinedFile
        | Kind::Cancelled
        | Kind::OutOfMemory
        | Kind::Unsupported => error.kind,
        _ => Kind::BadData,
    };
    Error {
        kind,
        message: format!("cannot read file \"{shown}\": {}", error.message),
        ..error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_spread() {
        let items: Vec<usize> = (0..100).collect();
        assert_eq!(spread(&items, 3), [&0, &49, &99]);
        assert_eq!(spread(&items, 200).len(), 100);
        assert_eq!(spread(&items, 1), [&0]);
    }
}
