//! `SELECT …`, `WITH …`, `VALUES …`, `TABLE t`: whatever gives rows by the planner.
//!
//! A query with parameters is planned with the types that their uses ask for; a value given at
//! execution is cast to that type, so that the rows have the columns that were described.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast;

use super::cursor::Cursor;
use super::kept_plan::{Basis, KeptPlan};
use super::{Context, Outcome, parameters};
use crate::error::{Error, Result};
use crate::plan;

#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub query: Box<ast::Query>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Query> {
    let [word] = c.leading_words::<1>();
    if word == "table" {
        c.expect(&["table"])?;
        let query = super::summarize::whole_table(&c.name()?)?;
        return Ok(Query { query });
    }
    match c.sql(|p| p.parse_statement())? {
        ast::Statement::Query(query) => refuse_into(&query).map(|()| Query { query }),
        other => Err(unsupported(&other)),
    }
}

/// `SELECT … INTO t` creates a table in PostgreSQL.
fn refuse_into(query: &ast::Query) -> Result<()> {
    match query.body.as_ref() {
        ast::SetExpr::Select(select) if select.into.is_some() => {
            Err(Error::unsupported("SELECT INTO").hint("Write CREATE VIEW … AS SELECT …."))
        }
        _ => Ok(()),
    }
}

/// A statement that the parser knows and the engine does not do.
fn unsupported(statement: &ast::Statement) -> Error {
    let text = statement.to_string();
    let words: Vec<_> = text
        .split_whitespace()
        .take_while(|w| w.chars().all(|c| c.is_ascii_uppercase()))
        .take(2)
        .collect();
    Error::unsupported(if words.is_empty() {
        "this statement".to_string()
    } else {
        words.join(" ")
    })
}

impl Query {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let rows = match &ctx.kept {
            Some(kept) => kept.rows(ctx, &self.query).await?,
            None => ctx.rows(&ctx.plan(&self.query).await?).await?,
        };
        Ok(Outcome::rows("SELECT", rows))
    }

    pub async fn columns(&self, ctx: &Context) -> Result<SchemaRef> {
        Ok(self.describe(ctx, &[], &Arc::default()).await?.1)
    }

    /// The types of the parameters and the columns; the plan is kept. `declared` are types that the
    /// user gave.
    pub async fn describe(
        &self,
        ctx: &Context,
        declared: &[DataType],
        kept: &Arc<KeptPlan>,
    ) -> Result<(Vec<DataType>, SchemaRef)> {
        let basis = Basis::of(ctx);
        let plan = ctx.plan_unbound(&self.query).await?;
        let types = parameters::types(ctx, &plan, &self.query, declared)?;
        let nulls = types
            .iter()
            .map(ScalarValue::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        let optimized = ctx
            .state
            .optimize(&parameters::bind(plan.clone(), &nulls)?)?;
        kept.keep_described(ctx, basis, &plan, &optimized);
        Ok((types, plan::shown(optimized.schema().inner())))
    }
}
