//! Parquet, read by DataFusion: all its pruning and its dynamic filters stay in place.
//!
//! DataFusion's errors do not say which file is damaged, and its decoders can panic on one that is.
//! So its source is wrapped by [`ParquetFiles`], which does as it is told, names the file in an
//! error, and makes an error of a panic.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::catalog::Session;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileOpener, FileScanConfig, FileScanConfigBuilder, FileSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::filter_pushdown::{FilterPushdownPropagation, PushedDown};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::sort_pushdown::SortOrderPushdownResult;
use datafusion::physical_plan::{DisplayFormatType, ExecutionPlan};
use datafusion_datasource::morsel::{Morsel, MorselPlan, MorselPlanner, Morselizer};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::ObjectStore;

use super::{guard, infer, nan};
use crate::error::{Error, Kind};

pub(super) fn format(state: &dyn Session) -> ParquetFormat {
    ParquetFormat::default().with_options(state.default_table_options().parquet)
}

/// The plan of a scan as the format makes it, with its source wrapped.
pub(super) async fn plan(
    format: &ParquetFormat,
    state: &dyn Session,
    config: FileScanConfig,
) -> Result<Arc<dyn ExecutionPlan>> {
    let plan = format.create_physical_plan(state, config).await?;
    let scan = plan
        .downcast_ref::<DataSourceExec>()
        .and_then(|scan| scan.data_source().downcast_ref::<FileScanConfig>());
    let Some(config) = scan else {
        return Ok(plan);
    };
    let source = wrapped(Arc::clone(config.file_source()));
    let config = FileScanConfigBuilder::from(config.clone()).with_source(source);
    Ok(DataSourceExec::from_data_source(config.build()))
}

/// DataFusion's source behind ours.
pub(crate) fn unwrapped(source: &Arc<dyn FileSource>) -> Option<Arc<dyn FileSource>> {
    let files = source.downcast_ref::<ParquetFiles>()?;
    Some(Arc::clone(&files.inner))
}

pub(crate) fn wrapped(inner: Arc<dyn FileSource>) -> Arc<dyn FileSource> {
    Arc::new(ParquetFiles { inner })
}

/// DataFusion's Parquet source, whose errors name the file.
#[derive(Clone)]
struct ParquetFiles {
    inner: Arc<dyn FileSource>,
}

impl FileSource for ParquetFiles {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        self.inner.create_file_opener(store, config, partition)
    }

    fn create_morselizer(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Box<dyn Morselizer>> {
        let inner = self.inner.create_morselizer(store, config, partition)?;
        Ok(Box::new(Named { inner }))
    }

    fn table_schema(&self) -> &TableSchema {
        self.inner.table_schema()
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        wrapped(self.inner.with_batch_size(batch_size))
    }

    fn filter(&self) -> Option<Arc<dyn PhysicalExpr>> {
        self.inner.filter()
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        self.inner.projection()
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        self.inner.metrics()
    }

    fn file_type(&self) -> &str {
        self.inner.file_type()
    }

    fn fmt_extra(&self, kind: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        self.inner.fmt_extra(kind, f)
    }

    fn supports_repartitioning(&self) -> bool {
        self.inner.supports_repartitioning()
    }

    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn FileSource>>> {
        let schema = self.table_schema().table_schema();
        let decided = |filter: &Arc<dyn PhysicalExpr>| nan::decided_by_bounds(filter, schema);
        let given: Vec<bool> = filters.iter().map(decided).collect();
        let of_bounds = filters.into_iter().zip(&given);
        let of_bounds = of_bounds.filter(|(_, given)| **given).map(|(f, _)| f);
        let pushed = self
            .inner
            .try_pushdown_filters(of_bounds.collect(), config)?;
        let mut answers = pushed.filters.into_iter();
        let answers = given.into_iter().map(|given| match given {
            true => answers.next().unwrap_or(PushedDown::No),
            false => PushedDown::No,
        });
        Ok(FilterPushdownPropagation {
            filters: answers.collect(),
            updated_node: pushed.updated_node.map(wrapped),
        })
    }

    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
        properties: &EquivalenceProperties,
    ) -> Result<SortOrderPushdownResult<Arc<dyn FileSource>>> {
        Ok(self
            .inner
            .try_pushdown_sort(order, properties)?
            .map(wrapped))
    }

    fn reorder_files(&self, files: Vec<PartitionedFile>) -> Vec<PartitionedFile> {
        self.inner.reorder_files(files)
    }

    fn try_pushdown_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> Result<Option<Arc<dyn FileSource>>> {
        let pushed = self.inner.try_pushdown_projection(projection)?;
        Ok(pushed.map(wrapped))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.inner.apply_expressions(f)
    }
}

/// Each step of reading a file, from planning to batches, with the file's name at hand.
#[derive(Debug)]
struct Named<T: ?Sized> {
    inner: Box<T>,
}

#[derive(Debug)]
struct Step<T: ?Sized> {
    shown: Arc<str>,
    inner: Box<T>,
}

impl Morselizer for Named<dyn Morselizer> {
    fn plan_file(&self, file: PartitionedFile) -> Result<Box<dyn MorselPlanner>> {
        let shown: Arc<str> = super::location::shown(&file.object_meta.location).into();
        let inner = caught(&shown, || self.inner.plan_file(file))?;
        Ok(Box::new(Step { shown, inner }))
    }
}

impl MorselPlanner for Step<dyn MorselPlanner> {
    fn plan(self: Box<Self>) -> Result<Option<MorselPlan>> {
        let Step { shown, inner } = *self;
        let Some(mut plan) = caught(&shown, || inner.plan())? else {
            return Ok(None);
        };
        let planner = |shown: &Arc<str>, inner| -> Box<dyn MorselPlanner> {
            let shown = Arc::clone(shown);
            Box::new(Step { shown, inner })
        };
        let morsels = plan.take_morsels().into_iter();
        let morsels = morsels.map(|inner| -> Box<dyn Morsel> {
            let shown = Arc::clone(&shown);
            Box::new(Step { shown, inner })
        });
        let planners = plan.take_ready_planners().into_iter();
        let planners = planners.map(|inner| planner(&shown, inner)).collect();
        let mut named = MorselPlan::new()
            .with_morsels(morsels.collect())
            .with_planners(planners);
        if let Some(pending) = plan.take_pending_planner() {
            let shown = Arc::clone(&shown);
            named.set_pending_planner(async move {
                let inner = guard::future(pending).await;
                let inner = inner.map_err(|error| in_file(&shown, error))?;
                Ok(planner(&shown, inner))
            });
        }
        Ok(Some(named))
    }
}

impl Morsel for Step<dyn Morsel> {
    fn into_stream(self: Box<Self>) -> BoxStream<'static, Result<RecordBatch>> {
        let Step { shown, inner } = *self;
        match caught(&shown, || Ok(inner.into_stream())) {
            Ok(batches) => guard::stream(batches)
                .map(move |batch| batch.map_err(|error| in_file(&shown, error)))
                .boxed(),
            Err(error) => futures::stream::iter([Err(error)]).boxed(),
        }
    }
}

fn caught<T>(shown: &str, step: impl FnOnce() -> Result<T>) -> Result<T> {
    let result = match catch_unwind(AssertUnwindSafe(step)) {
        Ok(result) => result,
        Err(_) => Err(guard::damaged()),
    };
    result.map_err(|error| in_file(shown, error))
}

fn in_file(shown: &str, error: DataFusionError) -> DataFusionError {
    let error = Error::from(error);
    match error.kind {
        Kind::BadData | Kind::Io | Kind::UndefinedFile => infer::named(shown, error).into(),
        // Of an expression that is computed in the scan.
        _ => error.into(),
    }
}
