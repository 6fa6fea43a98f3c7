//! Functions that DataFusion lacks and PostgreSQL or dask-sql users type; one file per family.
//!
//! [`register`] is called once for each session state.

use datafusion::execution::SessionState;

use crate::error::Result;

/// Adds every function of ours to a session state.
pub fn register(_state: &mut SessionState) -> Result<()> {
    Ok(())
}
