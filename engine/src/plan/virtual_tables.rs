//! Tables that are made of the engine's own state: who makes them is below this module.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::TableProvider;

use crate::error::Result;

/// Tables that are made of the engine's own state, such as `system.queries`.
#[async_trait]
pub trait VirtualTables: Send + Sync {
    /// Every table as (schema, name).
    fn names(&self) -> Vec<(&'static str, &'static str)>;

    /// The OID of a relation of `pg_catalog`.
    fn fixed_oid(&self, name: &str) -> Option<u32>;

    /// The table with its rows as they are now; `None` when there is no such table.
    async fn open(&self, schema: &str, name: &str) -> Result<Option<Arc<dyn TableProvider>>>;
}
