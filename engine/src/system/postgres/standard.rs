//! The standard's `information_schema`: schemas, relations and columns.

use arrow::datatypes::{DataType, Field};
use futures::FutureExt;

use super::attributes::columns_of;
use super::cells::row;
use super::classes::definition;
use super::objects::{Entry, MODEL, Origin};
use super::{Fill, Rows};
use crate::catalog::{CATALOG_NAME, RelationKind};
use crate::sql::pg_type;

pub(super) const FILLS: &[(&str, Fill)] = &[
    ("information_schema_catalog_name", |_, rows| {
        async move {
            row!(rows, "catalog_name" => CATALOG_NAME);
            Ok(())
        }
        .boxed()
    }),
    ("schemata", |system, rows| {
        async move {
            for name in system.objects().namespaces.keys() {
                row!(rows,
                    "catalog_name" => CATALOG_NAME,
                    "schema_name" => name,
                    "schema_owner" => system.schema_access(name).owner,
                );
            }
            Ok(())
        }
        .boxed()
    }),
    ("tables", |system, rows| {
        async move {
            let objects = system.objects();
            for entry in objects.relations.iter().filter(|e| e.kind() != MODEL) {
                row!(rows,
                    "table_catalog" => CATALOG_NAME,
                    "table_schema" => &entry.schema,
                    "table_name" => &entry.name,
                    "table_type" => table_type(entry),
                    "is_insertable_into" => yes_no(is_managed(entry)),
                    "is_typed" => "NO",
                );
            }
            Ok(())
        }
        .boxed()
    }),
    ("columns", |system, rows| {
        async move {
            let objects = system.objects();
            for (entry, schema) in columns_of(system, &objects).await {
                for (at, field) in schema.fields().iter().enumerate() {
                    column(rows, entry, at + 1, field);
                }
            }
            Ok(())
        }
        .boxed()
    }),
    ("views", |system, rows| {
        async move {
            let objects = system.objects();
            for entry in objects.relations.iter().filter(|e| e.kind() == 'v') {
                row!(rows,
                    "table_catalog" => CATALOG_NAME,
                    "table_schema" => &entry.schema,
                    "table_name" => &entry.name,
                    "view_definition" => definition(entry),
                    "check_option" => "NONE",
                    "is_updatable" => "NO",
                    "is_insertable_into" => "NO",
                    "is_trigger_updatable" => "NO",
                    "is_trigger_deletable" => "NO",
                    "is_trigger_insertable_into" => "NO",
                );
            }
            Ok(())
        }
        .boxed()
    }),
    ("character_sets", |_, rows| {
        async move {
            row!(rows,
                "character_set_name" => "UTF8",
                "character_repertoire" => "UCS",
                "form_of_use" => "UTF8",
                "default_collate_catalog" => CATALOG_NAME,
                "default_collate_schema" => "pg_catalog",
                "default_collate_name" => "C",
            );
            Ok(())
        }
        .boxed()
    }),
    ("collations", |_, rows| {
        async move {
            for name in ["default", "C", "POSIX"] {
                row!(rows,
                    "collation_catalog" => CATALOG_NAME,
                    "collation_schema" => "pg_catalog",
                    "collation_name" => name,
                    "pad_attribute" => "NO PAD",
                );
            }
            Ok(())
        }
        .boxed()
    }),
    ("enabled_roles", |system, rows| {
        async move {
            for role in system.snapshot().roles_of(&system.user) {
                row!(rows, "role_name" => role);
            }
            Ok(())
        }
        .boxed()
    }),
    ("routines", |system, rows| {
        async move {
            for function in &system.functions.all {
                row!(rows,
                    "specific_catalog" => CATALOG_NAME,
                    "specific_schema" => "pg_catalog",
                    "specific_name" => format!("{}_{}", function.name, function.oid),
                    "routine_catalog" => CATALOG_NAME,
                    "routine_schema" => "pg_catalog",
                    "routine_name" => &function.name,
                    // Aggregates are functions without a type in the standard's eyes.
                    "routine_type" => (function.kind == 'f').then_some("FUNCTION"),
                    "data_type" => "\"any\"",
                    "routine_body" => "EXTERNAL",
                    "external_language" => "INTERNAL",
                    "is_deterministic" => "NO",
                    "security_type" => "INVOKER",
                );
            }
            Ok(())
        }
        .boxed()
    }),
];

fn table_type(entry: &Entry) -> &'static str {
    match &entry.origin {
        _ if entry.is_temporary() => "LOCAL TEMPORARY",
        Origin::User(relation) => match relation.kind {
            RelationKind::Persisted(_) => "LOCAL TEMPORARY",
            RelationKind::View(_) => "VIEW",
            _ => "BASE TABLE",
        },
        Origin::Declared(declared) if !declared.is_view => "BASE TABLE",
        _ => "VIEW",
    }
}

fn is_managed(entry: &Entry) -> bool {
    match &entry.origin {
        Origin::User(relation) => matches!(relation.kind, RelationKind::Managed(_)),
        _ => false,
    }
}

fn yes_no(value: bool) -> &'static str {
    if value { "YES" } else { "NO" }
}

fn column(rows: &mut Rows, entry: &Entry, number: usize, field: &Field) {
    let (oid, modifier) = pg_type::of_field(field);
    let Some(of) = pg_type::by_oid(oid) else {
        return;
    };
    let is_array = of.name.starts_with('_');
    row!(rows,
        "table_catalog" => CATALOG_NAME,
        "table_schema" => &entry.schema,
        "table_name" => &entry.name,
        "column_name" => field.name(),
        "ordinal_position" => number,
        "is_nullable" => yes_no(!entry.not_null(field)),
        "data_type" => if is_array { "ARRAY".to_string() } else { pg_type::format_type(oid, None) },
        "numeric_precision_radix" => radix(oid),
        "numeric_precision" => precision(field.data_type(), oid),
        "numeric_scale" => scale(oid, modifier),
        "datetime_precision" => time_digits(oid, modifier),
        "character_octet_length" => matches!(oid, 25 | 1043).then_some(1_073_741_824_i64),
        "udt_catalog" => CATALOG_NAME,
        "udt_schema" => "pg_catalog",
        "udt_name" => &of.name,
        "dtd_identifier" => number.to_string(),
        "is_self_referencing" => "NO",
        "is_identity" => "NO",
        "identity_cycle" => "NO",
        "is_generated" => "NEVER",
        "is_updatable" => yes_no(is_managed(entry)),
    );
}

fn radix(oid: u32) -> Option<i32> {
    match oid {
        20 | 21 | 23 | 700 | 701 => Some(2),
        1700 => Some(10),
        _ => None,
    }
}

fn precision(arrow: &DataType, oid: u32) -> Option<i32> {
    match (oid, arrow) {
        (21, _) => Some(16),
        (23, _) => Some(32),
        (20, _) => Some(64),
        (700, _) => Some(24),
        (701, _) => Some(53),
        (
            1700,
            DataType::Decimal32(p, _)
            | DataType::Decimal64(p, _)
            | DataType::Decimal128(p, _)
            | DataType::Decimal256(p, _),
        ) => Some(i32::from(*p)),
        _ => None,
    }
}

fn scale(oid: u32, modifier: i32) -> Option<i32> {
    match oid {
        20 | 21 | 23 => Some(0),
        1700 if modifier >= 4 => Some((modifier - 4) & 0x7ff),
        _ => None,
    }
}

/// Digits of a second's fraction.
fn time_digits(oid: u32, modifier: i32) -> Option<i32> {
    match oid {
        1082 => Some(0),
        1083 | 1114 | 1184 | 1186 | 1266 => Some(if modifier < 0 { 6 } else { modifier }),
        _ => None,
    }
}
