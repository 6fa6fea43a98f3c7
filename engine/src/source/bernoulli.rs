//! Reads a random share of the rows of each chunk.
//!
//! A row is chosen by its number in the chunk, so everything that would leave rows out before they
//! are counted (filters, pruning, limits, other ranges) is kept from the source below.

use std::fmt;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileOpenFuture, FileOpener, FileScanConfig, FileScanConfigBuilder, FileSource,
};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_plan::DisplayFormatType;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion_datasource::morsel::Morselizer;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::ObjectStore;

use super::location;
use crate::chunk::Sample;

#[derive(Clone)]
pub struct BernoulliSource {
    inner: Arc<dyn FileSource>,
    sample: Sample,
}

impl BernoulliSource {
    pub fn new(inner: Arc<dyn FileSource>, sample: Sample) -> Self {
        Self { inner, sample }
    }

    pub fn inner(&self) -> &Arc<dyn FileSource> {
        &self.inner
    }

    pub fn sample(&self) -> Sample {
        self.sample
    }

    fn over(&self, inner: Arc<dyn FileSource>) -> Arc<dyn FileSource> {
        Arc::new(Self {
            inner,
            sample: self.sample,
        })
    }
}

impl FileSource for BernoulliSource {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let unlimited = FileScanConfigBuilder::from(config.clone())
            .with_limit(None)
            .build();
        let inner = self.inner.create_morselizer(store, &unlimited, partition)?;
        Ok(Arc::new(Opener {
            inner: Arc::from(inner),
            sample: self.sample,
        }))
    }

    fn table_schema(&self) -> &TableSchema {
        self.inner.table_schema()
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        self.over(self.inner.with_batch_size(batch_size))
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        self.inner.projection()
    }

    fn try_pushdown_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> Result<Option<Arc<dyn FileSource>>> {
        let inner = self.inner.try_pushdown_projection(projection)?;
        Ok(inner.map(|inner| self.over(inner)))
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        self.inner.metrics()
    }

    fn file_type(&self) -> &str {
        self.inner.file_type()
    }

    fn supports_repartitioning(&self) -> bool {
        false
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.inner.apply_expressions(f)
    }

    fn fmt_extra(&self, kind: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        self.inner.fmt_extra(kind, f)?;
        write!(
            f,
            ", sample=bernoulli({}, seed={})",
            self.sample.percent, self.sample.seed
        )
    }
}

struct Opener {
    inner: Arc<dyn Morselizer>,
    sample: Sample,
}

impl FileOpener for Opener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let (start, _) = file.range();
        let chunk = self
            .sample
            .chunk_hash(&location::shown(&file.object_meta.location), start);
        let (inner, sample) = (Arc::clone(&self.inner), self.sample);
        Ok(Box::pin(async move {
            let rows = all_rows(inner.as_ref(), file).await?;
            let mut next_row = 0_u64;
            let chosen = rows.map(move |batch| {
                let batch = batch?;
                let first = next_row;
                next_row += batch.num_rows() as u64;
                choose(&batch, |row| sample.keeps_row(chunk, first + row))
            });
            Ok(chosen.boxed())
        }))
    }
}

fn choose(batch: &RecordBatch, keeps: impl Fn(u64) -> bool) -> Result<RecordBatch> {
    let kept: BooleanArray = (0..batch.num_rows() as u64)
        .map(|row| Some(keeps(row)))
        .collect();
    Ok(filter_record_batch(batch, &kept)?)
}

/// Runs the planners of a file to their end and puts the streams in a row.
async fn all_rows(
    inner: &dyn Morselizer,
    file: PartitionedFile,
) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    let mut streams = Vec::new();
    let mut planners = vec![inner.plan_file(file)?];
    while let Some(planner) = planners.pop() {
        let Some(mut plan) = planner.plan()? else {
            continue;
        };
        streams.extend(
            plan.take_morsels()
                .into_iter()
                .map(|morsel| morsel.into_stream()),
        );
        if let Some(pending) = plan.take_pending_planner() {
            planners.push(pending.await?);
        }
        planners.extend(plan.take_ready_planners().into_iter().rev());
    }
    Ok(futures::stream::iter(streams).flatten().boxed())
}
