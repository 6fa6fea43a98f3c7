//! External tables: files that we only read.
//!
//! A statement makes a [`Spec`] of what the user wrote; [`Spec::resolve`] finds the files and
//! learns their columns; the [`Definition`] is what the catalog keeps; [`Definition::open`] lists
//! the files anew and gives the [`FileTable`] that a query scans.

mod account;
mod arrow_ipc;
mod avro;
mod bernoulli;
mod chunks;
mod csv;
mod definition;
mod dialect;
mod format;
mod glob;
mod guard;
mod hive;
mod infer;
mod json;
mod listing;
mod location;
mod nan;
mod parquet;
mod prune;
mod reach;
mod resolve;
mod scan;
mod statistics;
pub mod store;
mod stream;
mod table;
mod text;
mod types;
mod widen;

use arrow::datatypes::DataType;

pub use account::{BadRowCounts, scan_totals, scanned_bytes};
pub use bernoulli::BernoulliSource;
pub use definition::{Definition, StoredColumn};
pub use dialect::{Csv, JsonLayout};
pub use format::{Compression, Format};
pub use location::absolute as absolute_location;
pub(crate) use parquet::{unwrapped as inner_parquet, wrapped as parquet_files};
pub use reach::{Reach, Wish};
pub use resolve::Folder;
pub use scan::{FormatSource, NULLED_VALUES, Reading, SKIPPED_ROWS};
pub use statistics::KnownStatistics;
pub use store::{CarriedStore, OpenedStores, Store, StoreOptions, StoreSettings};
pub use table::{FileTable, Listed, Origin};
pub use types::of_sql as sql_type;

use crate::options::Options;
use crate::sql::without_secrets;

/// What CREATE TABLE … WITH, CREATE EXTERNAL TABLE, FROM 'path' or read_csv(…) asked for, unchecked.
///
/// `location` and `format` may also stand among the options.
#[derive(Clone, Default)]
pub struct Spec {
    pub locations: Vec<String>,
    pub format: Option<String>,
    /// Declared columns; empty means that they are learned from the files.
    pub columns: Vec<ColumnSpec>,
    /// The columns of PARTITIONED BY; None takes what the folders' names say.
    pub partition_columns: Option<Vec<String>>,
    pub options: Options,
    /// What the user may name.
    pub reach: Reach,
}

impl std::fmt::Debug for Spec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let locations = self.locations.iter().map(|text| without_secrets(text));
        f.debug_list().entries(locations).finish()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct ColumnSpec {
    pub name: String,
    pub data_type: DataType,
    pub nullable: bool,
}
