//! What the binary can be besides a shell.

pub mod demo;
pub mod executor;
pub mod serve;
