//! Model classes: what is collected over the rows, how it becomes a model, and what a model says.
//!
//! # The life of a model
//!
//! 1. [`class::find`] looks a class up and [`parameter::Parameters`] checks what was given.
//! 2. The class makes a [`train::Trainer`], which asks for a [`statistic::Task`] at a time. Each is
//!    collected over all rows, in chunks, in any order, anywhere; [`state::State`]s merge.
//! 3. The trainer turns the merged states into the next tasks, or into [`fitted::Fitted`] arrays.
//! 4. The class makes a [`predict::Predictor`] of them.
//!
//! No query engine is in here: rows come as [`rows::Rows`], columns of `f64`.
//!
//! Sums are kept in twice the precision of `f64` ([`sum`]), so that a model does not depend on how
//! the rows were cut into chunks, nor on the order in which chunks were merged.

// Formulas have indices.
#![allow(clippy::needless_range_loop)]
// Tests may stop at the first surprise.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod error;
pub mod exact;
pub mod parameter;
pub mod watch;

pub mod elementary;
pub mod kernel;
pub mod neighbors;
pub mod points;
pub mod rows;
pub mod sum;

pub mod state;
pub mod statistic;

pub mod solve;

pub mod fitted;
pub mod predict;
pub mod train;

pub mod class;
pub mod search;

pub mod feature;
pub mod hold_out;
pub mod metric;
pub mod model;
pub mod store;

pub use error::{Error, Kind, Result};
