//! The end of an executor that is told to end: it takes no more tasks, finishes those that it has, and stays
//! until no job needs what they wrote, or `quern.shutdown_timeout` has passed. A second signal ends it at once.
//!
//! Ballista's executor ends at a signal too, and what it wrote is lost with it. So it gets to see none.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ballista_core::serde::protobuf::executor_status::Status;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{
    ExecutorStatus, GetJobStatusParams, HeartBeatParams, job_status,
};
use ballista_core::utils::create_grpc_client_endpoint;
use ballista_executor::executor_process::{ExecutorProcessConfig, structure_executor_metadata};
use ballista_executor::executor_server::TERMINATING;
use quern_engine::{Error, Kind, Result};
use tokio::sync::mpsc;
use tonic::transport::Channel;

type Coordinator = SchedulerGrpcClient<Channel>;

/// How often it is looked whether the executor is still needed.
const LOOK: Duration = Duration::from_millis(250);

/// Tasks may be on their way when the coordinator is told: so many looks in a row find nothing to wait for.
const LOOKS: usize = 3;

/// What tells the process to end.
pub struct Signals(mpsc::UnboundedReceiver<()>);

impl Signals {
    /// Takes SIGTERM and Ctrl-C from all threads that this one starts from now on.
    #[cfg(unix)]
    pub fn take() -> Result<Self> {
        let failed = |e: &dyn std::fmt::Display| {
            Error::new(Kind::Io, format!("cannot wait for signals: {e}"))
        };
        let signals = hidden();
        signals.thread_block().map_err(|e| failed(&e))?;
        let (tell, told) = mpsc::unbounded_channel();
        let wait = move || {
            while signals.wait().is_ok() {
                // Nobody listens any more: the process is about to end anyway.
                if tell.send(()).is_err() {
                    std::process::exit(0);
                }
            }
        };
        let thread = std::thread::Builder::new().name("quern-signals".to_string());
        thread.spawn(wait).map_err(|e| failed(&e))?;
        Ok(Self(told))
    }

    /// Elsewhere Ballista's way to end is the only one.
    #[cfg(not(unix))]
    pub fn take() -> Result<Self> {
        Ok(Self(mpsc::unbounded_channel().1))
    }

    async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending().await
        }
    }
}

#[cfg(unix)]
fn hidden() -> nix::sys::signal::SigSet {
    use nix::sys::signal::{SigSet, Signal};
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGINT);
    signals
}

/// Gives signals back to this thread, and so to a program that takes its place.
pub fn give_signals_back() {
    #[cfg(unix)]
    if let Err(error) = hidden().thread_unblock() {
        tracing::warn!(%error, "signals stay hidden");
    }
}

/// The tasks that run now.
#[derive(Debug, Clone, Default)]
pub struct Tasks(Arc<AtomicUsize>);

impl Tasks {
    /// Counts one as long as what is returned is there.
    pub fn one(&self) -> impl Drop + Send + use<> {
        self.0.fetch_add(1, Ordering::AcqRel);
        One(Arc::clone(&self.0))
    }
}

struct One(Arc<AtomicUsize>);

impl Drop for One {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Waits for a signal, and then until the executor is not needed, for this long at most.
pub async fn drained(
    mut signals: Signals,
    executor: Arc<ExecutorProcessConfig>,
    tasks: Tasks,
    patience: Duration,
) {
    signals.next().await;
    tracing::info!("told to end: no more tasks are taken");
    // Each heartbeat tells the coordinator from now on.
    TERMINATING.store(true, Ordering::Release);
    tokio::select! {
        () = unneeded(&executor, &tasks) => {}
        () = tokio::time::sleep(patience) => {
            tracing::warn!(?patience, "ends although jobs need it: quern.shutdown_timeout has passed");
        }
        () = signals.next() => tracing::warn!("ends although jobs need it: told a second time"),
    }
}

/// Returns when no job needs this executor, or there is no coordinator to ask.
async fn unneeded(executor: &Arc<ExecutorProcessConfig>, tasks: &Tasks) {
    let mut coordinator = match connect(executor).await {
        Ok(coordinator) => coordinator,
        Err(error) => return tracing::warn!(%error, "the coordinator is out of reach"),
    };
    let cores = u32::try_from(executor.vcores).unwrap_or(u32::MAX);
    let last = HeartBeatParams {
        executor_id: executor.executor_id.clone(),
        metrics: vec![],
        status: Some(ExecutorStatus {
            status: Some(Status::Terminating(String::new())),
        }),
        metadata: Some(structure_executor_metadata(executor, cores)),
    };
    if let Err(error) = coordinator.heart_beat_from_executor(last).await {
        tracing::warn!(%error, "the coordinator is not told");
    }
    let mut idle = 0;
    while idle < LOOKS {
        tokio::time::sleep(LOOK).await;
        idle = match is_needed(&mut coordinator, executor, tasks).await {
            true => 0,
            false => idle + 1,
        };
    }
}

async fn connect(executor: &ExecutorProcessConfig) -> Result<Coordinator> {
    let failed = |e: &dyn std::fmt::Display| Error::new(Kind::Connection, e.to_string());
    let (host, port) = (&executor.scheduler_host, executor.scheduler_port);
    let mut endpoint = create_grpc_client_endpoint(format!("http://{host}:{port}"), None)
        .map_err(|e| failed(&e))?;
    if let Some(through) = &executor.override_create_grpc_client_endpoint {
        endpoint = through(endpoint).map_err(|e| failed(&e))?;
    }
    let channel = endpoint.connect().await.map_err(|e| failed(&e))?;
    Ok(SchedulerGrpcClient::new(channel))
}

/// Whether tasks run here, or jobs that are not over may read what tasks wrote here. The coordinator forgets a
/// job as soon as its rows are read.
async fn is_needed(
    coordinator: &mut Coordinator,
    executor: &ExecutorProcessConfig,
    tasks: &Tasks,
) -> bool {
    if tasks.0.load(Ordering::Acquire) > 0 {
        return true;
    }
    for job_id in jobs_with_files(executor.work_dir.as_deref()) {
        let asked = GetJobStatusParams { job_id };
        let told = coordinator.get_job_status(asked).await.ok();
        let status = told.and_then(|told| told.into_inner().status?.status);
        use job_status::Status::{Queued, Running, Successful};
        if matches!(status, Some(Queued(_) | Running(_) | Successful(_))) {
            return true;
        }
    }
    false
}

/// Each job has a folder of its name.
fn jobs_with_files(folder: Option<&str>) -> Vec<String> {
    let entries = folder.and_then(|folder| std::fs::read_dir(Path::new(folder)).ok());
    let entries = entries.into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.collect()
}
