//! Functions that DataFusion lacks and PostgreSQL or dask-sql users type; one file per family.
//!
//! [`register`] is called once for each session state. Functions are found by name on executors as
//! well, so a function carries no state of its own.

mod aggregate;
mod alternatives;
mod bounded;
mod calendar;
mod constants;
mod decimal;
mod define;
pub mod directory;
mod extend;
mod growth;
pub mod iso_time;
mod json;
mod keywords;
mod planner;
mod quoted;
mod rewrite;
mod rows;
mod scalar;
pub mod session;
mod show;
mod syntax;
#[cfg(test)]
mod testing;
pub mod text_of;
mod types;
mod work;

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::execution::{FunctionRegistry, SessionState};

use crate::error::Result;

pub(crate) use aggregate::metric::function as metric;
pub(crate) use constants::Constants;
pub use scalar::checked::operator;
pub(crate) use scalar::pg::{REG_TEXT, UNPLANNED};
pub use syntax::desugar;

/// Adds every function of ours to a session state.
pub fn register(state: &mut SessionState) -> Result<()> {
    datafusion_functions_json::register_all(state)?;
    for function in scalar::all() {
        state.register_udf(Arc::new(function))?;
    }
    for function in aggregate::all() {
        state.register_udaf(Arc::new(function))?;
    }
    state.register_udf(Arc::new(text_of::function()))?;
    state.register_udf(Arc::new(iso_time::function()))?;
    state.register_udtf("pg_get_keywords", Arc::new(keywords::Keywords));
    alternatives::register(state)?;
    bounded::register(state)?;
    let meaning = rewrite::PostgresMeaning::new(state.scalar_functions().clone());
    state.register_function_rewrite(Arc::new(meaning))?;
    plan_first(state);
    Ok(())
}

/// Whether a function asks the process that the client talks to: it gives nothing elsewhere.
pub fn is_of_session(name: &str) -> bool {
    static NAMES: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let declared = scalar::pg::tables().into_iter().flatten();
        let declared = declared.flat_map(|f| std::iter::once(&f.name).chain(f.aliases));
        let waiting = scalar::pg::waiting();
        let waiting = waiting.iter().map(|f| f.name().to_string());
        let names = declared.map(ToString::to_string).chain(waiting);
        names.chain(["current_setting".to_string()]).collect()
    });
    NAMES.contains(name)
}

/// Our planners stand before those of DataFusion: the first answer counts.
fn plan_first(state: &mut SessionState) {
    let operators = planner::Operators::new(state.scalar_functions().clone());
    let aggregates = aggregate::plan::Aggregates::new(state.scalar_functions().clone());
    let mut planners = vec![Arc::new(operators) as _, Arc::new(aggregates) as _];
    planners.extend(state.expr_planners().iter().cloned());
    *state = SessionStateBuilder::new_from_existing(state.clone())
        .with_session_id(state.session_id().to_string())
        .with_expr_planners(planners)
        .build();
}
