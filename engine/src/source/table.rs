//! A table over files, opened: the files as they were at that moment, ready to be scanned.
//!
//! A scan is DataFusion's own `DataSourceExec` over a `FileScanConfig`, never a node of ours, so
//! that every optimizer rule and the cluster's plan codec know it. Partition folders are pruned by
//! the filters before any file is opened.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result as DfResult, project_schema};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

use super::definition::Definition;
use super::dialect::SampleRows;
use super::{adapt, hive, location, prune, resolve, statistics};
use crate::chunk::Chunk;
use crate::error::{Error, Result};

#[derive(Debug, Clone)]
pub struct FileTable {
    definition: Arc<Definition>,
    table_schema: TableSchema,
    files: Vec<PartitionedFile>,
    sample: Option<Sample>,
}

/// TABLESAMPLE: which rows, or which chunks, are in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    pub method: SampleMethod,
    pub percent: f64,
    pub seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleMethod {
    /// Whole chunks.
    System,
    /// Each row by itself.
    Bernoulli,
}

impl FileTable {
    pub(super) async fn open(definition: Definition, state: &SessionState) -> Result<Self> {
        let store = location::store(state.runtime_env())?;
        let found = resolve::files(&store, &definition.locations, definition.format).await?;
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
            files,
            sample: None,
        })
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
            ..self.clone()
        }
    }

    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// Bytes that the files take on disk.
    pub fn total_bytes(&self) -> u64 {
        self.files.iter().map(|f| f.object_meta.size).sum()
    }

    /// The pieces that the table is read in; the same whatever the number of threads.
    pub async fn chunks(&self, _state: &SessionState) -> Result<Vec<Chunk>> {
        Ok(self
            .files
            .iter()
            .map(|file| Chunk {
                location: location::shown(&file.object_meta.location),
                offset_bytes: 0,
                length_bytes: file.object_meta.size,
                row_groups: None,
                rows: None,
                statistics: None,
            })
            .collect())
    }

    async fn plan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        if let Some(sample) = self.sample {
            return Err(
                Error::unsupported(format!("TABLESAMPLE {:?} of files", sample.method)).into(),
            );
        }
        let (on_folders, others) = prune::split(&self.table_schema, filters);
        let files = prune::files(state, &self.table_schema, self.files.clone(), &on_folders)?;
        if files.is_empty() {
            let schema = project_schema(&self.schema(), projection)?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let format = adapt::format(&self.definition, state, SampleRows::All);
        let enough_rows = if others.is_empty() { limit } else { None };
        let collected = statistics::collect(
            state,
            format.as_ref(),
            &self.table_schema,
            files,
            enough_rows,
        )
        .await?;
        let groups =
            FileGroup::new(collected.files).split_files(state.config().target_partitions());
        let (groups, statistics) =
            statistics::summarize(state, &self.table_schema, groups, collected.partial)?;
        let source = format.file_source(self.table_schema.clone());
        let orderings = statistics::common_ordering(&groups);
        let config = FileScanConfigBuilder::new(location::store_url(), source)
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .with_output_ordering(orderings)
            .build();
        format.create_physical_plan(state, config).await
    }
}

#[async_trait]
impl TableProvider for FileTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.table_schema.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DfResult<Vec<TableProviderFilterPushDown>> {
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
        self.plan(state, projection, filters, limit).await
    }
}
