//! Views: stored queries, and the objects that the names in them mean.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Change, ObjectName, Relation, RelationKind, Snapshot};
use crate::sql::redacted_text;

/// What the names of relations and models in a query mean, by the name as a quoted text.
pub type Meanings = BTreeMap<String, ObjectName>;

/// A stored query: planned anew at each use.
#[derive(Clone, Serialize, Deserialize)]
pub struct View {
    pub sql: String,
    /// Names for the columns; empty keeps the query's.
    pub columns: Vec<String>,
    /// The search path of when it was made.
    pub search_path: Vec<String>,
    /// What the names in `sql` mean, whoever uses the view. `None` in a view that was stored before
    /// they were: its names are looked up along `search_path`.
    #[serde(default)]
    pub meanings: Option<Meanings>,
    /// Whether conditions of who uses it see only rows that the view gives.
    #[serde(default)]
    pub security_barrier: bool,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown_sql())
    }
}

impl View {
    /// The query without the secrets of the stores that it names.
    pub fn shown_sql(&self) -> String {
        redacted_text(&self.sql)
    }
}

impl Snapshot {
    /// The changes by which views follow objects to their new names; `renamed` is `None` for an object
    /// that keeps its name.
    pub fn views_after(&self, renamed: impl Fn(&ObjectName) -> Option<ObjectName>) -> Vec<Change> {
        let followed = |(name, relation): (ObjectName, &std::sync::Arc<Relation>)| {
            let RelationKind::View(view) = &relation.kind else {
                return None;
            };
            let mut view = view.clone();
            let mut changed = false;
            for meant in view.meanings.iter_mut().flat_map(BTreeMap::values_mut) {
                if let Some(to) = renamed(meant) {
                    *meant = to;
                    changed = true;
                }
            }
            let relation = Relation {
                kind: RelationKind::View(view),
                ..relation.as_ref().clone()
            };
            let name = renamed(&name).unwrap_or(name);
            changed.then(|| Change::PutRelation(name, Box::new(relation)))
        };
        self.relations().filter_map(followed).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::View;

    #[test]
    fn a_view_of_before_is_read() {
        let json = r#"{"sql":"SELECT 1","columns":[],"search_path":["public"]}"#;
        let view: View = serde_json::from_str(json).unwrap();
        assert!(view.meanings.is_none() && !view.security_barrier);
    }
}
