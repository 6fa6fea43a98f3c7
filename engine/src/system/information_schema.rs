//! The standard's `information_schema`: the columns that tools ask for.

use arrow::datatypes::DataType;
use futures::FutureExt;

use super::objects::schemas_of_relations;
use super::{SystemTable, TABLES as ALL, count, text};
use crate::catalog::{CATALOG_NAME, RelationKind};
use crate::sql::type_name;

pub(super) const SCHEMATA: SystemTable = SystemTable {
    schema: "information_schema",
    name: "schemata",
    doc: "Schemas, as the SQL standard shows them.",
    columns: &[
        ("catalog_name", DataType::Utf8),
        ("schema_name", DataType::Utf8),
        ("schema_owner", DataType::Utf8),
    ],
    fill: |system, rows| {
        async move {
            let snapshot = system.snapshot();
            let ours = ["information_schema", "system"].into_iter();
            for name in snapshot.schemas.keys().map(String::as_str).chain(ours) {
                rows.push([text(CATALOG_NAME), text(name), text(CATALOG_NAME)]);
            }
            Ok(())
        }
        .boxed()
    },
};

pub(super) const TABLES: SystemTable = SystemTable {
    schema: "information_schema",
    name: "tables",
    doc: "Tables and views, as the SQL standard shows them.",
    columns: &[
        ("table_catalog", DataType::Utf8),
        ("table_schema", DataType::Utf8),
        ("table_name", DataType::Utf8),
        ("table_type", DataType::Utf8),
        ("is_insertable_into", DataType::Utf8),
    ],
    fill: |system, rows| {
        async move {
            for (name, relation) in system.snapshot().relations() {
                let kind = match relation.kind {
                    RelationKind::External(_) | RelationKind::Managed(_) => "BASE TABLE",
                    RelationKind::Persisted(_) => "LOCAL TEMPORARY",
                    RelationKind::View(_) => "VIEW",
                };
                rows.push([
                    text(CATALOG_NAME),
                    text(name.schema),
                    text(name.name),
                    text(kind),
                    text(match relation.kind {
                        RelationKind::Managed(_) => "YES",
                        _ => "NO",
                    }),
                ]);
            }
            for table in ALL {
                rows.push([
                    text(CATALOG_NAME),
                    text(table.schema),
                    text(table.name),
                    text("VIEW"),
                    text("NO"),
                ]);
            }
            Ok(())
        }
        .boxed()
    },
};

pub(super) const COLUMNS: SystemTable = SystemTable {
    schema: "information_schema",
    name: "columns",
    doc: "Columns, as the SQL standard shows them.",
    columns: &[
        ("table_catalog", DataType::Utf8),
        ("table_schema", DataType::Utf8),
        ("table_name", DataType::Utf8),
        ("column_name", DataType::Utf8),
        ("ordinal_position", DataType::Int64),
        ("is_nullable", DataType::Utf8),
        ("data_type", DataType::Utf8),
    ],
    fill: |system, rows| {
        async move {
            for (name, schema) in schemas_of_relations(system).await {
                for (at, field) in schema.fields().iter().enumerate() {
                    rows.push([
                        text(CATALOG_NAME),
                        text(&name.schema),
                        text(&name.name),
                        text(field.name()),
                        count(at + 1),
                        text(if field.is_nullable() { "YES" } else { "NO" }),
                        text(type_name(field.data_type())),
                    ]);
                }
            }
            Ok(())
        }
        .boxed()
    },
};

pub(super) const VIEWS: SystemTable = SystemTable {
    schema: "information_schema",
    name: "views",
    doc: "Views, as the SQL standard shows them.",
    columns: &[
        ("table_catalog", DataType::Utf8),
        ("table_schema", DataType::Utf8),
        ("table_name", DataType::Utf8),
        ("view_definition", DataType::Utf8),
        ("is_updatable", DataType::Utf8),
    ],
    fill: |system, rows| {
        async move {
            for (name, relation) in system.snapshot().relations() {
                if let RelationKind::View(view) = &relation.kind {
                    rows.push([
                        text(CATALOG_NAME),
                        text(name.schema),
                        text(name.name),
                        text(view.shown_sql()),
                        text("NO"),
                    ]);
                }
            }
            Ok(())
        }
        .boxed()
    },
};
