//! Who may do what with relations, as `information_schema` shows it.

use futures::FutureExt;

use super::attributes::columns_of;
use super::cells::row;
use super::objects::{Entry, Origin};
use super::{Fill, Rows};
use crate::catalog::{CATALOG_NAME, RelationKind};
use crate::error::Result;
use crate::system::SystemTables;

pub(super) const FILLS: &[(&str, Fill)] = &[
    ("table_privileges", |system, rows| {
        async move { tables(system, rows) }.boxed()
    }),
    ("role_table_grants", |system, rows| {
        async move { tables(system, rows) }.boxed()
    }),
    ("column_privileges", |system, rows| {
        columns(system, rows).boxed()
    }),
    ("role_column_grants", |system, rows| {
        columns(system, rows).boxed()
    }),
];

/// What can be done with a relation.
fn privileges(entry: &Entry) -> &'static [&'static str] {
    let is_managed = match &entry.origin {
        Origin::User(relation) => matches!(relation.kind, RelationKind::Managed(_)),
        _ => false,
    };
    match is_managed {
        true => &["INSERT", "SELECT", "UPDATE", "DELETE", "TRUNCATE"],
        false => &["SELECT"],
    }
}

fn tables(system: &SystemTables, rows: &mut Rows) -> Result<()> {
    for entry in &system.objects().relations {
        for privilege in privileges(entry) {
            row!(rows,
                "grantor" => system.owner(),
                "grantee" => system.owner(),
                "table_catalog" => CATALOG_NAME,
                "table_schema" => &entry.schema,
                "table_name" => &entry.name,
                "privilege_type" => *privilege,
                "is_grantable" => "YES",
                "with_hierarchy" => if *privilege == "SELECT" { "YES" } else { "NO" },
            );
        }
    }
    Ok(())
}

async fn columns(system: &SystemTables, rows: &mut Rows) -> Result<()> {
    let objects = system.objects();
    for (entry, schema) in columns_of(system, &objects).await {
        let of_columns = |p: &&&str| matches!(**p, "SELECT" | "INSERT" | "UPDATE");
        for field in schema.fields() {
            for privilege in privileges(entry).iter().filter(of_columns) {
                row!(rows,
                    "grantor" => system.owner(),
                    "grantee" => system.owner(),
                    "table_catalog" => CATALOG_NAME,
                    "table_schema" => &entry.schema,
                    "table_name" => &entry.name,
                    "column_name" => field.name(),
                    "privilege_type" => *privilege,
                    "is_grantable" => "YES",
                );
            }
        }
    }
    Ok(())
}
