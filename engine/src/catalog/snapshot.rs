//! What the catalog holds at one instant: plain data, shared and never changed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ADMINISTRATOR, Access, Change, DEFAULT_SCHEMA, Role, View};
use crate::error::{Error, Kind, Result};
use crate::model::Versions;
use crate::persist::Persisted;
use crate::source::Definition;
use crate::sql::quote_identifier;
use crate::table::Managed;

/// The full name of a table or view.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectName {
    pub schema: String,
    pub name: String,
}

/// The name as SQL, without the default schema.
impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.schema != DEFAULT_SCHEMA {
            write!(f, "{}.", quote_identifier(&self.schema))?;
        }
        f.write_str(&quote_identifier(&self.name))
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Relation {
    pub kind: RelationKind,
    /// Milliseconds since 1970-01-01 UTC.
    pub created_ms: i64,
    /// What ANALYZE found, if it ran.
    pub statistics: Option<TableStatistics>,
    /// Its rows, if PERSIST keeps them; never stored.
    #[serde(skip)]
    pub persisted: Option<Arc<Persisted>>,
    #[serde(default)]
    pub access: Access,
    /// Whether it is a temporary one that the end of the transaction drops; never stored.
    #[serde(skip)]
    pub ends_with_transaction: bool,
}

impl Relation {
    /// A new one of that owner.
    pub fn new(kind: RelationKind, owner: &str) -> Self {
        Self {
            kind,
            created_ms: chrono::Utc::now().timestamp_millis(),
            statistics: None,
            persisted: None,
            access: Access::of(owner),
            ends_with_transaction: false,
        }
    }

    /// Whether it is not stored.
    pub(super) fn ends_with_process(&self) -> bool {
        matches!(self.kind, RelationKind::Persisted(_))
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum RelationKind {
    /// Files that we only read.
    External(Box<Definition>),
    /// Rows that we store.
    Managed(Managed),
    /// Rows that are kept as long as the process runs; never stored.
    #[serde(skip)]
    Persisted(Arc<Persisted>),
    View(View),
    /// What was learned from rows.
    Model(Versions),
}

impl RelationKind {
    pub fn is_experiment(&self) -> bool {
        matches!(self, RelationKind::Model(versions) if versions.experiment)
    }

    /// The word for it in SHOW, errors and DROP.
    pub fn word(&self) -> &'static str {
        match self {
            RelationKind::External(_) | RelationKind::Managed(_) | RelationKind::Persisted(_) => {
                "table"
            }
            RelationKind::View(_) => "view",
            RelationKind::Model(_) => "model",
        }
    }
}

/// What `ANALYZE TABLE` found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TableStatistics {
    pub rows: u64,
    pub analyzed_ms: i64,
    pub columns: BTreeMap<String, ColumnStatistics>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ColumnStatistics {
    pub nulls: u64,
    /// Approximate; `None` where the type has no count of distinct values.
    pub distinct: Option<u64>,
    /// As text; `None` when all values are NULL.
    pub min: Option<String>,
    pub max: Option<String>,
    /// Bounds of buckets with equally many values, for numbers.
    pub histogram: Vec<f64>,
}

#[derive(Debug, Clone, Default)]
pub struct Schema {
    pub access: Access,
    pub relations: BTreeMap<String, Arc<Relation>>,
}

#[derive(Debug, Clone)]
pub struct Snapshot {
    pub schemas: BTreeMap<String, Schema>,
    pub roles: BTreeMap<String, Arc<Role>>,
    /// The schema of temporary tables of the session whose snapshot it is.
    pub temporary: Option<String>,
}

impl Snapshot {
    pub(super) fn initial() -> Self {
        let administrator = Role {
            is_superuser: true,
            can_login: true,
            ..Role::default()
        };
        let public = Schema {
            access: Access::of_schema(DEFAULT_SCHEMA),
            ..Schema::default()
        };
        Self {
            schemas: BTreeMap::from([(DEFAULT_SCHEMA.to_string(), public)]),
            roles: BTreeMap::from([(ADMINISTRATOR.to_string(), Arc::new(administrator))]),
            temporary: None,
        }
    }

    pub fn relation(&self, name: &ObjectName) -> Option<&Arc<Relation>> {
        self.schemas.get(&name.schema)?.relations.get(&name.name)
    }

    /// The schema, or 3F000 with the nearest names.
    pub fn schema(&self, name: &str) -> Result<&Schema> {
        self.schemas.get(name).ok_or_else(|| {
            Error::new(
                Kind::UndefinedSchema,
                format!("schema \"{name}\" does not exist"),
            )
            .candidates(name, self.schemas.keys().map(String::as_str))
        })
    }

    /// Every table and view with its name, in order.
    pub fn relations(&self) -> impl Iterator<Item = (ObjectName, &Arc<Relation>)> {
        self.schemas.iter().flat_map(|(schema, s)| {
            s.relations.iter().map(|(name, relation)| {
                (
                    ObjectName {
                        schema: schema.clone(),
                        name: name.clone(),
                    },
                    relation,
                )
            })
        })
    }

    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::PutSchema(name, access) => {
                self.schemas.entry(name).or_default().access = access;
            }
            Change::DropSchema(name) => {
                self.schemas.remove(&name);
            }
            Change::PutRelation(name, relation) => {
                self.schemas
                    .entry(name.schema)
                    .or_default()
                    .relations
                    .insert(name.name, Arc::new(*relation));
            }
            Change::PutRole(name, role) => {
                self.roles.insert(name, Arc::new(role));
            }
            Change::DropRole(name) => {
                self.roles.remove(&name);
            }
            Change::DropRelation(name) => {
                if let Some(schema) = self.schemas.get_mut(&name.schema) {
                    schema.relations.remove(&name.name);
                }
            }
        }
    }
}
