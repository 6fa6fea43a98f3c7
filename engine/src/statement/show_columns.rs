//! `SHOW COLUMNS FROM t [LIKE 'pattern']`: name, type and nullability of each column.

use arrow::datatypes::SchemaRef;
use datafusion::sql::sqlparser::ast::ObjectName as SqlName;

use super::cursor::Cursor;
use super::show::{self, SystemQuery};
use super::{Context, Outcome};
use crate::error::Result;

#[derive(Debug, Clone)]
pub(crate) struct ShowColumns {
    pub table: SqlName,
    pub like: Option<String>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<ShowColumns> {
    c.expect(&["show", "columns"])?;
    c.expect_one_of(&["from", "in"])?;
    Ok(ShowColumns {
        table: c.name()?,
        like: show::like(c)?,
    })
}

impl ShowColumns {
    fn query(&self, ctx: &Context) -> Result<SystemQuery<'static>> {
        let (schema, table) = show::any_table(ctx, &self.table)?;
        let like = show::like_condition("column_name", self.like.as_ref());
        let conditions = [
            show::equals("table_schema", &schema),
            show::equals("table_name", &table),
        ];
        Ok(SystemQuery {
            select: "column_name, data_type, nullable FROM system.columns",
            conditions: conditions.into_iter().chain(like).collect(),
            order_by: "\"position\"",
        })
    }

    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        self.query(ctx)?.run(ctx).await
    }

    pub async fn columns(&self, ctx: &Context) -> Result<SchemaRef> {
        self.query(ctx)?.columns(ctx).await
    }
}
