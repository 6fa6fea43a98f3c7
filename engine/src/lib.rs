//! The engine of Quern: everything between SQL text and record batches.

pub mod error;
pub mod settings;
