//! `SHOW HISTORY FROM t`: the versions of a managed table, newest first.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::sql::sqlparser::ast::ObjectName as SqlName;

use super::cursor::Cursor;
use super::{Context, Outcome};
use crate::catalog::RelationKind;
use crate::error::{Error, Kind, Result};
use crate::plan::Need;
use crate::table::history;

#[derive(Debug, Clone)]
pub(crate) struct ShowHistory {
    table: SqlName,
}

pub(super) fn parse(c: &mut Cursor) -> Result<ShowHistory> {
    c.expect(&["show", "history"])?;
    c.expect_one_of(&["from", "in"])?;
    Ok(ShowHistory { table: c.name()? })
}

impl ShowHistory {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let (name, relation) = ctx.existing(&self.table, Need::Any)?;
        let RelationKind::Managed(managed) = &relation.kind else {
            return Err(Error::new(
                Kind::WrongObjectType,
                format!("\"{}\" has no versions", name.name),
            )
            .hint("Only tables that Quern stores keep their versions."));
        };
        let entries = history(&ctx.warehouse.latest(&managed.folder).await?).await?;
        let versions = entries.iter().map(|e| i64::try_from(e.version).ok());
        let times = entries.iter().map(|e| e.timestamp_ms);
        let times = TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC");
        let operations = entries.iter().map(|e| Some(e.operation.as_str()));
        let details = entries.iter().map(|e| Some(e.details.as_str()));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(versions.collect::<Int64Array>()),
            Arc::new(times),
            Arc::new(operations.collect::<StringArray>()),
            Arc::new(details.collect::<StringArray>()),
        ];
        let rows = RecordBatch::try_new(self.columns(), columns)?;
        Ok(Outcome::batch("SHOW", &ctx.query, rows))
    }

    pub fn columns(&self) -> SchemaRef {
        let instant = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        Arc::new(Schema::new(vec![
            Field::new("version", DataType::Int64, false),
            Field::new("committed", instant, false),
            Field::new("operation", DataType::Utf8, false),
            Field::new("details", DataType::Utf8, false),
        ]))
    }
}
