//! Writing the rows of one partition of a plan as Parquet files of about the target size.
//!
//! One file is open at a time. A new one begins when the target is reached (for a clustered table
//! not before the key changes, so that no key stands in two files) and when the partition values
//! change, for which the rows must arrive sorted by them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::partition;
use arrow::datatypes::{DataType, Float32Type, Float64Type, SchemaRef};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue};
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::execution::memory_pool::MemoryReservation;
use deltalake_core::kernel::Add;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parking_lot::Mutex;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::async_writer::AsyncArrowWriter;

use super::write::WriteTarget;
use super::{bounds, encoding};
use crate::error::{Error, Kind, Result};

/// The files that a statement has written so far, to be removed if it fails.
#[derive(Debug, Clone, Default)]
pub struct Written {
    paths: Arc<Mutex<Vec<Path>>>,
    /// The statement failed: what is finished from now on removes itself.
    discarded: Arc<AtomicBool>,
    /// A commit has begun that may name them: they stay, whatever becomes of the statement.
    kept: Arc<AtomicBool>,
}

impl Written {
    fn note(&self, path: &Path) {
        self.paths.lock().push(path.clone());
    }

    pub(super) fn paths(&self) -> Vec<Path> {
        self.paths.lock().clone()
    }

    /// A commit may name the files from now on.
    pub(super) fn keep(&self) {
        self.kept.store(true, Ordering::SeqCst);
    }

    /// No commit names the files: they go if the statement was given up meanwhile.
    pub(super) async fn release(&self, store: &Arc<dyn ObjectStore>) {
        self.kept.store(false, Ordering::SeqCst);
        if self.discarded.load(Ordering::SeqCst) {
            self.discard(store).await;
        }
    }

    /// Removes the files of a statement that did not commit; what stays is VACUUM's.
    pub async fn discard(&self, store: &Arc<dyn ObjectStore>) {
        self.discarded.store(true, Ordering::SeqCst);
        if self.kept.load(Ordering::SeqCst) {
            return;
        }
        let paths = std::mem::take(&mut *self.paths.lock());
        for path in paths {
            if let Err(error) = store.delete(&path).await {
                tracing::debug!(%path, %error, "an unused file stays until VACUUM");
            }
        }
    }
}

/// The writer of one partition.
pub(super) struct FileWriter<'a> {
    target: &'a WriteTarget,
    store: Arc<dyn ObjectStore>,
    reservation: MemoryReservation,
    row_group_bytes: usize,
    partition: usize,
    /// Columns that stand in the files: all but the partition columns.
    stored: Vec<usize>,
    stored_schema: SchemaRef,
    open: Option<OpenFile>,
    files: usize,
    pub adds: Vec<Add>,
    pub rows: u64,
}

struct OpenFile {
    writer: AsyncArrowWriter<BufWriter>,
    path: Path,
    partition_values: Vec<ScalarValue>,
    rows: u64,
    floats: Vec<FloatBounds>,
    /// The key of the last row that was written.
    last_key: Vec<ScalarValue>,
}

impl<'a> FileWriter<'a> {
    pub fn new(
        target: &'a WriteTarget,
        store: Arc<dyn ObjectStore>,
        reservation: MemoryReservation,
        row_group_bytes: usize,
        partition: usize,
    ) -> Result<Self> {
        let columns = 0..target.schema.fields().len();
        let stored: Vec<_> = columns
            .filter(|c| !target.partitioned_by.contains(c))
            .collect();
        Ok(Self {
            stored_schema: Arc::new(target.schema.project(&stored)?),
            stored,
            target,
            store,
            reservation,
            row_group_bytes,
            partition,
            open: None,
            files: 0,
            adds: Vec::new(),
            rows: 0,
        })
    }

    pub async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.check_not_null(batch)?;
        let keys: Vec<ArrayRef> = columns_of(batch, &self.target.partitioned_by);
        if keys.is_empty() {
            return self.write_run(batch, &[]).await;
        }
        for run in partition(&keys)?.ranges() {
            let values = values_at(&keys, run.start)?;
            let rows = batch.slice(run.start, run.end - run.start);
            self.write_run(&rows, &values).await?;
        }
        Ok(())
    }

    /// Writes rows that have the same partition values.
    async fn write_run(&mut self, rows: &RecordBatch, values: &[ScalarValue]) -> Result<()> {
        if self
            .open
            .as_ref()
            .is_some_and(|f| f.partition_values != values)
        {
            self.close().await?;
        }
        let keys = columns_of(rows, &self.target.clustered_by);
        if keys.is_empty() {
            return self.append(rows, values, vec![]).await;
        }
        let first_key = values_at(&keys, 0)?;
        let goes_on = self.open.as_ref().is_some_and(|f| f.last_key == first_key);
        let mut start = 0;
        for run in partition(&keys)?.ranges() {
            let pending = run.start - start;
            if (run.start == 0 && goes_on) || !self.is_full(pending) {
                continue;
            }
            if pending > 0 {
                let last = values_at(&keys, run.start - 1)?;
                self.append(&rows.slice(start, pending), values, last)
                    .await?;
            }
            self.close().await?;
            start = run.start;
        }
        let last = values_at(&keys, rows.num_rows() - 1)?;
        self.append(&rows.slice(start, rows.num_rows() - start), values, last)
            .await
    }

    /// Whether the open file has reached its target with so many rows more.
    fn is_full(&self, pending_rows: usize) -> bool {
        let written_rows = self.open.as_ref().map_or(0, |f| f.rows);
        let rows = written_rows + pending_rows as u64;
        match (self.target.rows_per_file(), &self.open) {
            (Some(target_rows), _) => rows > 0 && rows >= target_rows,
            (None, Some(file)) => {
                file.writer.bytes_written() + file.writer.in_progress_size()
                    >= self.target.file_bytes
            }
            (None, None) => false,
        }
    }

    async fn append(
        &mut self,
        rows: &RecordBatch,
        values: &[ScalarValue],
        last_key: Vec<ScalarValue>,
    ) -> Result<()> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let stored = RecordBatch::try_new(
            Arc::clone(&self.stored_schema),
            columns_of(rows, &self.stored),
        )?;
        let mut file = match self.open.take() {
            Some(file) => file,
            None => self.begin(values)?,
        };
        for (bounds, column) in file.floats.iter_mut().zip(stored.columns()) {
            bounds.add(column);
        }
        file.writer.write(&stored).await?;
        file.rows += rows.num_rows() as u64;
        file.last_key = last_key;
        self.rows += rows.num_rows() as u64;
        if self
            .reservation
            .try_resize(file.writer.memory_size())
            .is_err()
        {
            file.writer.flush().await?;
            self.reservation.try_resize(file.writer.memory_size())?;
        }
        self.open = Some(file);
        if self.target.clustered_by.is_empty() && self.is_full(0) {
            self.close().await?;
        }
        Ok(())
    }

    fn begin(&mut self, values: &[ScalarValue]) -> Result<OpenFile> {
        let name = format!(
            "{}-{:03}-{:04}.parquet",
            self.target.id, self.partition, self.files
        );
        self.files += 1;
        let folders = self
            .target
            .partitioned_by
            .iter()
            .zip(values)
            .map(|(column, value)| {
                let name = self.target.schema.field(*column).name();
                format!("{name}={}", folder_value(value))
            });
        let relative = Path::from_iter(folders.chain([name]));
        let path = self.place_of(&relative);
        self.target.written.note(&path);
        let properties = encoding::properties(
            self.row_group_bytes,
            &self.target.bloom_filters,
            &self.stored_schema,
        );
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_skip_arrow_metadata(true);
        let object = BufWriter::new(Arc::clone(&self.store), path);
        let schema = Arc::clone(&self.stored_schema);
        Ok(OpenFile {
            writer: AsyncArrowWriter::try_new_with_options(object, schema, options)?,
            path: relative,
            partition_values: values.to_vec(),
            rows: 0,
            floats: vec![FloatBounds::default(); self.stored.len()],
            last_key: Vec::new(),
        })
    }

    fn place_of(&self, relative: &Path) -> Path {
        Path::from_iter(self.target.root.parts().chain(relative.parts()))
    }

    /// Ends the open file, if there is one, and describes it for the log.
    pub async fn close(&mut self) -> Result<()> {
        let Some(mut file) = self.open.take() else {
            return Ok(());
        };
        let (store, written) = (Arc::clone(&self.store), self.target.written.clone());
        let path = self.place_of(&file.path);
        // A task of its own: a file that is being finished when the statement is given up must not
        // appear after the others were removed.
        let finishing = tokio::spawn(async move {
            let metadata = file.writer.finish().await;
            if written.discarded.load(Ordering::SeqCst) {
                let _ = store.delete(&path).await;
            }
            let size = file.writer.bytes_written();
            metadata.map(|metadata| (file, metadata, size))
        });
        let (file, metadata, size) = finishing.await.map_err(Error::internal)??;
        self.reservation.try_resize(0)?;
        let mut statistics =
            DFParquetMetadata::statistics_from_parquet_metadata(&metadata, &self.stored_schema)?;
        for (column, floats) in statistics.column_statistics.iter_mut().zip(&file.floats) {
            floats.fill(column);
        }
        let names = self.target.partitioned_by.iter();
        let values = names.zip(&file.partition_values).map(|(column, value)| {
            let name = self.target.schema.field(*column).name().clone();
            let text = (!value.is_null()).then(|| log_value(value)).transpose()?;
            Ok((name, text))
        });
        self.adds.push(Add {
            path: file.path.to_string(),
            partition_values: values.collect::<Result<_>>()?,
            size: i64::try_from(size).map_err(Error::internal)?,
            modification_time: chrono::Utc::now().timestamp_millis(),
            data_change: true,
            stats: Some(bounds::write(&statistics, &self.stored_schema)),
            tags: None,
            deletion_vector: None,
            base_row_id: None,
            default_row_commit_version: None,
            clustering_provider: None,
        });
        Ok(())
    }

    fn check_not_null(&self, batch: &RecordBatch) -> Result<()> {
        let columns = self.target.schema.fields().iter().zip(batch.columns());
        let null = columns
            .filter(|(field, column)| !field.is_nullable() && column.null_count() > 0)
            .map(|(field, _)| field.name())
            .next();
        match null {
            None => Ok(()),
            Some(name) => Err(Error::new(
                Kind::NotNullViolation,
                format!("null value in column \"{name}\" violates not-null constraint"),
            )),
        }
    }
}

fn columns_of(batch: &RecordBatch, columns: &[usize]) -> Vec<ArrayRef> {
    columns
        .iter()
        .map(|c| Arc::clone(batch.column(*c)))
        .collect()
}

fn values_at(columns: &[ArrayRef], row: usize) -> Result<Vec<ScalarValue>> {
    let values = columns.iter().map(|c| ScalarValue::try_from_array(c, row));
    Ok(values.collect::<Result<_, _>>()?)
}

/// The bounds of a float column's values, which Parquet's writer is not asked for: none when NaN is
/// among them, which is greater than every number.
#[derive(Debug, Clone, Default)]
struct FloatBounds {
    min: Option<f64>,
    max: Option<f64>,
    nulls: usize,
    has_nan: bool,
    is_float: bool,
}

impl FloatBounds {
    fn add(&mut self, column: &ArrayRef) {
        match column.data_type() {
            DataType::Float64 => self.add_values(column.as_primitive::<Float64Type>().iter()),
            DataType::Float32 => {
                let values = column.as_primitive::<Float32Type>().iter();
                self.add_values(values.map(|v| v.map(f64::from)));
            }
            _ => {}
        }
    }

    fn add_values(&mut self, values: impl Iterator<Item = Option<f64>>) {
        self.is_float = true;
        for value in values {
            let Some(value) = value else {
                self.nulls += 1;
                continue;
            };
            self.has_nan |= value.is_nan();
            self.min = Some(self.min.map_or(value, |min| min.min(value)));
            self.max = Some(self.max.map_or(value, |max| max.max(value)));
        }
    }

    fn fill(&self, column: &mut ColumnStatistics) {
        if !self.is_float {
            return;
        }
        column.null_count = Precision::Exact(self.nulls);
        if let (Some(min), Some(max), false) = (self.min, self.max, self.has_nan) {
            column.min_value = Precision::Inexact(ScalarValue::Float64(Some(min)));
            column.max_value = Precision::Inexact(ScalarValue::Float64(Some(max)));
        }
    }
}

/// The value in the name of a partition's folder, for people who look; the log says what counts.
fn folder_value(value: &ScalarValue) -> String {
    match value.is_null() {
        true => "__HIVE_DEFAULT_PARTITION__".to_string(),
        false => value.to_string().chars().take(100).collect(),
    }
}

/// A partition value as the log writes it.
fn log_value(value: &ScalarValue) -> Result<String> {
    Ok(match value {
        ScalarValue::TimestampMicrosecond(Some(micros), _) => {
            let instant = chrono::DateTime::from_timestamp_micros(*micros)
                .ok_or_else(|| Error::new(Kind::InvalidDatetime, "timestamp out of range"))?;
            instant.format("%Y-%m-%d %H:%M:%S%.6f").to_string()
        }
        other => match other.cast_to(&DataType::Utf8)? {
            ScalarValue::Utf8(Some(text)) => text,
            _ => String::new(),
        },
    })
}

/// Makes files that are on this machine's disk survive its crash.
pub(super) async fn sync(paths: Vec<std::path::PathBuf>) -> Result<()> {
    let synced = tokio::task::spawn_blocking(move || {
        let mut folders = std::collections::BTreeSet::new();
        for path in &paths {
            std::fs::File::open(path)?.sync_all()?;
            folders.extend(path.parent());
        }
        folders
            .iter()
            .try_for_each(|folder| std::fs::File::open(folder)?.sync_all())
    });
    Ok(synced.await.map_err(Error::internal)??)
}
