//! Statistics of files: row counts, minima and maxima from Parquet footers, cached by path, size
//! and time of change in DataFusion's cache manager. A path tells its store, too.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Result, Statistics};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::FileGroup;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::cache::cache_manager::CachedFileMetadata;
use datafusion::execution::cache::{SchemaFingerprint, TableScopedPath};
use datafusion::physical_expr::LexOrdering;
use datafusion_datasource::compute_all_files_statistics;
use futures::StreamExt;
use object_store::ObjectStore;

use super::{infer, nan};

/// What ANALYZE found earlier: estimates, since the files may have changed.
#[derive(Debug, Clone, Default)]
pub struct KnownStatistics {
    pub rows: u64,
    /// Distinct values and NULLs by column.
    pub columns: HashMap<String, (Option<u64>, u64)>,
}

impl KnownStatistics {
    /// Fills in what the files themselves do not tell.
    pub(super) fn fill(&self, schema: &TableSchema, statistics: &mut Statistics) {
        let estimate =
            |value: u64| Precision::Inexact(usize::try_from(value).unwrap_or(usize::MAX));
        let or = |found: &mut Precision<usize>, value: u64| {
            if *found == Precision::Absent {
                *found = estimate(value);
            }
        };
        or(&mut statistics.num_rows, self.rows);
        let columns = schema
            .table_schema()
            .fields()
            .iter()
            .zip(&mut statistics.column_statistics);
        for (field, column) in columns {
            let Some((distinct, nulls)) = self.columns.get(field.name()) else {
                continue;
            };
            or(&mut column.null_count, *nulls);
            if let Some(distinct) = distinct {
                or(&mut column.distinct_count, *distinct);
            }
        }
    }
}

pub(super) struct Collected {
    pub files: Vec<PartitionedFile>,
    /// Reading stopped early because the limit is reached; sums are not of the whole table.
    pub partial: bool,
}

/// Attaches statistics and orderings to the files; stops once `enough_rows` are certain.
pub(super) async fn collect(
    state: &dyn Session,
    store: &Arc<dyn ObjectStore>,
    format: &dyn FileFormat,
    schema: &TableSchema,
    files: Vec<PartitionedFile>,
    enough_rows: Option<usize>,
) -> Result<Collected> {
    if !state.config().collect_statistics() {
        let unknown = Arc::new(Statistics::new_unknown(schema.file_schema()));
        let files = files
            .into_iter()
            .map(|file| file.with_statistics(Arc::clone(&unknown)))
            .collect();
        return Ok(Collected {
            files,
            partial: false,
        });
    }
    let total = files.len();
    let fingerprint = Arc::new(SchemaFingerprint::from_schema(schema.file_schema()));
    let concurrency = state
        .config_options()
        .execution
        .meta_fetch_concurrency
        .get();
    let mut known = futures::stream::iter(files)
        .map(|file| of_file(state, format, store, schema, &fingerprint, file))
        .buffered(concurrency);
    let mut files = Vec::with_capacity(total);
    let mut rows = 0_usize;
    while let Some(file) = known.next().await {
        let file = file?;
        let counted = file.statistics.as_ref().map(|s| s.num_rows);
        files.push(file);
        match (counted, enough_rows) {
            (Some(Precision::Exact(more)), Some(enough)) => {
                rows = rows.saturating_add(more);
                if rows > enough {
                    break;
                }
            }
            (_, Some(_)) => rows = 0,
            (_, None) => {}
        }
    }
    let partial = files.len() < total;
    Ok(Collected { files, partial })
}

async fn of_file(
    state: &dyn Session,
    format: &dyn FileFormat,
    store: &Arc<dyn ObjectStore>,
    schema: &TableSchema,
    fingerprint: &Arc<SchemaFingerprint>,
    file: PartitionedFile,
) -> Result<PartitionedFile> {
    if file.statistics.is_some() {
        return Ok(file);
    }
    let cache = state.runtime_env().cache_manager.get_file_statistic_cache();
    let meta = &file.object_meta;
    let key = TableScopedPath {
        table: None,
        path: meta.location.clone(),
    };
    if let Some(cached) = cache.as_ref().and_then(|cache| cache.get(&key))
        && cached.is_valid_for(meta, fingerprint)
    {
        let file = with_statistics(file, cached.statistics);
        return Ok(file.with_ordering(cached.ordering));
    }
    let read = format
        .infer_stats_and_ordering(state, store, Arc::clone(schema.file_schema()), meta)
        .await
        .map_err(|error| infer::unreadable(meta, error.into()))?;
    let mut statistics = read.statistics;
    nan::forget_maxima(schema.file_schema(), &mut statistics);
    let statistics = Arc::new(statistics);
    if let Some(cache) = cache {
        let fingerprint = Arc::clone(fingerprint);
        let ordering = read.ordering.clone();
        let value =
            CachedFileMetadata::new(meta.clone(), fingerprint, Arc::clone(&statistics), ordering);
        cache.put(&key, value);
    }
    Ok(with_statistics(file, statistics).with_ordering(read.ordering))
}

/// The file with what is known of its columns and of those that its folders' names make, of which
/// DataFusion holds that they are never NULL.
fn with_statistics(file: PartitionedFile, of_columns: Arc<Statistics>) -> PartitionedFile {
    let mut file = file.with_statistics(of_columns);
    if !file.partition_values.iter().any(|value| value.is_null()) {
        return file;
    }
    if let Some(statistics) = &mut file.statistics {
        let statistics = Arc::make_mut(statistics);
        let rows = statistics.num_rows;
        let first = statistics.column_statistics.len() - file.partition_values.len();
        let columns = statistics.column_statistics.iter_mut().skip(first);
        for (column, value) in columns.zip(&file.partition_values) {
            if value.is_null() {
                *column = ColumnStatistics::new_unknown();
                column.null_count = rows;
            }
        }
    }
    file
}

/// The statistics of each group and of all of them.
pub(super) fn summarize(
    state: &dyn Session,
    schema: &TableSchema,
    groups: Vec<FileGroup>,
    partial: bool,
) -> Result<(Vec<FileGroup>, Statistics)> {
    let collect = state.config().collect_statistics();
    compute_all_files_statistics(groups, Arc::clone(schema.table_schema()), collect, partial)
}

/// The longest ordering that every file has, as its writer declared it.
pub(super) fn common_ordering(groups: &[FileGroup]) -> Vec<LexOrdering> {
    let mut files = groups.iter().flat_map(FileGroup::iter);
    let Some(first) = files.next().and_then(|file| file.ordering.clone()) else {
        return vec![];
    };
    let mut common: Vec<_> = first.iter().cloned().collect();
    for file in files {
        let Some(ordering) = &file.ordering else {
            return vec![];
        };
        let same = common
            .iter()
            .zip(ordering.iter())
            .take_while(|(a, b)| a == b)
            .count();
        common.truncate(same);
    }
    LexOrdering::new(common).into_iter().collect()
}
