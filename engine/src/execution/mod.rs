//! Running a plan: where it runs, what watches it, and what bounds it.
//!
//! [`Execution`] is the seam between the session and the machinery: [`Local`] runs a plan in this
//! process, [`Routed`] there or on a cluster ([`remote`]). Each running statement is a [`Query`] in the
//! [`Registry`], which is what `system.queries`, progress bars and cancellation look at.

mod local;
mod memory;
mod progress;
mod query;
mod registry;
pub mod remote;
mod retry;
mod routed;
mod rows;
mod scratch;
mod subquery;
mod workers;

pub use local::Local;
pub(crate) use memory::runtime;
pub use memory::{memory_limit_bytes, resident_bytes};
pub use progress::{Progress, operator_metrics};
pub use query::{Query, QueryInfo, QueryState};
pub use registry::Registry;
pub use remote::{Remote, RemoteExec, remote_part};
pub(crate) use retry::{Attempts, frugal, is_frugal};
pub use routed::{Notes, Routed};
pub use rows::Rows;
pub(crate) use rows::unless_ended;
pub use scratch::ProcessFolder;
pub(crate) use workers::or_panicked;
pub use workers::{Task, Workers};

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};

use crate::error::Result;

/// Where plans run.
#[async_trait]
pub trait Execution: Debug + Send + Sync {
    /// The cluster, if there is one.
    fn remote(&self) -> Option<Arc<dyn Remote>> {
        None
    }

    /// Makes a logical plan executable.
    async fn prepare(
        &self,
        state: &SessionState,
        plan: &LogicalPlan,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.prepare_optimized(state, &state.optimize(plan)?).await
    }

    /// The same of a plan that is optimized.
    async fn prepare_optimized(
        &self,
        state: &SessionState,
        plan: &LogicalPlan,
    ) -> Result<Arc<dyn ExecutionPlan>>;

    /// Starts the plan; the query learns of its progress. Nothing is read before the stream is polled.
    fn start(
        &self,
        query: &Query,
        state: &SessionState,
        plan: Arc<dyn ExecutionPlan>,
    ) -> Result<SendableRecordBatchStream>;
}
