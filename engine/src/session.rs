//! A session: one client's state, and the pipeline from SQL text to rows.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::common::config::ConfigNonZeroUsize;
use datafusion::execution::{FunctionRegistry, SessionState};
use parking_lot::{Mutex, RwLock};

use crate::catalog::{CATALOG_NAME, Role, SessionCatalog};
use crate::engine::{SessionOptions, Shared};
use crate::error::{Error, Kind, Result};
use crate::execution::{Execution, Query, QueryInfo, or_panicked, unless_ended};
use crate::function;
use crate::function::directory::DirectoryOption;
use crate::settings::{Limits, Settings};
use crate::source::StoreSettings;
use crate::statement::{self, Context, Outcome, Prepared, Statement, TransactionState, Variables};
use crate::system::postgres::{SessionDirectory, SessionInfo};

/// One client connection. Statements of a session run one after another.
#[derive(Debug)]
pub struct Session {
    shared: Arc<Shared>,
    catalog: Arc<SessionCatalog>,
    variables: Arc<Variables>,
    /// The statement that runs now or ran last: what [`Session::cancel`] ends.
    current: Mutex<Option<Arc<Query>>>,
    /// Its number, which no other session of the process has.
    pid: i32,
    /// The role of the user: another of the same name is somebody else. `None` while there is none.
    role: Mutex<Option<u64>>,
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>, options: SessionOptions) -> Self {
        let settings = options.settings.unwrap_or_else(|| shared.settings.clone());
        let variables = Variables {
            user: options.user,
            takes_copies: options.takes_copies,
            initial: settings.clone(),
            settings: RwLock::new(Arc::new(settings)),
            prepared: Mutex::default(),
            transaction: Mutex::default(),
            block: Mutex::default(),
            cursors: Mutex::default(),
        };
        let pid = shared.sessions.fetch_add(1, Ordering::Relaxed);
        let pid = pid.wrapping_add(1);
        let catalog = SessionCatalog::new(Arc::clone(&shared.catalog), pid, &variables.user);
        let role = shared
            .catalog
            .snapshot()
            .roles
            .get(&variables.user)
            .map(|r| r.id);
        Self {
            pid,
            role: Mutex::new(role),
            shared,
            catalog: Arc::new(catalog),
            variables: Arc::new(variables),
            current: Mutex::new(None),
        }
    }

    /// Text → statements. Nothing runs yet.
    pub fn parse(&self, script: &str) -> Result<Vec<Statement>> {
        or_panicked(|| statement::parse(script))
    }

    /// Statement → outcome. Rows, if any, stream from it and are not computed before they are asked for.
    pub async fn execute(&self, statement: &Statement) -> Result<Outcome> {
        let query = self.start(statement);
        let context = self
            .admit(statement)
            .and_then(|()| self.context(statement, &query));
        let running = statement.clone();
        let work = async move { running.run(&context?).await };
        let result = unless_ended(&query, self.shared.workers.run(work)).await;
        self.finish(statement, &query, result)
    }

    /// Text of one statement → outcome.
    pub async fn sql(&self, text: &str) -> Result<Outcome> {
        match self.parse(text)?.as_slice() {
            [one] => self.execute(one).await,
            [] => Err(Error::new(Kind::Syntax, "the statement is empty")),
            many => Err(Error::new(
                Kind::Syntax,
                format!("one statement is expected here, not {}", many.len()),
            )),
        }
    }

    /// Statement → its parameters' types and its columns. `types` are those that the client declares.
    pub async fn prepare(&self, statement: Statement, types: &[DataType]) -> Result<Prepared> {
        let query = self.start(&statement);
        let context = self.check_user();
        let context = context.and_then(|()| self.context(&statement, &query));
        let (described, types) = (statement.clone(), types.to_vec());
        let work = async move { statement::describe(&context?, described, &types).await };
        let result = unless_ended(&query, self.shared.workers.run(work))
            .await
            .map_err(|e| statement.place(e));
        query.finish(result.as_ref().map(|_| ()));
        result
    }

    /// Prepared statement and values → outcome.
    pub async fn execute_prepared(
        &self,
        prepared: &Arc<Prepared>,
        values: Vec<ScalarValue>,
    ) -> Result<Outcome> {
        let statement = prepared.statement();
        let query = self.start(statement);
        let result = match self.admit(statement) {
            Ok(()) => self.run_prepared(prepared, &query, values).await,
            Err(error) => Err(error),
        };
        self.finish(statement, &query, result)
    }

    /// By the plan that is kept, if it still holds; else from the text on.
    async fn run_prepared(
        &self,
        prepared: &Arc<Prepared>,
        query: &Arc<Query>,
        values: Vec<ScalarValue>,
    ) -> Result<Outcome> {
        let statement = prepared.statement();
        if prepared.plan.is_timeless() {
            let context = self.context_with(statement, query, self.shared_state()?);
            if let Some(row) = prepared.plan.known_row(&context) {
                return Ok(row);
            }
            let (running, values) = (Arc::clone(prepared), values.clone());
            let work = async move { running.run_kept(&context, values).await };
            if let Some(outcome) = unless_ended(query, self.shared.workers.run(work)).await? {
                return Ok(outcome);
            }
        }
        let context = self.context(statement, query)?;
        let running = Arc::clone(prepared);
        let work = async move { running.run(&context, values).await };
        unless_ended(query, self.shared.workers.run(work)).await
    }

    /// The columns of a statement's rows, without running it.
    pub async fn columns(&self, statement: &Statement) -> Result<Option<SchemaRef>> {
        Ok(self.prepare(statement.clone(), &[]).await?.columns)
    }

    /// Ends the statement that runs, from any thread.
    pub fn cancel(&self) {
        if let Some(query) = self.current.lock().as_ref() {
            query.cancel();
        }
    }

    /// Fails once the user was dropped, or has another name: nobody has the session any more.
    pub fn check_user(&self) -> Result<()> {
        let user = &self.variables.user;
        let snapshot = self.shared.catalog.snapshot();
        let now = snapshot.roles.get(user).map(|role| role.id);
        let mut known = self.role.lock();
        if known.is_some() && *known != now {
            let message = format!("the user of this session, \"{user}\", was dropped or renamed");
            return Err(Error::new(Kind::InvalidAuthorization, message)
                .hint("Connect again, as a user that exists."));
        }
        *known = now;
        Ok(())
    }

    /// Whether it is a session of this very role.
    pub fn is_of(&self, role: &Role) -> bool {
        *self.role.lock() == Some(role.id)
    }

    /// The number of the session: `pid` in `pg_stat_activity`.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The statement that runs now or ran last.
    pub fn current_query(&self) -> Option<Arc<Query>> {
        self.current.lock().clone()
    }

    fn is_superuser(&self) -> bool {
        let snapshot = self.shared.catalog.snapshot();
        snapshot.is_superuser(&self.variables.user)
    }

    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.variables.settings.read())
    }

    pub fn transaction_state(&self) -> TransactionState {
        *self.variables.transaction.lock()
    }

    /// Keeps a prepared statement under a name, as PREPARE does.
    pub fn keep(&self, name: &str, prepared: Prepared) -> Result<Arc<Prepared>> {
        let mut kept = self.variables.prepared.lock();
        if kept.contains_key(name) {
            return Err(Error::new(
                Kind::DuplicateStatement,
                format!("prepared statement \"{name}\" already exists"),
            ));
        }
        let prepared = Arc::new(prepared);
        kept.insert(name.to_string(), Arc::clone(&prepared));
        Ok(prepared)
    }

    /// The prepared statement of that name.
    pub fn kept(&self, name: &str) -> Option<Arc<Prepared>> {
        self.variables.prepared.lock().get(name).cloned()
    }

    /// Forgets a prepared statement, if there is one of that name.
    pub fn forget(&self, name: &str) {
        self.variables.prepared.lock().remove(name);
    }

    /// The columns of the open cursor of that name.
    pub fn cursor(&self, name: &str) -> Option<SchemaRef> {
        Some(self.variables.cursors.lock().get(name)?.schema())
    }

    /// Notes an error that the engine did not see: an open transaction fails with it.
    pub fn failed(&self, error: Error) -> Error {
        self.variables.fail(error)
    }

    fn start(&self, statement: &Statement) -> Arc<Query> {
        let settings = self.variables.settings.read();
        let query = self.shared.registry.start(QueryInfo {
            text: statement.text.clone(),
            user: self.variables.user.clone(),
            application: settings
                .get("application_name")
                .unwrap_or_default()
                .to_string(),
            session: self.pid,
            timeout: settings.statement_timeout(),
        });
        *self.current.lock() = Some(Arc::clone(&query));
        query
    }

    /// Of a user that is no more nothing is taken, in a failed transaction only its end, and in a
    /// read-only one nothing that writes.
    pub fn admit(&self, statement: &Statement) -> Result<()> {
        self.check_user()?;
        let state = self.transaction_state();
        if matches!(state, TransactionState::Failed { .. }) && !statement.ends_failure() {
            return Err(Error::new(
                Kind::FailedTransaction,
                "current transaction is aborted, commands ignored until end of transaction block",
            ));
        }
        let in_transaction = state != TransactionState::Idle;
        let read_only = self.variables.settings.read().read_only(in_transaction);
        match statement.writes().filter(|_| read_only) {
            Some(words) => Err(Error::new(
                Kind::ReadOnlyTransaction,
                format!("cannot execute {words} in a read-only transaction"),
            )),
            None => Ok(()),
        }
    }

    fn finish(
        &self,
        statement: &Statement,
        query: &Arc<Query>,
        result: Result<Outcome>,
    ) -> Result<Outcome> {
        match result {
            Ok(mut outcome) => {
                let (statement, variables) = (statement.clone(), Arc::clone(&self.variables));
                let failed = move |error| variables.fail(statement.place(error));
                match outcome.rows.take() {
                    Some(rows) => outcome.rows = Some(rows.on_error(failed)),
                    // The rows of a COPY are yet to come.
                    None if outcome.copy.is_some() => {}
                    None => query.finish(Ok(())),
                }
                Ok(outcome)
            }
            Err(error) => {
                let error = self.variables.fail(statement.place(error));
                query.finish(Err(&error));
                Err(error)
            }
        }
    }

    fn context(&self, statement: &Statement, query: &Arc<Query>) -> Result<Context> {
        let mut state = self.state()?;
        let notes = Arc::clone(query.notes());
        state.config_mut().set_extension(notes);
        Ok(self.context_with(statement, query, Arc::new(state)))
    }

    fn context_with(
        &self,
        statement: &Statement,
        query: &Arc<Query>,
        state: Arc<SessionState>,
    ) -> Context {
        Context {
            catalog: Arc::clone(&self.catalog),
            warehouse: Arc::clone(&self.shared.warehouse),
            registry: Arc::clone(&self.shared.registry),
            execution: Arc::clone(&self.shared.execution) as Arc<dyn Execution>,
            workers: Arc::clone(&self.shared.workers),
            state,
            variables: Arc::clone(&self.variables),
            query: Arc::clone(query),
            places: Arc::clone(statement.places()),
            parameters: statement::Parameters::default(),
            functions: Arc::clone(&self.shared.functions),
            kept: None,
            plans: Arc::clone(&self.shared.plans),
        }
    }

    /// What functions ask of the catalog and of this session.
    fn directory(&self, settings: &Settings) -> SessionDirectory {
        let variables = Arc::clone(&self.variables);
        SessionDirectory::new(SessionInfo {
            catalog: Arc::clone(&self.catalog),
            warehouse: Arc::clone(&self.shared.warehouse),
            registry: Arc::clone(&self.shared.registry),
            functions: Arc::clone(&self.shared.functions),
            search_path: settings.search_path(),
            user: variables.user.clone(),
            pid: self.pid,
            started_us: self.shared.started_us,
            set: Arc::new(move |name, value, local| {
                variables.set(name, Some(value), local)?;
                Ok(variables.settings.read().get(name)?.to_string())
            }),
        })
    }

    /// The engine's state for one statement of this session, at this moment.
    fn state(&self) -> Result<SessionState> {
        let settings = self.settings();
        let mut state = SessionState::clone(self.shared_state()?.as_ref());
        let directory = DirectoryOption(Some(Arc::new(self.directory(&settings))));
        let options = state.config_mut().options_mut();
        options.extensions.insert(directory);
        let constants = function::Constants::within(self.shared.pool_bytes);
        options.extensions.insert(constants);
        state.mark_start_execution();
        Ok(state)
    }

    /// The engine's state for all sessions like this one: it knows neither session nor time.
    fn shared_state(&self) -> Result<Arc<SessionState>> {
        let kind = SessionKind {
            user: self.variables.user.clone(),
            is_superuser: self.is_superuser(),
            settings: self.settings(),
        };
        self.shared.states.get(kind, |kind| self.state_of(kind))
    }

    fn state_of(&self, kind: &SessionKind) -> Result<SessionState> {
        let settings = &kind.settings;
        let mut state = self.shared.template.clone();
        let options = state.config_mut().options_mut();
        options.execution.target_partitions = settings.threads();
        options.execution.batch_size = ConfigNonZeroUsize::try_new(settings.batch_size_rows())?;
        options.execution.time_zone = Some(settings.timezone().to_string());
        let stores = StoreSettings::of(settings);
        // A store of a user's own choice would be any server in reach of this one: how stores are
        // reached is for superusers to say.
        let stores = match kind.is_superuser {
            true => stores,
            false => stores.reached_as(&self.shared.settings),
        };
        state.config_mut().set_extension(Arc::new(stores));
        state
            .config_mut()
            .set_extension(Arc::new(settings.routing()));
        Limits::of_pool(self.shared.pool_bytes).apply(state.config_mut());
        follow_settings(&mut state)?;
        for function in function::session::functions(&kind.user, CATALOG_NAME, settings) {
            state.register_udf(Arc::new(function))?;
        }
        Ok(state)
    }
}

impl Drop for Session {
    /// Its temporary tables end with it.
    fn drop(&mut self) {
        let folders = self.catalog.end();
        if folders.is_empty() {
            return;
        }
        let warehouse = Arc::clone(&self.shared.warehouse);
        self.shared.workers.leave(async move {
            for folder in folders {
                if let Err(error) = warehouse.remove(&folder).await {
                    tracing::warn!(folder, %error, "a temporary table stays until the process ends");
                }
            }
        });
    }
}

/// What sessions have in common whose statements are planned alike.
#[derive(Debug, PartialEq)]
struct SessionKind {
    user: String,
    /// May change between two statements.
    is_superuser: bool,
    settings: Arc<Settings>,
}

/// States that were made lately: most sessions of a server have the same settings, and making one
/// takes longer than a small query.
#[derive(Debug, Default)]
pub(crate) struct States {
    /// The latest first; held for a look-up.
    known: Mutex<VecDeque<(SessionKind, Arc<SessionState>)>>,
}

/// More kinds of sessions than this are rare at one time.
const KNOWN_STATES: usize = 16;

impl States {
    fn get(
        &self,
        kind: SessionKind,
        make: impl FnOnce(&SessionKind) -> Result<SessionState>,
    ) -> Result<Arc<SessionState>> {
        let found = {
            let known = self.known.lock();
            let mut known = known.iter();
            let found = known.find(|(of, _)| *of == kind);
            found.map(|(_, state)| Arc::clone(state))
        };
        if let Some(state) = found {
            return Ok(state);
        }
        let state = Arc::new(make(&kind)?);
        let mut known = self.known.lock();
        known.truncate(KNOWN_STATES - 1);
        known.push_front((kind, Arc::clone(&state)));
        Ok(state)
    }
}

/// Functions such as now() depend on settings: they are told of this session's.
fn follow_settings(state: &mut SessionState) -> Result<()> {
    let options = Arc::clone(state.config_options());
    let functions = state.scalar_functions().values();
    let updated: Vec<_> = functions
        .filter_map(|f| f.inner().with_updated_config(&options))
        .collect();
    for function in updated {
        state.register_udf(Arc::new(function))?;
    }
    Ok(())
}
