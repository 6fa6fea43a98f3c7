//! Hash joins that spill: [`SpillingHashJoinExec`] joins as DataFusion's hash join does, and goes on
//! by way of the disk when the build side does not fit the memory.
//!
//! ```text
//!   build rows ──► memory ── they fit ─────────────────► HashJoinExec ◄── probe rows
//!                    │
//!                    └─ they do not: hash of the keys ──► 16 buckets ◄── hash ── probe rows
//!
//!     buckets whose build rows fit     ──► HashJoinExec, while the probe rows pass by
//!     all others, both sides, to disk  ──► one after another: the same again, with another hash
//!     one key has nearly all the rows  ──► build rows in pieces that fit, the probe rows once for each
//! ```
//!
//! Equal keys fall in the same bucket, so each bucket is a join of its own, whatever the type of join.
//! All joining is done by `HashJoinExec`, over rows that it is given; only moving them is done here.

mod build;
mod exec;
mod given;
mod grace;
mod job;
mod memory;
mod passes;
mod scatter;
mod start;
#[cfg(test)]
mod tests;

pub use exec::SpillingHashJoinExec;
