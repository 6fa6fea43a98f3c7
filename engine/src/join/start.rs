//! How a join begins: the build side is read, and decides whether the join stays in memory.
//!
//! The join in memory is started at once, over rows that are promised: so that a partition that is
//! given up, or spills, tells its siblings by letting go of it. They wait for each other's keys when
//! these filter the scans of the probe side.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::common::{DataFusionError, JoinType, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext, async_try_stream};
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{EmptyRecordBatchStream, ExecutionPlan, ExecutionPlanProperties};
use futures::future::{BoxFuture, Shared};
use futures::{FutureExt, stream};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::build::{Split, fill, split};
use super::given::{Given, Slot, slot};
use super::grace;
use super::job::{Job, Out, emit, stream_of};
use super::memory::{Budget, Held};
use super::scatter::{BUCKETS, Stored};

/// One execution of a partition of a join.
pub(super) struct Start {
    /// The join over its own children.
    pub join: Arc<HashJoinExec>,
    /// The same over given rows, for all partitions: they share the filter that it makes.
    pub in_memory: Arc<HashJoinExec>,
    pub metrics: ExecutionPlanMetricsSet,
    pub partition: usize,
    pub context: Arc<TaskContext>,
}

type Promise = oneshot::Sender<SendableRecordBatchStream>;

/// Rows that come when the promise is kept; none when it is broken.
fn promised(plan: &Arc<dyn ExecutionPlan>) -> (Promise, Slot) {
    let (promise, rows) = oneshot::channel::<SendableRecordBatchStream>();
    let schema = plan.schema();
    let empty = Arc::clone(&schema);
    let rows = async move {
        rows.await
            .unwrap_or_else(|_| Box::pin(EmptyRecordBatchStream::new(empty)))
    };
    let rows = RecordBatchStreamAdapter::new(schema, rows.flatten_stream());
    (promise, slot(Box::pin(rows)))
}

/// The rows in the slot, taken when they are first asked for.
fn lent(plan: &Arc<dyn ExecutionPlan>, from: &Slot) -> Slot {
    let (schema, from) = (plan.schema(), Arc::clone(from));
    let empty = Arc::clone(&schema);
    let rows = async move {
        let rows = from.lock().take();
        rows.unwrap_or_else(|| Box::pin(EmptyRecordBatchStream::new(empty)))
    };
    slot(Box::pin(RecordBatchStreamAdapter::new(
        schema,
        rows.flatten_stream(),
    )))
}

impl Start {
    fn job(&self) -> Result<Job> {
        Job::new(&self.join, &self.context, &self.metrics, self.partition)
    }

    fn run(&self, build: Slot, probe: &Slot) -> Result<SendableRecordBatchStream> {
        let probe = lent(self.join.right(), probe);
        let given = Given { build, probe };
        self.in_memory
            .execute(self.partition, given.task(&self.context))
    }

    /// A partition with a build side of its own.
    pub fn partitioned(self) -> Result<SendableRecordBatchStream> {
        let (left, right) = (self.join.left(), self.join.right());
        let build = left.execute(self.partition, Arc::clone(&self.context))?;
        let probe = slot(right.execute(self.partition, Arc::clone(&self.context))?);
        let (promise, promised) = promised(left);
        let joined = self.run(promised, &probe)?;
        let schema = self.join.schema();
        let rows = async_try_stream(|mut out: Out| async move {
            let mut build = build;
            let mut held = Held::new(self.context.memory_pool());
            let Some(next) = fill(&mut held, &mut build).await? else {
                let (rows, _budget) = stream_of(&build.schema(), held);
                // Nobody waits for the rows only when nobody needs them.
                let _ = promise.send(rows);
                return emit(joined, &mut out).await;
            };
            drop(joined);
            let job = self.job()?;
            let split = split(&job, held, next, build, 0, true).await?;
            let Some(probe) = probe.lock().take() else {
                return Ok(());
            };
            grace::join(&job, split, probe, &mut out).await
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }

    /// A partition that shares the build side with all others.
    pub fn sharing(self, shared: &Arc<Sharing>) -> Result<SendableRecordBatchStream> {
        let probe = shared.probe(self.join.right(), self.partition, &self.context)?;
        let joined = self.run(Arc::clone(&shared.promised), &probe)?;
        let shared = Arc::clone(shared);
        let schema = self.join.schema();
        let rows = async_try_stream(|mut out: Out| async move {
            let build = shared
                .build
                .clone()
                .await
                .map_err(DataFusionError::Shared)?;
            let Build::OnDisk(stored) = build.as_ref() else {
                return emit(joined, &mut out).await;
            };
            drop(joined);
            let Some(probe) = self.probe_of_spilled(&shared, &probe)? else {
                return Ok(());
            };
            let split = Split {
                resident: None,
                on_disk: [true; BUCKETS],
                rows: stored.iter().map(|stored| stored.rows).sum(),
                stored: stored.clone(),
            };
            grace::join(&self.job()?, split, probe, &mut out).await
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }

    /// What this partition joins with the files: its own probe rows; or those of all partitions, where
    /// it takes them all to know which build rows have a match. Then the first to ask does it, and the
    /// rows are said to be in no order of partitions.
    fn probe_of_spilled(
        &self,
        shared: &Sharing,
        own: &Slot,
    ) -> Result<Option<SendableRecordBatchStream>> {
        use JoinType::{Inner, Right, RightAnti, RightMark, RightSemi};
        let right = self.join.right();
        if matches!(
            self.join.join_type(),
            Inner | Right | RightSemi | RightAnti | RightMark
        ) {
            return Ok(own.lock().take());
        }
        if shared.led.swap(true, Ordering::SeqCst) {
            return Ok(None);
        }
        let partitions = 0..right.output_partitioning().partition_count();
        let probes = partitions
            .map(|partition| shared.probe(right, partition, &self.context))
            .collect::<Result<Vec<_>>>()?;
        let probes = probes.iter().filter_map(|probe| probe.lock().take());
        let all = stream::select_all(probes.collect::<Vec<_>>());
        let all = RecordBatchStreamAdapter::new(right.schema(), all);
        Ok(Some(Box::pin(all)))
    }
}

/// What the partitions of a join with one build side share.
pub(super) struct Sharing {
    build: Shared<BoxFuture<'static, Result<Arc<Build>, Arc<DataFusionError>>>>,
    promised: Slot,
    /// The probe rows of each partition, once they were asked for.
    probes: Mutex<Vec<Option<Slot>>>,
    /// Whether a partition joins for all.
    led: AtomicBool,
}

enum Build {
    InMemory(#[expect(dead_code, reason = "held as long as the rows are")] Budget),
    OnDisk(Vec<Stored>),
}

impl Sharing {
    pub fn new(start: &Start) -> Result<Self> {
        let left = start.join.left();
        let mut build = left.execute(0, Arc::clone(&start.context))?;
        let (promise, promised) = promised(left);
        let job = (Arc::clone(&start.join), Arc::clone(&start.context));
        let metrics = start.metrics.clone();
        let read = async move {
            let (join, context) = job;
            let mut held = Held::new(context.memory_pool());
            let Some(next) = fill(&mut held, &mut build).await? else {
                let (rows, budget) = stream_of(&build.schema(), held);
                let _ = promise.send(rows);
                return Ok(Arc::new(Build::InMemory(budget)));
            };
            let job = Job::new(&join, &context, &metrics, 0)?;
            let split = split(&job, held, next, build, 0, false).await?;
            Ok(Arc::new(Build::OnDisk(split.stored)))
        };
        let partitions = start.join.right().output_partitioning().partition_count();
        Ok(Self {
            build: read
                .map(|read: Result<_>| read.map_err(Arc::new))
                .boxed()
                .shared(),
            promised,
            probes: Mutex::new(vec![None; partitions]),
            led: AtomicBool::new(false),
        })
    }

    fn probe(
        &self,
        right: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: &Arc<TaskContext>,
    ) -> Result<Slot> {
        let mut probes = self.probes.lock();
        let Some(probe) = probes.get_mut(partition) else {
            let empty = EmptyRecordBatchStream::new(right.schema());
            return Ok(slot(Box::pin(empty)));
        };
        if let Some(probe) = probe {
            return Ok(Arc::clone(probe));
        }
        let rows = slot(right.execute(partition, Arc::clone(context))?);
        Ok(Arc::clone(probe.insert(rows)))
    }
}
