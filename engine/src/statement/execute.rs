//! `EXECUTE name [(value, …)]`: runs a prepared statement.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::context::Prepared;
use super::cursor::Cursor;
use super::{Context, Outcome};
use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone)]
pub(crate) struct Execute {
    name: String,
    values: Vec<ast::Expr>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Execute> {
    c.expect(&["execute"])?;
    let name = c.identifier()?;
    let values = if c.take_token(&Token::LParen) {
        let values = c.sql(|p| p.parse_comma_separated(|p| p.parse_expr()))?;
        c.expect_token(&Token::RParen)?;
        values
    } else {
        Vec::new()
    };
    Ok(Execute { name, values })
}

impl Execute {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let prepared = self.prepared(ctx)?;
        let mut values = Vec::new();
        for value in &self.values {
            values.push(constant(ctx, value).await?);
        }
        Box::pin(prepared.run(ctx, values)).await
    }

    pub fn columns(&self, ctx: &Context) -> Result<Option<SchemaRef>> {
        Ok(self.prepared(ctx)?.columns.clone())
    }

    fn prepared(&self, ctx: &Context) -> Result<Arc<Prepared>> {
        let all = ctx.variables.prepared.lock();
        all.get(&self.name).cloned().ok_or_else(|| {
            Error::new(
                Kind::UndefinedStatement,
                format!("prepared statement \"{}\" does not exist", self.name),
            )
            .candidates(&self.name, all.keys().map(String::as_str))
        })
    }
}

/// The value of an expression without columns.
async fn constant(ctx: &Context, expr: &ast::Expr) -> Result<ScalarValue> {
    let query = crate::sql::parse_query(&format!("SELECT {expr}"))?;
    let plan = ctx.plan(&query).await?;
    let LogicalPlan::Projection(projection) = &plan else {
        return Err(not_constant(expr));
    };
    let [value] = projection.expr.as_slice() else {
        return Err(not_constant(expr));
    };
    let context = SimplifyContext::builder()
        .with_config_options(Arc::clone(ctx.state.config_options()))
        .build();
    let simplifier = ExprSimplifier::new(context);
    let schema = DFSchema::empty();
    let value = simplifier.simplify(simplifier.coerce(value.clone().unalias(), &schema)?)?;
    match value {
        Expr::Literal(value, _) => Ok(value),
        _ => Err(not_constant(expr)),
    }
}

fn not_constant(expr: &ast::Expr) -> Error {
    Error::new(Kind::Syntax, format!("\"{expr}\" is not a constant"))
        .hint("EXECUTE takes constant values.")
}
