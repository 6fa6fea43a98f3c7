//! `PREPARE name [(type, …)] AS statement`: a statement that is parsed and described now, run later.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::context::Prepared;
use super::cursor::Cursor;
use super::{Body, Context, Outcome, Statement, create_table, parameters};
use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone)]
pub(crate) struct Prepare {
    name: String,
    types: Vec<ast::DataType>,
    body: Arc<Body>,
    tokens: Arc<[TokenWithSpan]>,
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
    let tokens = c.rest();
    match super::syntax::parse(c)? {
        body @ (Body::Query(_)
        | Body::Insert(_)
        | Body::Update(_)
        | Body::Delete(_)
        | Body::Merge(_)) => Ok(Prepare {
            name,
            types,
            body: Arc::new(body),
            tokens: tokens.into(),
        }),
        _ => Err(Error::unsupported("PREPARE of this statement")
            .hint("It takes queries, INSERT, UPDATE, DELETE and MERGE.")),
    }
}

impl Prepare {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let types: Vec<_> = self
            .types
            .iter()
            .map(|t| create_table::data_type(ctx, t))
            .collect::<Result<_>>()?;
        let statement = Statement {
            text: crate::sql::redacted(&self.tokens),
            body: Arc::clone(&self.body),
            places: Arc::clone(&ctx.places),
            tokens: Arc::clone(&self.tokens),
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
    let plan = Arc::default();
    let (parameters, columns) = match statement.body.as_ref() {
        Body::Query(query) => {
            let (types, columns) = query.describe(ctx, declared, &plan).await?;
            (types, Some(columns))
        }
        Body::Insert(_) | Body::Update(_) | Body::Delete(_) | Body::Merge(_) => {
            (asked(ctx, &statement, declared).await?, None)
        }
        Body::Copy(_) | Body::CreateTableAs(_) | Body::Declare(_) if statement.has_parameters() => {
            (asked(ctx, &statement, declared).await?, None)
        }
        _ => (Vec::new(), statement.columns(ctx).await?),
    };
    Ok(Prepared {
        statement,
        parameters,
        columns,
        plan,
    })
}

/// The types of the parameters of a statement that is no query.
async fn asked(
    ctx: &Context,
    statement: &Statement,
    declared: &[DataType],
) -> Result<Vec<DataType>> {
    let run = async |ctx: Context| statement.run(&ctx).await;
    Box::pin(parameters::asked(ctx, declared, run)).await
}
