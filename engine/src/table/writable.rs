//! Whether we may write a table: rules of other writers that we do not keep are not broken silently.
//!
//! Tables that Quern makes have none of these; another program may have set them since.

use serde_json::Value;

use super::version::TableVersion;
use crate::error::{Error, Result};

/// Writer features that our changes keep, or that ask for nothing unless a property below is set.
const KEPT: &[&str] = &[
    "appendOnly",
    "changeDataFeed",
    "checkConstraints",
    "deletionVectors",
    "domainMetadata",
    "generatedColumns",
    "identityColumns",
    "invariants",
    "timestampNtz",
    "v2Checkpoint",
    "vacuumProtocolCheck",
];

/// Fails with what the table asks of its writers and we do not do. `removes` tells that rows go.
pub(super) fn check(table: &TableVersion, removes: bool) -> Result<()> {
    let snapshot = table.snapshot()?;
    let is_true = |name: &str| {
        let value = snapshot.metadata().configuration().get(name);
        value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
    };
    let mut names = snapshot.metadata().configuration().keys();
    let schema = serde_json::to_string(snapshot.schema().as_ref()).map_err(Error::internal)?;
    let asks = |key: &str| schema.contains(key);
    let reason = if names.any(|name| name.starts_with("delta.constraints.")) {
        Some("CHECK constraints".to_string())
    } else if is_true("delta.enableChangeDataFeed") {
        Some("a change data feed".to_string())
    } else if removes && is_true("delta.appendOnly") {
        Some("delta.appendOnly, when rows are removed".to_string())
    } else if table.needs_reader()? == Some("column mapping") {
        Some("column mapping".to_string())
    } else if asks("delta.invariants") {
        Some("column invariants".to_string())
    } else if asks("delta.generationExpression") {
        Some("generated columns".to_string())
    } else if asks("delta.identity.") {
        Some("identity columns".to_string())
    } else {
        unknown_feature(table)?.map(|name| format!("the feature {name}"))
    };
    match reason {
        None => Ok(()),
        Some(reason) => Err(
            Error::unsupported(format!("writing a Delta table with {reason}"))
                .hint("Another program set it: write the table with that program."),
        ),
    }
}

fn unknown_feature(table: &TableVersion) -> Result<Option<String>> {
    let protocol = serde_json::to_value(table.snapshot()?.protocol()).map_err(Error::internal)?;
    let features = protocol["writerFeatures"].as_array();
    let mut names = features.into_iter().flatten().filter_map(Value::as_str);
    Ok(names.find(|name| !KEPT.contains(name)).map(str::to_string))
}
