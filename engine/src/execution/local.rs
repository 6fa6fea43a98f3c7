//! Execution in this process: plain DataFusion on the shared memory pool.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::execution::memory_pool::{MemoryPool, PeakRecordingPool};
use datafusion::execution::{SessionState, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream, execute_stream};

use super::{Execution, Query};
use crate::error::Result;
use crate::source::scan_totals;

#[derive(Debug, Default)]
pub struct Local;

#[async_trait]
impl Execution for Local {
    async fn prepare_optimized(
        &self,
        state: &SessionState,
        plan: &LogicalPlan,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = state.query_planner();
        Ok(planner.create_physical_plan(plan, state).await?)
    }

    fn start(
        &self,
        query: &Query,
        state: &SessionState,
        plan: Arc<dyn ExecutionPlan>,
    ) -> Result<SendableRecordBatchStream> {
        let shared = state.runtime_env();
        let pool = Arc::new(PeakRecordingPool::new(Arc::clone(&shared.memory_pool)));
        let mut runtime = shared.as_ref().clone();
        runtime.memory_pool = Arc::clone(&pool) as Arc<dyn MemoryPool>;
        query.running(Arc::clone(&plan), pool, scan_totals(plan.as_ref()));
        // Operators have their functions: nobody looks one up by its name, and to copy hundreds of names
        // takes longer than a small query.
        let context = TaskContext::new(
            Some(query.id.clone()),
            state.session_id().to_string(),
            state.config().clone(),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            Arc::new(runtime),
        );
        Ok(execute_stream(plan, Arc::new(context))?)
    }
}
