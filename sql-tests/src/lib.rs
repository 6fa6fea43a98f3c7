//! SQL tests: the files of `slt/`, run over every surface of Quern, and what the runs share.
//!
//! A [`Way`] is a road from SQL text to rows: in process, or over one of the two protocols of a
//! PostgreSQL server, or on a cluster. For each file a way starts a [`Server`] of its own, so that files do not see each
//! other; [`client::Client`] stands between that server and the `sqllogictest` runner, puts the
//! variables of the files in and takes the folders of this run out again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod client;
pub mod cluster;
pub mod column;
pub mod in_process;
pub mod postgres;
pub mod run;
pub mod value;
pub mod way;

pub use run::{STACK_BYTES, files, record, root, run};
pub use way::{Connection, Failure, Reply, Server, WAYS, Way};
