//! What the SHOW statements share: they are queries over the `system` tables, with a pattern.

use arrow::datatypes::SchemaRef;
use datafusion::logical_expr::LogicalPlan;
use std::sync::Arc;

use super::cursor::Cursor;
use super::{Context, Outcome};
use crate::error::{Kind, Result};
use crate::plan::Need;
use crate::sql::quote_literal;

/// `[FROM|IN schema] [LIKE 'pattern']`.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub schema: Option<String>,
    pub like: Option<String>,
}

impl Filter {
    pub fn parse(c: &mut Cursor) -> Result<Self> {
        let schema = if c.take(&["from"]) || c.take(&["in"]) {
            Some(c.identifier()?)
        } else {
            None
        };
        Ok(Self {
            schema,
            like: like(c)?,
        })
    }
}

/// `[LIKE 'pattern']`.
pub(super) fn like(c: &mut Cursor) -> Result<Option<String>> {
    if c.take(&["like"]) {
        c.string().map(Some)
    } else {
        Ok(None)
    }
}

/// A query over one of the `system` tables.
pub(super) struct SystemQuery<'a> {
    /// The SELECT list and the table.
    pub select: &'a str,
    pub conditions: Vec<String>,
    pub order_by: &'a str,
}

impl SystemQuery<'_> {
    pub async fn plan(&self, ctx: &Context) -> Result<LogicalPlan> {
        let conditions = match self.conditions.as_slice() {
            [] => String::new(),
            all => format!(" WHERE {}", all.join(" AND ")),
        };
        ctx.plan_own(&format!(
            "SELECT {}{conditions} ORDER BY {}",
            self.select, self.order_by
        ))
        .await
    }

    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let plan = self.plan(ctx).await?;
        Ok(Outcome::rows("SHOW", ctx.rows(&plan).await?))
    }

    pub async fn columns(&self, ctx: &Context) -> Result<SchemaRef> {
        Ok(Arc::clone(self.plan(ctx).await?.schema().inner()))
    }
}

/// `column LIKE 'pattern'` as a condition, if there is a pattern.
pub(super) fn like_condition(column: &str, like: Option<&String>) -> Option<String> {
    like.map(|pattern| format!("{column} LIKE {}", quote_literal(pattern)))
}

/// `column = 'value'` as a condition.
pub(super) fn equals(column: &str, value: &str) -> String {
    format!("{column} = {}", quote_literal(value))
}

/// The schema that SHOW is about: the named one, which must exist, or the current one.
pub(super) fn schema_or_current(ctx: &Context, schema: Option<&String>) -> Result<String> {
    let snapshot = ctx.catalog.snapshot();
    match schema {
        None => Ok(ctx
            .settings()
            .search_path()
            .into_iter()
            .next()
            .unwrap_or_default()),
        Some(name) if super::context::is_reserved_schema(name) => Ok(name.clone()),
        Some(name) => {
            let name = snapshot.meant(name);
            snapshot.schema(name).map(|_| name.to_string())
        }
    }
}

/// The schema and name of a table of any kind, `system` ones included.
pub(super) fn any_table(
    ctx: &Context,
    name: &datafusion::sql::sqlparser::ast::ObjectName,
) -> Result<(String, String)> {
    let reference = crate::plan::reference(name)?;
    let table = reference.table();
    let ours = |schema: &str| {
        ctx.names()
            .virtual_tables
            .names()
            .iter()
            .any(|(s, t)| *s == schema && *t == table)
    };
    match (ctx.existing(name, Need::Any), reference.schema()) {
        (Ok((object, _)), _) => Ok((object.schema, object.name)),
        (Err(error), Some(schema))
            if matches!(error.kind, Kind::UndefinedTable | Kind::UndefinedSchema)
                && ours(schema) =>
        {
            Ok((schema.to_string(), table.to_string()))
        }
        (Err(error), _) => Err(error),
    }
}
