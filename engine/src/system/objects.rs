//! `system.schemas`, `.tables`, `.columns`, `.views`: what the catalog holds.

use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::sql::sqlparser::ast;
use futures::FutureExt;
use std::sync::Arc;

use super::{
    INSTANT, SystemTable, SystemTables, TABLES as ALL, all, count, instant, opt_count, opt_text,
    text,
};
use crate::catalog::{ObjectName, Relation, RelationKind};
use crate::error::Result;
use crate::plan;
use crate::source::Format;
use crate::sql::{parse_query, type_name};

pub(super) const SCHEMAS: SystemTable = SystemTable {
    schema: "system",
    name: "schemas",
    doc: "Schemas.",
    columns: &[
        ("schema_name", DataType::Utf8),
        ("relations", DataType::Int64),
    ],
    fill: |system, rows| {
        async move {
            for (name, schema) in &system.schemas() {
                rows.push([text(name), count(schema.relations.len())]);
            }
            for name in ["information_schema", "pg_catalog", "system"] {
                rows.push([
                    text(name),
                    count(all().filter(|(schema, _)| *schema == name).count()),
                ]);
            }
            Ok(())
        }
        .boxed()
    },
};

pub(super) const TABLES: SystemTable = SystemTable {
    schema: "system",
    name: "tables",
    doc: "Tables and views.",
    columns: &[
        ("table_schema", DataType::Utf8),
        ("table_name", DataType::Utf8),
        ("table_type", DataType::Utf8),
        ("format", DataType::Utf8),
        ("location", DataType::Utf8),
        ("rows", DataType::Int64),
        ("created", INSTANT),
    ],
    fill: |system, rows| {
        async move {
            for (name, relation) in system.relations() {
                let (kind, format, location) = match &relation.kind {
                    RelationKind::External(d) => (
                        "external",
                        Some(d.format.name()),
                        Some(d.shown_locations().join(", ")),
                    ),
                    RelationKind::Managed(managed) => (
                        "managed",
                        Some("delta"),
                        Some(system.warehouse.shown(&managed.folder)),
                    ),
                    RelationKind::Persisted(_) => ("persisted", None, None),
                    RelationKind::View(_) => ("view", None, None),
                    // They are not among the relations.
                    RelationKind::Model(_) => continue,
                };
                let known = rows_of(system, &relation).await;
                rows.push([
                    text(name.schema),
                    text(name.name),
                    text(kind),
                    opt_text(format),
                    opt_text(location),
                    opt_count(known),
                    instant(relation.created_ms),
                ]);
            }
            for (schema, name) in all() {
                let none = opt_text(None::<String>);
                rows.push([
                    text(schema),
                    text(name),
                    text("system"),
                    none.clone(),
                    none,
                    opt_count(None),
                    super::ScalarValue::TimestampMillisecond(None, None),
                ]);
            }
            Ok(())
        }
        .boxed()
    },
};

/// The rows of a table: as its log counts them, or as ANALYZE found them.
async fn rows_of(system: &SystemTables, relation: &Relation) -> Option<u64> {
    let analyzed = relation.statistics.as_ref().map(|s| s.rows);
    let RelationKind::Managed(managed) = &relation.kind else {
        return analyzed;
    };
    let latest = system.warehouse.latest(&managed.folder).await.ok();
    let counted = latest.and_then(|version| version.rows().ok().flatten());
    counted.or(analyzed)
}

pub(super) const COLUMNS: SystemTable = SystemTable {
    schema: "system",
    name: "columns",
    doc: "Columns of tables and views.",
    columns: &[
        ("table_schema", DataType::Utf8),
        ("table_name", DataType::Utf8),
        ("column_name", DataType::Utf8),
        ("position", DataType::Int64),
        ("data_type", DataType::Utf8),
        ("nullable", DataType::Boolean),
    ],
    fill: |system, rows| {
        async move {
            for (name, schema) in schemas_of_relations(system).await {
                for (at, field) in schema.fields().iter().enumerate() {
                    rows.push([
                        text(&name.schema),
                        text(&name.name),
                        text(field.name()),
                        count(at + 1),
                        text(type_name(field.data_type())),
                        super::ScalarValue::Boolean(Some(field.is_nullable())),
                    ]);
                }
            }
            Ok(())
        }
        .boxed()
    },
};

pub(super) const VIEWS: SystemTable = SystemTable {
    schema: "system",
    name: "views",
    doc: "Views with their queries.",
    columns: &[
        ("table_schema", DataType::Utf8),
        ("table_name", DataType::Utf8),
        ("definition", DataType::Utf8),
        ("created", INSTANT),
    ],
    fill: |system, rows| {
        async move {
            for (name, relation) in system.relations() {
                if let RelationKind::View(view) = &relation.kind {
                    rows.push([
                        text(name.schema),
                        text(name.name),
                        text(view.shown_sql()),
                        instant(relation.created_ms),
                    ]);
                }
            }
            Ok(())
        }
        .boxed()
    },
};

/// Every table and view with its columns; a view that no longer plans is left out.
pub(super) async fn schemas_of_relations(system: &SystemTables) -> Vec<(ObjectName, SchemaRef)> {
    let mut schemas = Vec::new();
    for (name, relation) in system.relations() {
        if let Ok(schema) = schema_of(system, &relation).await {
            schemas.push((name, schema));
        }
    }
    for table in ALL {
        let name = ObjectName {
            schema: table.schema.to_string(),
            name: table.name.to_string(),
        };
        schemas.push((name, table.schema()));
    }
    for relation in super::postgres::RELATIONS.iter() {
        let name = ObjectName {
            schema: relation.schema.to_string(),
            name: relation.name.to_string(),
        };
        schemas.push((name, Arc::clone(&relation.fields)));
    }
    schemas
}

pub(super) async fn schema_of(system: &SystemTables, relation: &Relation) -> Result<SchemaRef> {
    match &relation.kind {
        RelationKind::External(definition) if definition.format == Format::Delta => {
            let reach = system.names().reach_of(&relation.access.owner);
            let table = plan::open_external(&system.state, definition, None, &reach).await?;
            Ok(TableProvider::schema(table.as_ref()))
        }
        RelationKind::External(definition) => Ok(definition.schema()),
        RelationKind::Persisted(rows) => Ok(TableProvider::schema(rows.as_ref())),
        RelationKind::Model(_) => Ok(Arc::new(Schema::empty())),
        RelationKind::Managed(managed) => {
            let version = system.warehouse.latest(&managed.folder).await?;
            Ok(Arc::clone(version.schema()))
        }
        RelationKind::View(view) => {
            let names = system.names().inside(view, &relation.access.owner);
            let query = ast::Statement::Query(parse_query(&view.sql)?);
            let logical = plan::plan(&system.state, &names, None, query).await?;
            let logical = plan::renamed(logical, &view.columns)?;
            Ok(Arc::clone(logical.schema().inner()))
        }
    }
}
