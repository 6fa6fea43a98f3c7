//! The end of an executor that is told to end: it takes no more tasks, finishes those that it has, and stays
//! until no job needs what they wrote, or `quern.shutdown_timeout` has passed. A second signal ends it at once.
//!
//! Ballista's executor ends at a signal too, and what it wrote is lost with it. So it gets to see none.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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

/// So many looks in a row have to find nothing to wait for, since tasks may be on their way when the coordinator is
/// told; and so many have to find no coordinator.
const IDLE_LOOKS: usize = 3;
const LOST_LOOKS: usize = 12;

/// How long the coordinator may take to answer.
const ANSWER: Duration = Duration::from_secs(2);

/// What tells the process to end.
pub struct Signals(mpsc::UnboundedReceiver<()>);

impl Signals {
    /// Takes SIGTERM and Ctrl-C from all threads that this one starts from now on.
    #[cfg(unix)]
    pub fn take() -> Result<Self> {
        let failed = |e: &dyn std::fmt::Display| {
            Error::new(Kind::Io, format!("cannot wait for signals: {e}"))
        };
        let signals = signals_to_end();
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

    /// Elsewhere Ballista sees Ctrl-C as well, and ends in its way.
    #[cfg(not(unix))]
    pub fn take() -> Result<Self> {
        let (tell, told) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            let waiting = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            while waiting
                .as_ref()
                .is_ok_and(|w| w.block_on(tokio::signal::ctrl_c()).is_ok())
            {
                let _ = tell.send(());
            }
        });
        Ok(Self(told))
    }

    async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending().await
        }
    }
}

#[cfg(unix)]
fn signals_to_end() -> nix::sys::signal::SigSet {
    use nix::sys::signal::{SigSet, Signal};
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGINT);
    signals
}

/// Gives signals back to this thread, and so to a program that takes its place.
pub fn give_signals_back() {
    #[cfg(unix)]
    if let Err(error) = signals_to_end().thread_unblock() {
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

/// The end of this executor.
pub struct Drain {
    executor: Arc<ExecutorProcessConfig>,
    tasks: Tasks,
    patience: Duration,
    is_told: AtomicBool,
}

impl Drain {
    /// It takes so long at most.
    pub fn new(executor: Arc<ExecutorProcessConfig>, tasks: Tasks, patience: Duration) -> Self {
        Self {
            executor,
            tasks,
            patience,
            is_told: AtomicBool::new(false),
        }
    }

    /// Whether the process was told to end.
    pub fn is_told(&self) -> bool {
        self.is_told.load(Ordering::Acquire)
    }

    /// Waits for a signal, and then until no job needs the executor.
    pub async fn ended(&self, mut signals: Signals) {
        signals.next().await;
        tracing::info!("told to end: no more tasks are taken");
        self.is_told.store(true, Ordering::Release);
        // Ballista's heartbeats say so too from now on.
        TERMINATING.store(true, Ordering::Release);
        tokio::select! {
            () = self.unneeded() => {}
            () = tokio::time::sleep(self.patience) => {
                tracing::warn!("ends although jobs need it: quern.shutdown_timeout has passed");
            }
            () = signals.next() => tracing::warn!("ends although jobs need it: told a second time"),
        }
    }

    /// Returns when no job needs this executor, or there is no coordinator to ask.
    async fn unneeded(&self) {
        let mut coordinator = match self.coordinator() {
            Ok(coordinator) => coordinator,
            Err(error) => return tracing::warn!(%error, "the coordinator is out of reach"),
        };
        let cores = u32::try_from(self.executor.vcores).unwrap_or(u32::MAX);
        let heartbeat = HeartBeatParams {
            executor_id: self.executor.executor_id.clone(),
            metrics: vec![],
            status: Some(ExecutorStatus {
                status: Some(Status::Terminating(String::new())),
            }),
            metadata: Some(structure_executor_metadata(&self.executor, cores)),
        };
        let (mut idle, mut lost) = (0, 0);
        while idle < IDLE_LOOKS && lost < LOST_LOOKS {
            // Each time: an older one may arrive behind it.
            let told = coordinator.heart_beat_from_executor(heartbeat.clone());
            let is_needed = match told.await {
                Ok(_) => self.is_needed(&mut coordinator).await,
                Err(error) => Err(error),
            };
            (idle, lost) = match is_needed {
                Ok(true) => (0, 0),
                Ok(false) => (idle + 1, 0),
                Err(_) => (0, lost + 1),
            };
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Connects when it is asked something.
    fn coordinator(&self) -> Result<Coordinator> {
        let failed = |e: &dyn std::fmt::Display| Error::new(Kind::Connection, e.to_string());
        let (host, port) = (&self.executor.scheduler_host, self.executor.scheduler_port);
        let mut endpoint = create_grpc_client_endpoint(format!("http://{host}:{port}"), None)
            .map_err(|e| failed(&e))?;
        if let Some(through) = &self.executor.override_create_grpc_client_endpoint {
            endpoint = through(endpoint).map_err(|e| failed(&e))?;
        }
        let endpoint = endpoint.connect_timeout(ANSWER).timeout(ANSWER);
        Ok(SchedulerGrpcClient::new(endpoint.connect_lazy()))
    }

    /// Whether tasks run here, or jobs that are not over may read what tasks wrote here. The coordinator
    /// forgets a job as soon as its rows are read.
    async fn is_needed(&self, coordinator: &mut Coordinator) -> Result<bool, tonic::Status> {
        if self.tasks.0.load(Ordering::Acquire) > 0 {
            return Ok(true);
        }
        for job_id in jobs_with_files(self.executor.work_dir.as_deref()) {
            let told = coordinator.get_job_status(GetJobStatusParams { job_id });
            let status = told.await?.into_inner().status.and_then(|s| s.status);
            use job_status::Status::{Queued, Running, Successful};
            if matches!(status, Some(Queued(_) | Running(_) | Successful(_))) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Each job has a folder of its name, which may be left when its files are gone.
fn jobs_with_files(folder: Option<&str>) -> Vec<String> {
    let entries = folder.and_then(|folder| std::fs::read_dir(folder).ok());
    let entries = entries.into_iter().flatten().flatten();
    let with_files = entries.filter(|entry| has_files(&entry.path()));
    let names = with_files.filter_map(|entry| entry.file_name().into_string().ok());
    names.collect()
}

fn has_files(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths = entries.map(|entry| entry.path());
    paths.any(|path| !path.is_dir() || has_files(&path))
}
