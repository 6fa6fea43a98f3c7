//! What the parts of one join share once it spills: the join itself over rows that are given, and
//! where its files go.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::common::config::SpillCompression;
use datafusion::common::{JoinSide, JoinType, Result};
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::execution::{SendableRecordBatchStream, TaskContext, TryEmitter};
use datafusion::physical_expr::PhysicalExprRef;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, SpillMetrics};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{EmptyRecordBatchStream, ExecutionPlan, SpillManager};
use futures::{StreamExt, stream};

use super::given::{Given, GivenExec, slot};
use super::memory::{Budget, Held, floor_bytes};
use super::scatter::{Files, Scatter, Stored};

/// Where the rows of a join go.
pub(super) type Out = TryEmitter<RecordBatch, DataFusionError>;

pub(super) async fn emit(mut rows: SendableRecordBatchStream, out: &mut Out) -> Result<()> {
    while let Some(batch) = rows.next().await.transpose()? {
        out.emit(batch).await;
    }
    Ok(())
}

pub(super) struct Job {
    /// The same join over one partition of given rows.
    pub template: HashJoinExec,
    context: Arc<TaskContext>,
    build: SpillManager,
    probe: SpillManager,
}

impl Job {
    pub fn new(
        join: &HashJoinExec,
        context: &Arc<TaskContext>,
        metrics: &ExecutionPlanMetricsSet,
        partition: usize,
    ) -> Result<Self> {
        let (build, probe) = (join.left().schema(), join.right().schema());
        let template = join
            .builder()
            .with_partition_mode(PartitionMode::Partitioned)
            .with_new_children(vec![
                GivenExec::single(Arc::clone(&build), JoinSide::Left),
                GivenExec::single(Arc::clone(&probe), JoinSide::Right),
            ])?
            .build()?;
        let counts = SpillMetrics::new(metrics, partition);
        let manager = |schema: SchemaRef| {
            SpillManager::new(context.runtime_env(), counts.clone(), schema)
                .with_compression_type(SpillCompression::Lz4Frame)
        };
        Ok(Self {
            template,
            context: Arc::clone(context),
            build: manager(build),
            probe: manager(probe),
        })
    }

    pub fn pool(&self) -> &Arc<dyn MemoryPool> {
        self.context.memory_pool()
    }

    pub fn schema(&self) -> SchemaRef {
        self.template.schema()
    }

    pub fn scatter_build(&self, level: usize) -> Scatter {
        self.scatter(level, |(build, _)| Arc::clone(build))
    }

    pub fn scatter_probe(&self, level: usize) -> Scatter {
        self.scatter(level, |(_, probe)| Arc::clone(probe))
    }

    fn scatter(
        &self,
        level: usize,
        side: impl Fn(&(PhysicalExprRef, PhysicalExprRef)) -> PhysicalExprRef,
    ) -> Scatter {
        let keys = self.template.on().iter().map(side).collect();
        let budget = Budget::new(self.pool());
        let bytes = floor_bytes(self.pool());
        // The block, and what is made of it to be written.
        budget.try_resize(bytes);
        Scatter::new(
            keys,
            self.template.null_equality(),
            level,
            bytes / 2,
            budget,
        )
    }

    pub fn build_files(&self) -> Files {
        Files::new(self.build.clone())
    }

    pub fn probe_files(&self) -> Files {
        Files::new(self.probe.clone())
    }

    pub fn read_build(&self, stored: &Stored) -> Result<SendableRecordBatchStream> {
        read(&self.build, stored)
    }

    pub fn read_probe(&self, stored: &Stored) -> Result<SendableRecordBatchStream> {
        read(&self.probe, stored)
    }

    /// The join of these rows.
    pub fn join(
        &self,
        held: Held,
        probe: SendableRecordBatchStream,
    ) -> Result<SendableRecordBatchStream> {
        let (build, budget) = stream_of(self.build.schema(), held);
        self.run(&self.template, build, probe, budget)
    }

    /// Runs a plan over given rows; the budget is held as long as it runs.
    pub fn run(
        &self,
        plan: &dyn ExecutionPlan,
        build: SendableRecordBatchStream,
        probe: SendableRecordBatchStream,
        budget: Budget,
    ) -> Result<SendableRecordBatchStream> {
        let given = Given {
            build: slot(build),
            probe: slot(probe),
        };
        let rows = plan.execute(0, given.task(&self.context))?;
        let schema = rows.schema();
        let held = rows.inspect(move |_| {
            let _ = &budget;
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, held)))
    }

    /// Whether build rows without a match are given out.
    fn gives_build(&self) -> bool {
        use JoinType::{Full, Left, LeftAnti, LeftMark};
        matches!(self.template.join_type(), Left | Full | LeftAnti | LeftMark)
    }

    /// Whether probe rows without a match are given out.
    pub fn gives_probe(&self) -> bool {
        use JoinType::{Full, Right, RightAnti, RightMark};
        matches!(
            self.template.join_type(),
            Right | Full | RightAnti | RightMark
        )
    }

    /// Whether a bucket of so many rows can give any.
    pub fn gives_rows(&self, build: usize, probe: usize) -> bool {
        (build > 0 || (probe > 0 && self.gives_probe()))
            && (probe > 0 || (build > 0 && self.gives_build()))
    }
}

/// Rows in memory as a stream, and what was reserved for them.
pub(super) fn stream_of(schema: &SchemaRef, held: Held) -> (SendableRecordBatchStream, Budget) {
    let rows = stream::iter(held.batches.into_iter().map(Ok));
    let rows = RecordBatchStreamAdapter::new(Arc::clone(schema), rows);
    (Box::pin(rows), held.budget)
}

fn read(manager: &SpillManager, stored: &Stored) -> Result<SendableRecordBatchStream> {
    match &stored.file {
        Some(file) => manager.read_spill_as_stream(Arc::clone(file), None),
        None => Ok(Box::pin(EmptyRecordBatchStream::new(Arc::clone(
            manager.schema(),
        )))),
    }
}
