//! One test binary: the SQL files, and what keeps sources, pages and tests in step.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod architecture;
mod catalog_queries;
mod cluster;
mod delta;
mod docs;
mod fuzz;
mod managed;
mod properties;
mod slt;
mod stores;
mod support;
mod tpch;
