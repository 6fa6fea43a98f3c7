//! OIDs of schemas and relations.
//!
//! What PostgreSQL has too keeps its OID. The OID of anything else is a hash of its name, from 16384
//! up, so that every process gives the same without keeping it; where two names meet, the one that is
//! later in the order of names takes the next free OID.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::Field;

use super::{Declared, RELATIONS};
use crate::catalog::{ADMINISTRATOR, Privilege, Relation, RelationKind, Snapshot, meant};
use crate::system::{SystemTable, TABLES};
use crate::table::TEMPORARY;

/// `pg_catalog`
pub(super) const PG_CATALOG: u32 = 11;
/// `public`
pub(super) const PUBLIC: u32 = 2200;
/// `information_schema`
pub(super) const INFORMATION_SCHEMA: u32 = 13_207;
/// The superuser, who owns everything.
pub(super) const OWNER: u32 = 10;
/// The database; PostgreSQL numbers its own 5.
pub(super) const DATABASE: u32 = 5;

/// The `relkind` of a model.
pub(super) const MODEL: char = 'M';

/// The first OID that is not PostgreSQL's own.
const FIRST: u32 = 16_384;
/// Some clients keep an OID in 32 bits with a sign.
const LAST: u32 = i32::MAX as u32;

/// What a relation is made of.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    User(Arc<Relation>),
    Declared(&'static Declared),
    System(&'static SystemTable),
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub oid: u32,
    pub namespace: u32,
    pub schema: String,
    pub name: String,
    pub origin: Origin,
}

impl Entry {
    /// `relkind`. A model has a letter that PostgreSQL has not: clients that list what has rows pass over it.
    pub fn kind(&self) -> char {
        match &self.origin {
            Origin::User(relation) => match relation.kind {
                RelationKind::View(_) => 'v',
                RelationKind::Model(_) => MODEL,
                _ => 'r',
            },
            Origin::Declared(declared) if !declared.is_view => 'r',
            Origin::Declared(_) | Origin::System(_) => 'v',
        }
    }
}

impl Entry {
    pub fn is_temporary(&self) -> bool {
        self.schema.starts_with(TEMPORARY)
    }

    /// Whether a column of it cannot be NULL; as in PostgreSQL, nothing is said of a view's.
    pub fn not_null(&self, column: &Field) -> bool {
        let is_table = matches!(self.origin, Origin::User(_)) && self.kind() == 'r';
        is_table && !column.is_nullable()
    }

    /// Of what the engine makes, the administrator.
    pub fn owner(&self) -> &str {
        match &self.origin {
            Origin::User(relation) => &relation.access.owner,
            _ => ADMINISTRATOR,
        }
    }

    /// Whether the user may look at its definition.
    pub fn is_seen_by(&self, snapshot: &Snapshot, user: &str) -> bool {
        match &self.origin {
            Origin::User(r) => snapshot.may_any(user, &r.access, Privilege::OF_RELATIONS),
            _ => true,
        }
    }
}

/// Every schema and relation with its OID.
#[derive(Debug)]
pub(super) struct Objects {
    pub namespaces: BTreeMap<String, u32>,
    /// By schema and name.
    pub relations: Vec<Entry>,
    /// The session's schema of temporary tables.
    temporary: Option<String>,
    by_oid: HashMap<u32, usize>,
    by_name: HashMap<String, HashMap<String, usize>>,
}

/// Gives each name an OID of its own.
#[derive(Default)]
pub(super) struct Derived {
    taken: HashSet<u32>,
}

impl Derived {
    pub fn next(&mut self, kind: &str, schema: &str, name: &str) -> u32 {
        let range = u64::from(LAST - FIRST);
        let hash = fnv(&[kind, schema, name]) % range;
        let mut oid = FIRST + u32::try_from(hash).unwrap_or_default();
        while !self.taken.insert(oid) {
            oid = if oid == LAST { FIRST } else { oid + 1 };
        }
        oid
    }
}

/// FNV-1a, which never changes.
fn fnv(parts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash ^ (hash >> 32)
}

impl Objects {
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut derived = Derived::default();
        let mut namespaces = BTreeMap::from([
            ("information_schema".to_string(), INFORMATION_SCHEMA),
            ("pg_catalog".to_string(), PG_CATALOG),
        ]);
        for name in snapshot
            .schemas
            .keys()
            .map(String::as_str)
            .chain(["system"])
        {
            let oid = match name {
                "public" => PUBLIC,
                other => derived.next("schema", "", other),
            };
            namespaces.insert(name.to_string(), oid);
        }
        let mut objects = Self {
            namespaces,
            relations: Vec::new(),
            temporary: snapshot.temporary.clone(),
            by_oid: HashMap::new(),
            by_name: HashMap::new(),
        };
        for (name, relation) in snapshot.relations() {
            let oid = derived.next("relation", &name.schema, &name.name);
            objects.add(
                oid,
                &name.schema,
                &name.name,
                Origin::User(Arc::clone(relation)),
            );
        }
        for table in TABLES {
            let oid = derived.next("relation", table.schema, table.name);
            objects.add(oid, table.schema, table.name, Origin::System(table));
        }
        for declared in RELATIONS.iter() {
            objects.add(
                declared.oid,
                declared.schema,
                declared.name,
                Origin::Declared(declared),
            );
        }
        objects
    }

    /// Without what the user may not look at; OIDs are the same for everybody.
    pub fn seen_by(mut self, snapshot: &Snapshot, user: &str) -> Self {
        let all = std::mem::take(&mut self.relations);
        self.by_oid.clear();
        self.by_name.clear();
        for entry in all {
            if entry.is_seen_by(snapshot, user) {
                self.add(entry.oid, &entry.schema, &entry.name, entry.origin);
            }
        }
        self.namespaces.retain(|name, _| {
            let schema = snapshot.schemas.get(name);
            schema.is_none_or(|s| snapshot.may_any(user, &s.access, Privilege::OF_SCHEMAS))
        });
        self
    }

    fn add(&mut self, oid: u32, schema: &str, name: &str, origin: Origin) {
        let at = self.relations.len();
        self.by_oid.insert(oid, at);
        let names = self.by_name.entry(schema.to_string()).or_default();
        names.insert(name.to_string(), at);
        self.relations.push(Entry {
            oid,
            namespace: self.namespaces.get(schema).copied().unwrap_or_default(),
            schema: schema.to_string(),
            name: name.to_string(),
            origin,
        });
    }

    /// The schema that a name of one stands for.
    pub fn meant<'a>(&'a self, schema: &'a str) -> &'a str {
        meant(self.temporary.as_deref(), schema)
    }

    pub fn relation(&self, schema: &str, name: &str) -> Option<&Entry> {
        self.relations.get(*self.by_name.get(schema)?.get(name)?)
    }

    pub fn by_oid(&self, oid: u32) -> Option<&Entry> {
        self.relations.get(*self.by_oid.get(&oid)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_oid_follows_from_the_name() {
        let mut derived = Derived::default();
        let first = derived.next("relation", "public", "rye");
        assert_eq!(first, Derived::default().next("relation", "public", "rye"));
        assert!((FIRST..=LAST).contains(&first));
        assert_eq!(derived.next("relation", "public", "rye"), first + 1);
    }

    #[test]
    fn the_oid_of_a_name_never_changes() {
        assert_eq!(
            Derived::default().next("relation", "public", "t"),
            519_296_590
        );
    }
}
