//! `EXPLAIN (DISTRIBUTED)`: the stages of a plan, what each sends to whom, and which kind each join is.

use std::sync::Arc;

use ballista_core::JobId;
use ballista_core::execution_plans::ShuffleWriter;
use ballista_scheduler::planner::{DefaultDistributedPlanner, DistributedPlanner};
use datafusion::execution::SessionState;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, PartitionMode, SortMergeJoinExec,
};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, Partitioning};
use quern_engine::settings::{Routing, format_bytes};
use quern_engine::{Error, Result};

use crate::divisions::is_divided;

/// A line for each stage and each of its operators, the first stage first.
pub fn stages(state: &SessionState, plan: &Arc<dyn ExecutionPlan>) -> Result<Vec<String>> {
    let job = JobId::new("explain");
    let mut planner = DefaultDistributedPlanner::new();
    let stages = planner
        .plan_query_stages(&job, Arc::clone(plan), state.config_options())
        .map_err(|e| Error::internal(format!("the plan cannot be cut into stages: {e}")))?;
    let routing = state.config().get_extension::<Routing>();
    let limit = routing.map_or(0, |routing| routing.broadcast_bytes);
    let last = stages.len();
    let mut lines = Vec::new();
    for (at, stage) in stages.iter().enumerate() {
        let to = match at + 1 == last {
            true => "to the client".to_string(),
            false => sent(stage.as_ref()),
        };
        lines.push(format!(
            "Stage {}: {} partitions, rows {to}",
            stage.stage_id(),
            stage.input_partition_count(),
        ));
        let Some(input) = stage.children().first().map(|child| Arc::clone(child)) else {
            continue;
        };
        let mut joins = Vec::new();
        joins_of(input.as_ref(), limit, &mut joins);
        let shown = DisplayableExecutionPlan::new(input.as_ref())
            .indent(false)
            .to_string();
        lines.extend(joins.into_iter().map(|join| format!("  {join}")));
        lines.extend(shown.lines().map(|line| format!("  {line}")));
    }
    Ok(lines)
}

fn sent(stage: &dyn ShuffleWriter) -> String {
    match stage.shuffle_output_partitioning() {
        Some(Partitioning::Hash(keys, partitions)) => {
            let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
            format!(
                "dealt out by {} into {partitions} partitions",
                keys.join(", ")
            )
        }
        Some(other) => format!("dealt out by {other}"),
        None => "kept in their partitions".to_string(),
    }
}

fn joins_of(plan: &dyn ExecutionPlan, limit: u64, found: &mut Vec<String>) {
    if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        let limit = format_bytes(limit);
        let on: Vec<_> = join
            .on()
            .iter()
            .map(|(l, r)| format!("{l} = {r}"))
            .collect();
        let why = match join.partition_mode() {
            PartitionMode::CollectLeft => {
                format!("broadcast: the left side goes to every task (estimated below {limit})")
            }
            _ if is_divided(join) => format!(
                "partitioned: no row is sent, the files of both sides are apart at the same {} keys",
                plan.output_partitioning()
                    .partition_count()
                    .saturating_sub(1)
            ),
            _ => format!(
                "hash: both sides are dealt out by the keys (neither is known to be below {limit})"
            ),
        };
        found.push(format!("Join on {}: {why}", on.join(" AND ")));
    } else if plan.downcast_ref::<SortMergeJoinExec>().is_some() {
        found.push("Join: merge of sorted sides, both dealt out by the keys".to_string());
    } else if plan.downcast_ref::<NestedLoopJoinExec>().is_some()
        || plan.downcast_ref::<CrossJoinExec>().is_some()
    {
        found.push("Join without equal keys: the left side goes to every task".to_string());
    }
    for child in plan.children() {
        joins_of(child.as_ref(), limit, found);
    }
}
