//! Scalar subqueries of a plan that runs on a cluster.
//!
//! Their values cannot cross from one process to another while tasks run. So they are found first, each as
//! a job of its own, and stand in the plan as constants.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::execution::{SessionState, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, Subquery, lit};
use datafusion::physical_plan::scalar_subquery::ScalarSubqueryExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream, execute_stream};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};

use super::remote::{Job, Remote};
use super::routed::{Notes, distribute};

/// A plan with scalar subqueries.
#[derive(Debug)]
pub struct Unresolved {
    plan: LogicalPlan,
    state: Arc<SessionState>,
}

impl Unresolved {
    /// `None` for a plan without scalar subqueries. `state` is the session's own.
    pub fn of(plan: &LogicalPlan, state: &SessionState) -> Result<Option<Self>> {
        let mut found = false;
        plan.apply(|node| {
            node.apply_expressions(|expr| {
                expr.apply(|expr| {
                    found |= matches!(expr, Expr::ScalarSubquery(_));
                    Ok(TreeNodeRecursion::Continue)
                })
            })
        })?;
        Ok(found.then(|| Self {
            plan: plan.clone(),
            state: Arc::new(state.clone()),
        }))
    }

    /// The rows of the plan, of which `job` has the form that was shown.
    pub fn run(
        self: Arc<Self>,
        remote: Arc<dyn Remote>,
        job: Job,
        context: Arc<TaskContext>,
    ) -> SendableRecordBatchStream {
        let schema = job.plan.schema();
        let rows = async move {
            let plan = self.resolved(&remote, &context).await?;
            let planning = remote.planning(&self.state)?;
            let physical = planning
                .query_planner()
                .create_physical_plan(&plan, &planning)
                .await?;
            let state = Arc::new(planning);
            match remote.refusal(&state, &physical) {
                None => Ok(remote.run(Job {
                    state,
                    plan: physical,
                    ..job
                })),
                // Its shape was one that may leave.
                Some(reason) => {
                    if let Some(notes) = self.state.config().get_extension::<Notes>() {
                        notes.add(format!("the query runs in this process: {reason}"));
                    }
                    let planner = self.state.query_planner();
                    let here = planner
                        .create_physical_plan(&plan, self.state.as_ref())
                        .await?;
                    execute_stream(here, context)
                }
            }
        };
        let rows = stream::once(rows).try_flatten();
        Box::pin(RecordBatchStreamAdapter::new(schema, rows))
    }

    /// The plan with values in the place of its scalar subqueries.
    async fn resolved(
        &self,
        remote: &Arc<dyn Remote>,
        context: &Arc<TaskContext>,
    ) -> Result<LogicalPlan> {
        let mut values: Vec<(Subquery, ScalarValue)> = Vec::new();
        let mut subqueries = Vec::new();
        self.plan.apply(|node| {
            node.apply_expressions(|expr| {
                expr.apply(|expr| {
                    if let Expr::ScalarSubquery(subquery) = expr
                        && !subqueries.contains(subquery)
                    {
                        subqueries.push(subquery.clone());
                    }
                    Ok(TreeNodeRecursion::Continue)
                })
            })
        })?;
        for subquery in subqueries {
            let value = value(&self.state, remote, &subquery.subquery, context).await?;
            values.push((subquery, value));
        }
        let found = |of: &Subquery| {
            let found = values.iter().find(|(subquery, _)| subquery == of);
            Ok(found.map(|(_, value)| value.clone()))
        };
        self.with(found)
    }

    /// The plan with NULL for each value that is not known yet: its operators are those that will run.
    pub fn shape(&self) -> Result<LogicalPlan> {
        self.with(|subquery| {
            let value_type = subquery.subquery.schema().field(0).data_type();
            ScalarValue::try_from(value_type).map(Some)
        })
    }

    fn with(
        &self,
        value: impl Fn(&Subquery) -> Result<Option<ScalarValue>>,
    ) -> Result<LogicalPlan> {
        let replaced = self.plan.clone().transform(|node| {
            node.map_expressions(|expr| {
                expr.transform(|expr| {
                    let Expr::ScalarSubquery(subquery) = &expr else {
                        return Ok(Transformed::no(expr));
                    };
                    Ok(match value(subquery)? {
                        Some(value) => Transformed::yes(lit(value)),
                        None => Transformed::no(expr),
                    })
                })
            })
        })?;
        Ok(replaced.data)
    }
}

pub(super) fn has_subqueries(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.is::<ScalarSubqueryExec>() || plan.children().into_iter().any(has_subqueries)
}

/// The one value of a subquery, which runs where it can.
fn value<'a>(
    state: &'a SessionState,
    remote: &'a Arc<dyn Remote>,
    plan: &'a LogicalPlan,
    context: &'a Arc<TaskContext>,
) -> BoxFuture<'a, Result<ScalarValue>> {
    async move {
        let physical = match distribute(remote, state, plan).await {
            Ok(distributed) => distributed,
            Err(_) => {
                state
                    .query_planner()
                    .create_physical_plan(plan, state)
                    .await?
            }
        };
        let schema = physical.schema();
        let mut rows = execute_stream(physical, Arc::clone(context))?;
        let mut value = None;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            for row in 0..batch.num_rows() {
                if value.is_some() {
                    return Err(several_rows());
                }
                value = Some(ScalarValue::try_from_array(batch.column(0), row)?);
            }
        }
        match value {
            Some(value) => Ok(value),
            None => ScalarValue::try_from(schema.field(0).data_type()),
        }
    }
    .boxed()
}

fn several_rows() -> DataFusionError {
    DataFusionError::Execution("Scalar subquery returned more than one row".to_string())
}
