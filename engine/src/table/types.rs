//! Types as they are stored: what Delta has no type for is widened, or refused with a way out.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};

use crate::error::{Error, Kind, Result};
use crate::sql::type_name;

/// Characters that a column's name cannot have in a Delta table.
const FORBIDDEN: &[char] = &[' ', ',', ';', '{', '}', '(', ')', '\n', '\t', '='];

/// The columns of a query or definition as a table stores them.
pub fn storable_schema(schema: &Schema) -> Result<SchemaRef> {
    let mut seen = std::collections::HashSet::new();
    let fields = schema.fields().iter().map(|field| {
        let name = field.name();
        // Other programs compare names without regard to case.
        if !seen.insert(name.to_lowercase()) {
            return Err(Error::new(
                Kind::DuplicateColumn,
                format!("column \"{name}\" specified more than once"),
            )
            .hint("Names of a stored table's columns must differ by more than case."));
        }
        if name.is_empty() || name.contains(FORBIDDEN) {
            return Err(Error::new(
                Kind::InvalidTableDefinition,
                format!("column name \"{name}\" cannot be stored"),
            )
            .hint("Give the column a name without spaces and any of ,;{}()= : … AS name."));
        }
        let data_type = storable(field.data_type()).map_err(|e| Error {
            message: format!("column \"{name}\": {}", e.message),
            ..e
        })?;
        Ok(Field::new(name, data_type, field.is_nullable()))
    });
    Ok(Arc::new(Schema::new(fields.collect::<Result<Vec<_>>>()?)))
}

/// The type in which values of a type are stored.
pub fn storable(data_type: &DataType) -> Result<DataType> {
    Ok(match data_type {
        DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            DataType::Utf8View
        }
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => DataType::BinaryView,
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 => DataType::Float32,
        DataType::Date64 => DataType::Date32,
        DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(_, Some(_)) => {
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
        }
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s)
            if *s >= 0 =>
        {
            DataType::Decimal128(*p, *s)
        }
        DataType::Decimal256(p, s) if *p <= 38 && *s >= 0 => DataType::Decimal128(*p, *s),
        DataType::Dictionary(_, value) => storable(value)?,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            DataType::List(stored_field(item)?)
        }
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(stored_field).collect::<Result<_>>()?)
        }
        DataType::Map(entries, sorted) => DataType::Map(stored_field(entries)?, *sorted),
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Date32 => data_type.clone(),
        other => {
            return Err(
                Error::unsupported(format!("storing values of type {}", type_name(other)))
                    .hint("Cast it to text, or to a number of seconds, and back when you read it."),
            );
        }
    })
}

fn stored_field(field: &FieldRef) -> Result<FieldRef> {
    let data_type = storable(field.data_type())?;
    Ok(Arc::new(Field::new(
        field.name(),
        data_type,
        field.is_nullable(),
    )))
}

/// The type as Delta's own schema names it, which has no views.
pub(super) fn plain(data_type: &DataType) -> DataType {
    let field =
        |f: &FieldRef| Arc::new(Field::new(f.name(), plain(f.data_type()), f.is_nullable()));
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::List(item) => DataType::List(field(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect()),
        DataType::Map(entries, sorted) => DataType::Map(field(entries), *sorted),
        other => other.clone(),
    }
}

pub(super) fn plain_schema(schema: &Schema) -> Schema {
    let fields = schema.fields().iter();
    Schema::new(
        fields
            .map(|f| Field::new(f.name(), plain(f.data_type()), f.is_nullable()))
            .collect::<Vec<_>>(),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn types_are_widened_or_refused() {
        let stored = |t: DataType| storable(&t).map(|t| type_name(&t));
        assert_eq!(stored(DataType::Null).unwrap(), "text");
        assert_eq!(stored(DataType::UInt64).unwrap(), "numeric(20,0)");
        assert_eq!(
            stored(DataType::Timestamp(TimeUnit::Nanosecond, None)).unwrap(),
            "timestamp without time zone"
        );
        let time = stored(DataType::Time64(TimeUnit::Microsecond)).unwrap_err();
        assert_eq!(time.sqlstate(), "0A000");
    }

    #[test]
    fn names_must_differ_and_be_storable() {
        let schema = |names: &[&str]| {
            let fields = names.iter().map(|n| Field::new(*n, DataType::Int64, true));
            Schema::new(fields.collect::<Vec<_>>())
        };
        assert!(storable_schema(&schema(&["a", "b"])).is_ok());
        let code = |names: &[&str]| storable_schema(&schema(names)).unwrap_err().sqlstate();
        assert_eq!(code(&["a", "A"]), "42701");
        assert_eq!(code(&["a b"]), "42P16");
    }
}
