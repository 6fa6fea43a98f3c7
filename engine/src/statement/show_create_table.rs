//! `SHOW CREATE TABLE|VIEW t`: the statement that makes the table or view again.

use arrow::datatypes::SchemaRef;
use datafusion::sql::sqlparser::ast::ObjectName as SqlName;

use super::cursor::Cursor;
use super::{Context, Outcome, outcome};
use crate::catalog::{ObjectName, RelationKind};
use crate::error::Result;
use crate::sql::{quote_identifier, type_name};

const COLUMN: &str = "create_statement";

#[derive(Debug, Clone)]
pub(crate) struct ShowCreateTable {
    table: SqlName,
}

pub(super) fn parse(c: &mut Cursor) -> Result<ShowCreateTable> {
    c.expect(&["show", "create"])?;
    c.expect_one_of(&["table", "view"])?;
    Ok(ShowCreateTable { table: c.name()? })
}

impl ShowCreateTable {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let (name, relation) = ctx.existing(&self.table)?;
        let sql = statement(&name, &relation.kind);
        Ok(Outcome::batch(
            "SHOW",
            &ctx.query,
            outcome::text_column(COLUMN, vec![sql])?,
        ))
    }

    pub fn columns(&self) -> SchemaRef {
        outcome::text_schema(&[COLUMN])
    }
}

fn statement(name: &ObjectName, kind: &RelationKind) -> String {
    match kind {
        RelationKind::View(view) => {
            let columns: Vec<_> = view.columns.iter().map(|c| quote_identifier(c)).collect();
            let columns = if columns.is_empty() {
                String::new()
            } else {
                format!(" ({})", columns.join(", "))
            };
            format!("CREATE VIEW {name}{columns} AS {}", view.sql)
        }
        RelationKind::External(definition) => {
            let schema = definition.file_schema();
            let columns = schema.fields().iter().map(|f| {
                let null = if f.is_nullable() { "" } else { " NOT NULL" };
                format!(
                    "  {} {}{null}",
                    quote_identifier(f.name()),
                    type_name(f.data_type())
                )
            });
            let options = definition.to_sql_options();
            let options = options
                .iter()
                .map(|(name, value)| format!("  {name} = {value}"));
            format!(
                "CREATE TABLE {name} (\n{}\n) WITH (\n{}\n)",
                columns.collect::<Vec<_>>().join(",\n"),
                options.collect::<Vec<_>>().join(",\n")
            )
        }
    }
}
