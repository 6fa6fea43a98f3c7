//! `PREPARE name [(type, …)] AS query`: a statement that is parsed and described now, run later.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::context::Prepared;
use super::cursor::Cursor;
use super::{Body, Context, Outcome, Statement, create_table, query};
use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone)]
pub(crate) struct Prepare {
    name: String,
    types: Vec<ast::DataType>,
    query: query::Query,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Prepare> {
    c.expect(&["prepare"])?;
    let name = c.identifier()?;
    let types = if c.take_token(&Token::LParen) {
        let types = c.sql(|p| p.parse_comma_separated(|p| p.parse_data_type()))?;
        c.expect_token(&Token::RParen)?;
        types
    } else {
        Vec::new()
    };
    c.expect(&["as"])?;
    Ok(Prepare {
        name,
        types,
        query: query::parse(c)?,
    })
}

impl Prepare {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let types: Vec<_> = self
            .types
            .iter()
            .map(|t| create_table::data_type(ctx, t))
            .collect::<Result<_>>()?;
        let text = self.query.query.to_string();
        let statement = Statement {
            text,
            body: Arc::new(Body::Query(self.query.clone())),
            places: Arc::clone(&ctx.places),
            tokens: Arc::from([]),
        };
        let prepared = describe(ctx, statement, &types).await?;
        let mut all = ctx.variables.prepared.lock();
        if all.contains_key(&self.name) {
            return Err(Error::new(
                Kind::DuplicateStatement,
                format!("prepared statement \"{}\" already exists", self.name),
            ));
        }
        all.insert(self.name.clone(), Arc::new(prepared));
        Ok(Outcome::done("PREPARE"))
    }
}

/// Describes a statement: the types of its parameters and the columns of its rows.
pub(crate) async fn describe(
    ctx: &Context,
    statement: Statement,
    declared: &[DataType],
) -> Result<Prepared> {
    let (parameters, columns) = match statement.body.as_ref() {
        Body::Query(query) => {
            let (types, columns) = query.describe(ctx, declared).await?;
            (types, Some(columns))
        }
        _ => (Vec::new(), statement.columns(ctx).await?),
    };
    Ok(Prepared {
        statement,
        parameters,
        columns,
    })
}
