//! A chunk: the unit of stored data that one task reads.
//!
//! A table is a list of chunks. `SHOW CHUNKS`, `TABLESAMPLE SYSTEM` and the scan itself all see the
//! same list, which does not depend on the number of threads.

mod sample;

pub use sample::{Sample, SampleMethod};

use datafusion::common::Statistics;

/// A piece of a table's stored data.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// The file, as a URL or an absolute path.
    pub location: String,
    /// First byte in the file.
    pub offset_bytes: u64,
    pub length_bytes: u64,
    /// Parquet: the row groups that lie in the range, first and one past the last.
    pub row_groups: Option<std::ops::Range<usize>>,
    pub rows: Option<u64>,
    /// In the order of the file's columns, where the format knows them.
    pub statistics: Option<Statistics>,
}
