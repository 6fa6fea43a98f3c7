//! Removing files that no version within the retention names.

use deltalake_core::operations::vacuum::VacuumMode;

use super::convert;
use super::warehouse::Warehouse;
use crate::error::Result;

/// What VACUUM removed, or would remove.
#[derive(Debug, Clone, Default)]
pub struct Vacuumed {
    /// Files, relative to the table's folder.
    pub files: Vec<String>,
}

/// Removes what no version of the last `retention` names: files of old versions, and files of
/// statements that did not commit.
pub async fn vacuum(
    warehouse: &Warehouse,
    folder: &str,
    retention: chrono::Duration,
    dry_run: bool,
) -> Result<Vacuumed> {
    let _alone = warehouse.alone(folder).await;
    let table = warehouse.latest(folder).await?;
    // The log goes on naming what was removed earlier.
    let there = table.files_there().await?;
    let (_, removed) = table
        .delta()
        .clone()
        .vacuum()
        .with_mode(VacuumMode::Full)
        .with_retention_period(retention)
        .with_enforce_retention_duration(false)
        .with_dry_run(dry_run)
        .await
        .map_err(convert::error)?;
    Ok(Vacuumed {
        files: removed
            .files_deleted
            .into_iter()
            .filter(|file| there.contains(file))
            .collect(),
    })
}
