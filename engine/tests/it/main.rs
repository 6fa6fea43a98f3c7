//! Integration tests of the engine: one binary, one module per subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod disk_full;
mod hostile;
mod memory;
mod prepared;
mod session;
mod source;
mod support;
mod training;
mod users;
