//! What the catalog holds of a model: its versions, and which of them is meant by its name.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};

/// A model of the catalog. Versions are never changed; the numbers only grow.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Versions {
    /// In ascending order, at least one.
    pub versions: Vec<Version>,
    /// The version that the name alone stands for.
    pub default: u32,
    /// Whether a search for the best parameters made it.
    pub experiment: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Version {
    pub version: u32,
    /// Of the file in the library.
    pub file: String,
    pub class: String,
    /// Milliseconds since 1970-01-01 UTC.
    pub created_ms: i64,
    /// Rows that it learned from.
    pub rows: u64,
    pub scans: u32,
    pub train_ms: u64,
}

impl Versions {
    /// The version of that number, or the default one.
    pub fn get(&self, name: &str, wanted: Option<u32>) -> Result<&Version> {
        let number = wanted.unwrap_or(self.default);
        let found = self.versions.iter().find(|v| v.version == number);
        found.ok_or_else(|| {
            let known: Vec<_> = self
                .versions
                .iter()
                .map(|v| v.version.to_string())
                .collect();
            Error::new(
                Kind::UndefinedObject,
                format!("model \"{name}\" has no version {number}"),
            )
            .hint(format!("It has: {}.", known.join(", ")))
        })
    }

    /// The number of the next version.
    pub fn next(&self) -> u32 {
        self.versions.last().map_or(1, |v| v.version + 1)
    }
}
