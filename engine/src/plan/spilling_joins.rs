//! Physical rule: every hash join is one that can spill.
//!
//! The rule stands at the end, when the plan is as it will run: all other rules see the joins that
//! they know. A spilling join does not keep the order of its probe side. Where the plan has such an
//! order, the join stays as it is; in a plan that is to be frugal ([`Limits::frugal`]) the rows are
//! sorted again instead. In a stage of a cluster no join's order counts.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::sorts::sort::SortExec;

use crate::join::SpillingHashJoinExec;
use crate::settings::Limits;

#[derive(Debug)]
pub struct SpillingJoins {
    /// Whether operators may rely on the order of a join's rows.
    pub ordered: bool,
}

impl PhysicalOptimizerRule for SpillingJoins {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let limits = config.extensions.get::<Limits>();
        let frugal = limits.is_some_and(|limits| limits.frugal);
        let replaced = plan.transform_up(|node| match node.downcast_ref::<HashJoinExec>() {
            Some(join) if can_spill(join) => self.spilling(&node, join, frugal),
            _ => Ok(Transformed::no(node)),
        })?;
        Ok(replaced.data)
    }

    fn name(&self) -> &str {
        "spilling_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Not one that treats NULLs as no bucket can know (`NOT IN`), and not one that stops early.
fn can_spill(join: &HashJoinExec) -> bool {
    !join.null_aware && join.fetch().is_none() && *join.partition_mode() != PartitionMode::Auto
}

impl SpillingJoins {
    fn spilling(
        &self,
        node: &Arc<dyn ExecutionPlan>,
        join: &HashJoinExec,
        frugal: bool,
    ) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
        let ordering = join.properties().output_ordering().cloned();
        let ordering = ordering.filter(|_| self.ordered);
        if ordering.is_some() && !frugal {
            return Ok(Transformed::no(Arc::clone(node)));
        }
        let spilling: Arc<dyn ExecutionPlan> =
            Arc::new(SpillingHashJoinExec::new(join.builder().build()?)?);
        Ok(Transformed::yes(match ordering {
            Some(ordering) => {
                Arc::new(SortExec::new(ordering, spilling).with_preserve_partitioning(true))
            }
            None => spilling,
        }))
    }
}
