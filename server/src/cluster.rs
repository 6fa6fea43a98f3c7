//! An engine with a cluster: its coordinator, and the executors that this process starts.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use quern_cluster::{Children, ChildrenOptions, Coordinator, CoordinatorOptions, Secret};
use quern_engine::{Engine, Error, Kind, Result, Settings};

/// How long the executors of this machine may take to join.
const JOINING: Duration = Duration::from_secs(60);

/// How long queries wait for an executor after the last one was lost.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The secret, where the settings have none.
pub const SECRET_VARIABLE: &str = "QUERN_CLUSTER_SECRET";

/// Ends its executors when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    // Before the coordinator, on whose threads they are kept.
    _children: Children,
    coordinator: Arc<Coordinator>,
}

impl Cluster {
    /// Lets executors join, and starts some on this machine.
    pub fn start(engine: &Engine, options: &CoordinatorOptions, count: usize) -> Result<Self> {
        let coordinator = Arc::new(Coordinator::start(engine.template(), options)?);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let cores = cores.div_ceil(count.max(1));
        // The coordinator needs some as well.
        let memory_bytes = engine.memory_limit_bytes() / (count as u64 + 1);
        let children = ChildrenOptions {
            count,
            program: program()?,
            arguments: arguments(options, cores, memory_bytes),
            environment: match options.secret {
                Some(_) => secret_text(engine.settings()).into_iter(),
                None => None.into_iter(),
            }
            .map(|secret| (SECRET_VARIABLE.to_string(), secret))
            .collect(),
        };
        let children = Children::start(&coordinator, &children);
        engine.join_cluster(Arc::clone(&coordinator) as _);
        Ok(Self {
            _children: children,
            coordinator,
        })
    }

    /// A cluster of processes of this machine only; waits until they are there.
    pub fn of_this_machine(engine: &Engine, count: usize) -> Result<Self> {
        let options = CoordinatorOptions {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            advertise: Ipv4Addr::LOCALHOST.to_string(),
            secret: None,
            patience: PATIENCE,
        };
        let cluster = Self::start(engine, &options, count)?;
        match cluster.coordinator.wait_for(count, JOINING) {
            true => Ok(cluster),
            false => Err(Error::new(
                Kind::Connection,
                "the executors of this machine do not join",
            )),
        }
    }

    /// Where executors join.
    pub fn address(&self) -> SocketAddr {
        self.coordinator.address()
    }
}

/// The flags of the executors of this machine.
fn arguments(options: &CoordinatorOptions, cores: usize, memory_bytes: u64) -> Vec<String> {
    let mut arguments = vec![
        format!("--cores={cores}"),
        format!("--memory={memory_bytes}"),
    ];
    let address = options.listen.ip();
    if !address.is_loopback() && !address.is_unspecified() {
        // Executors of other machines have to reach them.
        arguments.push(format!("--listen={address}"));
        arguments.push("--insecure".to_string());
    }
    arguments
}

/// The secret of the settings or of the environment. Takes a moment if there is one.
pub fn secret(settings: &Settings) -> Result<Option<Secret>> {
    let text = secret_text(settings);
    text.map(|secret| Secret::of(&secret)).transpose()
}

fn secret_text(settings: &Settings) -> Option<String> {
    let variable = std::env::var(SECRET_VARIABLE);
    let variable = variable.ok().filter(|secret| !secret.is_empty());
    settings.cluster_secret().map(str::to_string).or(variable)
}

/// The error of a port that must not be open to a network by accident.
pub fn open_to_all(flag: &str) -> Error {
    Error::new(
        Kind::InvalidParameterValue,
        format!("whoever reaches the address of {flag} could run anything"),
    )
    .hint(format!(
        "Set {SECRET_VARIABLE} to the same secret everywhere, or keep the address to a private network \
         and say --insecure."
    ))
}

/// The program that runs now, which is also every executor's.
fn program() -> Result<std::path::PathBuf> {
    Ok(std::env::current_exe()?)
}
