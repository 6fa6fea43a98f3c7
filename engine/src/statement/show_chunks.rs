//! `SHOW CHUNKS FROM t`: the pieces of stored data that tasks read, and how even they are.

use arrow::datatypes::SchemaRef;
use datafusion::sql::sqlparser::ast::ObjectName as SqlName;

use super::cursor::Cursor;
use super::show::{self, SystemQuery};
use super::{Context, Notice, Outcome};
use crate::catalog::RelationKind;
use crate::error::{Error, Kind, Result};
use crate::plan::{Need, open_table};
use crate::settings::format_bytes;

#[derive(Debug, Clone)]
pub(crate) struct ShowChunks {
    table: SqlName,
}

pub(super) fn parse(c: &mut Cursor) -> Result<ShowChunks> {
    c.expect(&["show", "chunks"])?;
    c.expect_one_of(&["from", "in"])?;
    Ok(ShowChunks { table: c.name()? })
}

impl ShowChunks {
    fn query(&self, ctx: &Context) -> Result<SystemQuery<'static>> {
        let (name, relation) = ctx.existing(&self.table, Need::SELECT)?;
        let what = match &relation.kind {
            RelationKind::View(_) => Some("a view"),
            RelationKind::Persisted(_) => Some("a persisted query"),
            RelationKind::Model(_) => Some("a model"),
            RelationKind::External(_) | RelationKind::Managed(_) => None,
        };
        if let Some(what) = what {
            return Err(Error::new(
                Kind::WrongObjectType,
                format!("\"{}\" is {what} and has no chunks", name.name),
            ));
        }
        Ok(SystemQuery {
            select: "chunk, location, offset_bytes, bytes, row_groups, rows FROM system.chunks",
            conditions: vec![
                show::equals("table_schema", &name.schema),
                show::equals("table_name", &name.name),
            ],
            order_by: "chunk",
        })
    }

    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let outcome = self.query(ctx)?.run(ctx).await?;
        Ok(outcome.with(Notice::info(self.skew(ctx).await?)))
    }

    /// One line on how even the chunks are.
    async fn skew(&self, ctx: &Context) -> Result<String> {
        let (name, relation) = ctx.existing(&self.table, Need::SELECT)?;
        let table = open_table(&ctx.state, &ctx.names(), &name, &relation, None).await?;
        let Some(table) = table else {
            return Ok(String::new());
        };
        let chunks = table.chunks(&ctx.state).await?;
        let sizes: Vec<u64> = chunks.iter().map(|c| c.length_bytes).collect();
        let total: u64 = sizes.iter().sum();
        let Some(largest) = sizes.iter().max() else {
            return Ok("no chunks".to_string());
        };
        let mean = total as f64 / sizes.len() as f64;
        Ok(format!(
            "{} chunks, {} in all; the largest has {}, {:.1} times the mean",
            sizes.len(),
            format_bytes(total),
            format_bytes(*largest),
            *largest as f64 / mean.max(1.0),
        ))
    }

    pub async fn columns(&self, ctx: &Context) -> Result<SchemaRef> {
        self.query(ctx)?.columns(ctx).await
    }
}
