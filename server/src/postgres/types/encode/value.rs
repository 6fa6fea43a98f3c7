//! One value as text or binary, without its length.

use std::cell::RefCell;
use std::fmt::Write as _;

use arrow::datatypes::{IntervalMonthDayNano, TimeUnit};
use bytes::{BufMut, BytesMut};
use quern_engine::value_text::{number, time};
use quern_engine::{Error, Kind};

use super::super::{
    ByteaOutput, EPOCH_DAYS, EPOCH_MICROS, Format, IntervalStyle, TextStyle, numeric, oid,
};
use super::Cells;
use super::column::{Column, zero_byte};
use super::list::quote_if;

thread_local! {
    /// For texts that can only be written into a `String`.
    static SCRATCH: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Appends what `write` puts into a string.
fn scratch(out: &mut BytesMut, write: impl FnOnce(&mut String)) {
    SCRATCH.with_borrow_mut(|text| {
        text.clear();
        write(text);
        out.put_slice(text.as_bytes());
        if text.capacity() > 1 << 20 {
            *text = String::new();
        }
    });
}

/// The sent form of text: its bytes, which PostgreSQL's clients take to end at a zero.
#[inline]
fn text(value: &str, out: &mut BytesMut) -> Result<(), Error> {
    if memchr::memchr(0, value.as_bytes()).is_some() {
        return Err(zero_byte());
    }
    out.put_slice(value.as_bytes());
    Ok(())
}

impl Column {
    /// A value of a fixed length in binary with that length; says false for all others.
    #[inline]
    pub fn fixed(&self, row: usize, out: &mut BytesMut) -> bool {
        match self {
            Self::Bool(array) => out.put_slice(&[0, 0, 0, 1, u8::from(array.value(row))]),
            Self::Int2(array) => {
                let [a, b] = array.value(row).to_be_bytes();
                out.put_slice(&[0, 0, 0, 2, a, b]);
            }
            Self::Int4(array) => four(array.value(row).to_be_bytes(), out),
            Self::Int8(array) => eight(array.value(row), out),
            Self::Oid(array) => four((array.value(row) as u32).to_be_bytes(), out),
            Self::Float4(array) => four(array.value(row).to_be_bytes(), out),
            Self::Float8(array) => eight(array.value(row).to_bits() as i64, out),
            Self::Date(array) => {
                let days = match array.value(row) {
                    v @ (i32::MIN | i32::MAX) => v,
                    v => v.saturating_sub(EPOCH_DAYS),
                };
                four(days.to_be_bytes(), out);
            }
            Self::Time(array) => eight(array.value(row), out),
            Self::Timestamp(array) | Self::TimestampTz(array) => {
                let micros = match array.value(row) {
                    v @ (i64::MIN | i64::MAX) => v,
                    v => v.saturating_sub(EPOCH_MICROS),
                };
                eight(micros, out);
            }
            Self::Interval(array) => {
                let v = array.value(row);
                interval(v.nanoseconds / 1000, v.days, v.months, out);
            }
            Self::Duration(array) => interval(array.value(row), 0, 0, out),
            _ => return false,
        }
        true
    }

    pub fn binary(&self, row: usize, style: &TextStyle, out: &mut BytesMut) -> Result<(), Error> {
        match self {
            Self::Numeric(array, scale) => numeric::write128(array.value(row), *scale, out),
            Self::LongNumeric(array, scale) => numeric::write256(array.value(row), *scale, out),
            Self::Text(array) => return text(array.value(row), out),
            Self::LargeText(array) => return text(array.value(row), out),
            Self::TextView(array) => return text(array.value(row), out),
            Self::TextOf(array, oid) => return binary_of_text(array.value(row), *oid, out),
            Self::Bytes(array) => out.put_slice(array.value(row)),
            Self::LargeBytes(array) => out.put_slice(array.value(row)),
            Self::BytesView(array) => out.put_slice(array.value(row)),
            Self::FixedBytes(array) | Self::Uuid(array) => out.put_slice(array.value(row)),
            Self::List(list) => return list.binary(row, style, out, 1),
            Self::Vector(list) => return list.binary(row, style, out, 0),
            Self::Record(fields) => {
                out.put_i32(i32::try_from(fields.len()).unwrap_or(i32::MAX));
                for (oid, cells) in fields {
                    out.put_u32(*oid);
                    cells.sized(row, Format::Binary, style, out)?;
                }
            }
            Self::Json(json) => {
                out.put_u8(1);
                scratch(out, |text| json.write(row, text));
            }
            Self::Dictionary(keys, values) => {
                let row = keys.get(row).copied().unwrap_or_default();
                let start = out.len();
                if values.fixed(row, out) {
                    // The caller writes the length.
                    let length = out.len();
                    out.as_mut().copy_within(start + 4..length, start);
                    out.truncate(length - 4);
                    return Ok(());
                }
                return values.binary(row, style, out);
            }
            Self::Other(other) => scratch(out, |text| {
                other.write(row, text);
            }),
            _ => {}
        }
        Ok(())
    }

    #[inline]
    pub fn text(&self, row: usize, style: &TextStyle, out: &mut BytesMut) -> Result<(), Error> {
        match self {
            Self::Bool(array) => out.put_u8(if array.value(row) { b't' } else { b'f' }),
            Self::Int2(array) => number::integer(array.value(row).into(), out),
            Self::Int4(array) => number::integer(array.value(row).into(), out),
            Self::Int8(array) | Self::Oid(array) => number::integer(array.value(row), out),
            Self::Float4(array) => number::real(array.value(row), out),
            Self::Float8(array) => number::double(array.value(row), out),
            Self::Numeric(array, scale) => number::decimal128(array.value(row), *scale, out),
            Self::LongNumeric(array, scale) => {
                let value = array.value(row);
                match value.to_i128() {
                    Some(short) => number::decimal128(short, *scale, out),
                    None => number::decimal(&value.to_string(), *scale, out),
                }
            }
            Self::Text(array) => return text(array.value(row), out),
            Self::LargeText(array) => return text(array.value(row), out),
            Self::TextView(array) => return text(array.value(row), out),
            Self::TextOf(array, _) => return text(array.value(row), out),
            Self::Bytes(array) => bytea(array.value(row), style, out),
            Self::LargeBytes(array) => bytea(array.value(row), style, out),
            Self::BytesView(array) => bytea(array.value(row), style, out),
            Self::FixedBytes(array) => bytea(array.value(row), style, out),
            Self::Uuid(array) => uuid(array.value(row), out),
            Self::Date(_)
            | Self::Time(_)
            | Self::Timestamp(_)
            | Self::TimestampTz(_)
            | Self::Interval(_)
            | Self::Duration(_) => self.temporal_text(row, style, out),
            Self::List(list) => return list.text(row, style, out),
            Self::Vector(list) => return list.vector_text(row, style, out),
            Self::Record(fields) => return record(fields, row, style, out),
            Self::Json(json) => scratch(out, |text| json.write(row, text)),
            Self::Dictionary(keys, values) => {
                return values.text(keys.get(row).copied().unwrap_or_default(), style, out);
            }
            Self::Other(other) => scratch(out, |text| {
                other.write(row, text);
            }),
        }
        Ok(())
    }

    fn temporal_text(&self, row: usize, style: &TextStyle, out: &mut BytesMut) {
        match self {
            Self::Date(array) => match array.value(row) {
                i32::MIN => out.put_slice(b"-infinity"),
                i32::MAX => out.put_slice(b"infinity"),
                days => time::date(days.into(), out),
            },
            Self::Time(array) => time::time_of_day(array.value(row), TimeUnit::Microsecond, out),
            Self::Timestamp(array) | Self::TimestampTz(array) => match array.value(row) {
                i64::MIN => out.put_slice(b"-infinity"),
                i64::MAX => out.put_slice(b"infinity"),
                v if matches!(self, Self::Timestamp(_)) => {
                    time::timestamp(v, TimeUnit::Microsecond, out);
                }
                v => time::timestamp_in_zone(v, TimeUnit::Microsecond, style.timezone, out),
            },
            Self::Interval(array) => {
                let IntervalMonthDayNano {
                    months,
                    days,
                    nanoseconds,
                } = array.value(row);
                span(months, days, nanoseconds / 1000, style, out);
            }
            Self::Duration(array) => span(0, 0, array.value(row), style, out),
            _ => {}
        }
    }

    /// Whether the text can never need quotes within an array or a record.
    pub fn is_plain(&self) -> bool {
        match self {
            Self::Bool(_) | Self::Int2(_) | Self::Int4(_) | Self::Int8(_) | Self::Oid(_) => true,
            Self::Float4(_) | Self::Float8(_) | Self::Numeric(..) | Self::LongNumeric(..) => true,
            Self::Uuid(_) | Self::Time(_) => true,
            Self::Dictionary(_, values) => values.is_plain(),
            _ => false,
        }
    }
}

fn four([a, b, c, d]: [u8; 4], out: &mut BytesMut) {
    out.put_slice(&[0, 0, 0, 4, a, b, c, d]);
}

fn eight(value: i64, out: &mut BytesMut) {
    let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
    out.put_slice(&[0, 0, 0, 8, a, b, c, d, e, f, g, h]);
}

fn interval(micros: i64, days: i32, months: i32, out: &mut BytesMut) {
    let mut bytes = [0; 20];
    bytes[3] = 16;
    bytes[4..12].copy_from_slice(&micros.to_be_bytes());
    bytes[12..16].copy_from_slice(&days.to_be_bytes());
    bytes[16..].copy_from_slice(&months.to_be_bytes());
    out.put_slice(&bytes);
}

fn span(months: i32, days: i32, micros: i64, style: &TextStyle, out: &mut BytesMut) {
    match style.interval_style {
        IntervalStyle::Postgres => {
            let (months, days) = (months.into(), days.into());
            time::span(months, days, micros, TimeUnit::Microsecond, out);
        }
        IntervalStyle::Iso8601 => iso_8601(months, days, micros, out),
    }
}

/// `P1Y2M-3DT4H5M6.789S`.
fn iso_8601(months: i32, days: i32, micros: i64, out: &mut BytesMut) {
    if months == 0 && days == 0 && micros == 0 {
        return out.put_slice(b"PT0S");
    }
    let part = |value: i64, name: u8, out: &mut BytesMut| {
        if value != 0 {
            number::integer(value, out);
            out.put_u8(name);
        }
    };
    out.put_u8(b'P');
    part((months / 12).into(), b'Y', out);
    part((months % 12).into(), b'M', out);
    part(days.into(), b'D', out);
    if micros == 0 {
        return;
    }
    out.put_u8(b'T');
    let seconds = micros / 1_000_000;
    part(seconds / 3600, b'H', out);
    part(seconds / 60 % 60, b'M', out);
    let (second, fraction) = (seconds % 60, micros % 1_000_000);
    if second == 0 && fraction == 0 {
        return;
    }
    if micros < 0 {
        out.put_u8(b'-');
    }
    number::integer(second.abs(), out);
    if fraction != 0 {
        let start = out.len();
        let _ = write!(out, ".{:06}", fraction.abs());
        let zeros = out[start..].iter().rev().take_while(|b| **b == b'0');
        let length = out.len() - zeros.count();
        out.truncate(length);
    }
    out.put_u8(b'S');
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn bytea(bytes: &[u8], style: &TextStyle, out: &mut BytesMut) {
    if style.bytea_output == ByteaOutput::Escape {
        for byte in bytes {
            match byte {
                b'\\' => out.put_slice(b"\\\\"),
                0x20..=0x7e => out.put_u8(*byte),
                _ => {
                    let digit = |shift: u8| b'0' + (byte >> shift & 7);
                    out.put_slice(&[b'\\', digit(6), digit(3), digit(0)]);
                }
            }
        }
        return;
    }
    out.put_slice(b"\\x");
    hex(bytes, out);
}

fn hex(bytes: &[u8], out: &mut BytesMut) {
    let mut digits = [0_u8; 64];
    for part in bytes.chunks(32) {
        for (place, byte) in digits.chunks_exact_mut(2).zip(part) {
            place[0] = HEX[usize::from(byte >> 4)];
            place[1] = HEX[usize::from(byte & 15)];
        }
        out.put_slice(&digits[..2 * part.len()]);
    }
}

fn uuid(bytes: &[u8], out: &mut BytesMut) {
    let mut rest = bytes;
    for length in [4, 2, 2, 2, 6] {
        let (part, after) = rest.split_at(length.min(rest.len()));
        if length != 4 {
            out.put_u8(b'-');
        }
        hex(part, out);
        rest = after;
    }
}

/// `(1,"a b",)`: NULL is nothing, quotes and backslashes are doubled.
fn record(
    fields: &[(u32, Cells)],
    row: usize,
    style: &TextStyle,
    out: &mut BytesMut,
) -> Result<(), Error> {
    out.put_u8(b'(');
    for (at, (_, cells)) in fields.iter().enumerate() {
        if at > 0 {
            out.put_u8(b',');
        }
        if cells.is_null(row) {
            continue;
        }
        let start = out.len();
        cells.column.text(row, style, out)?;
        if cells.column.is_plain() {
            continue;
        }
        let needed = |text: &[u8]| {
            let special = |b: &u8| matches!(b, b'"' | b'\\' | b'(' | b')' | b',' | 9..=13 | b' ');
            text.is_empty() || text.iter().any(special)
        };
        quote_if(out, start, needed, |b| {
            matches!(b, b'"' | b'\\').then_some((b, b))
        });
    }
    out.put_u8(b')');
    Ok(())
}

/// The binary form of a type whose values are kept as text.
fn binary_of_text(value: &str, oid: u32, out: &mut BytesMut) -> Result<(), Error> {
    match oid {
        oid::JSONB => {
            out.put_u8(1);
            text(value, out)
        }
        oid::UUID => {
            let bytes = super::super::decode::uuid(value)?;
            out.put_slice(&bytes);
            Ok(())
        }
        oid::INT2VECTOR | oid::OIDVECTOR => vector(value, oid, out),
        oid => {
            let number = value.parse::<u32>().map_err(|_| no_number(value, oid))?;
            out.put_u32(number);
            Ok(())
        }
    }
}

fn vector(value: &str, oid: u32, out: &mut BytesMut) -> Result<(), Error> {
    let short = oid == oid::INT2VECTOR;
    let count = value.split_ascii_whitespace().count();
    let header = [
        1,
        0,
        if short { oid::INT2 } else { oid::OID },
        count as u32,
        0,
    ];
    header.iter().for_each(|word| out.put_u32(*word));
    for item in value.split_ascii_whitespace() {
        let number = item.parse::<i64>().map_err(|_| no_number(value, oid))?;
        if short {
            out.put_i32(2);
            out.put_i16(number as i16);
        } else {
            out.put_i32(4);
            out.put_u32(number as u32);
        }
    }
    Ok(())
}

fn no_number(value: &str, oid: u32) -> Error {
    let name = oid::sql_name(oid);
    Error::new(
        Kind::Unsupported,
        format!("{name} \"{value}\" has no binary form"),
    )
    .hint("Ask for the column as text, or cast it to text.")
}
