//! Who is still there. A process that was killed refuses connections at once: then its tasks begin anew
//! elsewhere, long before its heartbeat would be missed.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use ballista_core::serde::protobuf::ExecutorStoppedParams;
use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpc;
use ballista_scheduler::cluster::ClusterState;
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

use crate::coordinator::Scheduler;
use crate::members::registered;

const INTERVAL: Duration = Duration::from_millis(500);
const ANSWER: Duration = Duration::from_secs(2);

/// A refusal may be a mistake of the network; several in a row are not.
const REFUSALS: u32 = 2;

/// Asks every executor again and again whether it is there.
pub async fn executors(scheduler: Scheduler, members: Arc<dyn ClusterState>) {
    let mut refusals: HashMap<String, u32> = HashMap::new();
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let known = registered(members.as_ref());
        refusals.retain(|id, _| known.iter().any(|executor| executor.id == *id));
        for executor in known {
            let address = (executor.host.as_str(), executor.grpc_port);
            let refused = match timeout(ANSWER, TcpStream::connect(address)).await {
                Ok(Err(error)) => error.kind() == ErrorKind::ConnectionRefused,
                // Its heartbeat tells.
                Ok(Ok(_)) | Err(_) => false,
            };
            let count = refusals.entry(executor.id.clone()).or_default();
            *count = if refused { *count + 1 } else { 0 };
            if *count >= REFUSALS {
                gone(&scheduler, &executor.id, "it refuses connections").await;
            }
        }
    }
}

/// Gives an executor up: its tasks and the results that it kept are made anew.
pub async fn gone(scheduler: &Scheduler, id: &str, reason: &str) {
    tracing::warn!(executor = id, reason, "an executor is gone");
    let stopped = ExecutorStoppedParams {
        executor_id: id.to_string(),
        reason: reason.to_string(),
    };
    if let Err(error) =
        SchedulerGrpc::executor_stopped(scheduler, tonic::Request::new(stopped)).await
    {
        tracing::warn!(executor = id, %error, "the scheduler does not take it");
    }
}
