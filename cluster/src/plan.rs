//! How a plan is made so that it can be cut into stages, and what keeps a plan in this process.
//!
//! Ballista gives each task a slice of a stage's partitions, and knows how to slice few leaves. A leaf that
//! it does not slice is read whole by every task, silently: such plans are refused here, or the leaf gets
//! a stage of its own ([`Staged`]).

use std::sync::Arc;

use ballista_core::JobId;
use ballista_core::config::BALLISTA_SCHEDULER_MAX_PARTITIONS_PER_TASK;
use ballista_core::execution_plans::ShuffleWriter;
use ballista_core::extension::SessionConfigExt;
use ballista_scheduler::planner::{DefaultDistributedPlanner, DistributedPlanner};
use datafusion::common::Result as PlanResult;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::{DataSource, DataSourceExec};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, PartitionMode,
};
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::memory::LazyMemoryExec;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::windows::{
    BoundedWindowAggExec, WindowAggExec, get_ordered_partition_by_indices,
};
use datafusion::physical_plan::{
    ExecutionPlan, ExecutionPlanProperties, InputOrderMode, replace_children_if_necessary,
};
use datafusion_proto::physical_plan::AsExecutionPlan;
use datafusion_proto::protobuf::PhysicalPlanNode;
use prost::Message;
use quern_engine::settings::Routing;
use quern_engine::source::OpenedStores;
use quern_engine::wire::is_training;
use quern_engine::{Error, Result, plan};

use crate::ballista;
use crate::broadcast::{Broadcasts, is_kept, tells_of_right};
use crate::codec::{Codec, file_scan};
use crate::divisions::Divisions;
use crate::merged::MergedExec;
use crate::unordered::Unordered;

/// A session of Ballista's: all are one, so that executors keep one runtime.
const SESSION: &str = "quern";

/// Partitions of a shuffle for each core, so that a lost task costs little and a slow one is evened out.
const PARTITIONS_PER_CORE: usize = 2;

/// A larger plan, with rows or models in it, is not sent.
const PLAN_BYTES: usize = 32 << 20;

/// The rule of DataFusion's that decides where rows are dealt out.
const REPARTITIONS: &str = "EnsureRequirements";

/// Operators whose tasks would have to share memory.
const SHARED: &[&str] = &["RecursiveQueryExec", "WorkTableExec", "AsyncFuncExec"];

/// The session's state for a plan that is cut into stages.
pub fn planning(state: &SessionState, cores: usize, executors: usize) -> Result<SessionState> {
    let broadcast_bytes = broadcast_bytes(state);
    let partitions = (cores * PARTITIONS_PER_CORE).max(1);
    let per_task = partitions.div_ceil(executors.max(1) * PARTITIONS_PER_CORE);
    let mut config = ballista(state.config().clone())
        .with_ballista_broadcast_join_threshold_bytes(broadcast_bytes)
        .with_target_partitions(partitions)
        .set_usize(BALLISTA_SCHEDULER_MAX_PARTITIONS_PER_TASK, per_task.max(1));
    let optimizer = &mut config.options_mut().optimizer;
    // What fills such a filter is in another process than what reads it.
    optimizer.enable_dynamic_filter_pushdown = false;
    optimizer.enable_join_dynamic_filter_pushdown = false;
    optimizer.enable_topk_dynamic_filter_pushdown = false;
    optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    optimizer.prefer_hash_join = true;
    // Which sides go to every task is for the rule of broadcasts to say.
    optimizer.hash_join_single_partition_threshold = 0;
    optimizer.hash_join_single_partition_threshold_rows = 0;
    // Files that are apart by a key are not dealt out once more because there could be more partitions.
    let least = cores.max(1);
    optimizer.preserve_file_partitions = least;
    let mut rules = plan::staged_rules();
    let before = rules.iter().position(|rule| rule.name() == REPARTITIONS);
    let before = before.ok_or_else(|| Error::internal(format!("no rule is {REPARTITIONS}")))?;
    let divisions = Divisions {
        least,
        most: partitions,
        broadcast_bytes,
    };
    let broadcasts = Broadcasts {
        limit_bytes: broadcast_bytes,
    };
    let ours: [Arc<dyn PhysicalOptimizerRule + Send + Sync>; 3] = [
        Arc::new(divisions),
        Arc::new(broadcasts),
        Arc::new(Unordered),
    ];
    rules.splice(before..before, ours);
    rules.push(Arc::new(Staged));
    Ok(SessionStateBuilder::new_from_existing(state.clone())
        .with_session_id(SESSION.to_string())
        .with_config(config)
        .with_physical_optimizer_rules(rules)
        .build())
}

fn broadcast_bytes(state: &SessionState) -> usize {
    let routing = state.config().get_extension::<Routing>();
    let bytes = routing.map_or(0, |routing| routing.broadcast_bytes);
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Makes what would be wrong in several tasks right.
#[derive(Debug)]
struct Staged;

impl PhysicalOptimizerRule for Staged {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        Ok(plan.transform_up(staged)?.data)
    }

    fn name(&self) -> &str {
        "staged"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn staged(node: Arc<dyn ExecutionPlan>) -> PlanResult<Transformed<Arc<dyn ExecutionPlan>>> {
    let sides = match node.downcast_ref::<HashJoinExec>() {
        Some(join) => sides_of(join),
        None => sides_without_keys(&node),
    };
    if let Some(sides) = sides {
        return Ok(Transformed::yes(replace_children_if_necessary(
            node, sides,
        )?));
    }
    if let Some(aggregate) = node.downcast_ref::<AggregateExec>()
        && *aggregate.mode() == AggregateMode::Partial
        && aggregate.input().output_partitioning().partition_count() > 1
        && aggregate.aggr_expr().iter().all(|f| is_training(f.fun()))
        && !aggregate.aggr_expr().is_empty()
        && aggregate.group_expr().is_empty()
    {
        return Ok(Transformed::yes(Arc::new(MergedExec::new(node)?)));
    }
    if !node.children().is_empty() {
        return Ok(Transformed::no(node));
    }
    if let Some((memory, fetch)) = limited_memory(&node) {
        // Ballista forgets the limit when it slices the rows.
        return Ok(Transformed::yes(in_one_task(&memory, Some(fetch))));
    }
    let one = node.output_partitioning().partition_count() == 1;
    if one && !is_sliced(&node) && !SHARED.contains(&node.name()) {
        // A stage of its own has one task.
        return Ok(Transformed::yes(Arc::new(CoalescePartitionsExec::new(
            node,
        ))));
    }
    Ok(Transformed::no(node))
}

/// The sides of a join without equal keys, whose left side each task reads whole, if they cannot be what they are.
fn sides_without_keys(node: &Arc<dyn ExecutionPlan>) -> Option<Vec<Arc<dyn ExecutionPlan>>> {
    let tells_of_left = match node.downcast_ref::<NestedLoopJoinExec>() {
        Some(join) => !tells_of_right(*join.join_type()),
        None if node.is::<CrossJoinExec>() => false,
        None => return None,
    };
    let (left, right) = (node.children()[0], node.children()[1]);
    if right.output_partitioning().partition_count() <= 1 {
        return None;
    }
    if tells_of_left {
        // Each task would tell of the rows of the left side that it found no match for.
        return Some(vec![Arc::clone(left), in_one_task(right, None)]);
    }
    let collected = left.downcast_ref::<CoalescePartitionsExec>();
    let rows = match collected {
        Some(collected) if collected.fetch().is_none() => collected.input(),
        _ => left,
    };
    if rows.children().is_empty() {
        return None;
    }
    // What is made once is the same for all tasks: a limit takes one or another row, and so may windows.
    let once = CoalescePartitionsExec::new(in_one_task(rows, None));
    Some(vec![Arc::new(once), Arc::clone(right)])
}

/// The sides of a join whose left side goes to every task, if they cannot be what they are.
fn sides_of(join: &HashJoinExec) -> Option<Vec<Arc<dyn ExecutionPlan>>> {
    if *join.partition_mode() != PartitionMode::CollectLeft && !join.null_aware {
        return None;
    }
    let collected = join.left().downcast_ref::<CoalescePartitionsExec>();
    // Ballista takes what is below it, without the limit.
    let limited = collected.filter(|collected| collected.fetch().is_some());
    if limited.is_none() && !join.null_aware {
        return None;
    }
    let left = match limited {
        Some(limited) => in_one_task(limited.input(), limited.fetch()),
        None => Arc::clone(join.left()),
    };
    // A NULL on the right side counts for all rows of the left one.
    let right = match join.null_aware {
        true => in_one_task(join.right(), None),
        false => Arc::clone(join.right()),
    };
    Some(vec![left, right])
}

/// The rows of all partitions in one, of which all are read by one task. Partitions that are only put together are
/// taken apart again where Ballista cuts the plan and nothing needs them in one; a limit does, if it is none.
fn in_one_task(plan: &Arc<dyn ExecutionPlan>, fetch: Option<usize>) -> Arc<dyn ExecutionPlan> {
    let one = match plan.output_partitioning().partition_count() {
        1 => Arc::clone(plan),
        _ => Arc::new(CoalescePartitionsExec::new(Arc::clone(plan))),
    };
    Arc::new(GlobalLimitExec::new(one, 0, fetch))
}

/// Rows in memory with a limit, without it, and the limit.
fn limited_memory(node: &Arc<dyn ExecutionPlan>) -> Option<(Arc<dyn ExecutionPlan>, usize)> {
    let source = node.downcast_ref::<DataSourceExec>()?;
    let memory = source.data_source().downcast_ref::<MemorySourceConfig>()?;
    let fetch = memory.fetch()?;
    let all = memory.clone().with_limit(None);
    Some((DataSourceExec::from_data_source(all), fetch))
}

/// Whether Ballista gives each task its part of the leaf.
fn is_sliced(leaf: &Arc<dyn ExecutionPlan>) -> bool {
    let in_memory = || {
        let source = leaf.downcast_ref::<DataSourceExec>();
        source.is_some_and(|s| {
            s.data_source()
                .downcast_ref::<MemorySourceConfig>()
                .is_some()
        })
    };
    file_scan(leaf).is_some()
        || in_memory()
        || leaf.downcast_ref::<EmptyExec>().is_some()
        || leaf.downcast_ref::<PlaceholderRowExec>().is_some()
}

/// Why the plan cannot leave this process.
pub fn refusal(
    codec: &Codec,
    state: &SessionState,
    plan: &Arc<dyn ExecutionPlan>,
) -> Option<String> {
    let refused = unsliced(plan, false);
    if refused.is_some() {
        return refused;
    }
    if !is_kept(plan, broadcast_bytes(state)) {
        return Some("a join whose smaller side is not known well enough".to_string());
    }
    let opened = state.config().get_extension::<OpenedStores>();
    if let Some(Err(error)) = opened.map(|opened| codec.admit(&opened, plan)) {
        return Some(error.message);
    }
    match PhysicalPlanNode::try_from_physical_plan(Arc::clone(plan), codec) {
        Err(error) => return Some(readable(Error::from(error))),
        Ok(node) if node.encoded_len() > PLAN_BYTES => {
            return Some("its plan holds more than can go with every task".to_string());
        }
        Ok(_) => {}
    }
    let mut planner = DefaultDistributedPlanner::new();
    let job = JobId::new("refusal");
    let stages = planner.plan_query_stages(&job, Arc::clone(plan), state.config_options());
    match stages {
        Err(error) => Some(error.to_string()),
        Ok(stages) => stages
            .into_iter()
            .find_map(|stage| unreadable(codec, state, stage)),
    }
}

/// Why an executor would not take the stage as it is written.
fn unreadable(
    codec: &Codec,
    state: &SessionState,
    stage: Arc<dyn ShuffleWriter>,
) -> Option<String> {
    let plan: Arc<dyn ExecutionPlan> = stage;
    if let Some(reason) = unwritten(&plan) {
        return Some(reason);
    }
    let context = state.task_ctx();
    let read = PhysicalPlanNode::try_from_physical_plan(Arc::clone(&plan), codec)
        .and_then(|node| node.try_into_physical_plan(&context, codec));
    match read {
        Err(error) => Some(readable(Error::from(error))),
        Ok(read) if partitions_of(&read) != partitions_of(&plan) => {
            Some("a stage has other partitions when it is read".to_string())
        }
        Ok(_) => None,
    }
}

/// The partitions of all operators.
fn partitions_of(plan: &Arc<dyn ExecutionPlan>) -> Vec<usize> {
    let own = plan.output_partitioning().partition_count();
    let children = plan.children().into_iter().flat_map(partitions_of);
    std::iter::once(own).chain(children).collect()
}

/// The first leaf or operator that several tasks cannot share.
fn unsliced(plan: &Arc<dyn ExecutionPlan>, alone: bool) -> Option<String> {
    if SHARED.contains(&plan.name()) {
        return Some(format!("{} runs in one process", plan.name()));
    }
    let children = plan.children();
    if children.is_empty() && !alone && !is_sliced(plan) {
        return Some(format!("{} cannot be dealt out to tasks", plan.name()));
    }
    // See `staged`: a leaf of one partition right below is a stage of one task.
    let alone = plan.downcast_ref::<CoalescePartitionsExec>().is_some()
        && children
            .iter()
            .all(|child| child.output_partitioning().partition_count() == 1);
    children
        .into_iter()
        .find_map(|child| unsliced(child, alone))
}

/// What DataFusion's codec leaves out of an operator, without saying so.
fn unwritten(plan: &Arc<dyn ExecutionPlan>) -> Option<String> {
    unwritten_of(plan).or_else(|| plan.children().into_iter().find_map(unwritten))
}

fn unwritten_of(plan: &Arc<dyn ExecutionPlan>) -> Option<String> {
    if plan.downcast_ref::<LazyMemoryExec>().is_some() && plan.schema().fields().is_empty() {
        return Some("a series of which no column is read".to_string());
    }
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        let mut functions = aggregate.aggr_expr().iter();
        let is_ordered = |f: &&Arc<AggregateFunctionExpr>| {
            !f.order_bys().is_empty() || f.fun().supports_within_group_clause()
        };
        if let Some(ordered) = functions.find(is_ordered) {
            return Some(format!("{} depends on an order of rows", ordered.name()));
        }
        let groups = aggregate.group_expr().groups();
        if groups.len() > 1 && groups.iter().any(|group| group.iter().all(|null| *null)) {
            return Some("an empty grouping set".to_string());
        }
    }
    if let Some(window) = plan.downcast_ref::<BoundedWindowAggExec>()
        && window.input_order_mode == InputOrderMode::Sorted
        && let Some(keys) = window.window_expr().first().map(|w| w.partition_by())
        && get_ordered_partition_by_indices(keys, window.input())
            .is_ok_and(|ordered| ordered.len() != keys.len())
    {
        return Some("the order of a window is known only before rows are dealt out".to_string());
    }
    let windows = match plan.downcast_ref::<WindowAggExec>() {
        Some(window) => window.window_expr(),
        None => plan.downcast_ref::<BoundedWindowAggExec>()?.window_expr(),
    };
    let names = windows.iter().map(|window| window.name());
    let found = names.into_iter().find(|name| {
        let name = name.to_uppercase();
        name.contains("FILTER (WHERE") || name.contains("IGNORE NULLS")
    });
    found.map(|name| format!("{name} cannot be written down whole"))
}

/// Of a message with a whole plan in it, what a user can read.
fn readable(error: Error) -> String {
    let message = error.message;
    let message = message.split(" Plan: ").next().unwrap_or_default();
    let start = "Unsupported plan and extension codec failed with [";
    match message.split_once(start) {
        Some((_, rest)) => rest.trim_end_matches(['.', ']']).to_string(),
        None => message.to_string(),
    }
}
