//! Tests of the binary `quern`, run as a process, and of its servers.

mod demo;
mod durability;
mod generated;
mod postgres;
mod spill;
mod sql_errors;
mod sql_formats;
mod sql_output;
mod sql_signals;
mod sql_sources;
mod support;
mod writers;
