//! From which columns of which scans a key comes, unchanged and row by row.

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::projection::ProjectionExec;

use crate::codec::file_scan;

/// A scan, and which columns of its table the keys are, first the one that is cut.
#[derive(Clone)]
pub struct Origin {
    pub scan: Arc<dyn ExecutionPlan>,
    /// Where the scan gives the first key.
    pub at: usize,
    pub columns: Vec<usize>,
}

/// What an operator of a plan is known by while the plan is looked at.
pub fn identity(plan: &Arc<dyn ExecutionPlan>) -> usize {
    Arc::as_ptr(plan).cast::<()>() as usize
}

/// The scans that all have to be cut at the same keys for the plan to be cut at its first key. Further keys
/// must come from the same one scan.
pub fn of_all(
    plan: &Arc<dyn ExecutionPlan>,
    keys: &[Arc<dyn PhysicalExpr>],
) -> Option<Vec<Origin>> {
    let (first, others) = keys.split_first()?;
    let mut origins = of(plan, column(first)?)?;
    for key in others {
        let further = of(plan, column(key)?)?;
        let ([origin], [further]) = (origins.as_mut_slice(), further.as_slice()) else {
            return None;
        };
        if identity(&origin.scan) != identity(&further.scan) {
            return None;
        }
        let new = further
            .columns
            .iter()
            .filter(|c| !origin.columns.contains(c));
        let new: Vec<_> = new.copied().collect();
        origin.columns.extend(new);
    }
    let wanted = keys.len();
    let complete = others.is_empty() || origins.iter().all(|o| o.columns.len() == wanted);
    complete.then_some(origins)
}

fn column(key: &Arc<dyn PhysicalExpr>) -> Option<usize> {
    key.downcast_ref::<Column>().map(Column::index)
}

fn of(plan: &Arc<dyn ExecutionPlan>, at: usize) -> Option<Vec<Origin>> {
    if let Some(config) = file_scan(plan) {
        let column = match config.file_source().projection() {
            None => at,
            Some(projection) => column(&projection.iter().nth(at)?.expr)?,
        };
        let scan = Arc::clone(plan);
        let columns = vec![column];
        return Some(vec![Origin { scan, at, columns }]);
    }
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let expression = &projection.expr().get(at)?.expr;
        return of(projection.input(), column(expression)?);
    }
    if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        let kept = filter.projection().as_ref();
        let inner = kept.map_or(Some(at), |kept| kept.get(at).copied())?;
        return match filter.fetch() {
            None => of(filter.input(), inner),
            Some(_) => None,
        };
    }
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        let groups = aggregate.group_expr();
        let (key, _) = groups.expr().get(at)?;
        return match groups.has_grouping_set() {
            false => of(aggregate.input(), column(key)?),
            true => None,
        };
    }
    of_join(plan.downcast_ref::<HashJoinExec>()?, at)
}

/// A key of an inner join comes from both sides, when it is what they are joined by.
fn of_join(join: &HashJoinExec, at: usize) -> Option<Vec<Origin>> {
    let inner = *join.join_type() == JoinType::Inner && join.fetch().is_none();
    if !inner || *join.partition_mode() != PartitionMode::Partitioned {
        return None;
    }
    let kept = join.projection.as_ref();
    let at = kept.map_or(Some(at), |kept| kept.get(at).copied())?;
    let left_columns = join.left().schema().fields().len();
    // Other keys of the join would have to be cut as well.
    let [(left, right)] = join.on() else {
        return None;
    };
    let (left, right) = (column(left)?, column(right)?);
    if at != left && at != right + left_columns {
        return None;
    }
    let mut origins = of(join.left(), left)?;
    origins.extend(of(join.right(), right)?);
    Some(origins)
}
