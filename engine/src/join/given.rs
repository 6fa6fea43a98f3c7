//! A leaf of a plan whose rows come with the task: so a `HashJoinExec` joins rows that we hand it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{JoinSide, Result, internal_datafusion_err};
use datafusion::execution::memory_pool::UnboundedMemoryPool;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use parking_lot::Mutex;

pub(super) type Slot = Arc<Mutex<Option<SendableRecordBatchStream>>>;

pub(super) fn slot(stream: SendableRecordBatchStream) -> Slot {
    Arc::new(Mutex::new(Some(stream)))
}

/// The rows of both sides, each to be taken once.
pub(super) struct Given {
    pub build: Slot,
    pub probe: Slot,
}

impl Given {
    /// The task that executes a join over these rows. Its memory is not counted: who gives the rows
    /// has reserved what the join takes.
    pub fn task(self, context: &TaskContext) -> Arc<TaskContext> {
        let mut runtime = context.runtime_env().as_ref().clone();
        runtime.memory_pool = Arc::new(UnboundedMemoryPool::default());
        Arc::new(TaskContext::new(
            context.task_id(),
            context.session_id(),
            context
                .session_config()
                .clone()
                .with_extension(Arc::new(self)),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            Arc::new(runtime),
        ))
    }
}

#[derive(Debug)]
pub(super) struct GivenExec {
    side: JoinSide,
    properties: Arc<PlanProperties>,
    /// The plan that makes the rows: where a join looks for the scans that read its filter.
    origin: Vec<Arc<dyn ExecutionPlan>>,
}

impl GivenExec {
    /// In place of `origin`.
    pub fn instead(origin: &Arc<dyn ExecutionPlan>, side: JoinSide) -> Arc<dyn ExecutionPlan> {
        Arc::new(Self {
            side,
            properties: Arc::clone(origin.properties()),
            origin: vec![Arc::clone(origin)],
        })
    }

    /// One partition of rows from nowhere in particular.
    pub fn single(schema: SchemaRef, side: JoinSide) -> Arc<dyn ExecutionPlan> {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Arc::new(Self {
            side,
            properties: Arc::new(properties),
            origin: Vec::new(),
        })
    }
}

impl DisplayAs for GivenExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GivenExec")
    }
}

impl ExecutionPlan for GivenExec {
    fn name(&self) -> &'static str {
        "GivenExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.origin.iter().collect()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, task: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let given = task.session_config().get_extension::<Given>();
        let taken = given.and_then(|given| match self.side {
            JoinSide::Left => given.build.lock().take(),
            _ => given.probe.lock().take(),
        });
        taken.ok_or_else(|| internal_datafusion_err!("the rows of a join were taken before"))
    }
}
