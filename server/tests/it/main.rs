//! Tests of the binary `quern`, run as a process, and of its servers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod demo;
mod durability;
mod generated;
mod postgres;
// A table of cases, one to a line.
#[rustfmt::skip]
mod postgres_types;
mod shell_remote;
mod spill;
mod sql_errors;
mod sql_formats;
mod sql_output;
mod sql_signals;
mod sql_sources;
mod support;
mod writers;
