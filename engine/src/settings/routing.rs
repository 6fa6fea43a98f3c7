//! What a session's settings say of where its queries run: an extension of its `SessionConfig`.

use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Where a query is likely to be faster.
    Auto,
    /// In this process.
    Local,
    Cluster,
}

impl Place {
    pub(super) fn named(name: &str) -> Self {
        match name {
            "local" => Place::Local,
            "cluster" => Place::Cluster,
            _ => Place::Auto,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Routing {
    pub place: Place,
    /// What a query scans at least to run on a cluster by itself.
    pub from_bytes: u64,
    /// A side of a join up to this size is sent whole to every task.
    pub broadcast_bytes: u64,
    /// How long a job may go without the end of a task; `None` is for ever.
    pub stall: Option<Duration>,
}
