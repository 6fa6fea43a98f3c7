//! The way over a cluster: an engine in this process whose queries run on two executor processes.
//!
//! All files share the executors; each has an engine of its own. EXPLAIN shows the plan of one process, as
//! over the other ways: what runs on a cluster is shown by EXPLAIN (DISTRIBUTED), which has tests of its
//! own.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use quern_cluster::{Children, ChildrenOptions, Coordinator, CoordinatorOptions, Secret};
use quern_engine::{Engine, Session, SessionOptions, Settings};
use tempfile::TempDir;

use crate::in_process;
use crate::way::{Connection, Failure, Reply, Server, Way};

#[derive(Debug)]
pub struct Cluster;

/// A coordinator and its executors.
pub struct Members {
    // In the order in which they are to end.
    pub children: Children,
    pub coordinator: Arc<Coordinator>,
    /// Below it are the files of the executors.
    pub folder: TempDir,
}

impl Members {
    /// Starts a coordinator for engines like this one, and so many executors of one core.
    pub fn start(engine: &Engine, executors: usize) -> Result<Self, Failure> {
        Self::start_with(engine, executors, None, Ipv4Addr::LOCALHOST)
    }

    /// The same with a secret between them, or with a coordinator that listens elsewhere.
    pub fn start_with(
        engine: &Engine,
        executors: usize,
        secret: Option<&str>,
        listen: Ipv4Addr,
    ) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let options = CoordinatorOptions {
            listen: (listen, 0).into(),
            advertise: "127.0.0.1".to_string(),
            secret: secret.map(Secret::of).transpose()?,
            patience: Duration::from_secs(2),
        };
        let coordinator = Arc::new(Coordinator::start(engine.template(), &options)?);
        let children = ChildrenOptions {
            count: executors,
            program: program(),
            arguments: vec![
                "--cores=1".to_string(),
                "--memory=512MiB".to_string(),
                format!("--work-dir={}", folder.path().display()),
            ],
            environment: secret
                .map(|secret| ("QUERN_CLUSTER_SECRET".to_string(), secret.to_string()))
                .into_iter()
                .collect(),
        };
        let children = Children::start(&coordinator, &children);
        assert!(
            coordinator.wait_for(executors, Duration::from_secs(60)),
            "the executors do not join"
        );
        Ok(Self {
            children,
            coordinator,
            folder,
        })
    }

    /// An engine whose queries run on these executors wherever they can.
    pub fn engine(&self) -> Result<Engine, Failure> {
        let engine = Engine::open(settings()?)?;
        engine.join_cluster(Arc::clone(&self.coordinator) as _);
        Ok(engine)
    }
}

/// Of this process, for as long as it lives; its executors end with it.
fn shared() -> Result<&'static Members, Failure> {
    static SHARED: OnceLock<Result<Members, Failure>> = OnceLock::new();
    let start = || Members::start(&Engine::open(in_process::settings()?)?, 2);
    SHARED.get_or_init(start).as_ref().map_err(Clone::clone)
}

/// The binary, which is built beside the tests.
pub fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let folder = own.parent().and_then(Path::parent).unwrap();
    let program = folder.join(format!("quern{}", std::env::consts::EXE_SUFFIX));
    assert!(
        program.exists(),
        "{} is not built: run the tests with --workspace",
        program.display()
    );
    program
}

fn settings() -> Result<Settings, Failure> {
    let mut settings = in_process::settings()?;
    settings.set_at_start("quern.execution", "cluster")?;
    Ok(settings)
}

#[async_trait]
impl Way for Cluster {
    fn name(&self) -> &'static str {
        "cluster"
    }

    async fn start(&self) -> Result<Box<dyn Server>, Failure> {
        let members = tokio::task::spawn_blocking(shared);
        let members = members.await.map_err(std::io::Error::other)??;
        Ok(Box::new(OnCluster(members.engine()?)))
    }
}

struct OnCluster(Engine);

#[async_trait]
impl Server for OnCluster {
    async fn connect(&self) -> Result<Box<dyn Connection>, Failure> {
        Ok(Box::new(Client(self.0.session(SessionOptions::local()))))
    }
}

struct Client(Session);

#[async_trait]
impl Connection for Client {
    async fn run(&mut self, sql: &str) -> Result<Reply, Failure> {
        let word = sql.split_whitespace().next().unwrap_or_default();
        if !word.eq_ignore_ascii_case("explain") {
            return self.0.run(sql).await;
        }
        self.0.sql("SET quern.execution = local").await?;
        let reply = self.0.run(sql).await;
        self.0.sql("SET quern.execution = cluster").await?;
        reply
    }
}
