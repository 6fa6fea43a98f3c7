//! The catalog as one session sees it: what all sessions see, and its temporary tables and views.
//!
//! These are in a schema of the session's own, which is in no other session's snapshots, is never
//! stored and ends with the session.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Access, Catalog, Change, Relation, RelationKind, Schema, Snapshot};
use crate::error::{Error, Kind, Result};
use crate::table::TEMPORARY;

/// The name by which every session knows its schema of temporary tables.
pub const PG_TEMP: &str = "pg_temp";

#[derive(Debug)]
pub struct SessionCatalog {
    shared: Arc<Catalog>,
    /// The name of the schema: no other session has it.
    schema: String,
    user: String,
    /// Held for moments, also by who decides on a change of the catalog.
    own: Mutex<Own>,
}

#[derive(Debug, Default)]
struct Own {
    /// `None` before the session makes something temporary.
    schema: Option<Schema>,
    /// The latest snapshot with the schema, and the one of all sessions that it was made of.
    seen: Option<(Arc<Snapshot>, Arc<Snapshot>)>,
    /// The session is over: nothing is added any more.
    over: bool,
}

impl SessionCatalog {
    /// The catalog for the session of that number.
    pub fn new(shared: Arc<Catalog>, session: i32, user: &str) -> Self {
        Self {
            shared,
            schema: format!("{TEMPORARY}{session}"),
            user: user.to_string(),
            own: Mutex::default(),
        }
    }

    /// The catalog as it is now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        let shared = self.shared.snapshot();
        let mut own = self.own.lock();
        let Some(schema) = &own.schema else {
            return shared;
        };
        if let Some((of, seen)) = &own.seen
            && Arc::ptr_eq(of, &shared)
        {
            return Arc::clone(seen);
        }
        let seen = Arc::new(self.with_own(&shared, schema));
        own.seen = Some((shared, Arc::clone(&seen)));
        seen
    }

    fn with_own(&self, shared: &Snapshot, schema: &Schema) -> Snapshot {
        let mut seen = shared.clone();
        seen.schemas.insert(self.schema.clone(), schema.clone());
        seen.temporary = Some(self.schema.clone());
        seen
    }

    /// Decides on changes from the current state and makes them: those of temporary objects for this
    /// session, the others durably and for all.
    pub fn update<T>(
        &self,
        decide: impl FnOnce(&Snapshot) -> Result<(Vec<Change>, T)>,
    ) -> Result<T> {
        let (own, result) = self.shared.update(|shared| {
            let schema = self.own.lock().schema.clone();
            let (changes, result) = match schema {
                Some(schema) => decide(&self.with_own(shared, &schema))?,
                None => decide(shared)?,
            };
            let (own, shared) = changes.into_iter().partition(|change| self.is_own(change));
            Ok((shared, (own, result)))
        })?;
        self.apply(own)?;
        Ok(result)
    }

    fn is_own(&self, change: &Change) -> bool {
        match change {
            Change::PutRelation(name, _) | Change::DropRelation(name) => name.schema == self.schema,
            Change::PutSchema(name, _) | Change::DropSchema(name) => *name == self.schema,
            Change::PutRole(..) | Change::DropRole(_) => false,
        }
    }

    fn apply(&self, changes: Vec<Change>) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut own = self.own.lock();
        if own.over {
            return Err(Error::new(Kind::Cancelled, "the session is over"));
        }
        own.seen = None;
        let schema = own.schema.get_or_insert_with(|| self.empty_schema());
        for change in changes {
            match change {
                Change::PutRelation(name, relation) => {
                    schema.relations.insert(name.name, Arc::new(*relation));
                }
                Change::DropRelation(name) => drop(schema.relations.remove(&name.name)),
                Change::PutSchema(_, access) => schema.access = access,
                Change::DropSchema(_) => schema.relations.clear(),
                Change::PutRole(..) | Change::DropRole(_) => {}
            }
        }
        Ok(())
    }

    fn empty_schema(&self) -> Schema {
        Schema {
            access: Access::of(&self.user),
            ..Schema::default()
        }
    }

    /// The name of the schema of temporary tables, which is there from now on.
    pub fn temporary_schema(&self) -> &str {
        let mut own = self.own.lock();
        if own.schema.is_none() {
            own.schema = Some(self.empty_schema());
        }
        &self.schema
    }

    /// Drops temporary tables and views. Gives the folders of the tables.
    pub fn drop_temporary(&self, which: impl Fn(&Relation) -> bool) -> Vec<String> {
        let mut own = self.own.lock();
        own.seen = None;
        let Some(schema) = &mut own.schema else {
            return Vec::new();
        };
        let mut folders = Vec::new();
        schema.relations.retain(|_, relation| {
            let dropped = which(relation);
            if dropped && let RelationKind::Managed(managed) = &relation.kind {
                folders.push(managed.folder.clone());
            }
            !dropped
        });
        folders
    }

    /// Drops everything temporary at the end of the session. Gives the folders of the tables.
    pub fn end(&self) -> Vec<String> {
        self.own.lock().over = true;
        self.drop_temporary(|_| true)
    }
}

/// The schema that a name of one stands for, where `temporary` is the session's own.
pub fn meant<'a>(temporary: Option<&'a str>, schema: &'a str) -> &'a str {
    temporary.filter(|_| schema == PG_TEMP).unwrap_or(schema)
}

impl Snapshot {
    /// Whether the schema is the one of the session's temporary tables.
    pub fn is_temporary(&self, schema: &str) -> bool {
        self.temporary.as_deref() == Some(schema)
    }

    /// The schema that a name of one stands for.
    pub fn meant<'a>(&'a self, schema: &'a str) -> &'a str {
        meant(self.temporary.as_deref(), schema)
    }

    /// Where names without a schema are looked up: in temporary tables first, unless the setting
    /// says where they come.
    pub fn path(&self, setting: Vec<String>) -> Vec<String> {
        let implicit = match setting.iter().any(|schema| schema == PG_TEMP) {
            true => None,
            false => self.temporary.clone(),
        };
        let named = setting.iter().map(|schema| self.meant(schema).to_string());
        implicit.into_iter().chain(named).collect()
    }
}
