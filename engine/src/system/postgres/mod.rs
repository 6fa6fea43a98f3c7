//! `pg_catalog` and `information_schema`: the engine's objects as PostgreSQL's clients ask for them.
//!
//! # Relations
//!
//! [`RELATIONS`] declares every relation of both schemas with PostgreSQL's columns and types, from two
//! text files. Those that have rows here are filled by the functions of [`fill`]; the others are
//! empty, because there is nothing of the kind. A relation is made when a query names it.
//!
//! # OIDs
//!
//! PostgreSQL's own objects keep its OIDs. Those of users have an OID that follows from their name
//! ([`objects::Objects`]), so that it is the same in every process. [`table_oid`] gives the OID of a
//! table to those who describe columns of results.
//!
//! # Types
//!
//! An OID is a `UInt32`, `name` and `"char"` are text; the metadata of the field says what it is
//! ([`crate::sql::pg_type`]).

mod attributes;
mod cells;
mod classes;
mod directory;
mod fixed;
mod functions;
mod objects;
mod privileges;
mod routines;
mod standard;
mod state;

pub use directory::{SessionDirectory, SessionInfo};
pub use functions::Functions;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, IntervalUnit, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use futures::future::BoxFuture;

use super::SystemTables;
use crate::catalog::{ObjectName, Snapshot};
use crate::error::Result;
use crate::sql::pg_type::{self, PG_TYPE, PgType};
use cells::Rows;

/// The declaration of one relation.
#[derive(Debug)]
pub struct Declared {
    pub schema: &'static str,
    pub name: &'static str,
    pub oid: u32,
    pub is_view: bool,
    pub columns: Vec<(&'static str, &'static PgType)>,
    pub fields: SchemaRef,
    defaults: Vec<cells::Cell>,
}

/// Every relation, by schema and name.
pub static RELATIONS: LazyLock<Vec<Declared>> = LazyLock::new(|| {
    let both = [
        ("information_schema", include_str!("information_schema.txt")),
        ("pg_catalog", include_str!("pg_catalog.txt")),
    ];
    let lines = both
        .into_iter()
        .flat_map(|(schema, text)| text.lines().map(move |line| (schema, line)));
    lines
        .filter_map(|(schema, line)| declared(schema, line))
        .collect()
});

static BY_NAME: LazyLock<HashMap<(&'static str, &'static str), usize>> = LazyLock::new(|| {
    let named = RELATIONS.iter().enumerate();
    named.map(|(at, r)| ((r.schema, r.name), at)).collect()
});

/// `name oid kind column type[?], …`; a `?` marks a column that may be NULL.
fn declared(schema: &'static str, line: &'static str) -> Option<Declared> {
    let mut words = line.splitn(4, ' ');
    let name = words.next()?;
    let oid = words.next()?.parse().ok()?;
    let is_view = words.next()? == "v";
    let mut columns = Vec::new();
    let mut fields = Vec::new();
    let mut defaults = Vec::new();
    for column in words.next()?.split(", ") {
        let (name, type_name) = column.split_once(' ')?;
        let (type_name, nullable) = match type_name.strip_suffix('?') {
            Some(type_name) => (type_name, true),
            None => (type_name, false),
        };
        let pg = pg_type::by_name(type_name)?;
        let arrow = arrow_type(pg);
        defaults.push(if nullable {
            cells::Cell::Null
        } else {
            cells::Cell::zero(&arrow)
        });
        fields.push(field(name, pg, arrow));
        columns.push((name, pg));
    }
    Some(Declared {
        schema,
        name,
        oid,
        is_view,
        columns,
        fields: Arc::new(Schema::new(fields)),
        defaults,
    })
}

fn field(name: &str, pg: &PgType, arrow: DataType) -> Field {
    let says_enough = pg_type::of_arrow(&arrow).0 == pg.oid;
    let field = Field::new(name, arrow, true);
    if says_enough {
        return field;
    }
    field.with_metadata(HashMap::from([(PG_TYPE.to_string(), pg.name.clone())]))
}

/// The Arrow type that holds the values of a type.
fn arrow_type(pg: &PgType) -> DataType {
    let item = pg_type::by_oid(pg.element).filter(|_| pg.category == 'A');
    if let Some(item) = item {
        return DataType::new_list(arrow_type(item), true);
    }
    match pg.name.as_str() {
        "bool" => DataType::Boolean,
        "int2" => DataType::Int16,
        "int4" => DataType::Int32,
        "int8" => DataType::Int64,
        "float4" => DataType::Float32,
        "float8" => DataType::Float64,
        "numeric" => DataType::Decimal128(38, 0),
        "timestamptz" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "interval" => DataType::Interval(IntervalUnit::MonthDayNano),
        "oid" | "xid" | "cid" => DataType::UInt32,
        name if name.starts_with("reg") => DataType::UInt32,
        _ => DataType::Utf8,
    }
}

/// The declaration of a relation.
pub fn relation(schema: &str, name: &str) -> Option<&'static Declared> {
    let known: &HashMap<(&str, &str), usize> = &BY_NAME;
    RELATIONS.get(*known.get(&(schema, name))?)
}

/// The relation with its rows as they are now.
pub(super) async fn open(
    system: &SystemTables,
    schema: &str,
    name: &str,
) -> Result<Option<Arc<dyn TableProvider>>> {
    let Some(relation) = relation(schema, name) else {
        return Ok(None);
    };
    let mut rows = Rows::new(relation);
    if let Some(fill) = fill(relation.schema, relation.name) {
        fill(system, &mut rows).await?;
    }
    let batch = rows.finish()?;
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]])?;
    Ok(Some(Arc::new(table)))
}

type Fill = for<'a> fn(&'a SystemTables, &'a mut Rows) -> BoxFuture<'a, Result<()>>;

/// What fills a relation; `None` for one that is always empty.
fn fill(schema: &str, name: &str) -> Option<Fill> {
    let tables: [&[(&str, Fill)]; 7] = match schema {
        "pg_catalog" => [
            classes::FILLS,
            attributes::FILLS,
            fixed::FILLS,
            routines::FILLS,
            state::FILLS,
            &[],
            &[],
        ],
        _ => [standard::FILLS, privileges::FILLS, &[], &[], &[], &[], &[]],
    };
    let mut all = tables.into_iter().flatten();
    all.find(|(known, _)| *known == name).map(|(_, fill)| *fill)
}

/// The OID of a table or view, as `pg_class` shows it.
pub fn table_oid(snapshot: &Snapshot, name: &ObjectName) -> Option<u32> {
    objects::Objects::of(snapshot)
        .relation(&name.schema, &name.name)
        .map(|r| r.oid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_relation() {
        let lines = include_str!("information_schema.txt").lines().count()
            + include_str!("pg_catalog.txt").lines().count();
        assert_eq!(RELATIONS.len(), lines);
    }

    #[test]
    fn every_filled_relation_is_declared() {
        let pg = [
            classes::FILLS,
            attributes::FILLS,
            fixed::FILLS,
            routines::FILLS,
            state::FILLS,
        ];
        for (name, _) in pg.into_iter().flatten() {
            assert!(relation("pg_catalog", name).is_some(), "{name}");
        }
        for (name, _) in standard::FILLS.iter().chain(privileges::FILLS) {
            assert!(relation("information_schema", name).is_some(), "{name}");
        }
    }
}
