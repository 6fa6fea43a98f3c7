//! The versions of a table: when, by what operation, how many files and rows.

use deltalake_core::kernel::CommitInfo;
use futures::TryStreamExt;

use super::convert;
use super::version::TableVersion;
use crate::error::Result;

#[derive(Debug, Clone)]
pub struct HistoryEntry {
    pub version: u64,
    /// Milliseconds since 1970-01-01 UTC.
    pub timestamp_ms: i64,
    pub operation: String,
    /// What the writer noted of the operation, as JSON.
    pub details: String,
}

/// Newest first.
pub async fn history(table: &TableVersion) -> Result<Vec<HistoryEntry>> {
    let infos: Vec<CommitInfo> = table
        .delta()
        .history(None)
        .try_collect()
        .await
        .map_err(convert::error)?;
    let versions = (0..=table.version()).rev();
    Ok(infos
        .into_iter()
        .zip(versions)
        .map(|(info, version)| entry(info, version))
        .collect())
}

fn entry(info: CommitInfo, version: u64) -> HistoryEntry {
    let mut details = serde_json::Map::new();
    if let Some(parameters) = &info.operation_parameters {
        details.extend(parameters.clone());
    }
    details.extend(info.info.clone());
    // What describes the writer or repeats the table's definition.
    for key in [
        "clientVersion",
        "operationId",
        "metadata",
        "protocol",
        "location",
    ] {
        details.remove(key);
    }
    details.retain(|_, value| !value.is_null());
    HistoryEntry {
        version,
        timestamp_ms: info.timestamp.unwrap_or_default(),
        operation: info.operation.unwrap_or_default(),
        details: serde_json::Value::Object(details).to_string(),
    }
}
