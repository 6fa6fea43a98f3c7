//! The engine of Quern: everything between SQL text and record batches.

pub mod error;
pub mod options;
pub mod settings;

pub mod chunk;
pub mod function;
pub mod source;
