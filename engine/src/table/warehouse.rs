//! The warehouse: the folder that holds the folders of all managed tables. Temporary ones are in
//! another, which ends with the process.
//!
//! Two locks per table: statements of this process that replace rows run one after another, and
//! VACUUM runs when nothing is being written. Other processes are met at the commit. What was read of a log is kept, so that opening a table reads only the
//! entries that are new.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path as LocalPath;
use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::execution::object_store::ObjectStoreUrl;
use deltalake_core::DeltaTable;
use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore};
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt};
use parking_lot::Mutex;
use tokio::sync::{OwnedMutexGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use url::Url;

use super::convert;
use super::history::history;
use super::version::TableVersion;
use crate::error::{Error, Kind, Result};
use crate::model::Library;
use crate::source::{FileTable, Origin, Store, StoreOptions, absolute_location, store};

/// Begins the names of the schemas of temporary tables, and so those of their folders.
pub const TEMPORARY: &str = "pg_temp_";

/// The folder of models, beside those of the tables.
const MODELS: &str = "models";

/// Which version of a table a query reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Version(u64),
    /// Milliseconds since 1970-01-01 UTC: the version that was the latest then.
    Instant(i64),
}

/// A folder in an object store.
#[derive(Debug, Clone)]
pub struct Place {
    /// The store as plans name it.
    pub store_url: ObjectStoreUrl,
    pub store: Arc<dyn ObjectStore>,
    pub path: Path,
    /// The folder on this machine's disk, if it is there.
    pub local: Option<std::path::PathBuf>,
}

impl Place {
    /// A folder on this machine.
    pub(super) fn local(folder: std::path::PathBuf) -> Result<Self> {
        let path = Path::from_absolute_path(&folder)
            .map_err(|e| Error::new(Kind::Io, format!("{}: {e}", folder.display())))?;
        Ok(Self {
            store_url: ObjectStoreUrl::local_filesystem(),
            store: Arc::new(LocalFileSystem::new()),
            path,
            local: Some(folder),
        })
    }

    fn below(&self, folder: &str) -> Self {
        Self {
            path: Path::from_iter(self.path.parts().chain([folder.into()])),
            local: self.local.as_ref().map(|local| local.join(folder)),
            ..self.clone()
        }
    }

    /// A number by which folders in stores are told apart, without their addresses.
    fn number(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.store_url.as_str(), self.path.as_ref()).hash(&mut hasher);
        hasher.finish()
    }

    /// The folder as the log knows it: on the local disk its path, elsewhere the root of a store of
    /// its own, so that no address or name of a store gets into the log.
    pub(super) fn url(&self) -> Result<Url> {
        let text = match self.local {
            Some(_) => format!("{}{}/", self.store_url.as_str(), self.path),
            None => format!("quern://{:016x}/", self.number()),
        };
        Url::parse(&text).map_err(|e| Error::internal(format!("{text}: {e}")))
    }

    /// The store below the folder.
    pub(super) fn inside(&self) -> Arc<dyn ObjectStore> {
        Arc::new(PrefixStore::new(Arc::clone(&self.store), self.path.clone()))
    }

    pub(super) fn log_store(&self) -> Result<LogStoreRef> {
        let root = match self.local {
            Some(_) => Arc::clone(&self.store),
            None => self.inside(),
        };
        let config = StorageConfig::default();
        Ok(default_logstore(self.inside(), root, &self.url()?, &config))
    }
}

#[derive(Debug, Default)]
struct Locks {
    /// Held by the statement that replaces rows.
    changing: Arc<tokio::sync::Mutex<()>>,
    /// Shared by all that write files, held alone by VACUUM.
    writing: Arc<RwLock<()>>,
}

/// The right to write a table's files; VACUUM waits for it.
#[derive(Debug)]
pub struct Writing {
    _writing: OwnedRwLockReadGuard<()>,
    _changing: Option<OwnedMutexGuard<()>>,
}

/// A folder for a new table, which VACUUM leaves alone until this is dropped.
#[derive(Debug)]
pub struct NewFolder {
    pub name: String,
    creating: Arc<Mutex<HashSet<String>>>,
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        self.creating.lock().remove(&self.name);
    }
}

/// What was read of a table's log.
#[derive(Debug)]
struct Known {
    table: DeltaTable,
    /// The same version, once it was opened.
    opened: Option<Arc<FileTable>>,
}

#[derive(Debug)]
pub struct Warehouse {
    root: Place,
    /// Where temporary tables are.
    temporary: Option<Place>,
    /// What was last read of each table's log, by folder.
    known: Mutex<HashMap<String, Known>>,
    /// By folder.
    locks: Mutex<HashMap<String, Arc<Locks>>>,
    models: Library,
    /// Folders of tables that are being created, which no table of the catalog has yet.
    creating: Arc<Mutex<HashSet<String>>>,
    /// Removes the warehouse of a process without a data folder at its end.
    _temporary: Option<tempfile::TempDir>,
}

impl Warehouse {
    /// The warehouse in a folder on this machine.
    pub fn local(folder: &LocalPath) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let root = Place::local(std::fs::canonicalize(folder)?)?;
        Ok(Self::at_place(root, None))
    }

    /// The warehouse in a folder of any store, from the text of its location.
    pub fn open(location: &str, state: &dyn Session) -> Result<Self> {
        let location = absolute_location(location)?;
        let opened = Store::open(&location, &StoreOptions::default(), state)?;
        if opened.service.is_none() {
            return Self::local(LocalPath::new(&location));
        }
        let root = Place {
            store_url: opened.url,
            store: opened.store,
            path: opened.prefix,
            local: None,
        };
        Ok(Self::at_place(root, None))
    }

    /// A warehouse that ends with the process.
    pub fn temporary(parent: Option<std::path::PathBuf>) -> Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("quern-warehouse-");
        let folder = match parent {
            Some(parent) => builder.tempdir_in(parent)?,
            None => builder.tempdir()?,
        };
        let mut warehouse = Self::local(folder.path())?;
        warehouse._temporary = Some(folder);
        Ok(warehouse)
    }

    /// Puts temporary tables below a folder of this machine that ends with the process.
    pub fn with_temporary(mut self, folder: &LocalPath) -> Result<Self> {
        let place = Place::local(std::fs::canonicalize(folder)?)?;
        self.temporary = Some(place.below("temporary"));
        Ok(self)
    }

    pub fn takes_temporary(&self) -> bool {
        self.temporary.is_some()
    }

    fn at_place(root: Place, temporary: Option<tempfile::TempDir>) -> Self {
        Self {
            models: Library::new(Arc::clone(&root.store), root.below(MODELS).path),
            root,
            temporary: None,
            known: Mutex::default(),
            locks: Mutex::default(),
            creating: Arc::default(),
            _temporary: temporary,
        }
    }

    /// A folder name that no table has had: the table's name, for people who look, and a number.
    pub fn new_folder(&self, schema: &str, table: &str) -> NewFolder {
        let plain = |text: &str| -> String {
            let kept = text
                .chars()
                .filter(|c| c.is_ascii_alphanumeric() || *c == '_');
            kept.take(40).collect()
        };
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let name = format!("{}.{}-{unique}", plain(schema), plain(table));
        self.creating.lock().insert(name.clone());
        NewFolder {
            name,
            creating: Arc::clone(&self.creating),
        }
    }

    /// The files of models.
    pub fn models(&self) -> &Library {
        &self.models
    }

    pub fn place(&self, folder: &str) -> Place {
        match &self.temporary {
            Some(temporary) if folder.starts_with(TEMPORARY) => temporary.below(folder),
            _ => self.root.below(folder),
        }
    }

    /// The folder as users see it.
    pub fn shown(&self, folder: &str) -> String {
        let place = self.place(folder);
        match place.local {
            Some(local) => local.display().to_string(),
            None => store::shown(&place.path),
        }
    }

    pub(super) fn log_store(&self, folder: &str) -> Result<LogStoreRef> {
        self.place(folder).log_store()
    }

    /// The latest version of a table.
    pub async fn latest(&self, folder: &str) -> Result<TableVersion> {
        let known = self.known.lock().get(folder).map(|k| k.table.clone());
        let mut table = match known {
            Some(table) => table,
            None => DeltaTable::new(self.log_store(folder)?),
        };
        if !table
            .version()
            .is_some_and(|version| self.is_last_entry(folder, version))
        {
            table.update_state().await.map_err(convert::error)?;
            let known = Known {
                table: table.clone(),
                opened: None,
            };
            self.known.lock().insert(folder.to_string(), known);
        }
        TableVersion::new(table, self.place(folder))
    }

    /// The latest version of a table, to be read.
    pub async fn open_latest(&self, folder: &str) -> Result<Arc<FileTable>> {
        let opened = self.known.lock().get(folder).and_then(|k| k.opened.clone());
        if let Some(table) = opened
            && let Some(Origin::Version { version, .. }) = table.origin()
            && self.is_last_entry(folder, *version)
        {
            return Ok(table);
        }
        let latest = self.latest(folder).await?;
        let version = latest.version();
        let origin = Origin::Version {
            folder: folder.to_string(),
            version,
        };
        let table = Arc::new(latest.open()?.of(origin));
        if let Some(known) = self.known.lock().get_mut(folder)
            && known.table.version() == Some(version)
        {
            known.opened = Some(Arc::clone(&table));
        }
        Ok(table)
    }

    /// Whether there is no later version of a table.
    pub async fn is_latest(&self, folder: &str, version: u64) -> bool {
        self.is_last_entry(folder, version)
            || self
                .latest(folder)
                .await
                .is_ok_and(|latest| latest.version() == version)
    }

    /// Whether the log on this machine's disk ends with the entry of a version; false where that takes
    /// more than a look. Entries are numbered without gaps, and old ones are removed in their order.
    fn is_last_entry(&self, folder: &str, version: u64) -> bool {
        let Some(root) = &self.root.local else {
            return false;
        };
        let log = root.join(folder).join("_delta_log");
        let there = |version: u64| log.join(format!("{version:020}.json")).try_exists().ok();
        there(version) == Some(true) && there(version + 1) == Some(false)
    }

    /// A version as it was.
    pub async fn version(&self, folder: &str, at: At) -> Result<TableVersion> {
        version_of(self.latest(folder).await?, at).await
    }

    fn locks(&self, folder: &str) -> Arc<Locks> {
        Arc::clone(self.locks.lock().entry(folder.to_string()).or_default())
    }

    /// Before files are added to a table.
    pub async fn writing(&self, folder: &str) -> Writing {
        let locks = self.locks(folder);
        Writing {
            _writing: Arc::clone(&locks.writing).read_owned().await,
            _changing: None,
        }
    }

    /// Before rows of a table are replaced: waits until no other statement of this process does.
    pub async fn changing(&self, folder: &str) -> Writing {
        let locks = self.locks(folder);
        let changing = Arc::clone(&locks.changing).lock_owned().await;
        Writing {
            _changing: Some(changing),
            ..self.writing(folder).await
        }
    }

    /// Waits until nothing is being written to a table.
    pub(super) async fn alone(&self, folder: &str) -> OwnedRwLockWriteGuard<()> {
        let locks = self.locks(folder);
        Arc::clone(&locks.writing).write_owned().await
    }

    /// Removes a table's folder. What cannot be removed is left to VACUUM.
    pub async fn remove(&self, folder: &str) -> Result<()> {
        self.known.lock().remove(folder);
        self.locks.lock().remove(folder);
        let place = self.place(folder);
        if let Some(local) = place.local {
            return match tokio::fs::remove_dir_all(local).await {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::from(e)),
                _ => Ok(()),
            };
        }
        let files: Vec<_> = place
            .store
            .list(Some(&place.path))
            .try_collect()
            .await
            .map_err(store_error)?;
        for file in files {
            place
                .store
                .delete(&file.location)
                .await
                .map_err(store_error)?;
        }
        Ok(())
    }

    /// Folders that no table of `used` has and that are not of a table being created.
    pub async fn unused(&self, used: &HashSet<String>) -> Result<Vec<String>> {
        let below = self
            .root
            .store
            .list_with_delimiter(Some(&self.root.path))
            .await
            .map_err(store_error)?;
        let names = below.common_prefixes.iter();
        let creating = self.creating.lock();
        Ok(names
            .filter_map(|path| path.filename().map(str::to_string))
            .filter(|name| name != MODELS && !used.contains(name) && !creating.contains(name))
            .collect())
    }
}

pub(super) fn store_error(error: object_store::Error) -> Error {
    Error::from(datafusion::error::DataFusionError::ObjectStore(Box::new(
        error,
    )))
}

/// A version as it was, of a table that is now as `latest` says.
pub(super) async fn version_of(latest: TableVersion, at: At) -> Result<TableVersion> {
    let version = match at {
        At::Version(version) => version,
        At::Instant(instant_ms) => version_at(&latest, instant_ms).await?,
    };
    if version > latest.version() {
        return Err(Error::new(
            Kind::UndefinedObject,
            format!("there is no version {version}"),
        )
        .hint(format!("The latest version is {}.", latest.version())));
    }
    if version == latest.version() {
        return Ok(latest);
    }
    let place = latest.place().clone();
    let mut table = DeltaTable::new(place.log_store()?);
    table.load_version(version).await.map_err(|error| {
        let error = convert::error(error);
        Error::new(
            Kind::UndefinedObject,
            format!("version {version} cannot be read any more"),
        )
        .detail(error.message)
        .hint("Its log entries or files were removed; SHOW HISTORY lists what is left.")
    })?;
    let version = TableVersion::new(table, place)?;
    version.check_files().await?;
    Ok(version)
}

async fn version_at(latest: &TableVersion, instant_ms: i64) -> Result<u64> {
    let entries = history(latest).await?;
    let found = entries.iter().filter(|e| e.timestamp_ms <= instant_ms);
    found.map(|e| e.version).max().ok_or_else(|| {
        Error::new(Kind::UndefinedObject, "the table has no version that old")
            .hint("SHOW HISTORY FROM the table lists its versions.")
    })
}
