//! A table over files, opened: the files as they were at that moment, ready to be scanned.
//!
//! A scan is DataFusion's own `DataSourceExec` over a `FileScanConfig`, never a node of ours, so
//! that every optimizer rule and the cluster's plan codec know it. Partition folders are pruned by
//! the filters before any file is opened.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{FieldRef, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{Result as DfResult, Statistics, project_schema};
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, FileSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::SessionState;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

use super::bernoulli::BernoulliSource;
use super::definition::Definition;
use super::format::Format;
use super::reach::{Reach, Wish};
use super::scan::{FormatSource, Reading};
use super::store::Store;
use super::{chunks, hive, parquet, prune, resolve, statistics};
use crate::chunk::{Chunk, Sample, SampleMethod};
use crate::error::{Error, Result};

#[derive(Debug, Clone)]
pub struct FileTable {
    definition: Arc<Definition>,
    table_schema: TableSchema,
    /// Where the files are, as the session's runtime knows it.
    store_url: ObjectStoreUrl,
    files: Vec<PartitionedFile>,
    sample: Option<Sample>,
    known: Option<Arc<statistics::KnownStatistics>>,
    /// Reads the rows in our place, where the files alone do not tell them.
    reader: Option<Arc<dyn TableProvider>>,
    /// The columns as the table shows them, by their places in the table schema; `None` is as they
    /// are stored.
    shown: Option<Shown>,
    origin: Option<Origin>,
}

/// What a table of the catalog was opened from, so that it can be told whether it is still the same.
#[derive(Debug, Clone)]
pub enum Origin {
    /// A version of the managed table in a folder of the warehouse.
    Version { folder: String, version: u64 },
    /// The files that its definition names, as far as its owner may read them.
    Files(Reach),
}

/// What is known of one column of one file, in memory.
const COLUMN_BYTES: usize = 256;

#[derive(Debug, Clone)]
struct Shown {
    schema: SchemaRef,
    places: Arc<[usize]>,
}

/// Parquet files that a table's log lists, with what the log knows of them.
#[derive(Debug)]
pub struct Listed {
    pub definition: Definition,
    /// Where the files are, as the session's runtime knows it.
    pub store_url: ObjectStoreUrl,
    /// With their partition values and statistics.
    pub files: Vec<PartitionedFile>,
    /// Columns that the reader makes, such as row numbers.
    pub virtual_columns: Vec<FieldRef>,
    /// The order in which the table shows its columns: places among the files' columns, then the
    /// partition columns, then the virtual ones.
    pub order: Vec<usize>,
}

/// What a query asks of a scan.
struct Request<'a> {
    projection: Option<&'a Vec<usize>>,
    limit: Option<usize>,
    /// Only filters that the folders decided, so that each row of the scan counts.
    unfiltered: bool,
}

impl FileTable {
    pub(super) async fn open(
        definition: Definition,
        state: &SessionState,
        reach: &Reach,
    ) -> Result<Self> {
        let locations = &definition.locations;
        reach.admit(locations, Wish::Read)?;
        let places = Store::open_all(locations, &definition.store_options, state)?;
        let found = resolve::files(&places, locations, definition.format, reach).await?;
        let local = ObjectStoreUrl::local_filesystem;
        let store_url = places.first().map_or_else(local, |place| place.url.clone());
        let partitions = definition.partition_fields();
        let files = found
            .into_iter()
            .map(|meta| {
                let values = hive::values(&meta.location, &partitions)?;
                Ok(PartitionedFile::new_from_meta(meta).with_partition_values(values))
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            table_schema: definition.table_schema(),
            definition: Arc::new(definition),
            store_url,
            files,
            sample: None,
            known: None,
            reader: None,
            shown: None,
            origin: None,
        })
    }

    /// A table whose files are known already.
    pub fn listed(listed: Listed) -> Result<Self> {
        let definition = listed.definition;
        let table_schema = TableSchema::builder(definition.file_schema())
            .with_table_partition_cols(definition.partition_fields())
            .with_virtual_columns(listed.virtual_columns)
            .build();
        let schema = Arc::new(table_schema.table_schema().project(&listed.order)?);
        Ok(Self {
            table_schema,
            definition: Arc::new(definition),
            store_url: listed.store_url,
            files: listed.files,
            sample: None,
            known: None,
            reader: None,
            shown: Some(Shown {
                schema,
                places: listed.order.into(),
            }),
            origin: None,
        })
    }

    /// The table, which knows where it came from.
    pub fn of(self, origin: Origin) -> Self {
        Self {
            origin: Some(origin),
            ..self
        }
    }

    /// `None` for what is no table of the catalog as it is now.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// An estimate of the memory that the list of files takes.
    pub fn memory_bytes(&self) -> usize {
        let columns = self.table_schema.table_schema().fields().len();
        self.files.len() * (size_of::<PartitionedFile>() + columns * COLUMN_BYTES)
    }

    /// The table with a reader that knows more of its files than they tell.
    pub fn read_by(self, reader: Arc<dyn TableProvider>) -> Self {
        Self {
            reader: Some(reader),
            ..self
        }
    }

    /// The table with what is known of its rows beyond what its files tell.
    pub fn with_known(&self, known: statistics::KnownStatistics) -> Self {
        Self {
            known: Some(Arc::new(known)),
            ..self.clone()
        }
    }

    /// Some chunks, whole; the same for the same seed.
    pub fn sampled_system(&self, percent: f64, seed: u64) -> Self {
        self.sampled(SampleMethod::System, percent, seed)
    }

    /// Some rows of every chunk; the same for the same seed.
    pub fn sampled_bernoulli(&self, percent: f64, seed: u64) -> Self {
        self.sampled(SampleMethod::Bernoulli, percent, seed)
    }

    fn sampled(&self, method: SampleMethod, percent: f64, seed: u64) -> Self {
        let sample = Some(Sample {
            method,
            percent,
            seed,
        });
        Self {
            sample,
            // Other rows would be drawn the next time.
            origin: None,
            ..self.clone()
        }
    }

    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// A number that is another one when the files are others.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for file in &self.files {
            let meta = &file.object_meta;
            (meta.location.as_ref(), meta.size).hash(&mut hasher);
            meta.last_modified.timestamp_micros().hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Bytes that the files take on disk.
    pub fn total_bytes(&self) -> u64 {
        self.files.iter().map(|f| f.object_meta.size).sum()
    }

    /// The pieces that the table is read in; the same whatever the number of threads.
    pub async fn chunks(&self, state: &SessionState) -> Result<Vec<Chunk>> {
        let pieces = self
            .pieces(state, &self.files, self.definition.blocksize())
            .await?;
        Ok(pieces.into_iter().map(|piece| piece.chunk).collect())
    }

    async fn pieces(
        &self,
        state: &dyn Session,
        files: &[PartitionedFile],
        blocksize_bytes: u64,
    ) -> Result<Vec<chunks::Piece>> {
        let reading = Reading::of(&self.definition);
        chunks::pieces(
            state,
            &state.runtime_env().object_store(&self.store_url)?,
            &reading,
            self.table_schema.file_schema(),
            files,
            blocksize_bytes,
        )
        .await
    }

    async fn plan(
        &self,
        state: &dyn Session,
        filters: &[Expr],
        mut request: Request<'_>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let (on_folders, others) = prune::split(&self.table_schema, filters);
        request.unfiltered = others.is_empty();
        let files = prune::files(state, &self.table_schema, self.files.clone(), &on_folders)?;
        let files = prune::by_statistics(state, &self.table_schema, files, &others);
        let plan = match (self.sample, self.definition.format) {
            (Some(sample), _) => self.plan_sample(state, files, sample, &request).await?,
            (None, Format::Parquet) => self.plan_parquet(state, files, &request).await?,
            (None, _) => self.plan_pieces(state, files, &request).await?,
        };
        match plan {
            Some(plan) => Ok(plan),
            None => {
                let schema = project_schema(self.table_schema.table_schema(), request.projection)?;
                Ok(Arc::new(EmptyExec::new(schema)))
            }
        }
    }

    /// Whole files, which DataFusion deals out again by row groups when it sees fit.
    async fn plan_parquet(
        &self,
        state: &dyn Session,
        files: Vec<PartitionedFile>,
        request: &Request<'_>,
    ) -> DfResult<Option<Arc<dyn ExecutionPlan>>> {
        if files.is_empty() {
            return Ok(None);
        }
        let file_count = files.len();
        let format = parquet::format(state);
        let enough_rows = request.limit.filter(|_| request.unfiltered);
        let store = state.runtime_env().object_store(&self.store_url)?;
        let schema = &self.table_schema;
        let collected =
            statistics::collect(state, &store, &format, schema, files, enough_rows).await?;
        let groups =
            FileGroup::new(collected.files).split_files(state.config().target_partitions());
        let (groups, mut statistics) =
            statistics::summarize(state, &self.table_schema, groups, collected.partial)?;
        self.fill(&mut statistics, file_count);
        let source = format.file_source(self.table_schema.clone());
        let orderings = statistics::common_ordering(&groups);
        let config = self
            .config(source, groups, request)?
            .with_statistics(statistics)
            .with_output_ordering(orderings)
            .build();
        parquet::plan(&format, state, config).await.map(Some)
    }

    async fn plan_pieces(
        &self,
        state: &dyn Session,
        files: Vec<PartitionedFile>,
        request: &Request<'_>,
    ) -> DfResult<Option<Arc<dyn ExecutionPlan>>> {
        let partitions = state.config().target_partitions();
        let total = files.iter().map(|f| f.object_meta.size).sum();
        let block = chunks::scan_blocksize(self.definition.blocksize(), total, partitions);
        let file_count = files.len();
        let pieces = self.pieces(state, &files, block).await?;
        let files: Vec<_> = pieces.into_iter().map(|piece| piece.file).collect();
        if files.is_empty() {
            return Ok(None);
        }
        let source = Arc::new(FormatSource::new(
            Reading::of(&self.definition),
            self.table_schema.clone(),
        ));
        let mut statistics = self.size_statistics(&files);
        self.fill(&mut statistics, file_count);
        let config = self
            .config(source, chunks::balanced(files, partitions), request)?
            .with_statistics(statistics)
            .build();
        Ok(Some(DataSourceExec::from_data_source(config)))
    }

    async fn plan_sample(
        &self,
        state: &dyn Session,
        files: Vec<PartitionedFile>,
        sample: Sample,
        request: &Request<'_>,
    ) -> DfResult<Option<Arc<dyn ExecutionPlan>>> {
        let mut pieces = self
            .pieces(state, &files, self.definition.blocksize())
            .await?;
        if sample.method == SampleMethod::System {
            pieces.retain(|piece| {
                sample.keeps_chunk(&piece.chunk.location, piece.chunk.offset_bytes)
            });
        }
        if pieces.is_empty() {
            return Ok(None);
        }
        let rows: Option<u64> = pieces.iter().map(|piece| piece.chunk.rows).sum();
        let files: Vec<_> = pieces.into_iter().map(|piece| piece.file).collect();
        let mut statistics = self.size_statistics(&files);
        let rows = rows.and_then(|rows| usize::try_from(rows).ok());
        let source: Arc<dyn FileSource> = match self.definition.format {
            Format::Parquet => {
                parquet::wrapped(parquet::format(state).file_source(self.table_schema.clone()))
            }
            _ => Arc::new(FormatSource::new(
                Reading::of(&self.definition),
                self.table_schema.clone(),
            )),
        };
        let (source, rows): (Arc<dyn FileSource>, _) = match sample.method {
            SampleMethod::System => (source, rows),
            SampleMethod::Bernoulli => (
                Arc::new(BernoulliSource::new(source, sample)),
                rows.map(|rows| sample.expected(rows)),
            ),
        };
        statistics.num_rows = rows.map_or(Precision::Absent, Precision::Inexact);
        let groups = chunks::balanced(files, state.config().target_partitions());
        let config = self
            .config(source, groups, request)?
            .with_statistics(statistics)
            .build();
        Ok(Some(DataSourceExec::from_data_source(config)))
    }

    fn config(
        &self,
        source: Arc<dyn FileSource>,
        groups: Vec<FileGroup>,
        request: &Request<'_>,
    ) -> DfResult<FileScanConfigBuilder> {
        FileScanConfigBuilder::new(self.store_url.clone(), source)
            .with_file_groups(groups)
            .with_limit(request.limit)
            .with_projection_indices(request.projection.cloned())
    }

    /// A projection of the shown columns as one of the stored columns.
    fn stored(&self, projection: Option<&Vec<usize>>) -> Option<Vec<usize>> {
        let Some(shown) = &self.shown else {
            return projection.cloned();
        };
        match projection {
            None => Some(shown.places.to_vec()),
            Some(wanted) => Some(
                wanted
                    .iter()
                    .filter_map(|at| shown.places.get(*at).copied())
                    .collect(),
            ),
        }
    }

    /// What ANALYZE found holds for all files together, not for those that a filter left.
    fn fill(&self, statistics: &mut Statistics, file_count: usize) {
        if let Some(known) = self
            .known
            .as_ref()
            .filter(|_| file_count == self.files.len())
        {
            known.fill(&self.table_schema, statistics);
        }
    }

    /// Nothing is known of the rows, but the files' size tells large tables from small ones.
    fn size_statistics(&self, files: &[PartitionedFile]) -> Statistics {
        let bytes: u64 = files.iter().map(PartitionedFile::effective_size).sum();
        let mut statistics = Statistics::new_unknown(self.table_schema.table_schema());
        statistics.total_byte_size =
            Precision::Inexact(usize::try_from(bytes).unwrap_or(usize::MAX));
        statistics
    }
}

fn no_sample() -> Error {
    Error::unsupported("TABLESAMPLE of a Delta table with deletion vectors or column mapping")
        .hint("Filter with random() < 0.1 instead.")
}

#[async_trait]
impl TableProvider for FileTable {
    fn schema(&self) -> SchemaRef {
        if let Some(reader) = &self.reader {
            return reader.schema();
        }
        match &self.shown {
            Some(shown) => Arc::clone(&shown.schema),
            None => Arc::clone(self.table_schema.table_schema()),
        }
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DfResult<Vec<TableProviderFilterPushDown>> {
        if let Some(reader) = &self.reader {
            return reader.supports_filters_pushdown(filters);
        }
        Ok(filters
            .iter()
            .map(
                |filter| match prune::on_folders(&self.table_schema, filter) {
                    true => TableProviderFilterPushDown::Exact,
                    false => TableProviderFilterPushDown::Inexact,
                },
            )
            .collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        if let Some(reader) = &self.reader {
            if self.sample.is_some() {
                return Err(no_sample().into());
            }
            return reader.scan(state, projection, filters, limit).await;
        }
        let stored = self.stored(projection);
        let request = Request {
            projection: stored.as_ref(),
            limit,
            unfiltered: true,
        };
        self.plan(state, filters, request).await
    }
}
