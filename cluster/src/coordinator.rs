//! The coordinator's side: a scheduler inside the process that takes queries, and the engine's way to it.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ballista_core::config::TaskSchedulingPolicy;
use ballista_scheduler::cluster::{BallistaCluster, ClusterState, JobState};
use ballista_scheduler::config::{SchedulerConfig, TaskDistributionPolicy};
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service_with_listener};
use ballista_scheduler::scheduler_server::SchedulerServer;
use datafusion::execution::SessionState;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use quern_engine::execution::Remote;
use quern_engine::execution::remote::{Executor, Job, Stage, Task};
use quern_engine::wire::Functions;
use quern_engine::{Error, Kind, Result};
use tokio::net::TcpListener;
use tokio::runtime::{Handle, Runtime};

use crate::codec::Codec;
use crate::roster::Roster;
use crate::secret::Secret;
use crate::{EXECUTOR_TIMEOUT_S, HEARTBEAT_S, MESSAGE_BYTES, ballista};
use crate::{explain, job, members, plan, watch};

/// As in the engine: only what is touched of a stack takes memory.
const STACK_BYTES: usize = 32 << 20;

pub(crate) type Scheduler = SchedulerServer<LogicalPlanNode, PhysicalPlanNode>;

#[derive(Debug, Clone)]
pub struct CoordinatorOptions {
    /// Where executors connect to; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// The host by which executors reach it.
    pub advertise: String,
    /// What executors must know to be let in.
    pub secret: Option<Secret>,
    /// How long jobs wait for an executor after the last one was lost.
    pub patience: Duration,
}

/// Runs plans on the executors that have joined. Dropping it ends the scheduler.
pub struct Coordinator {
    pub(crate) shared: Arc<Shared>,
    address: SocketAddr,
    /// Taken when the coordinator is let go.
    runtime: Option<Runtime>,
}

/// What jobs need of the coordinator.
pub(crate) struct Shared {
    pub scheduler: Scheduler,
    pub members: Arc<dyn ClusterState>,
    /// Jobs that have ended.
    pub jobs: Arc<dyn JobState>,
    pub codec: Arc<Codec>,
    pub secret: Option<Secret>,
    /// The scheduler's threads, with stacks for deep plans.
    pub handle: Handle,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl fmt::Debug for Coordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coordinator")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Coordinator {
    /// Starts a scheduler for plans of engines with this template. Blocks until it listens.
    pub fn start(template: &SessionState, options: &CoordinatorOptions) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("quern-coordinator")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()
            .map_err(|e| Error::new(Kind::Io, format!("cannot start threads: {e}")))?;
        let listener = listen(options.listen)?;
        let address = listener.local_addr()?;
        let is_private = options.secret.is_some() || options.listen.ip().is_loopback();
        let codec = Arc::new(Codec::new(Functions::of(template), is_private));
        let config = Arc::new(config(template, options, address, &codec));
        let (handle, started) = (runtime.handle().clone(), std::sync::mpsc::channel());
        let (tell, told) = started;
        let secret = options.secret.clone();
        runtime.spawn(async move {
            let _ = tell.send(start(config, codec, secret, handle, listener).await);
        });
        let shared = told.recv().map_err(Error::internal)??;
        Ok(Self {
            shared: Arc::new(shared),
            address,
            runtime: Some(runtime),
        })
    }

    /// Where executors connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until so many executors have joined, or for so long.
    pub fn wait_for(&self, executors: usize, patience: Duration) -> bool {
        let until = std::time::Instant::now() + patience;
        while self.executors().len() < executors {
            if std::time::Instant::now() > until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn start(
    config: Arc<SchedulerConfig>,
    codec: Arc<Codec>,
    secret: Option<Secret>,
    handle: Handle,
    listener: std::net::TcpListener,
) -> Result<Shared> {
    let failed = |e: ballista_core::error::BallistaError| {
        Error::internal(format!("the scheduler does not start: {e}"))
    };
    let cluster = BallistaCluster::new_from_config(&config)
        .await
        .map_err(failed)?;
    let members = cluster.cluster_state();
    let jobs = cluster.job_state();
    let roster = Arc::new(Roster(Arc::clone(&members)));
    let cluster = BallistaCluster::new(roster, Arc::clone(&jobs));
    let scheduler: Scheduler = create_scheduler(cluster, config).await.map_err(failed)?;
    let outer = TcpListener::from_std(listener)?;
    let listener = match &secret {
        None => outer,
        Some(secret) => {
            let inner = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let gate = secret.clone().gate(outer, inner.local_addr()?);
            handle.spawn(gate);
            inner
        }
    };
    let serving = scheduler.clone();
    handle.spawn(async move {
        if let Err(error) = start_grpc_service_with_listener(listener, serving).await {
            tracing::error!(%error, "the coordinator no longer listens for executors");
        }
    });
    handle.spawn(watch::executors(scheduler.clone(), Arc::clone(&members)));
    Ok(Shared {
        scheduler,
        members,
        jobs,
        codec,
        secret,
        handle,
    })
}

fn listen(address: SocketAddr) -> Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(address).map_err(|e| {
        let message = format!("cannot listen for executors on {address}: {e}");
        Error::new(Kind::Io, message)
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn config(
    template: &SessionState,
    options: &CoordinatorOptions,
    address: SocketAddr,
    codec: &Arc<Codec>,
) -> SchedulerConfig {
    let session = ballista(template.config().clone());
    SchedulerConfig {
        external_host: options.advertise.clone(),
        bind_host: options.listen.ip().to_string(),
        bind_port: address.port(),
        scheduling_policy: TaskSchedulingPolicy::PushStaged,
        task_distribution: TaskDistributionPolicy::RoundRobin,
        // Never: a job goes with its stream, which may be read slowly.
        finished_job_data_clean_up_interval_seconds: 0,
        finished_job_state_clean_up_interval_seconds: 0,
        grpc_server_max_decoding_message_size: MESSAGE_BYTES,
        grpc_server_max_encoding_message_size: MESSAGE_BYTES,
        grpc_client_max_message_size: MESSAGE_BYTES,
        executor_timeout_seconds: EXECUTOR_TIMEOUT_S,
        expire_dead_executor_interval_seconds: HEARTBEAT_S,
        no_executors_grace_period_seconds: options.patience.as_secs(),
        override_config_producer: Some(Arc::new(move || session.clone())),
        override_create_grpc_client_endpoint: options.secret.as_ref().map(Secret::endpoint),
        override_physical_codec: Some(Arc::clone(codec) as _),
        ..SchedulerConfig::default()
    }
}

impl Remote for Coordinator {
    fn executors(&self) -> Vec<Executor> {
        members::executors(&self.shared)
    }

    fn planning(&self, state: &SessionState) -> Result<SessionState> {
        let executors = self.executors();
        let cores: u64 = executors.iter().map(|e| e.cores).sum();
        let cores = usize::try_from(cores).unwrap_or(usize::MAX);
        plan::planning(state, cores, executors.len())
    }

    fn refusal(&self, state: &SessionState, plan: &Arc<dyn ExecutionPlan>) -> Option<String> {
        plan::refusal(&self.shared.codec, state, plan)
    }

    fn run(&self, job: Job) -> SendableRecordBatchStream {
        job::run(Arc::clone(&self.shared), job)
    }

    fn explain(&self, state: &SessionState, plan: &Arc<dyn ExecutionPlan>) -> Result<Vec<String>> {
        explain::stages(state, plan)
    }

    fn stages(&self) -> Vec<Stage> {
        members::stages(&self.shared)
    }

    fn tasks(&self) -> Vec<Task> {
        members::tasks(&self.shared)
    }
}
