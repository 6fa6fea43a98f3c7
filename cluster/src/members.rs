//! Who is in the cluster and what it does, as `system.executors`, `.stages` and `.tasks` show it.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use ballista_core::serde::protobuf::executor_metric::Metric;
use ballista_core::serde::protobuf::{ExecutorHeartbeat, executor_status, task_status};
use ballista_core::serde::scheduler::ExecutorMetadata;
use ballista_scheduler::cluster::ClusterState;
use ballista_scheduler::state::execution_graph::ExecutionGraph;
use ballista_scheduler::state::execution_stage::{ExecutionStage, TaskInfo};
use futures::FutureExt;
use quern_engine::execution::remote::{Executor, Stage, Task};

use crate::EXECUTOR_TIMEOUT_S;
use crate::coordinator::Shared;

/// The executors that are registered; what is asked is in memory.
pub fn registered(members: &dyn ClusterState) -> Vec<ExecutorMetadata> {
    let registered = members.registered_executor_metadata();
    registered.now_or_never().unwrap_or_default()
}

/// Those of them that take tasks.
pub fn executors(shared: &Shared) -> Vec<Executor> {
    let heartbeats = shared.members.executor_heartbeats();
    let busy = busy_cores(shared);
    let alive = registered(shared.members.as_ref()).into_iter();
    let alive = alive.filter_map(|executor| {
        let heartbeat = heartbeats.get(&executor.id)?;
        is_alive(heartbeat).then(|| Executor {
            busy_cores: busy.get(&executor.id).copied().unwrap_or(0),
            address: format!("{}:{}", executor.host, executor.port),
            cores: u64::from(executor.specification.vcores),
            memory_bytes: memory_bytes(heartbeat),
            heartbeat_ms: i64::try_from(heartbeat.timestamp * 1000).ok(),
            id: executor.id,
        })
    });
    let mut alive: Vec<_> = alive.collect();
    alive.sort_by(|a, b| (&a.address, &a.id).cmp(&(&b.address, &b.id)));
    alive
}

fn is_alive(heartbeat: &ExecutorHeartbeat) -> bool {
    let status = heartbeat.status.as_ref().and_then(|s| s.status.as_ref());
    let active = matches!(status, Some(executor_status::Status::Active(_)));
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_s = now.map_or(0, |now| now.as_secs());
    active && heartbeat.timestamp + EXECUTOR_TIMEOUT_S >= now_s
}

fn memory_bytes(heartbeat: &ExecutorHeartbeat) -> Option<u64> {
    heartbeat.metrics.iter().find_map(|m| match m.metric {
        Some(Metric::ProcPhysicalMemory(bytes)) => Some(bytes),
        _ => None,
    })
}

/// Calls `of` with each job that is not being changed at this moment.
fn each_job(shared: &Shared, mut of: impl FnMut(&dyn ExecutionGraph)) {
    let jobs = shared.scheduler.state.task_manager.get_running_job_cache();
    for job in jobs.values() {
        if let Ok(graph) = job.execution_graph.try_read() {
            of(graph.as_ref());
        }
    }
}

fn busy_cores(shared: &Shared) -> HashMap<String, u64> {
    let mut busy = HashMap::new();
    each_job(shared, |graph| {
        let stages = graph.stages().values();
        for task in stages.flat_map(|stage| stage.task_infos().unwrap_or_default()) {
            if let task_status::Status::Running(running) = &task.task_status {
                *busy.entry(running.executor_id.clone()).or_default() +=
                    u64::from(task.vcores_consumed);
            }
        }
    });
    busy
}

/// How many partitions a stage has, and of how many the tasks are done.
pub fn partitions(stage: &ExecutionStage) -> (u64, u64) {
    let (all, done) = match stage {
        ExecutionStage::Running(stage) => {
            let done = stage.task_infos.iter().filter(|task| is_done(task));
            let done: usize = done.map(|task| task.global_input_partition_ids.len()).sum();
            (stage.partitions, done)
        }
        ExecutionStage::Successful(stage) => (stage.partitions, stage.partitions),
        ExecutionStage::Failed(stage) => (stage.partitions, 0),
        ExecutionStage::Resolved(stage) => (stage.partitions, 0),
        // Nobody knows before its inputs are there.
        ExecutionStage::UnResolved(_) => (1, 0),
    };
    (all as u64, done.min(all) as u64)
}

/// What the tasks that are done have written.
pub fn written_bytes(stage: &ExecutionStage) -> u64 {
    let tasks = stage.task_infos().unwrap_or_default().iter();
    let pieces = tasks.flat_map(|task| match &task.task_status {
        task_status::Status::Successful(done) => done.partitions.as_slice(),
        _ => &[],
    });
    pieces.map(|piece| piece.num_bytes).sum()
}

fn is_done(task: &TaskInfo) -> bool {
    matches!(task.task_status, task_status::Status::Successful(_))
}

fn attempt(stage: &ExecutionStage) -> usize {
    match stage {
        ExecutionStage::UnResolved(stage) => stage.stage_attempt_num,
        ExecutionStage::Resolved(stage) => stage.stage_attempt_num,
        ExecutionStage::Running(stage) => stage.stage_attempt_num,
        ExecutionStage::Successful(stage) => stage.stage_attempt_num,
        ExecutionStage::Failed(stage) => stage.stage_attempt_num,
    }
}

fn state(stage: &ExecutionStage) -> &'static str {
    match stage {
        ExecutionStage::UnResolved(_) | ExecutionStage::Resolved(_) => "waiting",
        ExecutionStage::Running(_) => "running",
        ExecutionStage::Successful(_) => "finished",
        ExecutionStage::Failed(_) => "failed",
    }
}

pub fn stages(shared: &Shared) -> Vec<Stage> {
    let mut found = Vec::new();
    each_job(shared, |graph| {
        let mut stages: Vec<_> = graph.stages().iter().collect();
        stages.sort_by_key(|(id, _)| **id);
        found.extend(stages.into_iter().map(|(id, stage)| {
            let (partitions, partitions_done) = partitions(stage);
            Stage {
                query: graph.job_name().to_string(),
                job: graph.job_id().as_str().to_string(),
                stage: *id as u64,
                attempt: attempt(stage) as u64,
                state: state(stage),
                partitions,
                partitions_done,
            }
        }));
    });
    found
}

pub fn tasks(shared: &Shared) -> Vec<Task> {
    let mut found = Vec::new();
    each_job(shared, |graph| {
        let mut stages: Vec<_> = graph.stages().iter().collect();
        stages.sort_by_key(|(id, _)| **id);
        for (id, stage) in stages {
            let tasks = stage.task_infos().unwrap_or_default();
            found.extend(tasks.iter().map(|info| task(graph, *id, info)));
        }
    });
    found
}

fn task(graph: &dyn ExecutionGraph, stage: usize, info: &TaskInfo) -> Task {
    let instant = |ms: u128| i64::try_from(ms).ok().filter(|ms| *ms > 0);
    let mut task = Task {
        query: graph.job_name().to_string(),
        job: graph.job_id().as_str().to_string(),
        stage: stage as u64,
        task: info.task_id as u64,
        executor: String::new(),
        state: "running",
        partitions: info.global_input_partition_ids.len() as u64,
        started_ms: instant(info.start_exec_time).or(instant(info.scheduled_time)),
        ended_ms: instant(info.end_exec_time),
        rows: None,
        bytes: None,
        error: None,
    };
    match &info.task_status {
        task_status::Status::Running(running) => task.executor.clone_from(&running.executor_id),
        task_status::Status::Successful(done) => {
            task.executor.clone_from(&done.executor_id);
            task.state = "finished";
            task.rows = Some(done.partitions.iter().map(|p| p.num_rows).sum());
            task.bytes = Some(done.partitions.iter().map(|p| p.num_bytes).sum());
        }
        task_status::Status::Failed(failed) => {
            task.state = "failed";
            task.error = Some(crate::failure::of_job(&failed.error).message);
        }
    }
    task
}
