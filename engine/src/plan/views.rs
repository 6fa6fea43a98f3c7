//! Views in queries: what the names in a view mean, and its plan.
//!
//! Names are looked up once, when the view is made, and mean the same objects ever after: who may make
//! tables in a schema of the path cannot slip one under the view.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, TableSource, col};
use datafusion::sql::sqlparser::ast::{self, TableFactor, Visit};

use super::barrier::Barrier;
use super::mentioned::Mentioned;
use super::models::named;
use super::resolve::{Opening, find, is_path, reference, relations, virtual_schema};
use super::{Names, guard, plan_resolved};
use crate::catalog::{Meanings, ObjectName, View};
use crate::error::{Error, Kind, Result};
use crate::sql::parse_query;

impl Names {
    /// Where the names in a view are looked up: it reads with its owner's rights.
    pub fn inside(&self, view: &View, owner: &str) -> Self {
        Names {
            user: owner.to_string(),
            search_path: view.search_path.clone(),
            meanings: view.meanings.clone().map(Arc::new),
            given: HashMap::new(),
            ..self.clone()
        }
    }
}

/// What the names in a query mean now. A name that means nothing is that of a common table expression.
pub fn meanings(names: &Names, query: &ast::Query) -> Result<Meanings> {
    let mut mentioned = Mentioned::default();
    let _ = query.visit(&mut mentioned);
    let relations = mentioned
        .relations
        .iter()
        .filter_map(|relation| match relation {
            TableFactor::Table {
                name, args: None, ..
            } if !is_path(name) => Some(reference(name)),
            _ => None,
        });
    let models = mentioned.models.0.iter().filter_map(named);
    let models = models.map(|model| reference(&model.sql_name()));
    let mut meanings = Meanings::new();
    for reference in relations.chain(models) {
        let reference = reference?;
        let meant = match find(names, &reference)? {
            Some((object, _)) => Some(object),
            None => virtual_schema(names, &reference).map(|schema| ObjectName {
                schema,
                name: reference.table().to_string(),
            }),
        };
        meanings.extend(meant.map(|object| (reference.to_quoted_string(), object)));
    }
    Ok(meanings)
}

/// The view, with its names looked up in `names`. Boxed, because views contain views.
pub(super) fn open_view<'a>(
    state: &'a SessionState,
    names: &'a Names,
    name: &'a ObjectName,
    view: &'a View,
    inside: &'a [ObjectName],
) -> Opening<'a, Arc<dyn TableSource>> {
    Box::pin(async move {
        let plan = view_plan(state, names, name, view, inside)
            .await
            .map_err(|e| Error {
                position: None,
                detail: e
                    .detail
                    .clone()
                    .or_else(|| Some(format!("While planning view {name}."))),
                ..e
            })?;
        Ok(match view.security_barrier {
            true => Barrier::source(plan),
            false => {
                let table = ViewTable::new(plan, Some(view.sql.clone()));
                provider_as_source(Arc::new(table))
            }
        })
    })
}

async fn view_plan(
    state: &SessionState,
    names: &Names,
    name: &ObjectName,
    view: &View,
    inside: &[ObjectName],
) -> Result<LogicalPlan> {
    if inside.contains(name) {
        return Err(Error::new(
            Kind::InvalidRecursion,
            format!("view {name} is defined in terms of itself"),
        ));
    }
    if inside.len() >= guard::MAX_VIEWS {
        return Err(guard::refused("uses views inside of views too deeply"));
    }
    let mut deeper = inside.to_vec();
    deeper.push(name.clone());
    let statement = ast::Statement::Query(parse_query(&view.sql)?);
    let opened = relations(state, names, &statement, &deeper).await?;
    renamed(
        plan_resolved(state, names, &opened, statement)?,
        &view.columns,
    )
}

/// The plan with its columns renamed; no names keep its own.
pub fn renamed(plan: LogicalPlan, columns: &[String]) -> Result<LogicalPlan> {
    if columns.is_empty() {
        return Ok(plan);
    }
    let found = plan.schema().columns();
    if columns.len() > found.len() {
        return Err(Error::new(
            Kind::InvalidTableDefinition,
            format!(
                "{} column names are given, but the query has {} columns",
                columns.len(),
                found.len()
            ),
        ));
    }
    let exprs = found
        .into_iter()
        .enumerate()
        .map(|(at, column)| match columns.get(at) {
            Some(name) => col(column).alias(name),
            None => col(column),
        });
    Ok(LogicalPlanBuilder::from(plan)
        .project(exprs.collect::<Vec<_>>())?
        .build()?)
}
