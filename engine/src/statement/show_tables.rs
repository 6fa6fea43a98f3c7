//! `SHOW TABLES [FROM schema] [LIKE 'pattern']`: tables and views of a schema, and without one those
//! of the current schema and the temporary ones.

use arrow::datatypes::SchemaRef;

use super::cursor::Cursor;
use super::show::{self, Filter, SystemQuery};
use super::{Context, Outcome};
use crate::error::Result;

#[derive(Debug, Clone)]
pub(crate) struct ShowTables {
    filter: Filter,
}

pub(super) fn parse(c: &mut Cursor) -> Result<ShowTables> {
    c.expect(&["show", "tables"])?;
    Ok(ShowTables {
        filter: Filter::parse(c)?,
    })
}

impl ShowTables {
    fn query(&self, ctx: &Context) -> Result<SystemQuery<'static>> {
        let schema = show::schema_or_current(ctx, self.filter.schema.as_ref())?;
        let mut schemas = vec![show::equals("table_schema", &schema)];
        if let (None, Some(own)) = (&self.filter.schema, &ctx.catalog.snapshot().temporary) {
            schemas.push(show::equals("table_schema", own));
        }
        let like = show::like_condition("table_name", self.filter.like.as_ref());
        Ok(SystemQuery {
            select: "table_name, table_type, format, location FROM system.tables",
            conditions: [format!("({})", schemas.join(" OR "))]
                .into_iter()
                .chain(like)
                .collect(),
            order_by: "table_name",
        })
    }

    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        self.query(ctx)?.run(ctx).await
    }

    pub async fn columns(&self, ctx: &Context) -> Result<SchemaRef> {
        self.query(ctx)?.columns(ctx).await
    }
}
