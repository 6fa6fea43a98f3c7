//! The engine of Quern: everything between SQL text and record batches.
//!
//! # The life of one SELECT
//!
//! 1. A surface (the shell, a server) opens a [`Session`] with [`Engine::session`].
//! 2. [`statement::parse`] cuts the script and makes a [`Statement`] of each piece.
//! 3. [`Session::execute`] enters it in the [`execution::Registry`]; from here on it can be seen,
//!    cancelled and timed out.
//! 4. `Statement::run` dispatches to the statement's own file; a SELECT is `statement/query.rs`.
//! 5. [`plan::plan`] opens the relations that the query names and makes a logical plan.
//! 6. [`execution::Execution::prepare`] optimizes it and makes it executable.
//! 7. [`execution::Execution::start`] runs it on the shared memory pool.
//! 8. [`Rows`] streams record batches to the surface, counted and cancellable.
//!
//! Modules are listed in the order in which they may import: each only from those above it.

// Tests may stop at the first surprise.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod error;
pub mod options;
pub mod settings;
pub mod sql;
pub mod value_text;

pub mod chunk;
pub mod function;
pub mod model;
pub mod source;
pub mod table;

pub mod persist;
pub mod wire;

pub mod join;

pub mod export;

pub mod catalog;
pub mod plan;

pub mod execution;
pub mod system;

pub mod statement;

mod engine;
mod session;

pub use catalog::{ADMINISTRATOR, CATALOG_NAME, Role, Verifier, random_password};
pub use engine::{Engine, ExecutorParts, SessionOptions};
pub use error::{Error, Kind, Result};
pub use execution::Rows;
pub use session::Session;
pub use settings::Settings;
pub use statement::{
    CopyFormat, CopyHeader, CopyInput, CopyStream, CopyStyle, Notice, Outcome, Prepared, Statement,
    TransactionState,
};
