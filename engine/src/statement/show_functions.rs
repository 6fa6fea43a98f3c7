//! `SHOW FUNCTIONS [LIKE 'pattern']`.

use arrow::datatypes::SchemaRef;

use super::cursor::Cursor;
use super::show::{self, SystemQuery};
use super::{Context, Outcome};
use crate::error::Result;

#[derive(Debug, Clone)]
pub(crate) struct ShowFunctions {
    like: Option<String>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<ShowFunctions> {
    c.expect(&["show", "functions"])?;
    Ok(ShowFunctions {
        like: show::like(c)?,
    })
}

impl ShowFunctions {
    fn query(&self) -> SystemQuery<'static> {
        SystemQuery {
            select: "function_name, kind, syntax, description FROM system.functions",
            conditions: show::like_condition("function_name", self.like.as_ref())
                .into_iter()
                .collect(),
            order_by: "function_name, kind",
        }
    }

    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        self.query().run(ctx).await
    }

    pub async fn columns(&self, ctx: &Context) -> Result<SchemaRef> {
        self.query().columns(ctx).await
    }
}
