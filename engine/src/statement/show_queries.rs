//! `SHOW QUERIES [LIKE 'pattern']`: the statements that run now; the pattern is for their text.

use arrow::datatypes::SchemaRef;

use super::cursor::Cursor;
use super::show::{self, SystemQuery};
use super::{Context, Outcome};
use crate::error::Result;

#[derive(Debug, Clone)]
pub(crate) struct ShowQueries {
    like: Option<String>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<ShowQueries> {
    c.expect(&["show", "queries"])?;
    Ok(ShowQueries {
        like: show::like(c)?,
    })
}

impl ShowQueries {
    fn query(&self) -> SystemQuery<'static> {
        let running = "state IN ('planning', 'running')".to_string();
        SystemQuery {
            select: "id, \"user\", state, elapsed_ms, rows_scanned, bytes_read, bytes_total, doing, \
                     memory_bytes, spilled_bytes, query FROM system.queries",
            conditions: [running]
                .into_iter()
                .chain(show::like_condition("query", self.like.as_ref()))
                .collect(),
            order_by: "started, id",
        }
    }

    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        self.query().run(ctx).await
    }

    pub async fn columns(&self, ctx: &Context) -> Result<SchemaRef> {
        self.query().columns(ctx).await
    }
}
