//! How the files of a scan are opened: DataFusion's `FileSource` for every format but Parquet,
//! which has DataFusion's own.
//!
//! Columns go by name: what a file lacks is NULL, what the table lacks is left out, and values are
//! cast to the table's types. Ranges are exact: they were chosen when the table was cut into
//! chunks, and are not cut again.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::CastOptions;
use arrow::datatypes::SchemaRef;
use datafusion::common::nested_struct::cast_column;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result as DfResult};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileOpenFuture, FileOpener, FileScanConfig, FileSource,
};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricBuilder};
use datafusion::physical_plan::{DisplayFormatType, apply_expression_roots};
use datafusion_datasource::projection::{ProjectionOpener, SplitProjection};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore};
use serde::{Deserialize, Serialize};

use super::definition::Definition;
use super::dialect::{Csv, JsonLayout};
use super::format::{Compression, Format, Named};
use super::text::{Counters, Part, Text};
use super::{arrow_ipc, avro, csv, json};
use crate::error::{Error, Result};

/// What the files look like; everything a reader needs besides the schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub format: Format,
    /// None: each file's name says it.
    pub compression: Option<Compression>,
    pub csv: Option<Csv>,
    pub json: Option<JsonLayout>,
    #[serde(default)]
    pub text: Text,
}

impl Reading {
    pub fn of(definition: &Definition) -> Self {
        Self {
            format: definition.format,
            compression: definition.compression,
            csv: definition.csv.clone(),
            json: definition.json,
            text: definition.text.clone(),
        }
    }

    /// A part of a text file, or all of it.
    pub fn part(
        &self,
        store: &Arc<dyn ObjectStore>,
        file: &ObjectMeta,
        range: Option<Range<u64>>,
    ) -> Part {
        Part {
            store: Arc::clone(store),
            compression: self.compression_of(file),
            text: self.text.clone(),
            file: file.clone(),
            range,
        }
    }

    pub fn compression_of(&self, file: &ObjectMeta) -> Compression {
        match self.format.is_text() {
            true => self
                .compression
                .unwrap_or_else(|| Named::of(file.location.as_ref()).compression),
            false => Compression::None,
        }
    }
}

/// Reads CSV, JSON, Avro and Arrow files.
#[derive(Debug, Clone)]
pub struct FormatSource {
    reading: Reading,
    table_schema: TableSchema,
    projection: SplitProjection,
    batch_rows: Option<usize>,
    metrics: ExecutionPlanMetricsSet,
}

impl FormatSource {
    pub fn new(reading: Reading, table_schema: TableSchema) -> Self {
        Self {
            reading,
            projection: SplitProjection::unprojected(&table_schema),
            table_schema,
            batch_rows: None,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    pub fn reading(&self) -> &Reading {
        &self.reading
    }
}

/// Metrics of what the option bad_rows did.
pub const SKIPPED_ROWS: &str = "bad_rows_skipped";
pub const NULLED_VALUES: &str = "bad_values_nulled";

const DEFAULT_BATCH_ROWS: usize = 8192;

impl FileSource for FormatSource {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        _config: &FileScanConfig,
        partition: usize,
    ) -> DfResult<Arc<dyn FileOpener>> {
        let table = Arc::clone(self.table_schema.file_schema());
        let wanted = self.projection.file_indices.clone();
        let counter = |name| MetricBuilder::new(&self.metrics).counter(name, partition);
        let opener = Opener {
            store,
            reading: self.reading.clone(),
            schema: Arc::new(table.project(&wanted)?),
            table,
            wanted,
            batch_rows: self.batch_rows.unwrap_or(DEFAULT_BATCH_ROWS),
            counters: Counters {
                bytes: counter("bytes_scanned"),
                skipped_rows: counter(SKIPPED_ROWS),
                nulled_values: counter(NULLED_VALUES),
            },
        };
        ProjectionOpener::try_new(
            self.projection.clone(),
            Arc::new(opener),
            self.table_schema.file_schema(),
        )
    }

    fn table_schema(&self) -> &TableSchema {
        &self.table_schema
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        Arc::new(Self {
            batch_rows: Some(batch_size),
            ..self.clone()
        })
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        Some(&self.projection.source)
    }

    fn try_pushdown_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> DfResult<Option<Arc<dyn FileSource>>> {
        let merged = self.projection.source.try_merge(projection)?;
        let projection = SplitProjection::new(self.table_schema.file_schema(), &merged);
        Ok(Some(Arc::new(Self {
            projection,
            ..self.clone()
        })))
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        &self.metrics
    }

    fn file_type(&self) -> &str {
        self.reading.format.name()
    }

    fn supports_repartitioning(&self) -> bool {
        false
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        apply_expression_roots(self.projection.source.iter(), f)
    }

    fn fmt_extra(&self, _: DisplayFormatType, _: &mut fmt::Formatter) -> fmt::Result {
        Ok(())
    }
}

struct Opener {
    store: Arc<dyn ObjectStore>,
    reading: Reading,
    table: SchemaRef,
    wanted: Vec<usize>,
    /// The wanted columns of the table.
    schema: SchemaRef,
    batch_rows: usize,
    counters: Counters,
}

impl FileOpener for Opener {
    fn open(&self, file: PartitionedFile) -> DfResult<FileOpenFuture> {
        let range = file.range.map(|range| {
            let offset = |n: i64| u64::try_from(n).unwrap_or(0);
            offset(range.start)..offset(range.end)
        });
        let file = file.object_meta;
        let opening = self.batches(file, range);
        Ok(Box::pin(async move {
            let batches = opening.await?;
            Ok(batches.map_err(DataFusionError::from).boxed())
        }))
    }
}

type Batches = BoxStream<'static, Result<RecordBatch>>;

impl Opener {
    fn batches(
        &self,
        file: ObjectMeta,
        range: Option<Range<u64>>,
    ) -> impl Future<Output = Result<Batches>> + use<> {
        let store = Arc::clone(&self.store);
        let reading = self.reading.clone();
        let (table, schema, wanted) = (
            Arc::clone(&self.table),
            Arc::clone(&self.schema),
            self.wanted.clone(),
        );
        let (batch_rows, counters) = (self.batch_rows, self.counters.clone());
        async move {
            let count = Some(counters.bytes.clone());
            match reading.format {
                Format::Csv => {
                    let plan = csv::ReadPlan {
                        part: reading.part(&store, &file, range),
                        dialect: reading.csv.unwrap_or_default(),
                        table,
                        wanted,
                        batch_rows,
                        counters,
                    };
                    Ok(csv::read(plan).await?.boxed())
                }
                Format::Json => {
                    let plan = json::ReadPlan {
                        part: reading.part(&store, &file, range),
                        layout: reading.json.unwrap_or(JsonLayout::Lines),
                        table,
                        wanted,
                        batch_rows,
                        counters,
                    };
                    Ok(json::read(plan).await?.boxed())
                }
                Format::Avro => {
                    let shown = super::location::shown(&file.location);
                    let batches = avro::read(store, file, batch_rows, count).await?;
                    Ok(adapted(batches.boxed(), schema, shown))
                }
                Format::Arrow => {
                    let shown = super::location::shown(&file.location);
                    let batches = arrow_ipc::read(store, file, range, count).await?;
                    Ok(adapted(batches, schema, shown))
                }
                Format::Parquet | Format::Delta => {
                    Err(Error::internal("Parquet has a source of its own"))
                }
            }
        }
    }
}

/// Gives each batch the wanted columns, by name and with the table's types.
fn adapted(batches: Batches, schema: SchemaRef, shown: String) -> Batches {
    batches
        .map(move |batch| {
            let batch = batch?;
            adapt(&batch, &schema).map_err(|error| {
                let error = Error::from(error);
                Error {
                    message: format!("file \"{shown}\": {}", error.message),
                    ..error
                }
            })
        })
        .boxed()
}

fn adapt(batch: &RecordBatch, schema: &SchemaRef) -> DfResult<RecordBatch> {
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let columns = schema
        .fields()
        .iter()
        .map(|field| match batch.column_by_name(field.name()) {
            Some(column) => cast_column(column, field.data_type(), &options),
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
        });
    let columns = columns.collect::<DfResult<Vec<_>>>()?;
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &rows,
    )?)
}
