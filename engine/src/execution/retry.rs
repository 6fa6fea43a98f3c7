//! A query that runs out of memory before its first row is given out is run once more, planned to
//! need as little as it can.
//!
//! Only reading is repeated. A statement that writes removes the files of its first attempt and begins
//! anew itself, with a state that is [`frugal`].

use std::sync::Arc;

use datafusion::common::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use futures::{StreamExt, TryStreamExt, stream};

use super::{Execution, Query};
use crate::error::{Error, Kind, Result};
use crate::settings::Limits;

/// Rows that an operator of a frugal plan handles at a time.
const FRUGAL_BATCH_ROWS: usize = 1024;

/// What is needed to run a query, once or twice.
pub(crate) struct Attempts {
    pub execution: Arc<dyn Execution>,
    pub query: Arc<Query>,
    pub state: Arc<SessionState>,
    /// The plan as it was before it was optimized.
    pub plan: Box<dyn FnOnce() -> Result<LogicalPlan> + Send>,
}

impl Attempts {
    /// The rows of the plan, of which `first` is the executable form.
    pub(crate) fn start(self, first: Arc<dyn ExecutionPlan>) -> Result<SendableRecordBatchStream> {
        let mut rows = self.execution.start(&self.query, &self.state, first)?;
        let schema = rows.schema();
        let attempts = async move {
            match rows.next().await {
                Some(Err(error)) if is_out_of_memory(&error) => {
                    // What the first attempt holds is given back before the second begins.
                    drop(rows);
                    self.again(error).await
                }
                Some(Err(error)) => Err(error),
                Some(Ok(batch)) => Ok(stream::iter([Ok(batch)]).chain(rows).boxed()),
                None => Ok(stream::empty().boxed()),
            }
        };
        let rows = stream::once(attempts).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }

    async fn again(
        self,
        error: DataFusionError,
    ) -> Result<
        stream::BoxStream<'static, Result<arrow::array::RecordBatch, DataFusionError>>,
        DataFusionError,
    > {
        self.query.begin_anew(&error);
        let state = frugal(&self.state);
        let plan = self.execution.prepare(&state, &(self.plan)()?).await?;
        let rows = self.execution.start(&self.query, &state, plan)?;
        Ok(rows.boxed())
    }
}

/// Whether plans of this state spill wherever they can already.
pub(crate) fn is_frugal(state: &SessionState) -> bool {
    let limits = state.config_options().extensions.get::<Limits>();
    limits.is_some_and(|limits| limits.frugal)
}

/// The session's state for a plan that spills wherever it can.
pub(crate) fn frugal(state: &SessionState) -> SessionState {
    let mut state = state.clone();
    let config = state.config_mut();
    let limits = config.options().extensions.get::<Limits>().cloned();
    let frugal = Limits {
        frugal: true,
        ..limits.unwrap_or_default()
    };
    frugal.apply(config);
    let rows = config.batch_size().min(FRUGAL_BATCH_ROWS);
    *config = config.clone().with_batch_size(rows);
    state
}

/// Whether the pool refused memory: not the disk, and not the operating system.
fn is_out_of_memory(error: &DataFusionError) -> bool {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(message) => {
            Error::from(DataFusionError::ResourcesExhausted(message.clone())).kind
                == Kind::OutOfMemory
        }
        // Of an executor, from which errors come as ours.
        DataFusionError::External(error) => error
            .downcast_ref::<Error>()
            .is_some_and(|error| error.kind == Kind::OutOfMemory),
        _ => false,
    }
}
