//! Who may do what with relations, as `information_schema` shows it.

use futures::FutureExt;

use super::attributes::columns_of;
use super::cells::row;
use super::objects::{Entry, Origin};
use super::{Fill, Rows};
use crate::catalog::{CATALOG_NAME, PUBLIC, Privilege, RelationKind};
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

/// A privilege that a grantee has, and whether the grantee owns the relation.
type Held<'a> = (&'a str, Privilege, bool);

/// Who may do what with a relation: the owner what is possible, others what was granted.
fn held(entry: &Entry) -> Vec<Held<'_>> {
    let (possible, granted) = match &entry.origin {
        Origin::User(relation) => {
            let possible = match relation.kind {
                RelationKind::Managed(_) => Privilege::OF_RELATIONS,
                _ => &[Privilege::Select],
            };
            (possible, Some(&relation.access.grants))
        }
        _ => (&[Privilege::Select][..], None),
    };
    let owner = entry.owner();
    let own = possible.iter().map(|privilege| (owner, *privilege, true));
    let others = granted.into_iter().flatten().flat_map(|(grantee, held)| {
        let grantee = match grantee.as_str() {
            PUBLIC => "PUBLIC",
            role => role,
        };
        held.iter()
            .map(move |privilege| (grantee, *privilege, false))
    });
    own.chain(others).collect()
}

fn yes_no(value: bool) -> &'static str {
    if value { "YES" } else { "NO" }
}

fn tables(system: &SystemTables, rows: &mut Rows) -> Result<()> {
    for entry in &system.objects().relations {
        for (grantee, privilege, is_owner) in held(entry) {
            row!(rows,
                "grantor" => entry.owner(),
                "grantee" => grantee,
                "table_catalog" => CATALOG_NAME,
                "table_schema" => &entry.schema,
                "table_name" => &entry.name,
                "privilege_type" => privilege.name(),
                "is_grantable" => yes_no(is_owner),
                "with_hierarchy" => yes_no(privilege == Privilege::Select),
            );
        }
    }
    Ok(())
}

async fn columns(system: &SystemTables, rows: &mut Rows) -> Result<()> {
    let objects = system.objects();
    for (entry, schema) in columns_of(system, &objects).await {
        let of_columns = [Privilege::Select, Privilege::Insert, Privilege::Update];
        let held = held(entry);
        for field in schema.fields() {
            for (grantee, privilege, is_owner) in &held {
                if !of_columns.contains(privilege) {
                    continue;
                }
                row!(rows,
                    "grantor" => entry.owner(),
                    "grantee" => *grantee,
                    "table_catalog" => CATALOG_NAME,
                    "table_schema" => &entry.schema,
                    "table_name" => &entry.name,
                    "column_name" => field.name(),
                    "privilege_type" => privilege.name(),
                    "is_grantable" => yes_no(*is_owner),
                );
            }
        }
    }
    Ok(())
}
