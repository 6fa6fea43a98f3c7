//! What CSV and JSON files have in common: how their bytes become UTF-8, what becomes of bad rows,
//! and the part of a file that one stream of batches comes from.

mod encoding;
mod options;
mod part;

pub use encoding::Encoding;
pub use options::{BadRows, Text};
pub use part::{Counters, Part, ReadBatches, batches};
