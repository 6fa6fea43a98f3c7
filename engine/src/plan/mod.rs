//! SQL syntax trees to logical plans: names are looked up here, and our own relations are planned.
//!
//! Two steps: [`resolve`] finds and opens every relation that the statement mentions (which may
//! read files), then DataFusion's planner runs over [`context::PlanContext`], which only hands out
//! what was opened. A relation that was not found becomes an error there, when the planner asks.

mod apply;
mod array_subquery;
mod assign;
mod barrier;
mod context;
mod correct;
mod domain;
mod expansion;
mod from_function;
mod guard;
mod interval_text;
pub mod keep;
mod mentioned;
mod model_functions;
mod model_tables;
mod models;
mod normalize;
mod operands;
mod output_names;
mod postgres;
mod quantified;
mod reg_names;
mod relation;
mod resolve;
mod rights;
mod sample;
mod sorted;
mod spilling_joins;
mod table_oid;
mod tables;
mod temporary;
mod untyped;
mod views;
mod virtual_tables;

pub use assign::assigned;
pub use models::{Opened, open_model};
pub use output_names::{readable, shown, shown_name};
pub use postgres::spelled;
pub use resolve::{READERS, find, reference, undefined_table};
pub use rights::{Need, denied, must_own};
pub use tables::{define, is_current, open_external, open_table};
pub use temporary::reads_temporary;
pub use views::{meanings, renamed};
pub use virtual_tables::VirtualTables;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::sql::parser::Statement as PlannerStatement;
use datafusion::sql::planner::{ParserOptions, SqlToRel};
use datafusion::sql::sqlparser::ast;

use crate::catalog::{Meanings, Snapshot};
use crate::error::{Error, Kind, Result};
use crate::function;
use crate::sql::{Places, pg_type};
use crate::table::Warehouse;

/// DataFusion's physical rules with ours among them, each after the one that it builds on.
pub fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    let last = rules
        .iter()
        .position(|rule| rule.name() == "SanityCheckPlan")
        .unwrap_or(rules.len());
    rules.insert(
        last,
        Arc::new(spilling_joins::SpillingJoins { ordered: true }),
    );
    rules
}

/// The rules for a plan that is cut into stages: joins become ours where a stage runs.
pub fn staged_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    PhysicalOptimizer::new().rules
}

/// The rule that makes the joins of a stage ours. Whoever planned it must not rely on the order of their rows.
pub fn rule_of_stages() -> impl PhysicalOptimizerRule {
    spilling_joins::SpillingJoins { ordered: false }
}

/// Where a statement's names are looked up.
#[derive(Clone)]
pub struct Names {
    pub snapshot: Arc<Snapshot>,
    pub search_path: Vec<String>,
    /// In a view: what its names mean. No other is known there.
    pub meanings: Option<Arc<Meanings>>,
    pub virtual_tables: Arc<dyn VirtualTables>,
    pub warehouse: Arc<Warehouse>,
    /// Relations that the statement itself brings, before all others.
    pub given: HashMap<String, Arc<dyn TableProvider>>,
    /// With whose rights.
    pub user: String,
    /// What users that are no superusers may name of files and URLs.
    pub allowed_locations: Arc<[String]>,
}

/// Plans one statement of sqlparser's. `places` is the text that its spans refer to, if the user
/// can see it.
pub async fn plan(
    state: &SessionState,
    names: &Names,
    places: Option<&Places>,
    statement: ast::Statement,
) -> Result<LogicalPlan> {
    let relations = resolve::relations(state, names, &statement, &[]).await?;
    let planned = plan_resolved(state, names, &relations, statement);
    planned
        .and_then(|plan| reg_names::shown(plan, state))
        .map_err(|e| {
            let position = span_of(&e)
                .zip(places)
                .and_then(|(s, places)| places.position(s.0, s.1));
            improve(state, Error::from(e)).at(position)
        })
}

/// The second step: everything is open, nothing is read any more.
fn plan_resolved(
    state: &SessionState,
    names: &Names,
    relations: &resolve::Relations,
    mut statement: ast::Statement,
) -> Result<LogicalPlan, DataFusionError> {
    guard::admit(&statement)?;
    output_names::name_columns(&mut statement);
    let qualified = correct::Qualified::of(&statement);
    let oids = |table: &str| names.virtual_tables.fixed_oid(table);
    let is_scalar = |function: &str| {
        state.scalar_functions().contains_key(function)
            && !state.table_functions().contains_key(function)
    };
    postgres::translate(&mut statement, &oids, &is_scalar);
    normalize::normalize(&mut statement)?;
    function::desugar(&mut statement);
    let mut models = relations.models.clone();
    models.translate(&mut statement);
    let context = context::PlanContext::new(state, names, relations, models);
    let options = ParserOptions::from(&state.config_options().sql_parser);
    let planner = SqlToRel::new_with_options(&context, options);
    let plan = planner.statement_to_plan(PlannerStatement::Statement(Box::new(statement)))?;
    guard::check(&plan)?;
    apply::apply(correct::correct(plan, &qualified, state)?, state)
}

/// Line and column of the error, where DataFusion knows them.
fn span_of(error: &DataFusionError) -> Option<(u64, u64)> {
    match error {
        DataFusionError::Diagnostic(diagnostic, inner) => diagnostic
            .span
            .map(|s| (s.start.line, s.start.column))
            .or_else(|| span_of(inner)),
        DataFusionError::Context(_, inner) => span_of(inner),
        DataFusionError::Shared(inner) => span_of(inner),
        DataFusionError::Collection(errors) => errors.first().and_then(span_of),
        _ => None,
    }
}

/// PostgreSQL's words for an unknown function, with our candidates.
fn improve(state: &SessionState, error: Error) -> Error {
    let name = error
        .message
        .strip_prefix("Invalid function '")
        .and_then(|rest| rest.split('\'').next());
    let unknown = error.message.strip_prefix("Unsupported SQL type ");
    if let Some(name) = unknown.filter(|name| pg_type::by_spelling(name).is_none()) {
        let message = format!("type \"{name}\" does not exist");
        return Error::new(Kind::UndefinedObject, message);
    }
    match name {
        Some(name) if state.window_functions().contains_key(name) => Error::new(
            Kind::WrongObjectType,
            format!("window function {name} requires an OVER clause"),
        ),
        Some(name) if error.kind == Kind::UndefinedFunction => {
            let known = state
                .scalar_functions()
                .keys()
                .chain(state.aggregate_functions().keys());
            let known = known
                .chain(state.window_functions().keys())
                .map(String::as_str);
            Error::new(
                Kind::UndefinedFunction,
                format!("function {name} does not exist"),
            )
            .candidates(name, known)
        }
        _ => error,
    }
}
