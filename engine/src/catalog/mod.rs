//! The catalog: schemas, tables, views and roles; the one place where they are changed.
//!
//! Readers take a [`Snapshot`], which never changes under them. Writers go through
//! [`Catalog::update`], one at a time: the change is made durable first and visible second, so what
//! was acknowledged is there after a crash and nothing half-done ever shows.

mod access;
mod lock;
mod role;
mod session;
mod snapshot;
mod store;
mod view;

pub use access::{Access, PUBLIC, Privilege};
pub use role::{Role, Verifier, random_password};
pub use session::{PG_TEMP, SessionCatalog, meant};
pub use snapshot::{
    ColumnStatistics, ObjectName, Relation, RelationKind, Schema, Snapshot, TableStatistics,
};
pub use view::{Meanings, View};

use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::error::Result;
use store::Store;

/// The only catalog there is; the first part of a three-part name.
pub const CATALOG_NAME: &str = "quern";

/// The role that exists from the start, may do everything and cannot be dropped.
pub const ADMINISTRATOR: &str = "quern";

/// The schema that exists from the start and cannot be dropped.
pub const DEFAULT_SCHEMA: &str = "public";

/// A change to the catalog: the smallest thing that is stored.
#[derive(Debug, Clone)]
pub enum Change {
    /// Makes the schema, or changes who may do what with it.
    PutSchema(String, Access),
    DropSchema(String),
    PutRelation(ObjectName, Box<Relation>),
    DropRelation(ObjectName),
    PutRole(String, Role),
    DropRole(String),
}

#[derive(Debug)]
pub struct Catalog {
    /// What readers see. Written only by `update`, which holds `store` meanwhile.
    snapshot: RwLock<Arc<Snapshot>>,
    /// Serialises writers; `None` when there is no data folder.
    store: Mutex<Option<Store>>,
}

impl Catalog {
    /// A catalog that ends with the process.
    pub fn in_memory() -> Self {
        Self {
            snapshot: RwLock::new(Arc::new(Snapshot::initial())),
            store: Mutex::new(None),
        }
    }

    /// The durable catalog of a data folder, which is created when it does not exist. Fails when
    /// another process has the folder open.
    pub fn open(data_dir: &Path) -> Result<Self> {
        let store = Store::open(data_dir)?;
        let snapshot = store.load()?;
        Ok(Self {
            snapshot: RwLock::new(Arc::new(snapshot)),
            store: Mutex::new(Some(store)),
        })
    }

    /// The catalog as it is now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.read().clone()
    }

    /// Decides on changes from the current state and makes them: durably, then visibly. When
    /// `decide` or the disk fails, nothing has changed.
    pub fn update<T>(
        &self,
        decide: impl FnOnce(&Snapshot) -> Result<(Vec<Change>, T)>,
    ) -> Result<T> {
        let mut store = self.store.lock();
        let current = self.snapshot();
        let (changes, result) = decide(&current)?;
        if changes.is_empty() {
            return Ok(result);
        }
        if let Some(store) = store.as_mut() {
            store.commit(&changes)?;
        }
        let mut next = (*current).clone();
        changes.into_iter().for_each(|change| next.apply(change));
        *self.snapshot.write() = Arc::new(next);
        Ok(result)
    }
}
