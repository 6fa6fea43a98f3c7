//! JSON: one object a line, one array of objects, or objects one after the other.
//!
//! `array` turns an array into objects one after the other, `guess` learns layout and types,
//! `read` makes batches; what it cannot read it has `replay` look at more closely.

mod array;
mod guess;
mod read;
mod replay;

pub use guess::{guess, settled};
pub use read::{ReadPlan, read};
