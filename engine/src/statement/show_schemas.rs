//! `SHOW SCHEMAS [LIKE 'pattern']`.

use arrow::datatypes::SchemaRef;

use super::cursor::Cursor;
use super::show::{self, SystemQuery};
use super::{Context, Outcome};
use crate::error::Result;

#[derive(Debug, Clone)]
pub(crate) struct ShowSchemas {
    like: Option<String>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<ShowSchemas> {
    c.expect(&["show", "schemas"])?;
    Ok(ShowSchemas {
        like: show::like(c)?,
    })
}

impl ShowSchemas {
    fn query(&self) -> SystemQuery<'static> {
        SystemQuery {
            select: "schema_name FROM system.schemas",
            conditions: show::like_condition("schema_name", self.like.as_ref())
                .into_iter()
                .collect(),
            order_by: "schema_name",
        }
    }

    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        self.query().run(ctx).await
    }

    pub async fn columns(&self, ctx: &Context) -> Result<SchemaRef> {
        self.query().columns(ctx).await
    }
}
