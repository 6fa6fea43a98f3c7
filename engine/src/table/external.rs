//! Delta tables in any folder, written by other programs: only read.
//!
//! The catalog keeps where such a table is; its columns and files stand in its log, which is read at
//! each use.

use std::path::Path as LocalPath;

use datafusion::execution::SessionState;
use deltalake_core::DeltaTable;
use futures::StreamExt;
use object_store::path::Path;

use super::convert;
use super::version::TableVersion;
use super::warehouse::{At, Place, version_of};
use crate::error::{Error, Kind, Result};
use crate::source::{Definition, FileTable, Folder, Format, Spec, Store, StoredColumn};

/// What the catalog keeps of the Delta table that a statement asks for: by its format, or because
/// its folder has a log. `None` when it asks for other files.
pub async fn define(spec: &Spec, state: &SessionState) -> Result<Option<Definition>> {
    let Some(folder) = spec.folder(state)? else {
        return Ok(None);
    };
    let is_allowed = spec.reach.is_everything();
    if folder.is_delta && !is_allowed {
        return Err(refused());
    }
    let place = place(&folder.store, &folder.location)?;
    let has_log = has_log(&folder.store, &place).await;
    if !folder.is_delta && !has_log {
        return Ok(None);
    }
    if !is_allowed {
        return Err(refused());
    }
    if !spec.columns.is_empty() || spec.partition_columns.is_some() {
        return Err(Error::unsupported("declaring columns of a Delta table")
            .hint("Leave them out: they stand in the table's log."));
    }
    if !has_log {
        let message = format!("there is no Delta table in \"{}\"", folder.store.shown);
        return Err(Error::new(Kind::UndefinedFile, message)
            .hint("A Delta table is a folder with a folder _delta_log in it."));
    }
    let Folder {
        location, options, ..
    } = folder;
    folder.rest.finish()?;
    let version = load(&place, None).await?;
    let columns = version.schema().fields().iter();
    Ok(Some(Definition {
        columns: columns.map(|f| StoredColumn::from(f.as_ref())).collect(),
        ..Definition::of_log(location, options)
    }))
}

/// A log may name files anywhere: only those who may read everything name its folder.
pub fn refused() -> Error {
    Error::new(
        Kind::Privilege,
        "permission denied to read a Delta table by its folder",
    )
    .hint("Ask the administrator to make a table of it, and to grant SELECT on that.")
}

/// The table as its log has it now, or had it.
pub async fn open(
    definition: &Definition,
    state: &SessionState,
    at: Option<At>,
) -> Result<FileTable> {
    debug_assert_eq!(definition.format, Format::Delta);
    let location = definition.locations.first().map_or("", String::as_str);
    let store = Store::open(location, &definition.store_options, state)?;
    load(&place(&store, location)?, at).await?.open()
}

fn place(store: &Store, location: &str) -> Result<Place> {
    if store.service.is_none() {
        let folder = LocalPath::new(location);
        // What is not there is told when its log is read.
        let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
        return Place::local(folder);
    }
    Ok(Place {
        store_url: store.url.clone(),
        store: store.store.clone(),
        path: store.prefix.clone(),
        local: None,
    })
}

/// Whether there is a log in the folder; what cannot be listed has none.
async fn has_log(store: &Store, place: &Place) -> bool {
    if let Some(local) = &place.local {
        return local.join("_delta_log").is_dir();
    }
    let log = Path::from_iter(place.path.parts().chain(["_delta_log".into()]));
    let mut files = store.store.list(Some(&log));
    matches!(files.next().await, Some(Ok(_)))
}

async fn load(place: &Place, at: Option<At>) -> Result<TableVersion> {
    let mut table = DeltaTable::new(place.log_store()?);
    table.update_state().await.map_err(|error| {
        let error = convert::error(error);
        Error {
            hint: error.hint.clone().or_else(|| {
                Some("A Delta table is a folder with a folder _delta_log in it.".to_string())
            }),
            ..error
        }
    })?;
    if table.version().is_none() {
        return Err(Error::new(Kind::UndefinedFile, "there is no Delta table")
            .hint("A Delta table is a folder with a folder _delta_log in it."));
    }
    let latest = TableVersion::new(table, place.clone())?;
    match at {
        None => Ok(latest),
        Some(at) => version_of(latest, at).await,
    }
}
