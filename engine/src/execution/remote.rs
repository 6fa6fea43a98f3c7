//! Plans that run on other machines: what the engine asks of a cluster, and the operator that stands
//! for a plan which is there.
//!
//! ```text
//! coordinator                       executors
//! RemoteExec ── submit ──▶ stages ──▶ tasks ─┐ each writes its part of a shuffle
//!     ▲                                      │
//!     └────────── rows of the last stage ────┘
//! ```
//! The engine knows no scheduler: [`Remote`] is all that it uses, and a cluster is attached to an engine
//! that is open ([`super::Routed::attach`]).

use std::fmt;
use std::sync::Arc;

use datafusion::common::Result as PlanResult;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::{SessionState, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties, SendableRecordBatchStream,
};
use parking_lot::Mutex;

use super::subquery::Unresolved;
use crate::error::Result;
use crate::source::BadRowCounts;

/// Machines that run plans for this engine.
pub trait Remote: fmt::Debug + Send + Sync {
    /// Executors that take tasks now.
    fn executors(&self) -> Vec<Executor>;

    /// The session's state, changed so that its plans can be cut into stages.
    fn planning(&self, state: &SessionState) -> Result<SessionState>;

    /// Why the plan, which was made with [`Remote::planning`], cannot leave this process.
    fn refusal(&self, state: &SessionState, plan: &Arc<dyn ExecutionPlan>) -> Option<String>;

    /// Starts the plan when the stream is polled for the first time, and ends it when the stream is
    /// dropped.
    fn run(&self, job: Job) -> SendableRecordBatchStream;

    /// The stages that the plan is cut into, and why they are as they are.
    fn explain(&self, state: &SessionState, plan: &Arc<dyn ExecutionPlan>) -> Result<Vec<String>>;

    /// The stages of jobs that run or ended lately.
    fn stages(&self) -> Vec<Stage>;

    /// The tasks of these.
    fn tasks(&self) -> Vec<Task>;
}

/// A plan for a cluster.
#[derive(Debug, Clone)]
pub struct Job {
    /// The query that it is of.
    pub query: String,
    pub state: Arc<SessionState>,
    pub plan: Arc<dyn ExecutionPlan>,
    pub progress: Arc<JobProgress>,
}

/// A process that runs tasks.
#[derive(Debug, Clone)]
pub struct Executor {
    pub id: String,
    pub address: String,
    pub cores: u64,
    /// Of which tasks take now.
    pub busy_cores: u64,
    /// As the executor told with its last heartbeat.
    pub memory_bytes: Option<u64>,
    /// Milliseconds since 1970.
    pub heartbeat_ms: Option<i64>,
}

#[derive(Debug, Clone)]
pub struct Stage {
    pub query: String,
    pub job: String,
    pub stage: u64,
    pub attempt: u64,
    pub state: &'static str,
    pub partitions: u64,
    pub partitions_done: u64,
}

#[derive(Debug, Clone)]
pub struct Task {
    pub query: String,
    pub job: String,
    pub stage: u64,
    pub task: u64,
    pub executor: String,
    pub state: &'static str,
    pub partitions: u64,
    /// Milliseconds since 1970.
    pub started_ms: Option<i64>,
    pub ended_ms: Option<i64>,
    pub rows: Option<u64>,
    pub bytes: Option<u64>,
    pub error: Option<String>,
}

/// How far a job is; written by the cluster, read by the query.
#[derive(Debug, Default)]
pub struct JobProgress(Mutex<Counted>);

/// What the tasks of a job have done.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counted {
    pub tasks_done: u64,
    pub tasks_total: u64,
    pub bytes_read: u64,
    pub rows_scanned: u64,
    pub spilled_bytes: u64,
    /// What tasks wrote for tasks of other stages.
    pub shuffled_bytes: u64,
    pub bad_rows: BadRowCounts,
    /// How often the job was submitted again.
    pub resubmitted: u64,
}

impl JobProgress {
    pub fn set(&self, counted: Counted) {
        *self.0.lock() = counted;
    }

    pub fn get(&self) -> Counted {
        *self.0.lock()
    }
}

/// A plan that runs on a cluster. Its rows come in one partition.
#[derive(Debug)]
pub struct RemoteExec {
    plan: Arc<dyn ExecutionPlan>,
    state: Arc<SessionState>,
    remote: Arc<dyn Remote>,
    /// The same plan before its scalar subqueries have values, where it has some.
    unresolved: Option<Arc<Unresolved>>,
    progress: Arc<JobProgress>,
    properties: Arc<PlanProperties>,
}

impl RemoteExec {
    pub(super) fn new(
        plan: Arc<dyn ExecutionPlan>,
        state: Arc<SessionState>,
        remote: Arc<dyn Remote>,
        unresolved: Option<Arc<Unresolved>>,
    ) -> Self {
        let equivalence = match plan.output_partitioning().partition_count() {
            1 => plan.equivalence_properties().clone(),
            // Partitions come one after another.
            _ => EquivalenceProperties::new(plan.schema()),
        };
        let properties = PlanProperties::new(
            equivalence,
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self {
            plan,
            state,
            remote,
            unresolved,
            progress: Arc::default(),
            properties: Arc::new(properties),
        }
    }

    pub fn progress(&self) -> Counted {
        self.progress.get()
    }

    /// The stages of the plan.
    pub fn explain(&self) -> Result<Vec<String>> {
        self.remote.explain(&self.state, &self.plan)
    }
}

/// The operator of a cluster in a plan, which has one at most.
pub fn remote_part(plan: &dyn ExecutionPlan) -> Option<&RemoteExec> {
    match plan.downcast_ref::<RemoteExec>() {
        Some(remote) => Some(remote),
        None => plan
            .children()
            .into_iter()
            .find_map(|child| remote_part(child.as_ref())),
    }
}

impl DisplayAs for RemoteExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteExec: executors={}", self.remote.executors().len())
    }
}

impl ExecutionPlan for RemoteExec {
    fn name(&self) -> &'static str {
        "RemoteExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.plan]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> PlanResult<TreeNodeRecursion>,
    ) -> PlanResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let plan = children.pop().unwrap_or_else(|| Arc::clone(&self.plan));
        Ok(Arc::new(Self::new(
            plan,
            Arc::clone(&self.state),
            Arc::clone(&self.remote),
            self.unresolved.clone(),
        )))
    }

    fn execute(
        &self,
        _: usize,
        context: Arc<TaskContext>,
    ) -> PlanResult<SendableRecordBatchStream> {
        let job = Job {
            query: context.task_id().unwrap_or_default(),
            state: Arc::clone(&self.state),
            plan: Arc::clone(&self.plan),
            progress: Arc::clone(&self.progress),
        };
        match &self.unresolved {
            None => Ok(self.remote.run(job)),
            Some(unresolved) => {
                let remote = Arc::clone(&self.remote);
                Ok(Arc::clone(unresolved).run(remote, job, context))
            }
        }
    }
}
