//! `SHOW CREATE TABLE|VIEW t`: the statement that makes the table or view again.

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::ObjectName as SqlName;

use super::cursor::Cursor;
use super::{Context, Outcome, outcome};
use crate::catalog::{DEFAULT_SCHEMA, ObjectName, RelationKind};
use crate::error::{Error, Kind, Result};
use crate::options::OptionValue;
use crate::plan::Need;
use crate::source::Format;
use crate::sql::{quote_identifier, type_name};
use crate::table::TableVersion;

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
        let (mut name, relation) = ctx.existing(&self.table, Need::Any)?;
        let temporary = ctx.catalog.snapshot().is_temporary(&name.schema);
        if temporary {
            // Its name is enough, as that of what is in the default schema.
            name.schema = DEFAULT_SCHEMA.to_string();
        }
        let sql = match &relation.kind {
            RelationKind::Model(_) => {
                return Err(Error::new(
                    Kind::WrongObjectType,
                    format!("\"{}\" is a model", name.name),
                )
                .hint(format!(
                    "DESCRIBE MODEL {name} has the statement that made it."
                )));
            }
            RelationKind::Managed(managed) => {
                managed_statement(&name, &ctx.warehouse.latest(&managed.folder).await?)?
            }
            kind => statement(&name, kind),
        };
        let sql = match temporary {
            true => sql.replacen("CREATE ", "CREATE TEMPORARY ", 1),
            false => sql,
        };
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
            let options = match view.security_barrier {
                true => " WITH (security_barrier = true)",
                false => "",
            };
            let sql = view.shown_sql();
            format!("CREATE VIEW {name}{columns}{options} AS {sql}")
        }
        RelationKind::Managed(_) | RelationKind::Model(_) => String::new(),
        RelationKind::Persisted(rows) => rows.sql.clone(),
        RelationKind::External(definition) => {
            let columns = match definition.format {
                // They stand in the log.
                Format::Delta => String::new(),
                _ => format!(" (\n{}\n)", columns(&definition.file_schema())),
            };
            let options = definition.to_sql_options();
            let options = options
                .iter()
                .map(|(name, value)| format!("  {name} = {value}"));
            format!(
                "CREATE TABLE {name}{} WITH (\n{}\n)",
                columns,
                options.collect::<Vec<_>>().join(",\n")
            )
        }
    }
}

/// The definitions of columns, one a line.
fn columns(schema: &Schema) -> String {
    let columns = schema.fields().iter().map(|f| {
        let null = if f.is_nullable() { "" } else { " NOT NULL" };
        let name = quote_identifier(f.name());
        format!("  {name} {}{null}", type_name(f.data_type()))
    });
    columns.collect::<Vec<_>>().join(",\n")
}

fn managed_statement(name: &ObjectName, version: &TableVersion) -> Result<String> {
    let layout = version.layout()?;
    let list = |names: &[String]| -> String {
        let names: Vec<_> = names.iter().map(|n| quote_identifier(n)).collect();
        names.join(", ")
    };
    let mut sql = format!("CREATE TABLE {name} (\n{}\n)", columns(version.schema()));
    if !layout.partitioned_by.is_empty() {
        sql += &format!("\nPARTITIONED BY ({})", list(&layout.partitioned_by));
    }
    if !layout.clustered_by.is_empty() {
        sql += &format!("\nCLUSTERED BY ({})", list(&layout.clustered_by));
    }
    if let Some(chunks) = layout.chunks {
        sql += &format!(" INTO {chunks} CHUNKS");
    }
    if !layout.bloom_filters.is_empty() {
        let names = layout.bloom_filters.iter().cloned().map(OptionValue::Text);
        let names = OptionValue::Array(names.collect());
        sql += &format!("\nWITH (bloom_filter_columns = {names})");
    }
    Ok(sql)
}
