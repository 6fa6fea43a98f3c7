//! `PERSIST TABLE t`, `PERSIST (query) AS t`: keeps rows decoded in memory, as long as the process
//! runs or until UNPERSIST. What the memory limit has no room for is kept in the spill folder.
//!
//! A persisted table answers from what is kept as long as its files are the same; when they have
//! changed it is read as usual, until it is persisted again.

use std::sync::Arc;

use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{self, ObjectName as SqlName};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::{Context, Notice, Outcome};
use crate::catalog::{Change, ObjectName, Relation, RelationKind};
use crate::error::{Error, Kind, Result};
use crate::persist::Persisted;
use crate::plan::{self, Need, open_table};
use crate::settings::format_bytes;

#[derive(Debug, Clone)]
pub(crate) enum Persist {
    Table(SqlName),
    Query(Box<ast::Query>, SqlName),
}

pub(super) fn parse(c: &mut Cursor) -> Result<Persist> {
    c.expect(&["persist"])?;
    if c.take_token(&Token::LParen) {
        let query = c.query()?;
        c.expect_token(&Token::RParen)?;
        c.expect(&["as"])?;
        return Ok(Persist::Query(query, c.name()?));
    }
    c.expect(&["table"])?;
    Ok(Persist::Table(c.name()?))
}

impl Persist {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let persisted = match self {
            Persist::Table(name) => table(ctx, name).await?,
            Persist::Query(query, name) => rows_of(ctx, query, name).await?,
        };
        let outcome = Outcome::wrote("PERSIST", persisted.rows);
        let memory = format_bytes(persisted.memory_bytes());
        Ok(outcome.with(Notice::info(match persisted.spilled_bytes() {
            0 => format!("{memory} in memory"),
            spilled => format!("{memory} in memory, {} on disk", format_bytes(spilled)),
        })))
    }
}

async fn table(ctx: &Context, name: &SqlName) -> Result<Arc<Persisted>> {
    let (name, relation) = ctx.existing(name, Need::Owner)?;
    let table = open_table(&ctx.state, &ctx.names(), &name, &relation, None).await?;
    let Some(table) = table else {
        return Err(Error::new(
            Kind::WrongObjectType,
            format!("\"{}\" is not a table with files", name.name),
        )
        .hint("Write PERSIST (SELECT * FROM …) AS another_name."));
    };
    let files = table.fingerprint();
    let source = provider_as_source(table);
    let scan = LogicalPlanBuilder::scan(name.name.clone(), source, None)?.build()?;
    let sql = format!("PERSIST TABLE {name}");
    let persisted = Arc::new(collect(ctx, &scan, sql, Some(files)).await?);
    ctx.catalog.update(|snapshot| {
        let Some(found) = snapshot.relation(&name) else {
            return Ok((Vec::new(), ()));
        };
        let relation = Relation {
            persisted: Some(Arc::clone(&persisted)),
            ..found.as_ref().clone()
        };
        Ok((
            vec![Change::PutRelation(name.clone(), Box::new(relation))],
            (),
        ))
    })?;
    Ok(persisted)
}

async fn rows_of(ctx: &Context, query: &ast::Query, name: &SqlName) -> Result<Arc<Persisted>> {
    let name = ctx.new_name(name, false)?;
    let check = |name: &ObjectName| match ctx.catalog.snapshot().relation(name) {
        Some(_) => Err(Error::new(
            Kind::DuplicateTable,
            format!("relation \"{}\" already exists", name.name),
        )),
        None => Ok(()),
    };
    check(&name)?;
    let plan = ctx.plan(query).await?;
    let sql = format!("PERSIST ({query}) AS {name}");
    let persisted = Arc::new(collect(ctx, &plan, sql, None).await?);
    ctx.catalog.update(|_| {
        check(&name)?;
        let kind = RelationKind::Persisted(Arc::clone(&persisted));
        let relation = Relation::new(kind, &ctx.variables.user);
        Ok((
            vec![Change::PutRelation(name.clone(), Box::new(relation))],
            (),
        ))
    })?;
    Ok(persisted)
}

async fn collect(
    ctx: &Context,
    logical: &LogicalPlan,
    sql: String,
    files: Option<u64>,
) -> Result<Persisted> {
    let rows = ctx.stream(logical).await?;
    let schema = plan::shown(&rows.schema());
    Persisted::of(&ctx.state, rows, schema, sql, files).await
}
