//! JSON: one object a line, one array of objects, or objects one after the other.
//!
//! `array` turns an array into objects one after the other, `guess` learns layout and types,
//! `read` makes batches.

mod array;
mod guess;
mod read;

pub use guess::{guess, settled};
pub use read::{ReadPlan, read};
