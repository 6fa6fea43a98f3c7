//! `DESCRIBE [TABLE] t` and `DESCRIBE query`: the columns, as SHOW COLUMNS gives them.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::sql::sqlparser::ast;

use super::cursor::Cursor;
use super::show_columns::ShowColumns;
use super::{Context, Outcome};
use crate::error::Result;
use crate::plan;
use crate::sql::type_name;

#[derive(Debug, Clone)]
pub(crate) enum Describe {
    Table(ShowColumns),
    Query(Box<ast::Query>),
}

pub(super) fn parse(c: &mut Cursor) -> Result<Describe> {
    c.expect_one_of(&["describe", "desc"])?;
    let [word] = c.leading_words::<1>();
    if matches!(word.as_str(), "select" | "with" | "values" | "from") {
        return Ok(Describe::Query(c.query()?));
    }
    c.take(&["table"]);
    Ok(Describe::Table(ShowColumns {
        table: c.name()?,
        like: None,
    }))
}

impl Describe {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        match self {
            Describe::Table(columns) => columns.run(ctx).await,
            Describe::Query(query) => {
                let plan = ctx.state.optimize(&ctx.plan(query).await?)?;
                Ok(Outcome::batch(
                    "DESCRIBE",
                    &ctx.query,
                    reply(&plan::shown(plan.schema().inner()))?,
                ))
            }
        }
    }

    pub async fn columns(&self, ctx: &Context) -> Result<SchemaRef> {
        match self {
            Describe::Table(columns) => columns.columns(ctx).await,
            Describe::Query(_) => Ok(reply_schema()),
        }
    }
}

fn reply_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("column_name", DataType::Utf8, true),
        Field::new("data_type", DataType::Utf8, true),
        Field::new("nullable", DataType::Boolean, true),
    ]))
}

fn reply(schema: &SchemaRef) -> Result<RecordBatch> {
    let fields = schema.fields();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(
            fields.iter().map(|f| f.name()),
        )),
        Arc::new(StringArray::from_iter_values(
            fields.iter().map(|f| type_name(f.data_type())),
        )),
        Arc::new(BooleanArray::from(
            fields.iter().map(|f| f.is_nullable()).collect::<Vec<_>>(),
        )),
    ];
    Ok(RecordBatch::try_new(reply_schema(), columns)?)
}
