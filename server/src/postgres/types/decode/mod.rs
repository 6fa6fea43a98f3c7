//! Values that clients send: bound parameters, and the fields of COPY.
//!
//! Everything here reads bytes of strangers: each length is checked, and whatever does not fit is an
//! error with PostgreSQL's message and SQLSTATE.

mod array;
mod build;
mod datetime;
mod interval;
mod scalar;

use arrow::datatypes::{DataType, Field};
use datafusion::common::ScalarValue;
use quern_engine::{Error, Kind};

use super::{Format, TextStyle, numeric, oid};
pub(super) use build::Builder;
pub(super) use scalar::uuid;

/// The value of a bound parameter as the Arrow type that the statement wants. `oid` is the type that
/// was declared or reported for it; 0 and `unknown` stand for the wanted one.
pub fn parameter(
    oid: u32,
    format: Format,
    bytes: Option<&[u8]>,
    wanted: &DataType,
    style: &TextStyle,
) -> Result<ScalarValue, Error> {
    let Some(bytes) = bytes else {
        return Ok(ScalarValue::try_from(wanted)?);
    };
    let (read_as, oid) = read_as(oid, format, bytes, wanted, style)?;
    let mut builder = Builder::new(&read_as, oid, style)?;
    match format {
        Format::Text => builder.text(utf8(bytes)?)?,
        Format::Binary => builder.binary(bytes)?,
    }
    let value = ScalarValue::try_from_array(&builder.finish()?, 0)?;
    if value.data_type() == *wanted {
        return Ok(value);
    }
    value.cast_to(wanted).map_err(Error::from)
}

/// The type in which the bytes are read before they are cast to the wanted one, and its oid.
fn read_as(
    oid: u32,
    format: Format,
    bytes: &[u8],
    wanted: &DataType,
    style: &TextStyle,
) -> Result<(DataType, u32), Error> {
    let own = oid::oid_of(&Field::new("", wanted.clone(), true), style);
    let uuid = oid == oid::UUID && *wanted == DataType::FixedSizeBinary(16);
    if matches!(oid, 0 | oid::UNKNOWN) || oid == own || uuid {
        return Ok((wanted.clone(), if uuid { oid } else { own }));
    }
    if oid == oid::NUMERIC {
        // As many places as the value has, before it becomes a float or an integer.
        let places = match format {
            Format::Binary => numeric::read(bytes).map_or(0, |(_, scale)| scale.into()),
            Format::Text => scalar::places(utf8(bytes)?),
        };
        let scale = places.clamp(0, 38) as i8;
        return Ok((DataType::Decimal256(76, scale), oid));
    }
    match oid::arrow_type_of(oid) {
        Some(data_type) => Ok((data_type, oid)),
        None if format == Format::Text => Ok((DataType::Utf8, oid::TEXT)),
        None => Err(Error::unsupported(format!(
            "a parameter of the type with oid {oid} in binary form"
        ))),
    }
}

/// Text of a client, which must be UTF-8 without zero bytes.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Error> {
    let invalid = |at: usize| {
        let byte = bytes.get(at).copied().unwrap_or_default();
        Error::new(
            Kind::InvalidEncoding,
            format!("invalid byte sequence for encoding \"UTF8\": 0x{byte:02x}"),
        )
    };
    if let Some(at) = memchr::memchr(0, bytes) {
        return Err(invalid(at));
    }
    std::str::from_utf8(bytes).map_err(|error| invalid(error.valid_up_to()))
}

/// `invalid input syntax for type integer: "x"`.
pub(super) fn syntax(oid: u32, text: &str) -> Error {
    let (name, shown) = (oid::sql_name(oid), shortened(text));
    Error::new(
        Kind::InvalidText,
        format!("invalid input syntax for type {name}: \"{shown}\""),
    )
}

/// `value "99999999999" is out of range for type integer`.
fn range(oid: u32, text: &str) -> Error {
    let (name, shown) = (oid::sql_name(oid), shortened(text));
    Error::new(
        Kind::OutOfRange,
        format!("value \"{shown}\" is out of range for type {name}"),
    )
}

fn binary_fault(oid: u32) -> Error {
    let name = oid::sql_name(oid);
    Error::new(
        Kind::InvalidBinary,
        format!("incorrect binary data format for type {name}"),
    )
}

/// Text for a message, which is not to repeat megabytes.
pub(super) fn shortened(text: &str) -> &str {
    let end = (0..=100.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or(text)
}
