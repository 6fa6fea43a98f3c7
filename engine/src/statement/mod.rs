//! SQL statements: one file each, with its syntax, its checks, its effect and its reply.
//!
//! [`parse`] makes statements of a script. Our own grammar is tried first, by its leading words; all
//! else is sqlparser's ([`syntax`]). [`Statement::run`] is one line per statement, and so is
//! [`Statement::columns`], which tells a client what the rows will look like.

mod block;
mod compose;
mod context;
mod copy_options;
mod copy_stream;
mod cursor;
mod kept_plan;
mod model_options;
mod model_rows;
mod open_cursor;
mod outcome;
mod parameters;
mod privileges;
mod profile;
mod rewrite;
mod role_options;
mod show;
mod syntax;
mod train;
mod with_options;
mod writing;

mod alter_model;
mod alter_role;
mod alter_schema;
mod alter_table;
mod analyze;
mod cancel_query;
mod close;
mod copy;
mod create_experiment;
mod create_model;
mod create_role;
mod create_schema;
mod create_table;
mod create_table_as;
mod create_temporary;
mod create_view;
mod deallocate;
mod declare;
mod delete;
mod describe;
mod describe_model;
mod discard;
mod drop_experiment;
mod drop_model;
mod drop_role;
mod drop_schema;
mod drop_table;
mod execute;
mod explain;
mod explain_model;
mod export_model;
mod fetch;
mod grant;
mod import_model;
mod insert;
mod merge;
mod optimize;
mod persist;
mod prepare;
mod query;
mod reset;
mod revoke;
mod set;
mod show_chunks;
mod show_columns;
mod show_create_table;
mod show_experiments;
mod show_functions;
mod show_history;
mod show_models;
mod show_queries;
mod show_schemas;
mod show_setting;
mod show_tables;
mod summarize;
mod transaction;
mod truncate;
mod unlisten;
mod unpersist;
mod update;
mod use_schema;
mod vacuum;

pub use context::{Context, Prepared, TransactionState, Variables};
pub use copy_stream::{CopyFormat, CopyHeader, CopyInput, CopyStream, CopyStyle};
pub(crate) use kept_plan::Plans;
pub use outcome::{Notice, Outcome};
pub(crate) use parameters::Parameters;
pub(crate) use prepare::describe;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{Error, Kind, Result};
use crate::sql::{self, Places, StatementTokens};
use cursor::Cursor;

/// One statement, parsed and not yet looked at further.
#[derive(Clone)]
pub struct Statement {
    /// The text without secrets: for the registry, logs and reports.
    pub text: String,
    pub(crate) body: Arc<Body>,
    places: Arc<Places>,
    tokens: Arc<[TokenWithSpan]>,
}

impl std::fmt::Debug for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    AlterModel(alter_model::AlterModel),
    AlterRole(alter_role::AlterRole),
    AlterSchema(alter_schema::AlterSchema),
    AlterTable(alter_table::AlterTable),
    Analyze(analyze::Analyze),
    CancelQuery(cancel_query::CancelQuery),
    Close(close::Close),
    Copy(copy::Copy),
    CreateExperiment(create_experiment::CreateExperiment),
    CreateModel(create_model::CreateModel),
    CreateRole(create_role::CreateRole),
    CreateSchema(create_schema::CreateSchema),
    CreateTable(create_table::CreateTable),
    CreateTableAs(create_table_as::CreateTableAs),
    CreateView(create_view::CreateView),
    Deallocate(deallocate::Deallocate),
    Declare(declare::Declare),
    Delete(Box<delete::Delete>),
    Describe(describe::Describe),
    DescribeModel(describe_model::DescribeModel),
    Discard(discard::Discard),
    DropModel(drop_model::DropModel),
    DropRole(drop_role::DropRole),
    DropSchema(drop_schema::DropSchema),
    DropTable(drop_table::DropTable),
    Execute(execute::Execute),
    Explain(explain::Explain),
    ExplainModel(explain_model::ExplainModel),
    ExportModel(export_model::ExportModel),
    Fetch(fetch::Fetch),
    Grant(grant::Grant),
    ImportModel(import_model::ImportModel),
    Insert(insert::Insert),
    Merge(Box<merge::Merge>),
    Optimize(optimize::Optimize),
    Persist(persist::Persist),
    Prepare(prepare::Prepare),
    Query(query::Query),
    Reset(reset::Reset),
    Revoke(revoke::Revoke),
    Set(set::Set),
    ShowChunks(show_chunks::ShowChunks),
    ShowColumns(show_columns::ShowColumns),
    ShowCreateTable(show_create_table::ShowCreateTable),
    ShowFunctions(show_functions::ShowFunctions),
    ShowHistory(show_history::ShowHistory),
    ShowModels(show_models::ShowModels),
    ShowQueries(show_queries::ShowQueries),
    ShowSchemas(show_schemas::ShowSchemas),
    ShowSetting(show_setting::ShowSetting),
    ShowTables(show_tables::ShowTables),
    Summarize(summarize::Summarize),
    Transaction(transaction::Transaction),
    Truncate(truncate::Truncate),
    Unlisten(unlisten::Unlisten),
    Unpersist(unpersist::Unpersist),
    Update(Box<update::Update>),
    UseSchema(use_schema::UseSchema),
    Vacuum(vacuum::Vacuum),
}

/// Parses a script: statements separated by `;`.
pub fn parse(script: &str) -> Result<Vec<Statement>> {
    let places = Arc::new(Places::new(script));
    sql::split(script)?
        .into_iter()
        .map(|tokens| parse_one(tokens, &places))
        .collect()
}

fn parse_one(statement: StatementTokens, places: &Arc<Places>) -> Result<Statement> {
    let tokens: Arc<[TokenWithSpan]> = statement.tokens.clone().into();
    let text = sql::redacted(&tokens);
    let body = sql::guard::on_deep_stack(tokens.len(), || {
        let mut cursor = Cursor::new(statement.tokens, Arc::clone(places));
        syntax::parse(&mut cursor).and_then(|body| cursor.expect_end().map(|()| body))
    });
    let body = body.map_err(|error| without_secrets(error, &sql::secrets(&tokens)))?;
    Ok(Statement {
        text,
        body: Arc::new(body),
        places: Arc::clone(places),
        tokens,
    })
}

impl Statement {
    /// Runs the statement; rows, if any, stream from the outcome.
    pub(crate) async fn run(&self, ctx: &Context) -> Result<Outcome> {
        match self.body.as_ref() {
            Body::AlterModel(s) => s.run(ctx),
            Body::AlterRole(s) => s.run(ctx),
            Body::AlterSchema(s) => s.run(ctx),
            Body::AlterTable(s) => s.run(ctx).await,
            Body::Analyze(s) => s.run(ctx).await,
            Body::CancelQuery(s) => s.run(ctx),
            Body::Close(s) => s.run(ctx),
            Body::Copy(s) => s.run(ctx).await,
            Body::CreateExperiment(s) => s.run(ctx).await,
            Body::CreateModel(s) => s.run(ctx).await,
            Body::CreateRole(s) => s.run(ctx),
            Body::CreateSchema(s) => s.run(ctx),
            Body::CreateTable(s) => s.run(ctx).await,
            Body::CreateTableAs(s) => s.run(ctx).await,
            Body::CreateView(s) => s.run(ctx).await,
            Body::Deallocate(s) => s.run(ctx),
            Body::Declare(s) => s.run(ctx).await,
            Body::Delete(s) => s.run(ctx).await,
            Body::Describe(s) => s.run(ctx).await,
            Body::DescribeModel(s) => s.run(ctx).await,
            Body::Discard(s) => s.run(ctx).await,
            Body::DropModel(s) => s.run(ctx).await,
            Body::DropRole(s) => s.run(ctx),
            Body::DropSchema(s) => s.run(ctx).await,
            Body::DropTable(s) => s.run(ctx).await,
            Body::Execute(s) => s.run(ctx).await,
            Body::Explain(s) => s.run(ctx).await,
            Body::ExplainModel(s) => s.run(ctx).await,
            Body::ExportModel(s) => s.run(ctx).await,
            Body::Fetch(s) => s.run(ctx).await,
            Body::Grant(s) => s.run(ctx),
            Body::ImportModel(s) => s.run(ctx).await,
            Body::Insert(s) => s.run(ctx).await,
            Body::Merge(s) => s.run(ctx).await,
            Body::Optimize(s) => s.run(ctx).await,
            Body::Persist(s) => s.run(ctx).await,
            Body::Prepare(s) => s.run(ctx).await,
            Body::Query(s) => s.run(ctx).await,
            Body::Reset(s) => s.run(ctx),
            Body::Revoke(s) => s.run(ctx),
            Body::Set(s) => s.run(ctx),
            Body::ShowChunks(s) => s.run(ctx).await,
            Body::ShowColumns(s) => s.run(ctx).await,
            Body::ShowCreateTable(s) => s.run(ctx).await,
            Body::ShowFunctions(s) => s.run(ctx).await,
            Body::ShowHistory(s) => s.run(ctx).await,
            Body::ShowModels(s) => s.run(ctx).await,
            Body::ShowQueries(s) => s.run(ctx).await,
            Body::ShowSchemas(s) => s.run(ctx).await,
            Body::ShowSetting(s) => s.run(ctx).await,
            Body::ShowTables(s) => s.run(ctx).await,
            Body::Summarize(s) => s.run(ctx).await,
            Body::Transaction(s) => s.run(ctx).await,
            Body::Truncate(s) => s.run(ctx).await,
            Body::Unlisten(s) => s.run(),
            Body::Unpersist(s) => s.run(ctx),
            Body::Update(s) => s.run(ctx).await,
            Body::UseSchema(s) => s.run(ctx),
            Body::Vacuum(s) => s.run(ctx).await,
        }
    }

    /// The columns of the rows it will give; `None` when it gives no rows.
    pub(crate) async fn columns(&self, ctx: &Context) -> Result<Option<SchemaRef>> {
        match self.body.as_ref() {
            Body::Analyze(s) => s.columns(ctx).await.map(Some),
            Body::CreateExperiment(s) => s.columns().map(Some),
            Body::CreateModel(s) => Ok(Some(s.columns())),
            Body::Describe(s) => s.columns(ctx).await.map(Some),
            Body::DescribeModel(s) => Ok(Some(s.columns())),
            Body::Execute(s) => s.columns(ctx),
            Body::Explain(s) => Ok(Some(s.columns())),
            Body::ExplainModel(s) => Ok(Some(s.columns())),
            Body::ImportModel(s) => Ok(Some(s.columns())),
            Body::Fetch(s) => s.columns(ctx),
            Body::Query(s) => s.columns(ctx).await.map(Some),
            Body::ShowChunks(s) => s.columns(ctx).await.map(Some),
            Body::ShowColumns(s) => s.columns(ctx).await.map(Some),
            Body::ShowCreateTable(s) => Ok(Some(s.columns())),
            Body::ShowFunctions(s) => s.columns(ctx).await.map(Some),
            Body::ShowHistory(s) => Ok(Some(s.columns())),
            Body::ShowModels(s) => s.columns(ctx).await.map(Some),
            Body::ShowQueries(s) => s.columns(ctx).await.map(Some),
            Body::ShowSchemas(s) => s.columns(ctx).await.map(Some),
            Body::ShowSetting(s) => s.columns(ctx).await.map(Some),
            Body::ShowTables(s) => s.columns(ctx).await.map(Some),
            Body::Summarize(s) => s.columns(ctx).await.map(Some),
            Body::Vacuum(s) => Ok(s.columns()),
            _ => Ok(None),
        }
    }

    /// Whether there are parameters in the text.
    fn has_parameters(&self) -> bool {
        let mut tokens = self.tokens.iter();
        tokens.any(|t| matches!(t.token, Token::Placeholder(_)))
    }

    pub(crate) fn places(&self) -> &Arc<Places> {
        &self.places
    }

    /// True for statements that a failed transaction takes.
    pub fn ends_failure(&self) -> bool {
        matches!(self.body.as_ref(), Body::Transaction(t) if t.ends_failure())
    }

    /// What a read-only transaction refuses: the first words of a statement that changes something.
    pub(crate) fn writes(&self) -> Option<&'static str> {
        Some(match self.body.as_ref() {
            Body::AlterModel(_) => "ALTER MODEL",
            Body::AlterRole(_) => "ALTER ROLE",
            Body::AlterSchema(_) => "ALTER SCHEMA",
            Body::AlterTable(_) => "ALTER TABLE",
            Body::Analyze(_) => "ANALYZE",
            Body::Copy(copy) if copy.writes() => "COPY FROM",
            Body::CreateExperiment(_) => "CREATE EXPERIMENT",
            Body::CreateModel(_) => "CREATE MODEL",
            Body::CreateRole(_) => "CREATE ROLE",
            Body::CreateSchema(_) => "CREATE SCHEMA",
            Body::CreateTable(_) => "CREATE TABLE",
            Body::CreateTableAs(_) => "CREATE TABLE AS",
            Body::CreateView(_) => "CREATE VIEW",
            Body::Delete(_) => "DELETE",
            Body::DropModel(_) => "DROP MODEL",
            Body::DropRole(_) => "DROP ROLE",
            Body::DropSchema(_) => "DROP SCHEMA",
            Body::DropTable(_) => "DROP TABLE",
            Body::ExplainModel(explain) => return explain.writes(),
            Body::Grant(_) => "GRANT",
            Body::ImportModel(_) => "IMPORT MODEL",
            Body::Insert(_) => "INSERT",
            Body::Merge(_) => "MERGE",
            Body::Optimize(_) => "OPTIMIZE",
            Body::Revoke(_) => "REVOKE",
            Body::Truncate(_) => "TRUNCATE TABLE",
            Body::Update(_) => "UPDATE",
            Body::Vacuum(_) => "VACUUM",
            _ => return None,
        })
    }

    /// Gives an error its position: where the parser or planner knew none, the first place in the
    /// statement of the name that the message quotes.
    pub(crate) fn place(&self, error: Error) -> Error {
        let error = without_secrets(error, &sql::secrets(&self.tokens));
        if error.position.is_some()
            || error
                .detail
                .as_ref()
                .is_some_and(|d| d.starts_with("While planning view"))
        {
            return error;
        }
        if error.kind == Kind::UndefinedParameter {
            let name = error.message.rsplit(' ').next().unwrap_or_default();
            let position = self.position_where(|t| matches!(t, Token::Placeholder(p) if p == name));
            return error.at(position);
        }
        let by_name = matches!(
            error.kind,
            Kind::UndefinedTable
                | Kind::UndefinedColumn
                | Kind::UndefinedFunction
                | Kind::AmbiguousColumn
                | Kind::UndefinedSchema
                | Kind::UndefinedObject
                | Kind::DuplicateTable
                | Kind::WrongObjectType
                | Kind::UndefinedFile
                | Kind::Grouping
        );
        if !by_name {
            return error;
        }
        let position = named_in(&error.message).and_then(|name| self.position_of(&name));
        error.at(position)
    }

    fn position_of(&self, name: &str) -> Option<usize> {
        let last = name.rsplit('.').next().unwrap_or(name).trim_matches('"');
        self.position_where(|token| match token {
            Token::Word(word) => word.value.eq_ignore_ascii_case(last),
            Token::SingleQuotedString(text) => text == name,
            _ => false,
        })
    }

    fn position_where(&self, wanted: impl Fn(&Token) -> bool) -> Option<usize> {
        let token = self.tokens.iter().find(|t| wanted(&t.token))?;
        self.places
            .position(token.span.start.line, token.span.start.column)
    }
}

/// The error without the statement's secrets, and without those of URLs: a quoted path is a table's
/// name, which messages repeat.
fn without_secrets(error: Error, secrets: &[String]) -> Error {
    let clean = |text: &str| {
        let mut text = sql::without_secrets(text);
        for secret in secrets {
            text = text.replace(secret.as_str(), "***");
        }
        text
    };
    Error {
        message: clean(&error.message),
        detail: error.detail.as_deref().map(clean),
        hint: error.hint.as_deref().map(clean),
        ..error
    }
}

/// The name that a message is about: the first quoted one, or the word after "function".
fn named_in(message: &str) -> Option<String> {
    let quoted = message
        .split('"')
        .nth(1)
        .or_else(|| message.split('\'').nth(1));
    let function = || {
        message
            .strip_prefix("function ")
            .and_then(|rest| rest.split([' ', '(']).next())
    };
    quoted.or_else(function).map(str::to_string)
}

/// A query of sqlparser's as a statement to plan.
fn as_statement(query: &ast::Query) -> ast::Statement {
    ast::Statement::Query(Box::new(query.clone()))
}
