//! States of trainings, merged by each task before they are sent. A pass over the rows gives a state for each
//! partition, of megabytes if there are many features, and one task merges what all others send it:
//!
//! ```text
//! task 1: partitions 1 … 8  ──▶ one state ──┐
//! task 2: partitions 9 … 16 ──▶ one state ──┴──▶ the model's pass
//! ```

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::execution_plan::PlanProperties;
use datafusion::physical_plan::{
    ChildStats, DisplayAs, DisplayFormatType, EmptyRecordBatchStream, ExecutionPlan, StatisticsArgs,
};

/// The first of its partitions has what those of its input have, merged; the others are empty. In a task, the
/// input is the task's part of it.
#[derive(Debug)]
pub struct MergedExec {
    partial: Arc<dyn ExecutionPlan>,
    merging: AggregateExec,
}

impl MergedExec {
    /// Above an aggregate without groups that gives its states.
    pub fn new(partial: Arc<dyn ExecutionPlan>) -> Result<Self> {
        let Some(aggregate) = partial.downcast_ref::<AggregateExec>() else {
            return internal_err!("only states of aggregates are merged");
        };
        if *aggregate.mode() != AggregateMode::Partial || !aggregate.group_expr().is_empty() {
            return internal_err!("only states of all rows are merged");
        }
        let functions = aggregate.aggr_expr().to_vec();
        let merging = AggregateExec::try_new(
            AggregateMode::PartialReduce,
            aggregate.group_expr().clone(),
            functions.clone(),
            vec![None; functions.len()],
            Arc::new(CoalescePartitionsExec::new(Arc::clone(&partial))),
            partial.schema(),
        )?;
        Ok(Self { partial, merging })
    }
}

impl DisplayAs for MergedExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MergedExec: one state for each task")
    }
}

impl ExecutionPlan for MergedExec {
    fn name(&self) -> &'static str {
        "MergedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.partial.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.partial]
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
            Some(partial) if children.is_empty() => Ok(Arc::new(Self::new(partial)?)),
            _ => internal_err!("an operator with one input got another number"),
        }
    }

    fn child_stats_requests(&self, _: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(None)]
    }

    fn statistics_from_inputs(
        &self,
        _: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        Ok(Arc::new(Statistics::new_unknown(&self.schema())))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        match partition {
            0 => self.merging.execute(0, context),
            _ => Ok(Box::pin(EmptyRecordBatchStream::new(self.schema()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int64Array, RecordBatch};
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::datasource::memory::MemorySourceConfig;
    use datafusion::functions_aggregate::sum::sum_udaf;
    use datafusion::physical_expr::aggregate::AggregateExprBuilder;
    use datafusion::physical_expr::expressions::col;
    use datafusion::physical_plan::aggregates::PhysicalGroupBy;
    use datafusion::physical_plan::collect_partitioned;

    use super::*;

    #[tokio::test]
    async fn states_of_all_partitions_are_one_of_the_first() {
        let schema = Arc::new(Schema::new(vec![Field::new("x", DataType::Int64, true)]));
        let rows = |values: &[i64]| {
            let column = Arc::new(Int64Array::from(values.to_vec()));
            vec![RecordBatch::try_new(Arc::clone(&schema), vec![column]).unwrap()]
        };
        let partitions = [rows(&[1, 2]), rows(&[]), rows(&[30]), rows(&[400, 500])];
        let source =
            MemorySourceConfig::try_new_exec(&partitions, Arc::clone(&schema), None).unwrap();
        let sum = AggregateExprBuilder::new(sum_udaf(), vec![col("x", &schema).unwrap()])
            .schema(Arc::clone(&schema))
            .alias("sum")
            .build()
            .unwrap();
        let partial = AggregateExec::try_new(
            AggregateMode::Partial,
            PhysicalGroupBy::default(),
            vec![Arc::new(sum)],
            vec![None],
            source,
            schema,
        );
        let merged = Arc::new(MergedExec::new(Arc::new(partial.unwrap())).unwrap());
        assert_eq!(
            merged.properties().output_partitioning().partition_count(),
            4
        );
        let found = collect_partitioned(merged, Arc::default()).await.unwrap();
        let sums = found.iter().map(|partition| {
            let states = partition.iter().flat_map(|batch| {
                let states = batch.column(0).as_any().downcast_ref::<Int64Array>();
                states.unwrap().iter().collect::<Vec<_>>()
            });
            states.collect::<Vec<_>>()
        });
        let sums: Vec<_> = sums.collect();
        assert_eq!(sums, [vec![Some(933)], vec![], vec![], vec![]]);
    }
}
