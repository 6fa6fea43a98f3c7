//! `SUMMARIZE t` and `SUMMARIZE query`: one row for each column, in one scan.
//!
//! Columns of the reply: `column_name, data_type, count, nulls, distinct, mean, std, min, 25%, 50%,
//! 75%, max`. The quartiles and the number of distinct values are approximate (t-digest,
//! HyperLogLog); the rest is exact.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::sql::sqlparser::ast::{self, ObjectName as SqlName};

use super::cursor::Cursor;
use super::{Context, Outcome, profile};
use crate::error::Result;

#[derive(Debug, Clone)]
pub(crate) struct Summarize {
    query: Box<ast::Query>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Summarize> {
    c.expect(&["summarize"])?;
    let [word] = c.leading_words::<1>();
    let parenthesis = matches!(
        c.peek(),
        datafusion::sql::sqlparser::tokenizer::Token::LParen
    );
    if parenthesis
        || matches!(
            word.as_str(),
            "select" | "with" | "values" | "from" | "table"
        )
    {
        return Ok(Summarize { query: c.query()? });
    }
    Ok(Summarize {
        query: whole_table(&c.name()?)?,
    })
}

/// `SELECT * FROM name`.
pub(super) fn whole_table(name: &SqlName) -> Result<Box<ast::Query>> {
    crate::sql::parse_query(&format!("SELECT * FROM {name}"))
}

impl Summarize {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let plan = ctx.plan(&self.query).await?;
        let columns = plan.schema().columns();
        let profiles = profile::profile(ctx, plan, columns).await?;
        Ok(Outcome::batch(
            "SUMMARIZE",
            &ctx.query,
            profile::reply(&profiles)?,
        ))
    }

    pub async fn columns(&self, ctx: &Context) -> Result<SchemaRef> {
        ctx.plan(&self.query).await?;
        Ok(Arc::clone(&profile::reply_schema()))
    }
}
