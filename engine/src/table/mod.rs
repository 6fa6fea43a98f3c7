//! Managed tables: Delta Lake tables that Quern writes. The only module that imports delta-rs.
//!
//! A table is a folder: Parquet files, and a log whose numbered entries say which files make up
//! each version. Writing makes files first and then commits one log entry, which either is there
//! or is not; a crash in between leaves files that no version names, which VACUUM finds.
//!
//! ```text
//! rows → WriteExec → files + Add actions ┐
//! rows to replace → Removed (bitmaps)    ├→ commit → version n + 1
//! rest of the touched files → WriteExec  ┘
//! ```
//!
//! - [`Warehouse`]: where the folders are; opens versions, one at a time writes what replaces rows.
//! - [`TableVersion`]: one version: schema, properties, files; scanned as a [`crate::source::FileTable`].
//! - [`write_plan`]: a plan that writes the rows of another; [`Removed`]: rows that a change replaces.
//! - [`open_external`]: the same of other writers' tables, in any folder.
//! - [`commit`]: adds a version, and again on top of another writer's when the two do not collide.

mod bounds;
mod commit;
mod convert;
mod count;
mod create;
mod encoding;
mod external;
mod files;
mod history;
mod layout;
mod reader;
mod removed;
mod types;
mod vacuum;
mod version;
mod warehouse;
mod writable;
mod write;

pub use deltalake_core::kernel::Add;
pub use deltalake_core::protocol::{DeltaOperation, SaveMode};

pub use commit::{Change, Conflict, commit};
pub use create::create;
pub use external::{define as define_external, open as open_external, refused as external_refused};
pub use files::Written;
pub use history::{HistoryEntry, history};
pub use layout::Layout;
pub use removed::{ADD, Counts, REMOVE, REPLACE, Removed, RemovedExec, keep_rows};
pub use types::{storable, storable_schema};
pub use vacuum::{Vacuumed, vacuum};
pub use version::{FILE_COLUMN, ROW_COLUMN, TableVersion};
pub use warehouse::{At, NewFolder, Place, TEMPORARY, Warehouse, Writing};
pub use write::{WriteExec, WriteTarget, sorted_within, write_plan};

use serde::{Deserialize, Serialize};

/// What the catalog keeps of a managed table; everything else stands in the table's own log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Managed {
    /// The table's folder in the warehouse.
    pub folder: String,
}
