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

/// Comes after the rule of divisions, whose sides have no size that is known, and before repartitioning.
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
        match smaller(join, self.limit_bytes) {
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
    let sides = [
        (JoinSide::Left, join.left(), *join.join_type()),
        (JoinSide::Right, join.right(), join.join_type().swap()),
    ];
    let sides = sides.into_iter().filter_map(|(side, plan, as_left)| {
        // Which estimate Ballista's planner has depends on where projections end up.
        let bytes = largest_estimate(plan)?;
        (tells_of_right(as_left) && bytes < limit_bytes).then_some((side, bytes))
    });
    sides.min_by_key(|(_, bytes)| *bytes).map(|(side, _)| side)
}

/// Whether the join gives rows for those of its right side only: each task has some of these, and all of
/// the left ones.
pub fn tells_of_right(join_type: JoinType) -> bool {
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
    let (told, by_rows) = estimates(plan)?;
    told.or(by_rows)
}

fn largest_estimate(plan: &Arc<dyn ExecutionPlan>) -> Option<usize> {
    let (told, by_rows) = estimates(plan)?;
    told.max(by_rows)
}

/// The bytes that statistics tell, and those of so many rows.
fn estimates(plan: &Arc<dyn ExecutionPlan>) -> Option<(Option<usize>, Option<usize>)> {
    let statistics = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new());
    let statistics = statistics.ok()?;
    // Zero is said of what is not known.
    let known = |value: Option<&usize>| value.copied().filter(|value| *value > 0);
    let schema = plan.schema();
    let widths = schema
        .fields()
        .iter()
        .map(|field| width_bytes(field.data_type()));
    let width = widths.sum::<usize>().max(8);
    let rows = known(statistics.num_rows.get_value());
    let by_rows = rows.map(|rows| rows.saturating_mul(width));
    Some((known(statistics.total_byte_size.get_value()), by_rows))
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
