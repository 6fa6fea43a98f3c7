//! How a table's rows are laid out over its chunks, kept as properties in the table's log.
//!
//! A clustered table is sorted by its key, and no key value stands in two chunks, so each chunk has
//! a range of keys of its own (known divisions). Rows that are inserted later make chunks that
//! overlap with them until `OPTIMIZE` or `ALTER TABLE … CLUSTER BY` lays the table out anew.

use std::collections::HashMap;

use crate::error::{Error, Result};

const CLUSTERED_BY: &str = "quern.clusteredBy";
const CHUNKS: &str = "quern.chunks";
const BLOOM_FILTERS: &str = "quern.bloomFilterColumns";

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// The clustering key; empty when the table is not clustered.
    pub clustered_by: Vec<String>,
    /// How many chunks the user asked for; `None` leaves it to the size.
    pub chunks: Option<u64>,
    /// Each combination of values has files of its own.
    pub partitioned_by: Vec<String>,
    /// Columns for which each row group says which values it has not.
    pub bloom_filters: Vec<String>,
}

impl Layout {
    pub(super) fn of(
        properties: &HashMap<String, String>,
        partitioned_by: Vec<String>,
    ) -> Result<Self> {
        Ok(Self {
            clustered_by: names(properties, CLUSTERED_BY)?,
            chunks: properties.get(CHUNKS).and_then(|n| n.parse().ok()),
            partitioned_by,
            bloom_filters: names(properties, BLOOM_FILTERS)?,
        })
    }

    /// The properties that say this, all but the partition columns.
    pub(super) fn properties(&self) -> Vec<(String, String)> {
        let list = |key: &str, names: &[String]| {
            let json = serde_json::Value::from(names.to_vec()).to_string();
            (!names.is_empty()).then(|| (key.to_string(), json))
        };
        let chunks = self.chunks.map(|n| (CHUNKS.to_string(), n.to_string()));
        [
            list(CLUSTERED_BY, &self.clustered_by),
            list(BLOOM_FILTERS, &self.bloom_filters),
            chunks,
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Property names that a layout may set: a new layout removes those that it does not set.
    pub(super) const PROPERTIES: [&str; 3] = [CLUSTERED_BY, CHUNKS, BLOOM_FILTERS];
}

fn names(properties: &HashMap<String, String>, key: &str) -> Result<Vec<String>> {
    match properties.get(key) {
        None => Ok(Vec::new()),
        Some(json) => serde_json::from_str(json)
            .map_err(|e| Error::internal(format!("table property {key}: {e}"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn layouts_survive_the_log() {
        let layout = Layout {
            clustered_by: vec!["a".into(), "b \"c\"".into()],
            chunks: Some(7),
            partitioned_by: vec!["p".into()],
            bloom_filters: vec![],
        };
        let properties = layout.properties().into_iter().collect();
        assert_eq!(Layout::of(&properties, vec!["p".into()]).unwrap(), layout);
        assert_eq!(
            Layout::of(&HashMap::new(), vec![]).unwrap(),
            Layout::default()
        );
    }
}
