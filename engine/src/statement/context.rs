//! What a statement may use while it runs: the engine's shared parts, and the state of its session.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::sql::sqlparser::ast::{self, ObjectName as SqlName};
use futures::stream;
use parking_lot::{Mutex, RwLock};

use super::block::Block;
use super::kept_plan::{KeptPlan, Plans};
use super::open_cursor::OpenCursor;
use super::parameters::{Parameters, cast_values};
use super::{Outcome, Statement};
use crate::catalog::{
    DEFAULT_SCHEMA, ObjectName, PG_TEMP, Privilege, Relation, RelationKind, SessionCatalog,
};
use crate::error::{Error, Kind, Result};
use crate::execution::{Attempts, Execution, Query, Registry, Rows, Workers, frugal, is_frugal};
use crate::plan::{self, Names, Need};
use crate::settings::Settings;
use crate::sql::Places;
use crate::system::SystemTables;
use crate::system::postgres::Functions;
use crate::table::Warehouse;

/// A statement that was parsed and described ahead of its execution.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub(crate) statement: Statement,
    /// Types of `$1`, `$2`, …
    pub parameters: Vec<DataType>,
    /// `None` when the statement gives no rows.
    pub columns: Option<SchemaRef>,
    pub(crate) plan: Arc<KeptPlan>,
}

impl Prepared {
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Runs the statement with values for its parameters.
    pub(crate) async fn run(&self, ctx: &Context, values: Vec<ScalarValue>) -> Result<Outcome> {
        self.statement.run(&self.given(ctx, values)?).await
    }

    /// The same by the plan that is kept, without anything that only planning needs of the context;
    /// `None` when there is no such plan any more.
    pub(crate) async fn run_kept(
        &self,
        ctx: &Context,
        values: Vec<ScalarValue>,
    ) -> Result<Option<Outcome>> {
        let rows = self.plan.timeless_rows(&self.given(ctx, values)?).await?;
        Ok(rows.map(|rows| Outcome::rows("SELECT", rows)))
    }

    fn given(&self, ctx: &Context, values: Vec<ScalarValue>) -> Result<Context> {
        let values = cast_values(&self.parameters, values)?;
        Ok(Context {
            parameters: Parameters::Values(values.into()),
            kept: Some(Arc::clone(&self.plan)),
            ..ctx.clone()
        })
    }
}

/// Whether the session is between BEGIN and COMMIT.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TransactionState {
    #[default]
    Idle,
    /// `wrote` tells whether something was changed since BEGIN; each statement is atomic by itself.
    Open { wrote: bool },
    /// A statement failed: only COMMIT and ROLLBACK are taken.
    Failed { wrote: bool },
}

/// The state of one session; each lock guards the one value in it and is never held over an await.
#[derive(Debug)]
pub struct Variables {
    pub user: String,
    /// Whether the client can send and receive the rows of a COPY.
    pub takes_copies: bool,
    /// The settings that RESET goes back to.
    pub initial: Settings,
    /// Replaced as a whole: whoever holds one keeps it as it was.
    pub settings: RwLock<Arc<Settings>>,
    pub prepared: Mutex<HashMap<String, Arc<Prepared>>>,
    pub transaction: Mutex<TransactionState>,
    /// Locked before `settings` where both are needed.
    pub block: Mutex<Block>,
    pub cursors: Mutex<HashMap<String, OpenCursor>>,
}

impl Variables {
    /// Changes a setting: for good, or up to the end of the transaction. `None` is its value when the
    /// session began. Everything that changes one setting comes through here.
    pub(crate) fn set(&self, name: &str, value: Option<&str>, local: bool) -> Result<()> {
        let setting = Settings::declaration(name)?;
        let local = local || setting.is_of_transaction();
        let mut block = self.block.lock();
        let mut settings = self.settings.write();
        let mut changed = Settings::clone(&settings);
        match value {
            Some(value) => changed.set(setting.name, value)?,
            None => changed.reset(setting.name, &self.initial)?,
        }
        if block.is_open() {
            block.changes(setting.name, &settings, local)?;
        } else if local {
            // It would last no longer than this.
            return Ok(());
        }
        *settings = Arc::new(changed);
        Ok(())
    }

    /// An error ends the open transaction: only COMMIT and ROLLBACK are taken then.
    pub(crate) fn fail(&self, error: Error) -> Error {
        let mut transaction = self.transaction.lock();
        if let TransactionState::Open { wrote } = *transaction {
            *transaction = TransactionState::Failed { wrote };
        }
        error
    }
}

/// What one running statement may use.
#[derive(Clone)]
pub struct Context {
    pub catalog: Arc<SessionCatalog>,
    pub warehouse: Arc<Warehouse>,
    pub registry: Arc<Registry>,
    pub execution: Arc<dyn Execution>,
    pub workers: Arc<Workers>,
    /// The engine's session state with this session's settings.
    pub state: Arc<SessionState>,
    pub variables: Arc<Variables>,
    pub query: Arc<Query>,
    /// The text that the statement's tokens refer to.
    pub places: Arc<Places>,
    pub parameters: Parameters,
    pub functions: Arc<Functions>,
    /// Where the plan of a prepared statement that runs is kept.
    pub kept: Option<Arc<KeptPlan>>,
    /// The plans that are kept, of all sessions.
    pub plans: Arc<Plans>,
}

impl Context {
    pub(super) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.variables.settings.read())
    }

    /// Where names are looked up now.
    pub(super) fn names(&self) -> Names {
        let settings = self.settings();
        let snapshot = self.catalog.snapshot();
        Names {
            search_path: snapshot.path(settings.search_path()),
            snapshot,
            warehouse: Arc::clone(&self.warehouse),
            given: HashMap::new(),
            meanings: None,
            user: self.variables.user.clone(),
            allowed_locations: settings.allowed_locations(),
            virtual_tables: Arc::new(SystemTables {
                catalog: Arc::clone(&self.catalog),
                warehouse: Arc::clone(&self.warehouse),
                registry: Arc::clone(&self.registry),
                execution: Arc::clone(&self.execution),
                settings,
                state: Arc::clone(&self.state),
                user: self.variables.user.clone(),
                functions: Arc::clone(&self.functions),
            }),
        }
    }

    /// Plans a query whose text the user wrote, with the values of its parameters.
    pub(super) async fn plan(&self, query: &ast::Query) -> Result<LogicalPlan> {
        let plan = self.plan_unbound(query).await?;
        self.parameters.apply(self, plan, query)
    }

    /// Plans a query whose parameters have no values yet.
    pub(super) async fn plan_unbound(&self, query: &ast::Query) -> Result<LogicalPlan> {
        plan::plan(
            &self.state,
            &self.names(),
            Some(&self.places),
            super::as_statement(query),
        )
        .await
    }

    /// Plans a query that the engine itself wrote.
    pub(super) async fn plan_own(&self, sql: &str) -> Result<LogicalPlan> {
        let query = crate::sql::parse_query(sql)?;
        plan::plan(
            &self.state,
            &self.names(),
            None,
            ast::Statement::Query(query),
        )
        .await
    }

    /// Runs a logical plan as this statement's query.
    pub(super) async fn rows(&self, plan: &LogicalPlan) -> Result<Rows> {
        let optimized = self.state.optimize(plan)?;
        let plan = plan.clone();
        self.optimized_rows(&optimized, || Ok(plan)).await
    }

    /// Runs an optimized plan as this statement's query. `plan` makes it as it was before, for a second
    /// attempt.
    pub(super) async fn optimized_rows(
        &self,
        optimized: &LogicalPlan,
        plan: impl FnOnce() -> Result<LogicalPlan> + Send + 'static,
    ) -> Result<Rows> {
        if let Some(row) = plan::keep::one_row(optimized) {
            return Ok(self.known(row));
        }
        let execution = &self.execution;
        let first = execution.prepare_optimized(&self.state, optimized).await?;
        Ok(Rows::new(
            Arc::clone(&self.query),
            self.attempts(plan).start(first)?,
            Arc::clone(&self.workers),
        ))
    }

    /// Rows that were known before anything ran.
    pub(super) fn known(&self, rows: RecordBatch) -> Rows {
        let schema = rows.schema();
        let rows = RecordBatchStreamAdapter::new(schema, stream::iter([Ok(rows)]));
        Rows::ready(Arc::clone(&self.query), Box::pin(rows))
    }

    /// The rows of a logical plan for the statement itself, which decides what they end.
    pub(super) async fn stream(&self, plan: &LogicalPlan) -> Result<SendableRecordBatchStream> {
        let first = self.execution.prepare(&self.state, plan).await?;
        let plan = plan.clone();
        self.attempts(|| Ok(plan)).start(first)
    }

    fn attempts(&self, plan: impl FnOnce() -> Result<LogicalPlan> + Send + 'static) -> Attempts {
        Attempts {
            execution: Arc::clone(&self.execution),
            query: Arc::clone(&self.query),
            state: Arc::clone(&self.state),
            plan: Box::new(plan),
        }
    }

    /// After an error, when nothing was given out or committed: whether to begin anew, with plans that
    /// need as little memory as they can, which this context makes from now on.
    pub(super) fn begin_anew(&mut self, error: &Error) -> bool {
        if error.kind != Kind::OutOfMemory || is_frugal(&self.state) {
            return false;
        }
        self.query.begin_anew(error);
        self.state = Arc::new(frugal(&self.state));
        true
    }

    /// The context of a statement that cannot begin anew: it needs as little memory as it can at once.
    pub(super) fn never_anew(&self) -> Self {
        Self {
            state: Arc::new(frugal(&self.state)),
            ..self.clone()
        }
    }

    /// The name under which CREATE makes an object: in the current schema unless it is qualified or
    /// temporary.
    pub(super) fn new_name(&self, name: &SqlName, temporary: bool) -> Result<ObjectName> {
        let reference = plan::reference(name)?;
        let given = match reference.schema() {
            Some(schema) => Some(schema.to_string()),
            None if temporary => None,
            None => {
                let first = self.settings().search_path().into_iter().next();
                Some(first.unwrap_or_else(|| DEFAULT_SCHEMA.into()))
            }
        };
        let schema = match given {
            None => self.catalog.temporary_schema().to_string(),
            Some(given) if given == PG_TEMP || self.catalog.snapshot().is_temporary(&given) => {
                self.catalog.temporary_schema().to_string()
            }
            Some(_) if temporary => {
                return Err(Error::new(
                    Kind::InvalidTableDefinition,
                    "cannot create temporary relation in non-temporary schema",
                ));
            }
            Some(given) => given,
        };
        if is_reserved_schema(&schema) {
            return Err(Error::new(
                Kind::Privilege,
                format!("schema \"{schema}\" belongs to the system"),
            ));
        }
        let names = self.names();
        names.snapshot.schema(&schema)?;
        names.require_schema(&schema, Privilege::Create)?;
        Ok(ObjectName {
            schema,
            name: reference.table().to_string(),
        })
    }

    /// The table or view that a name means, or 42P01; 42501 if the user may not do with it what the
    /// statement needs.
    pub(super) fn existing(
        &self,
        name: &SqlName,
        need: Need,
    ) -> Result<(ObjectName, Arc<Relation>)> {
        let names = self.names();
        let reference = plan::reference(name)?;
        let found = plan::find(&names, &reference)?;
        let (name, relation) = found.ok_or_else(|| plan::undefined_table(&names, &reference))?;
        names.require(&name, &relation, need)?;
        Ok((name, relation))
    }

    pub(super) fn is_superuser(&self) -> bool {
        self.catalog.snapshot().is_superuser(&self.variables.user)
    }

    /// Removes the files of dropped models, but for those that a model has still: an exported model
    /// that was imported is the same file.
    pub async fn remove_models(&self, files: Vec<String>) {
        let snapshot = self.catalog.snapshot();
        let kept: Vec<_> = snapshot
            .relations()
            .filter_map(|(_, relation)| match &relation.kind {
                RelationKind::Model(model) => Some(model.versions.clone()),
                _ => None,
            })
            .flatten()
            .map(|version| version.file)
            .collect();
        for file in files.iter().filter(|file| !kept.contains(file)) {
            self.warehouse.models().remove(file).await;
        }
    }

    /// Removes the folder of a table that is no more, once no statement that may read it runs.
    pub(super) async fn remove_folder(&self, folder: &str) {
        let others = self.registry.queries().into_iter();
        let others: Vec<_> = others
            .filter(|q| q.id != self.query.id && !q.progress().state.is_over())
            .collect();
        let (warehouse, folder) = (Arc::clone(&self.warehouse), folder.to_string());
        let remove = async move {
            for other in &others {
                other.over().await;
            }
            if let Err(error) = warehouse.remove(&folder).await {
                tracing::warn!(folder, %error, "the folder of a dropped table stays until VACUUM");
            }
        };
        match self.registry.is_alone(&self.query) {
            true => remove.await,
            false => drop(tokio::spawn(remove)),
        }
    }

    /// Notes that this statement changed something, for a ROLLBACK that comes too late.
    pub(super) fn wrote(&self) {
        let mut transaction = self.variables.transaction.lock();
        if let TransactionState::Open { wrote } = &mut *transaction {
            *wrote = true;
            self.variables.block.lock().wrote();
        }
    }
}

/// 42939 for a name that schemas of users cannot have.
pub(super) fn check_schema_name(name: &str) -> Result<()> {
    match name.starts_with("pg_") {
        true => Err(Error::new(
            Kind::ReservedName,
            format!("unacceptable schema name \"{name}\""),
        )
        .detail("The prefix \"pg_\" is reserved for system schemas.")),
        false => Ok(()),
    }
}

/// Schemas that no user can create in, drop or rename.
pub(super) fn is_reserved_schema(name: &str) -> bool {
    matches!(name, "system" | "information_schema" | "pg_catalog")
}

/// 42809 when the object is of another kind than the statement names.
pub(super) fn expect_kind(name: &ObjectName, kind: &RelationKind, word: &str) -> Result<()> {
    if kind.word() == word {
        return Ok(());
    }
    Err(Error::new(
        Kind::WrongObjectType,
        format!("\"{}\" is not a {word}", name.name),
    )
    .hint(format!(
        "It is a {0}: use {1}.",
        kind.word(),
        kind.word().to_uppercase()
    )))
}
