//! `quern executor`: a process that runs tasks of a coordinator's queries.
//!
//! Its results of tasks are files in a folder that ends with the process; what a killed process left is
//! removed by the next one. An executor that misses its coordinator for long ends; the process may begin
//! anew then.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::extension::SessionConfigExt;
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use quern_engine::wire::Functions;
use quern_engine::{Error, ExecutorParts, Kind, Result, Settings};
use tokio::io::AsyncReadExt;

use crate::codec::Codec;
use crate::drain::{Drain, Signals, Tasks};
use crate::secret::Secret;
use crate::stage::Stages;
use crate::{HEARTBEAT_S, MESSAGE_BYTES, ballista};

/// As in the engine: only what is touched of a stack takes memory.
const STACK_BYTES: usize = 32 << 20;

/// Files of jobs that nobody removed are removed after so long.
const FORGOTTEN_S: u64 = 24 * 3600;
const SWEEP_INTERVAL_S: u64 = 600;

/// How long to try before the coordinator is said to be out of reach.
const CONNECT_S: u16 = 60;

#[derive(Debug)]
pub struct ExecutorOptions {
    /// Host and port of the coordinator.
    pub coordinator: (String, u16),
    pub cores: usize,
    pub settings: Settings,
    /// Made up when not given.
    pub id: Option<String>,
    pub listen: IpAddr,
    /// What others reach it by; the address from which it connects when not given.
    pub advertise: Option<String>,
    /// What coordinator and executors have in common.
    pub secret: Option<Secret>,
    /// Ends when standard input does: whoever started it is gone.
    pub ends_with_input: bool,
}

/// Why an executor ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A signal told it to, or whoever started it is gone.
    Told,
    /// Its coordinator did not answer for long. A process can be an executor once only.
    CoordinatorLost,
}

/// Runs tasks until a signal ends the process, whoever started it, or the loss of the coordinator.
pub fn run(options: ExecutorOptions) -> Result<End> {
    let signals = Signals::take()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.cores + 2)
        .thread_name("quern-executor")
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .map_err(|e| Error::new(Kind::Io, format!("cannot start threads: {e}")))?;
    let _inside = runtime.enter();
    let parts = ExecutorParts::open(&options.settings)?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = serve(&options, &parts, signals) => result,
            () = end_of_input(), if options.ends_with_input => Ok(End::Told),
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

async fn end_of_input() {
    let mut input = tokio::io::stdin();
    let mut byte = [0];
    while matches!(input.read(&mut byte).await, Ok(1)) {}
}

async fn serve(options: &ExecutorOptions, parts: &ExecutorParts, signals: Signals) -> Result<End> {
    let tasks = Tasks::default();
    let config = Arc::new(process(options, parts, tasks.clone())?);
    if let Some(secret) = &options.secret {
        for port in [config.port, config.grpc_port] {
            let outer = tokio::net::TcpListener::bind((options.listen, port)).await?;
            let inner = SocketAddr::new(inside(options), port);
            tokio::spawn(secret.clone().gate(outer, inner));
        }
    }
    let drain = Drain::new(
        Arc::clone(&config),
        tasks,
        options.settings.shutdown_timeout(),
    );
    let (host, port) = &options.coordinator;
    tokio::select! {
        served = start_executor_process(Arc::clone(&config)) => match served {
            Err(e) => Err(Error::new(
                Kind::Connection,
                format!("the executor cannot work for {host}:{port}: {e}"),
            )),
            Ok(()) if drain.is_told() => Ok(End::Told),
            Ok(()) => Ok(End::CoordinatorLost),
        },
        () = drain.ended(signals) => Ok(End::Told),
    }
}

fn process(
    options: &ExecutorOptions,
    parts: &ExecutorParts,
    tasks: Tasks,
) -> Result<ExecutorProcessConfig> {
    let template = parts.template.clone();
    let runtime = Arc::clone(template.runtime_env());
    let mut config = ballista(template.config().clone());
    let through = options.secret.as_ref().map(Secret::endpoint);
    if let Some(through) = &through {
        config = config.with_ballista_override_create_grpc_client_endpoint(Arc::clone(through));
    }
    let folder = parts.folder.path().join("shuffle");
    std::fs::create_dir(&folder)?;
    let mut process = ExecutorProcessConfig {
        bind_host: inside(options).to_string(),
        external_host: options.advertise.clone().or_else(|| {
            let local = options.listen.is_loopback();
            local.then(|| options.listen.to_string())
        }),
        port: free_port(options)?,
        grpc_port: free_port(options)?,
        scheduler_host: options.coordinator.0.clone(),
        scheduler_port: options.coordinator.1,
        scheduler_connect_timeout_seconds: CONNECT_S,
        vcores: options.cores,
        task_scheduling_policy: TaskSchedulingPolicy::PushStaged,
        work_dir: Some(folder.to_string_lossy().into_owned()),
        job_data_ttl_seconds: FORGOTTEN_S,
        job_data_clean_up_interval_seconds: SWEEP_INTERVAL_S,
        grpc_max_decoding_message_size: MESSAGE_BYTES,
        grpc_max_encoding_message_size: MESSAGE_BYTES,
        executor_heartbeat_interval_seconds: HEARTBEAT_S,
        memory_pool_size: Some(parts.pool_bytes),
        override_function_registry: Some(Arc::new(BallistaFunctionRegistry::from(&template))),
        override_physical_codec: Some(Arc::new(Codec::new(Functions::of(&template), false))),
        override_runtime_producer: Some(Arc::new(move |_| Ok(Arc::clone(&runtime)))),
        override_config_producer: Some(Arc::new(move || config.clone())),
        override_create_grpc_client_endpoint: through,
        override_execution_engine: Some(Arc::new(Stages::new(tasks))),
        ..ExecutorProcessConfig::default()
    };
    if let Some(id) = &options.id {
        process.executor_id.clone_from(id);
    }
    Ok(process)
}

/// Where its ports are: behind the gate if there is one, under the same numbers, by which others know
/// them.
fn inside(options: &ExecutorOptions) -> IpAddr {
    match (&options.secret, options.listen) {
        (None, listen) => listen,
        // Every address of 127.0.0.0/8 is this machine's.
        (Some(_), listen) if listen == IpAddr::V4(Ipv4Addr::LOCALHOST) => {
            IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2))
        }
        (Some(_), _) => IpAddr::V4(Ipv4Addr::LOCALHOST),
    }
}

/// A port that nobody listens on now, on both sides of the gate.
fn free_port(options: &ExecutorOptions) -> Result<u16> {
    let outside = TcpListener::bind((options.listen, 0))?;
    let port = outside.local_addr()?.port();
    match inside(options) {
        same if same == options.listen => {}
        inside => drop(TcpListener::bind((inside, port))?),
    }
    Ok(port)
}
