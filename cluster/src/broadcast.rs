//! Joins whose smaller side goes to every task, so that the larger one stays where its files are read.
//!
//! ```text
//! supplier ── a stage ──┬──▶ task 1: partsupp 1 … 4 ⋈ supplier
//!                       └──▶ task 2: partsupp 5 … 8 ⋈ supplier
//! ```
//! Ballista's planner decides the same by the same estimate, but after repartitioning was planned: what it finds
//! has both sides dealt out already. It must agree with each join that is decided here (see [`is_kept`]): one that
//! it deals out again would have other partitions than the operators above were made for.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{JoinSide, JoinType, Result};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::statistics::StatisticsContext;
use datafusion::physical_plan::{ExecutionPlan, StatisticsArgs, replace_children_if_necessary};

use crate::divisions::is_ranges;

/// Decides before repartitioning is, and after divisions are.
#[derive(Debug)]
pub struct Broadcasts {
    /// A side whose estimate is smaller goes to every task; 0: none.
    pub limit_bytes: usize,
}

impl PhysicalOptimizerRule for Broadcasts {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.decided(plan)
    }

    fn name(&self) -> &str {
        "broadcasts"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

impl Broadcasts {
    fn decided(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        let children = plan.children().into_iter().cloned();
        let children = children.map(|child| self.decided(child));
        let children = children.collect::<Result<Vec<_>>>()?;
        let plan = replace_children_if_necessary(plan, children)?;
        match plan.downcast_ref::<HashJoinExec>() {
            Some(join) => Ok(self.join(join)?.unwrap_or(plan)),
            None => Ok(plan),
        }
    }

    fn join(&self, join: &HashJoinExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        // Sides whose files keep keys apart send nothing at all.
        let is_divided = is_ranges(join.left()) && is_ranges(join.right());
        match smaller(join, self.limit_bytes).filter(|_| !is_divided) {
            None => Ok(None),
            Some(JoinSide::Right) => join.swap_inputs(PartitionMode::CollectLeft).map(Some),
            Some(_) => {
                let collected = join
                    .builder()
                    .with_partition_mode(PartitionMode::CollectLeft);
                Ok(Some(Arc::new(collected.build()?)))
            }
        }
    }
}

/// The side that may go to every task: its estimate is below the limit, and the join does not tell of its rows.
pub fn smaller(join: &HashJoinExec, limit_bytes: usize) -> Option<JoinSide> {
    if *join.partition_mode() != PartitionMode::Partitioned || join.null_aware {
        return None;
    }
    let (kept, swapped) = (*join.join_type(), join.join_type().swap());
    let swaps = join.join_type().supports_swap() && tells_of_right(swapped);
    let bytes = |side, may| estimated_bytes(side).filter(|bytes| may && *bytes < limit_bytes);
    let left = bytes(join.left(), tells_of_right(kept));
    let right = bytes(join.right(), swaps);
    match (left, right) {
        (None, None) => None,
        (Some(left), Some(right)) if right < left => Some(JoinSide::Right),
        (None, Some(_)) => Some(JoinSide::Right),
        _ => Some(JoinSide::Left),
    }
}

/// Whether the join gives rows for those of its right side only: each task has some of these, and all of
/// the left ones.
fn tells_of_right(join_type: JoinType) -> bool {
    matches!(
        join_type,
        JoinType::Inner
            | JoinType::Right
            | JoinType::RightSemi
            | JoinType::RightAnti
            | JoinType::RightMark
    )
}

/// Whether every join that was decided here is one that Ballista's planner leaves as it is.
pub fn is_kept(plan: &Arc<dyn ExecutionPlan>, limit_bytes: usize) -> bool {
    let own = match plan.downcast_ref::<HashJoinExec>() {
        Some(join) if *join.partition_mode() == PartitionMode::CollectLeft && !join.null_aware => {
            tells_of_right(*join.join_type())
                && estimated_bytes(join.left()).is_some_and(|bytes| bytes < limit_bytes)
        }
        _ => true,
    };
    own && plan
        .children()
        .into_iter()
        .all(|child| is_kept(child, limit_bytes))
}

/// As Ballista's planner estimates: by statistics, or rows of the width of their types.
fn estimated_bytes(plan: &Arc<dyn ExecutionPlan>) -> Option<usize> {
    let statistics = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new());
    let statistics = statistics.ok()?;
    // Zero is said of what is not known.
    let known = |value: Option<&usize>| value.copied().filter(|value| *value > 0);
    if let Some(bytes) = known(statistics.total_byte_size.get_value()) {
        return Some(bytes);
    }
    let rows = known(statistics.num_rows.get_value())?;
    let schema = plan.schema();
    let widths = schema
        .fields()
        .iter()
        .map(|field| width_bytes(field.data_type()));
    Some(rows.saturating_mul(widths.sum::<usize>().max(8)))
}

fn width_bytes(data_type: &DataType) -> usize {
    match data_type {
        DataType::Boolean => 1,
        DataType::Decimal256(..) => 32,
        DataType::Decimal128(..) => 16,
        DataType::Int8
        | DataType::UInt8
        | DataType::Int16
        | DataType::UInt16
        | DataType::Int32
        | DataType::UInt32
        | DataType::Int64
        | DataType::UInt64
        | DataType::Float32
        | DataType::Float64
        | DataType::Date32
        | DataType::Date64 => data_type.primitive_width().unwrap_or(8),
        _ => 32,
    }
}
