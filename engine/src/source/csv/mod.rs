//! CSV and its relatives, read by our own parser over exact byte ranges.
//!
//! `cut` finds record starts near given offsets, `records` finds the fields, `columns` makes
//! arrays of them, `layout` maps a file's columns to the table's, `guess` learns types, `read`
//! puts them together into a stream of batches.

mod columns;
mod cut;
mod guess;
mod layout;
mod read;
mod records;

pub use cut::{Target, cut, cut_lines};
pub use guess::file_schema;
pub use layout::{goes_by_place, head_of_file};
pub use read::{ReadPlan, read};
