//! How many bytes a plan's scans will read, and how many they have read: the progress of a query.
//!
//! The scans count themselves ([`scanned_bytes`]); a [`CountingStore`] counts for readers that do
//! not, for instance those of a table format's log.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::common::Result as DfResult;
use datafusion::common::stats::Precision;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileScanConfig, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion::physical_plan::ExecutionPlan;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use url::Url;

use super::stream;

/// The metric in which every file scan counts what it reads.
const SCANNED: &str = "bytes_scanned";

/// Bytes that the scans of a plan are going to read; an estimate for Parquet, of which only the
/// wanted columns are read.
pub fn scan_totals(plan: &dyn ExecutionPlan) -> u64 {
    let own = plan
        .downcast_ref::<DataSourceExec>()
        .and_then(|scan| scan.data_source().downcast_ref::<FileScanConfig>())
        .map_or(0, config_total);
    let children = plan.children();
    own + children
        .into_iter()
        .map(|child| scan_totals(child.as_ref()))
        .sum::<u64>()
}

/// Bytes that the scans of a plan have read so far.
pub fn scanned_bytes(plan: &dyn ExecutionPlan) -> u64 {
    let is_scan = plan.downcast_ref::<DataSourceExec>().is_some();
    let own = plan
        .metrics()
        .filter(|_| is_scan)
        .and_then(|metrics| metrics.sum_by_name(SCANNED));
    let own = own.map_or(0, |sum| sum.as_usize() as u64);
    let children = plan.children();
    own + children
        .into_iter()
        .map(|child| scanned_bytes(child.as_ref()))
        .sum::<u64>()
}

fn config_total(config: &FileScanConfig) -> u64 {
    let files = config.file_groups.iter().flat_map(|group| group.iter());
    let bytes: u64 = files.map(PartitionedFile::effective_size).sum();
    match config.file_source().downcast_ref::<ParquetSource>() {
        Some(_) => (bytes as f64 * wanted_share(config)) as u64,
        None => bytes,
    }
}

/// Which part of the files' bytes the wanted columns take; by their number if sizes are not known.
fn wanted_share(config: &FileScanConfig) -> f64 {
    let source = config.file_source();
    let columns = source.table_schema().file_schema().fields().len();
    let mut wanted = source
        .projection()
        .map_or_else(|| (0..columns).collect(), |p| p.column_indices());
    if let Some(filter) = source.filter() {
        let filtered = datafusion::physical_expr::utils::collect_columns(&filter);
        wanted.extend(filtered.iter().map(|column| column.index()));
    }
    wanted.sort_unstable();
    wanted.dedup();
    wanted.retain(|column| *column < columns);
    let statistics = config.statistics();
    let size = |column: usize| match statistics.column_statistics.get(column)?.byte_size {
        Precision::Exact(bytes) | Precision::Inexact(bytes) => Some(bytes as f64),
        Precision::Absent => None,
    };
    let all: Option<f64> = (0..columns).map(size).sum();
    let some: Option<f64> = wanted.iter().copied().map(size).sum();
    match (some, all) {
        (Some(some), Some(all)) if all > 0.0 => some / all,
        _ => wanted.len() as f64 / columns.max(1) as f64,
    }
}

/// A store that adds what is read from it to a counter.
#[derive(Debug)]
pub struct CountingStore {
    inner: Arc<dyn ObjectStore>,
    bytes: Arc<AtomicU64>,
}

impl CountingStore {
    pub fn new(inner: Arc<dyn ObjectStore>, bytes: Arc<AtomicU64>) -> Self {
        Self { inner, bytes }
    }

    fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl fmt::Display for CountingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.inner)
    }
}

#[async_trait]
impl ObjectStore for CountingStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        self.inner.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    /// The content always comes as a stream, because a bare file is read past the counter.
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let only_metadata = options.head;
        let result = self.inner.get_opts(location, options).await?;
        if only_metadata {
            return Ok(result);
        }
        let (meta, range, attributes) = (
            result.meta.clone(),
            result.range.clone(),
            result.attributes.clone(),
        );
        let bytes = Arc::clone(&self.bytes);
        let counted = stream::pieces(result).inspect_ok(move |piece: &Bytes| {
            bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
        });
        let payload = GetResultPayload::Stream(counted.boxed());
        Ok(GetResult {
            payload,
            meta,
            range,
            attributes,
        })
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let found = self.inner.get_ranges(location, ranges).await?;
        self.add(found.iter().map(Bytes::len).sum());
        Ok(found)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// Gives out the stores of another registry, counting.
#[derive(Debug)]
pub struct CountingRegistry {
    inner: Arc<dyn ObjectStoreRegistry>,
    bytes: Arc<AtomicU64>,
}

impl CountingRegistry {
    pub fn new(inner: Arc<dyn ObjectStoreRegistry>, bytes: Arc<AtomicU64>) -> Self {
        Self { inner, bytes }
    }
}

impl ObjectStoreRegistry for CountingRegistry {
    fn register_store(
        &self,
        url: &Url,
        store: Arc<dyn ObjectStore>,
    ) -> Option<Arc<dyn ObjectStore>> {
        self.inner.register_store(url, store)
    }

    fn deregister_store(&self, url: &Url) -> DfResult<Arc<dyn ObjectStore>> {
        self.inner.deregister_store(url)
    }

    fn get_store(&self, url: &Url) -> DfResult<Arc<dyn ObjectStore>> {
        let inner = self.inner.get_store(url)?;
        Ok(Arc::new(CountingStore::new(inner, Arc::clone(&self.bytes))))
    }
}
