//! Columns and types: `pg_attribute`, `pg_type`, `pg_stats`.

use arrow::datatypes::Schema;
use futures::FutureExt;
use std::sync::Arc;

use super::cells::row;
use super::objects::{Entry, OWNER, Objects, Origin, PG_CATALOG};
use super::{Fill, Rows};
use crate::error::Result;
use crate::sql::pg_type;
use crate::system::SystemTables;
use crate::system::objects::schema_of;

pub(super) const FILLS: &[(&str, Fill)] = &[
    ("pg_attribute", |system, rows| {
        async move {
            for (entry, schema) in columns_of(system, &system.objects()).await {
                for (number, field) in (1_i16..).zip(schema.fields()) {
                    attribute(rows, entry.oid, number, field, entry.not_null(field));
                }
            }
            Ok(())
        }
        .boxed()
    }),
    ("pg_type", |_, rows| {
        async move {
            for found in pg_type::all() {
                one_type(rows, found);
            }
            Ok(())
        }
        .boxed()
    }),
    ("pg_stats", |system, rows| {
        async move {
            for entry in &system.objects().relations {
                let Origin::User(relation) = &entry.origin else {
                    continue;
                };
                let Some(statistics) = &relation.statistics else {
                    continue;
                };
                // Bounds and common values are data.
                if !system.may_read(relation) {
                    continue;
                }
                for (column, known) in &statistics.columns {
                    let all = statistics.rows.max(1);
                    #[allow(clippy::cast_precision_loss)]
                    let share = |count: u64| count as f64 / all as f64;
                    row!(rows,
                        "schemaname" => &entry.schema,
                        "tablename" => &entry.name,
                        "attname" => column,
                        "inherited" => false,
                        "null_frac" => share(known.nulls),
                        "avg_width" => 0,
                        "n_distinct" => known.distinct.map_or(0.0, |d| -share(d)),
                    );
                }
            }
            Ok(())
        }
        .boxed()
    }),
];

fn attribute(
    rows: &mut Rows,
    relation: u32,
    number: i16,
    field: &arrow::datatypes::Field,
    not_null: bool,
) {
    let (oid, modifier) = pg_type::of_field(field);
    let Some(of) = pg_type::by_oid(oid) else {
        return;
    };
    row!(rows,
        "attrelid" => relation,
        "attname" => field.name(),
        "atttypid" => of.oid,
        "attstattarget" => -1,
        "attlen" => of.length,
        "attnum" => number,
        "attndims" => i32::from(of.name.starts_with('_')),
        "attcacheoff" => -1,
        "atttypmod" => modifier,
        "attbyval" => of.by_value,
        "attalign" => of.align,
        "attstorage" => of.storage,
        "attnotnull" => not_null,
        "attislocal" => true,
        "attcollation" => of.collation,
    );
}

fn one_type(rows: &mut Rows, found: &pg_type::PgType) {
    let function = |at: usize| {
        let known = found.functions.get(at).and_then(Option::as_ref);
        known.map_or(0, |(_, oid)| *oid)
    };
    row!(rows,
        "oid" => found.oid,
        "typname" => &found.name,
        "typnamespace" => PG_CATALOG,
        "typowner" => OWNER,
        "typlen" => found.length,
        "typbyval" => found.by_value,
        "typtype" => found.kind,
        "typcategory" => found.category,
        "typispreferred" => found.preferred,
        "typisdefined" => true,
        "typdelim" => found.delimiter,
        // raw_array_subscript_handler, array_subscript_handler
        "typsubscript" => match (found.element, found.length) {
            (0, _) => 0_u32,
            (_, -1) => 6179,
            _ => 6180,
        },
        "typelem" => found.element,
        "typarray" => found.array,
        "typinput" => function(0),
        "typoutput" => function(1),
        "typreceive" => function(2),
        "typsend" => function(3),
        "typalign" => found.align,
        "typstorage" => found.storage,
        "typtypmod" => -1,
        "typcollation" => found.collation,
    );
}

/// The columns of every relation whose columns can be known.
pub(super) async fn columns_of<'a>(
    system: &SystemTables,
    objects: &'a Objects,
) -> Vec<(&'a Entry, Arc<Schema>)> {
    let mut found = Vec::new();
    for entry in &objects.relations {
        let schema: Result<Arc<Schema>> = match &entry.origin {
            Origin::User(relation) => schema_of(system, relation).await,
            Origin::Declared(declared) => Ok(Arc::clone(&declared.fields)),
            Origin::System(table) => Ok(table.schema()),
        };
        if let Ok(schema) = schema {
            found.push((entry, schema));
        }
    }
    found
}
