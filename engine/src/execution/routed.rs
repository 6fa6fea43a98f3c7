//! Where a plan runs: in this process, or on the cluster that is attached to the engine.
//!
//! The setting `quern.execution` says which. `auto` sends plans whose scans are large; what cannot be
//! sent runs here, and the query notes why.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use parking_lot::Mutex;

use super::remote::{Remote, RemoteExec};
use super::subquery::{Unresolved, has_subqueries};
use super::{Execution, Local, Query};
use crate::error::Result;
use crate::settings::{Place, Routing};
use crate::source::scan_totals;

#[derive(Debug, Default)]
pub struct Routed {
    /// Set once, when the process joins a cluster.
    remote: OnceLock<Arc<dyn Remote>>,
}

/// What a statement's user should know of where its plans ran; an extension of its state.
#[derive(Debug, Default)]
pub struct Notes(Mutex<Vec<String>>);

impl Notes {
    /// Each text once.
    pub(super) fn add(&self, note: String) {
        let mut notes = self.0.lock();
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    pub fn all(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}

impl Routed {
    /// From now on plans may run on this cluster. Only the first one counts.
    pub fn attach(&self, remote: Arc<dyn Remote>) {
        let _ = self.remote.set(remote);
    }

    /// The cluster, if a plan with these scans is to run there, or why it is not.
    fn wanted(
        &self,
        state: &SessionState,
        local: &dyn ExecutionPlan,
    ) -> Option<Result<&Arc<dyn Remote>, String>> {
        let routing = state.config().get_extension::<Routing>()?;
        let (asked, remote) = (routing.place == Place::Cluster, self.remote.get());
        match (routing.place, remote) {
            (Place::Local, _) | (Place::Auto, None) => None,
            (Place::Cluster, None) => Some(Err("this process has no cluster".to_string())),
            (_, Some(_)) if !asked && scan_totals(local) < routing.from_bytes => None,
            (_, Some(remote)) if remote.executors().is_empty() => {
                Some(Err("the cluster has no executors now".to_string()))
            }
            (_, Some(remote)) => Some(Ok(remote)),
        }
    }
}

#[async_trait]
impl Execution for Routed {
    fn remote(&self) -> Option<Arc<dyn Remote>> {
        self.remote.get().cloned()
    }

    async fn prepare_optimized(
        &self,
        state: &SessionState,
        plan: &LogicalPlan,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let local = Local.prepare_optimized(state, plan).await?;
        let reason = match self.wanted(state, local.as_ref()) {
            None => return Ok(local),
            Some(Err(reason)) => reason,
            Some(Ok(remote)) => match distribute(remote, state, plan).await {
                Ok(distributed) => return Ok(distributed),
                Err(reason) => reason,
            },
        };
        if let Some(notes) = state.config().get_extension::<Notes>() {
            notes.add(format!("the query runs in this process: {reason}"));
        }
        Ok(local)
    }

    fn start(
        &self,
        query: &Query,
        state: &SessionState,
        plan: Arc<dyn ExecutionPlan>,
    ) -> Result<SendableRecordBatchStream> {
        Local.start(query, state, plan)
    }
}

/// The plan on the cluster, or why it cannot be there.
pub(super) async fn distribute(
    remote: &Arc<dyn Remote>,
    state: &SessionState,
    plan: &LogicalPlan,
) -> Result<Arc<dyn ExecutionPlan>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let planning = remote.planning(state).map_err(|e| text(&e))?;
    let planner = planning.query_planner();
    let physical = planner.create_physical_plan(plan, &planning).await;
    let physical = physical.map_err(|e| text(&crate::error::Error::from(e)))?;
    let unresolved = Unresolved::of(plan, state).map_err(|e| text(&e))?;
    let sent = match &unresolved {
        None => Arc::clone(&physical),
        Some(unresolved) => {
            let shape = unresolved.shape().map_err(|e| text(&e))?;
            let shape = planner.create_physical_plan(&shape, &planning).await;
            shape.map_err(|e| text(&crate::error::Error::from(e)))?
        }
    };
    if has_subqueries(&sent) {
        return Err("it has scalar subqueries of a form that has no value beforehand".to_string());
    }
    if let Some(reason) = remote.refusal(&planning, &sent) {
        return Err(reason);
    }
    Ok(Arc::new(RemoteExec::new(
        physical,
        Arc::new(planning),
        Arc::clone(remote),
        unresolved.map(Arc::new),
    )))
}
