//! Physical rule: hash joins whose build sides do not fit the memory become sort-merge joins.
//!
//! A hash join holds its build side in memory and cannot spill it; a sort-merge join can, and takes
//! more time. The rule stands after the sides of joins are chosen and before sorting and
//! repartitioning are put in, which it leaves to the rules after it. Sizes are estimated from
//! statistics; where there are none, a join stays as it is, unless the plan is to be frugal
//! ([`Limits::frugal`]).

use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Schema};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinType, Result};
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode, SortMergeJoinExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};

use crate::settings::Limits;

/// Of the pool, what hash tables may fill: the rest is for operators that can spill.
const SHARE_OF_POOL: usize = 2;

/// Build sides up to this size are never worth a sort.
const SMALL_BYTES: usize = 1 << 20;

/// Hash table and row number of a row.
const ROW_OVERHEAD_BYTES: usize = 24;

/// A guess for texts and nested values.
const VALUE_BYTES: usize = 24;

#[derive(Debug)]
pub struct SpillingJoins;

impl PhysicalOptimizerRule for SpillingJoins {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(limits) = config.extensions.get::<Limits>() else {
            return Ok(plan);
        };
        let Some(most) = largest_allowed(&plan, limits)? else {
            return Ok(plan);
        };
        let replaced = plan.transform_up(|node| match node.downcast_ref::<HashJoinExec>() {
            Some(join) if can_merge(join) && build_bytes(join, limits.frugal)? > most => {
                merging(join).map(Transformed::yes)
            }
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

/// The largest build side that may stay in memory, so that all that stay fit together; `None` when
/// all of them do.
fn largest_allowed(plan: &Arc<dyn ExecutionPlan>, limits: &Limits) -> Result<Option<usize>> {
    let mut sizes = Vec::new();
    collect(plan, limits.frugal, &mut sizes)?;
    if limits.frugal {
        return Ok(Some(SMALL_BYTES));
    }
    sizes.sort_unstable();
    let budget = limits.pool_bytes / SHARE_OF_POOL;
    let mut total = 0_usize;
    let mut most = None;
    for bytes in sizes {
        total = total.saturating_add(bytes);
        if total > budget {
            return Ok(Some(most.unwrap_or(0).max(SMALL_BYTES)));
        }
        most = Some(bytes);
    }
    Ok(None)
}

fn collect(plan: &Arc<dyn ExecutionPlan>, frugal: bool, sizes: &mut Vec<usize>) -> Result<()> {
    plan.apply(|node| {
        if let Some(join) = node.downcast_ref::<HashJoinExec>() {
            sizes.push(build_bytes(join, frugal)?);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// What the build side takes by its statistics. Without them: nothing, or anything.
fn build_bytes(join: &HashJoinExec, frugal: bool) -> Result<usize> {
    let statistics =
        StatisticsContext::new().compute(join.left().as_ref(), &StatisticsArgs::new())?;
    let unknown = if frugal { usize::MAX } else { 0 };
    let width = row_bytes(&join.left().schema()) + ROW_OVERHEAD_BYTES;
    Ok(match statistics.num_rows.get_value() {
        Some(rows) => rows.saturating_mul(width),
        None => statistics
            .total_byte_size
            .get_value()
            .copied()
            .unwrap_or(unknown),
    })
}

fn row_bytes(schema: &Schema) -> usize {
    let widths = schema.fields().iter();
    widths
        .map(|field| field.data_type().primitive_width().unwrap_or(VALUE_BYTES))
        .sum()
}

/// Whether a sort-merge join gives the same rows.
fn can_merge(join: &HashJoinExec) -> bool {
    let known_type = !matches!(join.join_type(), JoinType::LeftMark | JoinType::RightMark);
    let schema = join.left().schema();
    let keys_sort = join.on().iter().all(|(left, _)| {
        left.data_type(&schema)
            .is_ok_and(|data_type| sorts_as_it_equals(&data_type))
    });
    known_type
        && keys_sort
        && !join.on().is_empty()
        && !join.null_aware
        && join.fetch().is_none()
        && *join.partition_mode() != PartitionMode::Auto
}

/// Types whose order knows as equal what their equality does: not floats, with their two zeros.
fn sorts_as_it_equals(data_type: &DataType) -> bool {
    data_type.is_integer()
        || data_type.is_string()
        || data_type.is_temporal()
            && !matches!(data_type, DataType::Interval(_) | DataType::Duration(_))
        || matches!(
            data_type,
            DataType::Boolean
                | DataType::Decimal128(..)
                | DataType::Binary
                | DataType::LargeBinary
                | DataType::BinaryView
        )
}

/// The same join by sorting and merging, with the columns that the hash join gave.
fn merging(join: &HashJoinExec) -> Result<Arc<dyn ExecutionPlan>> {
    let merging: Arc<dyn ExecutionPlan> = Arc::new(SortMergeJoinExec::try_new(
        Arc::clone(join.left()),
        Arc::clone(join.right()),
        join.on().to_vec(),
        join.filter().cloned(),
        *join.join_type(),
        vec![SortOptions::default(); join.on().len()],
        join.null_equality(),
    )?);
    let Some(columns) = join.projection.as_ref() else {
        return Ok(merging);
    };
    let exprs = ProjectionExprs::from_indices(columns, &merging.schema());
    let exprs = exprs.iter().cloned().collect::<Vec<_>>();
    Ok(Arc::new(ProjectionExec::try_new(exprs, merging)?))
}
