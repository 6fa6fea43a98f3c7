//! CSV and its relatives, read by our own parser over exact byte ranges.
//!
//! `cut` finds record starts near given offsets, `records` and `quoted` find the fields (`span`) or
//! a `fault`, `columns` makes arrays of them (dates by `times`), `layout` maps a file's columns to
//! the table's, `guess` learns types, `read` puts them together into a stream of batches, in which
//! `mend` does what the option bad_rows says.

mod columns;
mod cut;
mod fault;
mod guess;
mod layout;
mod mend;
mod quoted;
mod read;
mod records;
mod span;
mod times;

pub use cut::{Shape, Target, cut, cut_lines};
pub use guess::file_schema;
pub use layout::{goes_by_place, head_of_file};
pub use read::{ReadPlan, read};

/// Whether dates and times can be written so.
pub fn is_format(format: &str) -> bool {
    times::items(format).is_some()
}
