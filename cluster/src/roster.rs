//! The scheduler's list of executors, in which those that are told to end stay as long as they answer, without
//! tasks. Ballista removes them at once, with what their tasks wrote; or, for as long, keeps all that are gone.
//! Where no others are left, they get tasks all the same: queries that run shall end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::error::Result;
use ballista_core::serde::protobuf::executor_status::Status;
use ballista_core::serde::protobuf::{ExecutorHeartbeat, ExecutorStatus};
use ballista_core::serde::scheduler::{ExecutorData, ExecutorMetadata};
use ballista_scheduler::cluster::{BoundTask, ClusterState, ClusterStateEventStream, ExecutorSlot};
use ballista_scheduler::config::TaskDistributionPolicy;
use ballista_scheduler::state::task_manager::JobInfoCache;

/// See the [module](self).
pub struct Roster(pub Arc<dyn ClusterState>);

fn status(heartbeat: &ExecutorHeartbeat) -> Option<&Status> {
    heartbeat.status.as_ref()?.status.as_ref()
}

#[async_trait]
impl ClusterState for Roster {
    async fn init(&self) -> Result<()> {
        self.0.init().await
    }

    async fn bind_schedulable_tasks(
        &self,
        distribution: TaskDistributionPolicy,
        active_jobs: Arc<HashMap<JobId, JobInfoCache>>,
        executors: Option<HashSet<String>>,
    ) -> Result<Vec<BoundTask>> {
        let bound = self
            .0
            .bind_schedulable_tasks(distribution, active_jobs, executors);
        bound.await
    }

    async fn unbind_tasks(&self, executor_slots: Vec<ExecutorSlot>) -> Result<()> {
        self.0.unbind_tasks(executor_slots).await
    }

    async fn register_executor(
        &self,
        metadata: ExecutorMetadata,
        spec: ExecutorData,
    ) -> Result<()> {
        self.0.register_executor(metadata, spec).await
    }

    async fn save_executor_metadata(&self, metadata: ExecutorMetadata) -> Result<()> {
        self.0.save_executor_metadata(metadata).await
    }

    async fn get_executor_metadata(&self, id: &str) -> Result<ExecutorMetadata> {
        self.0.get_executor_metadata(id).await
    }

    async fn registered_executor_metadata(&self) -> Vec<ExecutorMetadata> {
        self.0.registered_executor_metadata().await
    }

    async fn save_executor_heartbeat(&self, mut heartbeat: ExecutorHeartbeat) -> Result<()> {
        if let Some(Status::Terminating(reason)) = status(&heartbeat) {
            // Only active ones get tasks.
            let status = Some(Status::Unknown(reason.clone()));
            heartbeat.status = Some(ExecutorStatus { status });
        }
        self.0.save_executor_heartbeat(heartbeat).await
    }

    async fn remove_executor(&self, id: &str) -> Result<()> {
        self.0.remove_executor(id).await
    }

    fn executor_heartbeats(&self) -> HashMap<String, ExecutorHeartbeat> {
        let mut heartbeats = self.0.executor_heartbeats();
        let is_active = |h: &ExecutorHeartbeat| matches!(status(h), Some(Status::Active(_)));
        if !heartbeats.values().any(is_active) {
            for heartbeat in heartbeats.values_mut() {
                heartbeat.status = Some(ExecutorStatus {
                    status: Some(Status::Active(String::new())),
                });
            }
        }
        heartbeats
    }

    fn get_executor_heartbeat(&self, id: &str) -> Option<ExecutorHeartbeat> {
        self.0.get_executor_heartbeat(id)
    }

    async fn cluster_state_events(&self) -> Result<ClusterStateEventStream> {
        self.0.cluster_state_events().await
    }
}
