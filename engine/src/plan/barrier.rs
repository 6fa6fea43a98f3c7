//! Views that are security barriers: nothing of the query around one sees a row that it hides.
//!
//! Other views are put into the plan of the query, whose conditions then move down into them. This one
//! is a table to the optimizers: it has a plan of its own, made when the query's is, and takes from the
//! query no more than which columns are asked for and how many rows. In the physical plan an operator that
//! lets no condition through stands above it.
//!
//! ```text
//! FilterExec: the user's condition
//!   BarrierExec
//!     FilterExec: the view's condition
//! ```

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableSource, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::{
    ChildStats, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
    SendableRecordBatchStream, StatisticsArgs,
};

/// A view that is a table to the optimizers.
#[derive(Debug)]
pub(super) struct Barrier {
    plan: LogicalPlan,
}

impl Barrier {
    pub fn source(plan: LogicalPlan) -> Arc<dyn TableSource> {
        provider_as_source(Arc::new(Self { plan }))
    }

    /// The plan behind the source, if it is such a view.
    pub fn plan_of(source: &Arc<dyn TableSource>) -> Option<LogicalPlan> {
        let table = source_as_provider(source).ok()?;
        let barrier = table.downcast_ref::<Self>()?;
        Some(barrier.plan.clone())
    }
}

#[async_trait]
impl TableProvider for Barrier {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.plan.schema().inner())
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut plan = LogicalPlanBuilder::from(self.plan.clone());
        let all = self.plan.schema();
        if let Some(asked) =
            projection.filter(|asked| !asked.iter().copied().eq(0..all.fields().len()))
        {
            let columns = asked.iter().map(|at| Expr::from(all.qualified_field(*at)));
            plan = plan.project(columns.collect::<Vec<_>>())?;
        }
        if let Some(rows) = limit {
            plan = plan.limit(0, Some(rows))?;
        }
        let plan = state.create_physical_plan(&plan.build()?).await?;
        Ok(Arc::new(BarrierExec { plan }))
    }
}

/// The rows of its input, through which no condition is moved: that is what operators do of which
/// DataFusion does not know better.
#[derive(Debug)]
struct BarrierExec {
    plan: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for BarrierExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BarrierExec")
    }
}

impl ExecutionPlan for BarrierExec {
    fn name(&self) -> &'static str {
        "BarrierExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.plan.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.plan]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = children.pop().unwrap_or_else(|| Arc::clone(&self.plan));
        Ok(Arc::new(Self { plan }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.plan.execute(partition, context)
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        Ok(match inputs.first() {
            Some(of_input) => Arc::clone(of_input),
            None => Arc::new(Statistics::new_unknown(&self.schema())),
        })
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }
}
