//! Joins whose rows are in no order. A hash join that stays as it is planned keeps the order of its right side,
//! and DataFusion sorts below it then. But Ballista swaps the sides of joins when their sizes are known, without a
//! look at orders, and a join that spills keeps none. So each has this operator above it, which passes rows on.

use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, Statistics, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::PlanProperties;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::projection::{ProjectionExec, make_with_child};
use datafusion::physical_plan::{
    ChildStats, DisplayAs, DisplayFormatType, ExecutionPlan, StatisticsArgs,
};

/// See the [module](self).
#[derive(Debug)]
pub struct UnorderedExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl UnorderedExec {
    pub fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        let same = input.properties();
        let mut equivalences = same.equivalence_properties().clone();
        equivalences.clear_orderings();
        let properties = PlanProperties::new(
            equivalences,
            same.output_partitioning().clone(),
            same.emission_type,
            same.boundedness,
        );
        Self {
            input,
            properties: Arc::new(properties),
        }
    }
}

impl DisplayAs for UnorderedExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnorderedExec")
    }
}

impl ExecutionPlan for UnorderedExec {
    fn name(&self) -> &'static str {
        "UnorderedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.pop() {
            Some(input) if children.is_empty() => Ok(Arc::new(Self::new(input))),
            _ => internal_err!("an operator with one input got another number"),
        }
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        Ok(Arc::clone(&inputs[0]))
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }

    fn try_swapping_with_projection(
        &self,
        projection: &ProjectionExec,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        if !self.input.is::<HashJoinExec>() {
            return Ok(None);
        }
        let Some(swapped) = self.input.try_swapping_with_projection(projection)? else {
            return Ok(None);
        };
        // What a join cannot project itself stays above.
        match swapped.downcast_ref::<ProjectionExec>() {
            None => Ok(Some(Arc::new(Self::new(swapped)))),
            Some(rest) => {
                let join: Arc<dyn ExecutionPlan> = Arc::new(Self::new(Arc::clone(rest.input())));
                make_with_child(rest, &join).map(Some)
            }
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }
}

/// Puts it above each hash join.
#[derive(Debug)]
pub struct Unordered;

impl PhysicalOptimizerRule for Unordered {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let above = |node: Arc<dyn ExecutionPlan>| match node.is::<HashJoinExec>() {
            true => {
                let above: Arc<dyn ExecutionPlan> = Arc::new(UnorderedExec::new(node));
                Ok(Transformed::yes(above))
            }
            false => Ok(Transformed::no(node)),
        };
        Ok(plan.transform_up(above)?.data)
    }

    fn name(&self) -> &str {
        "unordered"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
