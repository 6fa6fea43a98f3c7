//! Writing the rows of a plan to files for others: COPY TO.
//!
//! A file appears when it is complete, under its name; what fails or is cancelled leaves the files
//! that were there. Rows stream: a batch is encoded, compressed and handed to the disk or the store.

mod encode;
mod exec;
mod sink;

pub use encode::{CsvStyle, Encoding};
pub use exec::ExportExec;
pub use sink::{Finished, Place};

use std::sync::Arc;

use crate::source::Compression;

/// Where and how rows are written.
#[derive(Debug, Clone)]
pub struct Export {
    pub place: Place,
    pub encoding: Encoding,
    pub compression: Compression,
    /// Places of the columns that make folders; the rows arrive sorted by them.
    pub partition_by: Vec<usize>,
    /// The folder gets several files; else the place is the file itself.
    pub is_folder: bool,
    /// Files that are complete, to be removed if the statement fails.
    pub finished: Arc<Finished>,
}
