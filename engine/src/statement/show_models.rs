//! `SHOW MODELS [FROM schema] [LIKE 'pattern']`: the models of a schema, with their default versions.

use arrow::datatypes::SchemaRef;

use super::cursor::Cursor;
use super::show::{self, Filter, SystemQuery};
use super::{Context, Outcome};
use crate::error::Result;

#[derive(Debug, Clone)]
pub(crate) struct ShowModels {
    /// Whether only those that searches made.
    experiments: bool,
    filter: Filter,
}

pub(super) fn parse(c: &mut Cursor) -> Result<ShowModels> {
    parse_of(c, false)
}

pub(super) fn parse_of(c: &mut Cursor, experiments: bool) -> Result<ShowModels> {
    let word = if experiments { "experiments" } else { "models" };
    c.expect(&["show", word])?;
    Ok(ShowModels {
        experiments,
        filter: Filter::parse(c)?,
    })
}

impl ShowModels {
    fn query(&self, ctx: &Context) -> Result<SystemQuery<'static>> {
        let schema = show::schema_or_current(ctx, self.filter.schema.as_ref())?;
        let like = show::like_condition("model_name", self.filter.like.as_ref());
        Ok(SystemQuery {
            select: "model_name, version, model_class, rows, scans, seconds, created FROM system.models",
            conditions: [
                show::equals("model_schema", &schema),
                "is_default".to_string(),
            ]
            .into_iter()
            .chain(self.experiments.then(|| "is_experiment".to_string()))
            .chain(like)
            .collect(),
            order_by: "model_name",
        })
    }

    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        self.query(ctx)?.run(ctx).await
    }

    pub async fn columns(&self, ctx: &Context) -> Result<SchemaRef> {
        self.query(ctx)?.columns(ctx).await
    }
}
