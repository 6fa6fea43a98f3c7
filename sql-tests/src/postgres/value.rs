//! Values of the wire as the files have them: where PostgreSQL's text is another than the engine's
//! it is mapped here, by type, and binary values are read back into Arrow.

use arrow::datatypes::DataType;
use quern_engine::sql::pg_type;
use quern_engine::value_text::{TextColumn, TextStyle};
use quern_server::postgres::types;

use super::wire::Field;
use crate::column::Column;
use crate::value;
use crate::way::Failure;

const BOOL: u32 = 16;
const NUMERIC: u32 = 1700;

/// The kind of a type.
pub fn column(oid: u32) -> Column {
    let Some(known) = pg_type::by_oid(oid) else {
        return Column::Unknown;
    };
    match known.name.as_str() {
        "bool" => Column::Boolean,
        "int2" | "int4" | "int8" => Column::Integer,
        "float4" | "float8" | "numeric" => Column::Real,
        "date" | "time" | "timestamp" | "timestamptz" | "interval" => Column::Datetime,
        "bytea" => Column::Binary,
        // Structs and maps.
        "record" | "jsonb" => Column::Nested,
        _ if known.is_oid() => Column::Integer,
        _ if known.element != 0 && known.length < 0 => Column::Nested,
        _ => Column::Text,
    }
}

/// The Arrow type that the binary form of a type is read as; `None` where text is to be asked for.
pub fn read_as(field: &Field) -> Option<DataType> {
    match field.oid {
        NUMERIC => {
            let modifier = u32::try_from(field.modifier.checked_sub(4)?).ok()?;
            let precision = u8::try_from(modifier >> 16).ok()?;
            let scale = i8::try_from(modifier & 0x7ff).ok()?;
            (precision <= 38).then_some(DataType::Decimal128(precision, scale))
        }
        // Its items may have any number of digits.
        array if pg_type::by_oid(array).is_some_and(|t| t.element == NUMERIC) => None,
        oid => types::arrow_type_of(oid),
    }
}

/// A value in the notation of the files.
pub fn text(field: &Field, bytes: Option<&[u8]>, timezone: &str) -> Result<String, Failure> {
    let Some(bytes) = bytes else {
        return Ok("NULL".into());
    };
    let text = match field.is_binary {
        true => text_of_binary(field, bytes, timezone)?,
        false => text_of_text(field.oid, bytes)?,
    };
    Ok(value::noted(&text))
}

fn text_of_text(oid: u32, bytes: &[u8]) -> Result<String, Failure> {
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| wrong("a text that is not UTF-8"))?;
    let element = pg_type::by_oid(oid).map_or(0, |t| t.element);
    Ok(match oid {
        // The engine spells booleans out.
        _ if oid == BOOL || element == BOOL => text.replace('t', "true").replace('f', "false"),
        _ => text,
    })
}

fn text_of_binary(field: &Field, bytes: &[u8], timezone: &str) -> Result<String, Failure> {
    let wanted = read_as(field).ok_or_else(|| wrong("a binary value that was not asked for"))?;
    let style = types::TextStyle {
        timezone: timezone.parse().ok(),
        ..Default::default()
    };
    let format = types::Format::Binary;
    let value = types::parameter(field.oid, format, Some(bytes), &wanted, &style)?;
    let array = value.to_array().map_err(quern_engine::Error::from)?;
    let mut text = String::new();
    TextColumn::new(&array, &TextStyle::new(timezone)).write(0, &mut text);
    Ok(text)
}

fn wrong(what: &str) -> Failure {
    Failure {
        sqlstate: "08P01".into(),
        message: format!("the server sent {what}"),
    }
}
