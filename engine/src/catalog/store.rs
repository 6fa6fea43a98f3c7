//! The catalog on disk: one SQLite file, `catalog.sqlite`, in the data folder.
//!
//! Write-ahead log and `synchronous = FULL`: a committed change survives a crash of the process and
//! of the machine. All changes of one statement are one transaction.
//! The file holds the secrets of tables in object stores: nobody but its owner may read it.

use std::path::Path;

use rusqlite::{Connection, params};

use super::lock::FolderLock;
use super::snapshot::{ObjectName, Relation, Snapshot};
use super::{Access, Change};
use crate::error::{Error, Kind, Result};

/// Raised when the layout changes; an older program refuses a newer file.
const FORMAT: i64 = 1;

#[derive(Debug)]
pub(super) struct Store {
    connection: Connection,
    _lock: FolderLock,
}

impl Store {
    pub fn open(data_dir: &Path) -> Result<Self> {
        create_folder(data_dir).map_err(|e| {
            Error::new(
                Kind::Io,
                format!(
                    "cannot create the data folder \"{}\": {e}",
                    data_dir.display()
                ),
            )
        })?;
        let lock = FolderLock::acquire(data_dir)?;
        let file = data_dir.join("catalog.sqlite");
        keep_private(&file)?;
        let connection = Connection::open(file)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS schema (name TEXT PRIMARY KEY) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS schema_access (
                 schema TEXT PRIMARY KEY, definition TEXT NOT NULL) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS relation (
                 schema TEXT NOT NULL, name TEXT NOT NULL, definition TEXT NOT NULL,
                 PRIMARY KEY (schema, name)) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS role (
                 name TEXT PRIMARY KEY, definition TEXT NOT NULL) WITHOUT ROWID;",
        )?;
        check_format(&connection)?;
        Ok(Self {
            connection,
            _lock: lock,
        })
    }

    pub fn load(&self) -> Result<Snapshot> {
        let mut snapshot = Snapshot::initial();
        let mut schemas = self.connection.prepare(
            "SELECT name, definition FROM schema LEFT JOIN schema_access ON schema = name",
        )?;
        let rows = schemas.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for row in rows {
            let (name, json): (String, Option<String>) = row?;
            let access = match json {
                Some(json) => read(&json, &name)?,
                None => Access::of_schema(&name),
            };
            snapshot.apply(Change::PutSchema(name, access));
        }
        let mut relations = self
            .connection
            .prepare("SELECT schema, name, definition FROM relation")?;
        let rows = relations.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?))
        })?;
        for row in rows {
            let (schema, name, json) = row?;
            let name = ObjectName { schema, name };
            let relation: Relation = read(&json, &name)?;
            snapshot.apply(Change::PutRelation(name, Box::new(relation)));
        }
        let mut roles = self
            .connection
            .prepare("SELECT name, definition FROM role")?;
        let rows = roles.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
        for row in rows {
            let (name, json): (String, String) = row?;
            let role = read(&json, &name)?;
            snapshot.apply(Change::PutRole(name, role));
        }
        Ok(snapshot)
    }

    /// All of the changes or none of them.
    pub fn commit(&mut self, changes: &[Change]) -> Result<()> {
        let transaction = self.connection.transaction()?;
        for change in changes {
            match change {
                Change::PutSchema(name, access) => {
                    transaction
                        .execute("INSERT OR IGNORE INTO schema VALUES (?1)", params![name])?;
                    let json = serde_json::to_string(access).map_err(Error::internal)?;
                    transaction.execute(
                        "INSERT OR REPLACE INTO schema_access VALUES (?1, ?2)",
                        params![name, json],
                    )?
                }
                Change::DropSchema(name) => {
                    transaction.execute("DELETE FROM relation WHERE schema = ?1", params![name])?;
                    transaction
                        .execute("DELETE FROM schema_access WHERE schema = ?1", params![name])?;
                    transaction.execute("DELETE FROM schema WHERE name = ?1", params![name])?
                }
                Change::PutRelation(_, relation) if relation.ends_with_process() => 0,
                Change::PutRelation(name, relation) => {
                    let json = serde_json::to_string(relation).map_err(Error::internal)?;
                    transaction.execute(
                        "INSERT OR REPLACE INTO relation VALUES (?1, ?2, ?3)",
                        params![name.schema, name.name, json],
                    )?
                }
                Change::PutRole(name, role) => {
                    let json = serde_json::to_string(role).map_err(Error::internal)?;
                    transaction.execute(
                        "INSERT OR REPLACE INTO role VALUES (?1, ?2)",
                        params![name, json],
                    )?
                }
                Change::DropRole(name) => {
                    transaction.execute("DELETE FROM role WHERE name = ?1", params![name])?
                }
                Change::DropRelation(name) => transaction.execute(
                    "DELETE FROM relation WHERE schema = ?1 AND name = ?2",
                    params![name.schema, name.name],
                )?,
            };
        }
        transaction.commit()?;
        Ok(())
    }
}

/// The entry of an object, as it was stored.
fn read<T: serde::de::DeserializeOwned>(json: &str, name: &dyn std::fmt::Display) -> Result<T> {
    serde_json::from_str(json).map_err(|e| {
        Error::new(
            Kind::BadData,
            format!("the catalog entry of {name} cannot be read: {e}"),
        )
        .hint("The data folder was written by another version, or its file is damaged.")
    })
}

/// Makes the folder, for its owner alone; one that exists stays as it is.
fn create_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Makes the file unless it exists, and takes the rights of others from it. The files that SQLite
/// puts beside it have its rights.
fn keep_private(file: &Path) -> std::io::Result<()> {
    let mut options = std::fs::File::options();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let opened = options.open(file)?;
    #[cfg(unix)]
    opened.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    drop(opened);
    Ok(())
}

fn check_format(connection: &Connection) -> Result<()> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match found {
        0 => Ok(connection.pragma_update(None, "user_version", FORMAT)?),
        FORMAT => Ok(()),
        newer => Err(Error::new(
            Kind::Unsupported,
            format!("the data folder has format {newer}, this program knows {FORMAT}"),
        )
        .hint("Open it with a newer version of Quern.")),
    }
}
