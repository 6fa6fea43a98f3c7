//! The engine: what all sessions of a process share.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI32;

use chrono::Utc;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;

use crate::catalog::{ADMINISTRATOR, Catalog, Change, Role, Verifier};
use crate::error::{Error, Kind, Result};
use crate::execution::{ProcessFolder, Registry, Remote, Routed, Workers, runtime};
use crate::session::{Session, States};
use crate::settings::{Limits, Settings};
use crate::source::{OpenedStores, StoreSettings};
use crate::statement::Plans;
use crate::system::postgres::Functions;
use crate::table::Warehouse;
use crate::{execution, function, plan};

/// What all sessions share: catalog, registry, memory, threads, and where plans run. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub catalog: Arc<Catalog>,
    pub warehouse: Arc<Warehouse>,
    pub registry: Arc<Registry>,
    pub execution: Arc<Routed>,
    pub workers: Arc<Workers>,
    pub runtime: Arc<RuntimeEnv>,
    /// Functions and defaults; each statement gets a copy with its session's settings.
    pub template: SessionState,
    pub settings: Settings,
    /// The memory limit in force.
    pub pool_bytes: usize,
    /// The functions by name and OID, as clients of PostgreSQL see them.
    pub functions: Arc<Functions>,
    pub states: States,
    pub plans: Arc<Plans>,
    /// Sessions so far: each has a number of its own.
    pub sessions: AtomicI32,
    pub started_us: i64,
    /// Last, so that it is removed when all else is let go.
    pub _folder: Option<ProcessFolder>,
}

/// Who opens a session.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    pub user: String,
    /// What the session begins with and RESET goes back to; the engine's own when not given.
    pub settings: Option<Settings>,
    /// Whether the client can send and receive the rows of a COPY.
    pub takes_copies: bool,
}

impl SessionOptions {
    /// The user of this machine, who may do everything.
    pub fn local() -> Self {
        Self {
            user: ADMINISTRATOR.to_string(),
            settings: None,
            takes_copies: false,
        }
    }
}

impl Engine {
    /// Opens an engine with the settings of the command line and the configuration file.
    pub fn open(settings: Settings) -> Result<Self> {
        let data_dir = settings.data_dir().map(Path::new);
        let catalog = match data_dir {
            Some(folder) => Catalog::open(folder)?,
            None => Catalog::in_memory(),
        };
        let folder = ProcessFolder::make(&settings)?;
        let runtime = runtime(&settings, folder.as_ref())?;
        let pool_bytes = execution::memory_limit_bytes(&settings) as usize;
        let mut template = template(&runtime)?;
        let stores = StoreSettings::of(&settings);
        template.config_mut().set_extension(Arc::new(stores));
        let warehouse = match (settings.warehouse(), data_dir) {
            (Some(location), Some(_)) => Warehouse::open(location, &template)?,
            (None, Some(folder)) => Warehouse::local(&folder.join("warehouse"))?,
            (None, None) => Warehouse::temporary(folder.as_ref().map(|f| f.path()))?,
            (Some(_), None) => return Err(warehouse_without_catalog()),
        };
        let warehouse = match &folder {
            Some(folder) => warehouse.with_temporary(&folder.path())?,
            None => warehouse,
        };
        let shared = Shared {
            catalog: Arc::new(catalog),
            warehouse: Arc::new(warehouse),
            registry: Arc::default(),
            execution: Arc::default(),
            workers: Arc::new(Workers::start(settings.threads())?),
            runtime,
            functions: Arc::new(Functions::of(&template)),
            template,
            settings,
            pool_bytes,
            states: States::default(),
            plans: Arc::default(),
            sessions: AtomicI32::new(0),
            started_us: Utc::now().timestamp_micros(),
            _folder: folder,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    pub fn session(&self, options: SessionOptions) -> Session {
        Session::new(Arc::clone(&self.shared), options)
    }

    /// From now on queries may run on this cluster.
    pub fn join_cluster(&self, cluster: Arc<dyn Remote>) {
        self.shared.execution.attach(cluster);
    }

    /// What every session's state is made from: functions, rules, and how we run.
    pub fn template(&self) -> &SessionState {
        &self.shared.template
    }

    /// The role of that name, if it may log in.
    pub fn role(&self, name: &str) -> Option<Role> {
        let snapshot = self.shared.catalog.snapshot();
        let role = snapshot.roles.get(name).filter(|role| role.can_login)?;
        Some(Role::clone(role))
    }

    /// Gives the administrator a password, for the first start of a server.
    pub fn set_administrator_password(&self, password: &str) -> Result<()> {
        let verifier = Verifier::of_password(password)?;
        self.shared.catalog.update(|snapshot| {
            let known = snapshot.roles.get(ADMINISTRATOR);
            let role = Role {
                is_superuser: true,
                can_login: true,
                verifier: Some(verifier),
                ..known.map(|role| Role::clone(role)).unwrap_or_default()
            };
            Ok((vec![Change::PutRole(ADMINISTRATOR.to_string(), role)], ()))
        })
    }

    pub fn registry(&self) -> &Registry {
        &self.shared.registry
    }

    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// The memory limit in force.
    pub fn memory_limit_bytes(&self) -> u64 {
        self.shared.pool_bytes as u64
    }

    /// Memory that running queries hold now, by the pool's account.
    pub fn reserved_bytes(&self) -> u64 {
        self.shared.runtime.memory_pool.reserved() as u64
    }
}

/// What a process needs that runs parts of other processes' queries.
#[derive(Debug)]
pub struct ExecutorParts {
    /// Functions and defaults, as in the process that plans.
    pub template: SessionState,
    pub pool_bytes: u64,
    /// For files that end with the process.
    pub folder: ProcessFolder,
}

impl ExecutorParts {
    pub fn open(settings: &Settings) -> Result<Self> {
        let folder = ProcessFolder::make(settings)?.ok_or_else(|| {
            Error::new(Kind::Io, "there is no folder to keep results of tasks in")
                .hint("Set quern.spill_dir to a folder that can be written.")
        })?;
        let runtime = runtime(settings, Some(&folder))?;
        let pool_bytes = execution::memory_limit_bytes(settings);
        let mut template = template(&runtime)?;
        let config = template.config_mut();
        config.set_extension(Arc::new(StoreSettings::of(settings)));
        Limits::of_pool(usize::try_from(pool_bytes).unwrap_or(usize::MAX)).apply(config);
        Ok(Self {
            template,
            pool_bytes,
            folder,
        })
    }
}

/// A state with our functions and rules.
fn template(runtime: &Arc<RuntimeEnv>) -> Result<SessionState> {
    let opened = Arc::new(OpenedStores::default());
    let mut template = SessionStateBuilder::new()
        .with_config(config().with_extension(opened))
        .with_physical_optimizer_rules(plan::physical_rules())
        .with_runtime_env(Arc::clone(runtime))
        .with_default_features()
        .build();
    function::register(&mut template)?;
    Ok(template)
}

fn warehouse_without_catalog() -> Error {
    Error::new(
        Kind::InvalidParameterValue,
        "quern.warehouse needs quern.data_dir",
    )
    .hint("Only a catalog that is kept knows the warehouse's tables again.")
}

/// How DataFusion plans and runs for us, whatever the session's settings.
fn config() -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_information_schema(false)
        .with_create_default_catalog_and_schema(false);
    let options = config.options_mut();
    options.sql_parser.collect_spans = true;
    // As in PostgreSQL, 0.1 is exact.
    options.sql_parser.parse_float_as_decimal = true;
    options.execution.collect_statistics = true;
    config
}
