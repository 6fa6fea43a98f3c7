//! The operator: a `HashJoinExec` in all that plans see, but for the order of its rows.

use std::fmt;
use std::sync::Arc;

use datafusion::common::JoinSide;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::PlanProperties;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::{
    ChildStats, DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements,
    StatisticsArgs,
};
use parking_lot::Mutex;

use super::given::GivenExec;
use super::start::{Sharing, Start};

/// See the [module](self).
pub struct SpillingHashJoinExec {
    join: Arc<HashJoinExec>,
    in_memory: Arc<HashJoinExec>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
    sharing: Mutex<Option<Arc<Sharing>>>,
}

impl SpillingHashJoinExec {
    /// The same join, able to spill. Its mode must be chosen, and NULLs must not be special to it.
    pub fn new(join: HashJoinExec) -> Result<Self> {
        if join.null_aware || *join.partition_mode() == PartitionMode::Auto {
            return internal_err!("this hash join cannot spill");
        }
        let in_memory = join
            .builder()
            .with_new_children(vec![
                GivenExec::instead(join.left(), JoinSide::Left),
                GivenExec::instead(join.right(), JoinSide::Right),
            ])?
            .build()?;
        let same = join.properties();
        let mut equivalences = same.equivalence_properties().clone();
        equivalences.clear_orderings();
        let properties = PlanProperties::new(
            equivalences,
            same.output_partitioning().clone(),
            same.emission_type,
            same.boundedness,
        );
        Ok(Self {
            join: Arc::new(join),
            in_memory: Arc::new(in_memory),
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
            sharing: Mutex::new(None),
        })
    }

    fn sharing(&self, start: &Start) -> Result<Arc<Sharing>> {
        let mut sharing = self.sharing.lock();
        if let Some(sharing) = sharing.as_ref() {
            return Ok(Arc::clone(sharing));
        }
        Ok(Arc::clone(sharing.insert(Arc::new(Sharing::new(start)?))))
    }
}

impl fmt::Debug for SpillingHashJoinExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SpillingHashJoinExec")
            .field(&self.join)
            .finish()
    }
}

impl DisplayAs for SpillingHashJoinExec {
    fn fmt_as(&self, form: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if form != DisplayFormatType::TreeRender {
            f.write_str("Spilling")?;
        }
        self.join.fmt_as(form, f)
    }
}

impl ExecutionPlan for SpillingHashJoinExec {
    fn name(&self) -> &'static str {
        "SpillingHashJoinExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.join.input_distribution_requirements()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.join.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.join.apply_expressions(f)
    }

    fn dynamic_expressions_produced(&self) -> Vec<Arc<dyn PhysicalExpr>> {
        self.join.dynamic_expressions_produced()
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let join = self.join.builder().recompute_properties();
        Ok(Arc::new(Self::new(
            join.with_new_children(children)?.build()?,
        )?))
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(
            self.join.builder().reset_state().build()?,
        )?))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let start = Start {
            join: Arc::clone(&self.join),
            in_memory: Arc::clone(&self.in_memory),
            metrics: self.metrics.clone(),
            partition,
            context,
        };
        if *self.join.partition_mode() == PartitionMode::CollectLeft {
            let sharing = self.sharing(&start)?;
            return start.sharing(&sharing);
        }
        start.partitioned()
    }

    /// Those of all joins that take part, and of the files.
    fn metrics(&self) -> Option<MetricsSet> {
        let mut all = self.join.metrics().unwrap_or_default();
        let own = self.metrics.clone_inner();
        own.iter().for_each(|metric| all.push(Arc::clone(metric)));
        Some(all)
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        self.join.child_stats_requests(partition)
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        self.join.statistics_from_inputs(inputs, args)
    }
}
