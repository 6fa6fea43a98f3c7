//! The cluster: plans of the engine on many processes. The only crate that knows the scheduler underneath,
//! Ballista.
//!
//! ```text
//! coordinator: quern serve --cluster            executor: quern executor, one for each machine
//! ┌──────────────────────────────────────┐      ┌──────────────────────────────────────┐
//! │ Engine ─ Remote ─▶ Coordinator       │ task │ stage.rs: joins that spill, errors   │
//! │   plan.rs: what may leave, and how   ├─────▶│ codec.rs: scans, functions, models   │
//! │   job.rs:  submit, wait, fetch, end  │◀─────┤ shuffle files in a folder that ends  │
//! │   watch.rs: who is still there       │ rows │ with the process                     │
//! └──────────────────────────────────────┘      └──────────────────────────────────────┘
//! ```
//! A query is planned in the coordinator, by the session's own state, and cut into stages by Ballista's
//! static planner; nothing is planned elsewhere. Every plan also runs in the coordinator alone.

// Tests may stop at the first surprise.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod broadcast;
mod codec;
mod coordinator;
mod divisions;
mod drain;
mod executor;
mod explain;
mod failure;
mod job;
mod members;
mod merged;
mod origin;
mod plan;
mod roster;
mod secret;
mod settled;
mod stage;
mod supervise;
mod unordered;
mod watch;

pub use coordinator::{Coordinator, CoordinatorOptions};
pub use drain::give_signals_back;
pub use executor::{End as ExecutorEnd, ExecutorOptions, run as run_executor};
pub use secret::Secret;
pub use supervise::{Children, ChildrenOptions};

use ballista_core::config::BallistaConfig;
use ballista_core::extension::SessionConfigExt;
use datafusion::prelude::SessionConfig;

/// The largest message between processes: a task with its plan.
const MESSAGE_BYTES: u32 = 128 << 20;

/// How often an executor tells that it is alive.
const HEARTBEAT_S: u64 = 5;

/// Without a sign of life for so long, an executor is given up.
const EXECUTOR_TIMEOUT_S: u64 = 20;

/// How our processes use Ballista, whatever the session.
fn ballista(config: SessionConfig) -> SessionConfig {
    config
        .with_option_extension(BallistaConfig::default())
        .with_ballista_grpc_client_max_message_size(MESSAGE_BYTES as usize)
        .with_ballista_adaptive_query_planner(false)
        .with_round_robin_repartition(false)
}
