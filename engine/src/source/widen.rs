//! One schema for files that differ: the union of their columns, each with a type that holds all.
//!
//! Integers widen to larger integers, then to double or decimal; dates to timestamps; whatever else
//! disagrees becomes text. A column that some file lacks is nullable and reads as NULL there.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

/// Merges schemas in the order of the files; columns go by name.
pub fn union<'a>(schemas: impl IntoIterator<Item = &'a Schema>) -> Schema {
    let mut merged: Vec<Field> = Vec::new();
    for (count, schema) in schemas.into_iter().enumerate() {
        for field in merged.iter_mut() {
            if schema.field_with_name(field.name()).is_err() {
                *field = field.clone().with_nullable(true);
            }
        }
        for field in schema.fields() {
            match merged.iter_mut().find(|known| known.name() == field.name()) {
                Some(known) => {
                    let wide = wider(known.data_type(), field.data_type());
                    let nullable = known.is_nullable() || field.is_nullable();
                    *known = known.clone().with_data_type(wide).with_nullable(nullable);
                }
                None => merged.push(plain(field).with_nullable(field.is_nullable() || count > 0)),
            }
        }
    }
    Schema::new(merged)
}

/// The field without the metadata that the writer of a file left there.
fn plain(field: &Field) -> Field {
    Field::new(field.name(), field.data_type().clone(), field.is_nullable())
}

/// The narrowest type that holds the values of both.
pub fn wider(a: &DataType, b: &DataType) -> DataType {
    use DataType::*;
    if a == b {
        return a.clone();
    }
    match (a, b) {
        (Null, other) | (other, Null) => other.clone(),
        (Struct(x), Struct(y)) => {
            let (x, y) = (Schema::new(x.clone()), Schema::new(y.clone()));
            Struct(union([&x, &y]).fields)
        }
        (List(x), List(y)) => {
            let item = wider(x.data_type(), y.data_type());
            let nullable = x.is_nullable() || y.is_nullable();
            List(Arc::new(Field::new(x.name(), item, nullable)))
        }
        (Timestamp(x, zone), Timestamp(y, other)) if zone == other => {
            Timestamp((*x).max(*y), zone.clone())
        }
        (Date32, Timestamp(_, None)) => b.clone(),
        (Timestamp(_, None), Date32) => a.clone(),
        (Date32 | Date64, Date32 | Date64) => Timestamp(TimeUnit::Millisecond, None),
        (Binary | LargeBinary | BinaryView, Binary | LargeBinary | BinaryView) => BinaryView,
        _ if a.is_numeric() && b.is_numeric() => wider_number(a, b),
        _ => Utf8View,
    }
}

fn wider_number(a: &DataType, b: &DataType) -> DataType {
    if a.is_floating() || b.is_floating() {
        return match (a, b) {
            (
                DataType::Float32,
                DataType::Int8
                | DataType::Int16
                | DataType::UInt8
                | DataType::UInt16
                | DataType::Float16,
            )
            | (
                DataType::Int8
                | DataType::Int16
                | DataType::UInt8
                | DataType::UInt16
                | DataType::Float16,
                DataType::Float32,
            ) => DataType::Float32,
            _ => DataType::Float64,
        };
    }
    let (Some((before_a, after_a)), Some((before_b, after_b))) = (digits(a), digits(b)) else {
        return DataType::Float64;
    };
    let (before, after) = (before_a.max(before_b), after_a.max(after_b));
    let integers = a.is_integer() && b.is_integer();
    match before + after {
        _ if integers && signed(a) == signed(b) => {
            if before_a >= before_b {
                a.clone()
            } else {
                b.clone()
            }
        }
        width if integers && width <= 19 => DataType::Int64,
        width if width <= 38 => DataType::Decimal128(width, i8::try_from(after).unwrap_or(0)),
        width if width <= 76 => DataType::Decimal256(width, i8::try_from(after).unwrap_or(0)),
        _ => DataType::Float64,
    }
}

fn signed(data_type: &DataType) -> bool {
    data_type.is_signed_integer()
}

/// Decimal digits before and after the point that the type can need.
fn digits(data_type: &DataType) -> Option<(u8, u8)> {
    use DataType::*;
    Some(match data_type {
        Int8 | UInt8 => (3, 0),
        Int16 | UInt16 => (5, 0),
        Int32 | UInt32 => (10, 0),
        Int64 => (19, 0),
        UInt64 => (20, 0),
        Decimal32(p, s) | Decimal64(p, s) | Decimal128(p, s) | Decimal256(p, s) => {
            let after = u8::try_from(*s).ok()?;
            (p.saturating_sub(after), after)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use DataType::*;

    #[test]
    fn types_widen() {
        let cases = [
            (Int32, Int64, Int64),
            (Int64, Float64, Float64),
            (Int64, Utf8View, Utf8View),
            (Boolean, Int64, Utf8View),
            (
                Date32,
                Timestamp(TimeUnit::Microsecond, None),
                Timestamp(TimeUnit::Microsecond, None),
            ),
            (Int32, UInt32, Int64),
            (Int64, UInt64, Decimal128(20, 0)),
            (Int64, Decimal128(10, 2), Decimal128(21, 2)),
            (Float32, Int32, Float64),
            (Utf8, LargeUtf8, Utf8View),
            (Null, Int8, Int8),
        ];
        for (a, b, expected) in cases {
            assert_eq!(wider(&a, &b), expected, "{a} {b}");
            assert_eq!(wider(&b, &a), expected, "{b} {a}");
        }
    }

    #[test]
    fn columns_unite() {
        let one = Schema::new(vec![
            Field::new("a", Int64, false),
            Field::new("b", Int64, false),
        ]);
        let two = Schema::new(vec![
            Field::new("b", Float64, false),
            Field::new("c", Utf8, false),
        ]);
        let merged = union([&one, &two]);
        let expected = Schema::new(vec![
            Field::new("a", Int64, true),
            Field::new("b", Float64, false),
            Field::new("c", Utf8, true),
        ]);
        assert_eq!(merged, expected);
    }
}
