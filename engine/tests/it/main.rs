//! Integration tests of the engine: one binary, one module per subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod hostile;
mod memory;
mod session;
mod source;
mod support;
