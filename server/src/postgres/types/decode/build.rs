//! A column under construction, from texts or from binary values.

use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{
    Array, ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder,
    Decimal256Builder, FixedSizeBinaryBuilder, Float32Builder, Float64Builder, Int64Array,
    Int64Builder, IntervalMonthDayNanoArray, IntervalMonthDayNanoBuilder, NullArray,
    PrimitiveArray, StringBuilder, UInt64Builder,
};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{
    DataType, Decimal256Type, DecimalType, Int64Type, IntervalDayTime, IntervalDayTimeType,
    IntervalMonthDayNano, IntervalUnit, IntervalYearMonthType, TimeUnit, i256,
};
use arrow::error::ArrowError;
use quern_engine::sql::pg_type;
use quern_engine::{Error, Kind};

use super::super::{EPOCH_DAYS, EPOCH_MICROS, TextStyle, numeric, oid};
use super::array::Lists;
use super::interval::Interval;
use super::{binary_fault, datetime, interval, range, scalar, utf8};

pub struct Builder {
    build: Build,
    /// The type of the values; the target may be a dictionary of them.
    plain: DataType,
    target: DataType,
    /// The type of the values on the wire.
    oid: u32,
    zone: Option<Tz>,
    /// For values that have to be assembled before they are appended.
    scratch: Vec<u8>,
}

/// The forms that values are kept in before they become the target type.
enum Build {
    Nothing(usize),
    Bool(BooleanBuilder),
    Integer(Int64Builder, i64, i64),
    Unsigned(UInt64Builder),
    Real(Float32Builder),
    Double(Float64Builder),
    Decimal(Decimal128Builder, u8, i8),
    LongDecimal(Decimal256Builder, u8, i8),
    Text(StringBuilder),
    Bytes(BinaryBuilder, Option<usize>),
    Uuid(FixedSizeBinaryBuilder),
    Date(Date32Builder),
    /// Microseconds of a time, an instant or a duration, and what makes them of the target's unit.
    Micros(Int64Builder, TimeUnit),
    Interval(IntervalMonthDayNanoBuilder),
    List(Box<Lists>),
}

impl Builder {
    pub fn new(target: &DataType, oid: u32, style: &TextStyle) -> Result<Self, Error> {
        let integer = |least, most| Build::Integer(Int64Builder::new(), least, most);
        let build = match target {
            DataType::Null => Build::Nothing(0),
            DataType::Boolean => Build::Bool(BooleanBuilder::new()),
            DataType::Int8 => integer(i8::MIN.into(), i8::MAX.into()),
            DataType::Int16 => integer(i16::MIN.into(), i16::MAX.into()),
            DataType::Int32 => integer(i32::MIN.into(), i32::MAX.into()),
            DataType::Int64 => integer(i64::MIN, i64::MAX),
            DataType::UInt8 => integer(0, u8::MAX.into()),
            DataType::UInt16 => integer(0, u16::MAX.into()),
            DataType::UInt32 => integer(0, u32::MAX.into()),
            DataType::UInt64 => Build::Unsigned(UInt64Builder::new()),
            DataType::Float16 | DataType::Float32 => Build::Real(Float32Builder::new()),
            DataType::Float64 => Build::Double(Float64Builder::new()),
            DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) => {
                let builder = Decimal128Builder::new().with_precision_and_scale(*p, *s)?;
                Build::Decimal(builder, *p, *s)
            }
            DataType::Decimal256(p, s) => {
                let builder = Decimal256Builder::new().with_precision_and_scale(*p, *s)?;
                Build::LongDecimal(builder, *p, *s)
            }
            text if text.is_string() => Build::Text(StringBuilder::new()),
            DataType::FixedSizeBinary(16) if oid == oid::UUID => {
                Build::Uuid(FixedSizeBinaryBuilder::new(16))
            }
            DataType::FixedSizeBinary(length) => {
                Build::Bytes(BinaryBuilder::new(), usize::try_from(*length).ok())
            }
            bytes if bytes.is_binary() => Build::Bytes(BinaryBuilder::new(), None),
            DataType::Date32 | DataType::Date64 => Build::Date(Date32Builder::new()),
            DataType::Time32(unit)
            | DataType::Time64(unit)
            | DataType::Timestamp(unit, _)
            | DataType::Duration(unit) => Build::Micros(Int64Builder::new(), *unit),
            DataType::Interval(_) => Build::Interval(IntervalMonthDayNanoBuilder::new()),
            DataType::Dictionary(_, values) => {
                let inner = Self::new(values, oid, style)?;
                return Ok(Self {
                    target: target.clone(),
                    ..inner
                });
            }
            list => match pg_type::item_of(list) {
                Some(item) => Build::List(Box::new(Lists::new(item, oid, style)?)),
                None => return Err(Error::unsupported(format!("reading values of type {list}"))),
            },
        };
        Ok(Self {
            build,
            plain: target.clone(),
            target: target.clone(),
            oid,
            zone: style.timezone,
            scratch: Vec::new(),
        })
    }

    pub fn null(&mut self) {
        match &mut self.build {
            Build::Nothing(count) => *count += 1,
            Build::Bool(b) => b.append_null(),
            Build::Integer(b, ..) | Build::Micros(b, _) => b.append_null(),
            Build::Unsigned(b) => b.append_null(),
            Build::Real(b) => b.append_null(),
            Build::Double(b) => b.append_null(),
            Build::Decimal(b, ..) => b.append_null(),
            Build::LongDecimal(b, ..) => b.append_null(),
            Build::Text(b) => b.append_null(),
            Build::Bytes(b, _) => b.append_null(),
            Build::Uuid(b) => b.append_null(),
            Build::Date(b) => b.append_null(),
            Build::Interval(b) => b.append_null(),
            Build::List(lists) => lists.null(),
        }
    }

    pub fn text(&mut self, text: &str) -> Result<(), Error> {
        match &mut self.build {
            Build::Nothing(count) => *count += 1,
            Build::Bool(b) => b.append_value(scalar::boolean(text)?),
            Build::Integer(b, least, most) => {
                b.append_value(scalar::integer(text, self.oid, *least, *most)?);
            }
            Build::Unsigned(b) => {
                let value = scalar::decimal(text, 0)?.to_string();
                let value = value.parse().map_err(|_| range(self.oid, text))?;
                b.append_value(value);
            }
            Build::Real(b) => b.append_value(scalar::real(text)?),
            Build::Double(b) => b.append_value(scalar::double(text)?),
            Build::Decimal(b, p, s) => {
                b.append_value(short(scalar::decimal(text, *s)?, *p)?);
            }
            Build::LongDecimal(b, p, s) => {
                b.append_value(long(scalar::decimal(text, *s)?, *p)?);
            }
            Build::Text(b) => b.append_value(text),
            Build::Bytes(b, length) => {
                self.scratch.clear();
                scalar::bytea(text, &mut self.scratch)?;
                append_bytes(b, *length, &self.scratch)?;
            }
            Build::Uuid(b) => b.append_value(scalar::uuid(text)?)?,
            Build::Date(b) => b.append_value(datetime::date(text)?),
            Build::Micros(b, unit) => {
                let micros = match &self.plain {
                    DataType::Timestamp(_, None) => datetime::timestamp(text)?,
                    DataType::Timestamp(_, _) => datetime::timestamp_tz(text, self.zone)?,
                    DataType::Duration(_) => length(interval::interval(text)?)?,
                    _ => datetime::time(text)?,
                };
                append_micros(b, *unit, micros)?;
            }
            Build::Interval(b) => {
                let value = interval::interval(text)?;
                b.append_value(checked(value, &self.plain)?);
            }
            Build::List(lists) => lists.text(text)?,
        }
        Ok(())
    }

    pub fn binary(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let oid = self.oid;
        let fault = || binary_fault(oid);
        match &mut self.build {
            Build::Nothing(count) => *count += 1,
            Build::Bool(b) => match bytes {
                [value] => b.append_value(*value != 0),
                _ => return Err(fault()),
            },
            Build::Integer(b, least, most) => {
                let value = integer(bytes, oid)?;
                if !(*least..=*most).contains(&value) {
                    return Err(range(oid, itoa::Buffer::new().format(value)));
                }
                b.append_value(value);
            }
            Build::Unsigned(b) => {
                let value = decimal(bytes, 0)?.to_string();
                b.append_value(value.parse().map_err(|_| range(oid, &value))?);
            }
            Build::Real(b) => b.append_value(f32::from_be_bytes(array(bytes, oid)?)),
            Build::Double(b) => b.append_value(f64::from_be_bytes(array(bytes, oid)?)),
            Build::Decimal(b, p, s) => b.append_value(short(decimal(bytes, *s)?, *p)?),
            Build::LongDecimal(b, p, s) => b.append_value(long(decimal(bytes, *s)?, *p)?),
            Build::Text(b) => text_of_binary(b, bytes, oid)?,
            Build::Bytes(b, length) => append_bytes(b, *length, bytes)?,
            Build::Uuid(b) => b.append_value(array::<16>(bytes, oid)?)?,
            Build::Date(b) => {
                let value = match i32::from_be_bytes(array(bytes, oid)?) {
                    v @ (i32::MIN | i32::MAX) => v,
                    v => v
                        .checked_add(EPOCH_DAYS)
                        .ok_or_else(|| out_of_range("date"))?,
                };
                b.append_value(value);
            }
            Build::Micros(b, unit) => {
                let micros = match &self.plain {
                    DataType::Duration(_) => length(interval_of_binary(bytes, oid)?)?,
                    DataType::Timestamp(_, _) => match i64::from_be_bytes(array(bytes, oid)?) {
                        v @ (i64::MIN | i64::MAX) => v,
                        v => v
                            .checked_add(EPOCH_MICROS)
                            .ok_or_else(|| out_of_range("timestamp"))?,
                    },
                    _ => match i64::from_be_bytes(array(bytes, oid)?) {
                        v @ 0..=super::super::DAY_MICROS => v,
                        _ => return Err(out_of_range("time")),
                    },
                };
                append_micros(b, *unit, micros)?;
            }
            Build::Interval(b) => {
                let value = interval_of_binary(bytes, oid)?;
                b.append_value(checked(value, &self.plain)?);
            }
            Build::List(lists) => lists.binary(bytes)?,
        }
        Ok(())
    }

    /// The lists of this column, if it is one of lists.
    pub(super) fn lists(&mut self) -> Option<&mut Lists> {
        match &mut self.build {
            Build::List(lists) => Some(lists),
            _ => None,
        }
    }

    /// The column so far; the builder starts again.
    pub fn finish(&mut self) -> Result<ArrayRef, Error> {
        let array: ArrayRef = match &mut self.build {
            Build::Nothing(count) => Arc::new(NullArray::new(std::mem::take(count))),
            Build::Bool(b) => Arc::new(b.finish()),
            Build::Integer(b, ..) => Arc::new(b.finish()),
            Build::Unsigned(b) => Arc::new(b.finish()),
            Build::Real(b) => Arc::new(b.finish()),
            Build::Double(b) => Arc::new(b.finish()),
            Build::Decimal(b, ..) => Arc::new(b.finish()),
            Build::LongDecimal(b, ..) => Arc::new(b.finish()),
            Build::Text(b) => Arc::new(b.finish()),
            Build::Bytes(b, _) => Arc::new(b.finish()),
            Build::Uuid(b) => Arc::new(b.finish()),
            Build::Date(b) => Arc::new(b.finish()),
            Build::Micros(b, unit) => in_unit(&b.finish(), *unit, &self.plain)?,
            Build::Interval(b) => interval_of(b.finish(), &self.plain),
            Build::List(lists) => lists.finish()?,
        };
        if array.data_type() == &self.target {
            return Ok(array);
        }
        let strict = CastOptions {
            safe: false,
            ..CastOptions::default()
        };
        Ok(cast_with_options(&array, &self.target, &strict)?)
    }
}

fn array<const N: usize>(bytes: &[u8], oid: u32) -> Result<[u8; N], Error> {
    bytes.try_into().map_err(|_| binary_fault(oid))
}

fn integer(bytes: &[u8], oid: u32) -> Result<i64, Error> {
    Ok(match oid {
        oid::INT2 => i16::from_be_bytes(array(bytes, oid)?).into(),
        oid::INT4 => i32::from_be_bytes(array(bytes, oid)?).into(),
        oid::INT8 => i64::from_be_bytes(array(bytes, oid)?),
        _ => u32::from_be_bytes(array(bytes, oid)?).into(),
    })
}

fn decimal(bytes: &[u8], scale: i8) -> Result<i256, Error> {
    match numeric::read(bytes) {
        Ok((digits, _)) => digits.unscaled(scale).ok_or_else(scalar::overflow),
        Err(numeric::Fault::Malformed) => Err(binary_fault(oid::NUMERIC)),
        Err(numeric::Fault::NotFinite) => Err(scalar::not_finite()),
    }
}

fn short(value: i256, precision: u8) -> Result<i128, Error> {
    let value = long(value, precision)?;
    value.to_i128().ok_or_else(scalar::overflow)
}

fn long(value: i256, precision: u8) -> Result<i256, Error> {
    Decimal256Type::validate_decimal_precision(value, precision, 0)
        .map_err(|_| scalar::overflow())?;
    Ok(value)
}

fn append_bytes(b: &mut BinaryBuilder, length: Option<usize>, bytes: &[u8]) -> Result<(), Error> {
    match length {
        Some(length) if length != bytes.len() => Err(Error::new(
            Kind::InvalidText,
            format!("{} bytes do not fit a column of {length}", bytes.len()),
        )),
        _ => {
            b.append_value(bytes);
            Ok(())
        }
    }
}

fn text_of_binary(b: &mut StringBuilder, bytes: &[u8], oid: u32) -> Result<(), Error> {
    match oid {
        oid::UUID => {
            let hex = format!("{:032x}", u128::from_be_bytes(array(bytes, oid)?));
            let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &hex[part]);
            b.append_value(parts.join("-"));
        }
        oid::JSONB => match bytes.split_first() {
            Some((1, json)) => b.append_value(utf8(json)?),
            _ => return Err(binary_fault(oid)),
        },
        oid if oid::is_oid(oid) => {
            let number = u32::from_be_bytes(array(bytes, oid)?);
            b.append_value(itoa::Buffer::new().format(number));
        }
        _ => b.append_value(utf8(bytes)?),
    }
    Ok(())
}

fn interval_of_binary(bytes: &[u8], oid: u32) -> Result<Interval, Error> {
    let [micros @ .., d0, d1, d2, d3, m0, m1, m2, m3]: [u8; 16] = array(bytes, oid)?;
    Ok(Interval {
        months: i32::from_be_bytes([m0, m1, m2, m3]),
        days: i32::from_be_bytes([d0, d1, d2, d3]),
        micros: i64::from_be_bytes(micros),
    })
}

fn out_of_range(what: &str) -> Error {
    Error::new(Kind::InvalidDatetime, format!("{what} out of range"))
}

/// An interval as the microseconds of a duration, which knows neither months nor days.
fn length(interval: Interval) -> Result<i64, Error> {
    let days = i64::from(interval.days).checked_mul(super::super::DAY_MICROS);
    let total = days.and_then(|days| days.checked_add(interval.micros));
    let total = total.filter(|_| interval.months == 0);
    total.ok_or_else(|| out_of_range("interval"))
}

fn checked(value: Interval, target: &DataType) -> Result<IntervalMonthDayNano, Error> {
    let ms = i32::try_from(value.micros / 1000).is_ok();
    let fits = match target {
        DataType::Interval(IntervalUnit::YearMonth) => value.days == 0 && value.micros == 0,
        DataType::Interval(IntervalUnit::DayTime) => value.months == 0 && ms,
        _ => true,
    };
    let nanos = value.micros.checked_mul(1000).filter(|_| fits);
    let nanos = nanos.ok_or_else(|| out_of_range("interval"))?;
    Ok(IntervalMonthDayNano::new(value.months, value.days, nanos))
}

/// Checks that the target's unit can hold the value, which [`in_unit`] then relies on.
fn append_micros(b: &mut Int64Builder, unit: TimeUnit, micros: i64) -> Result<(), Error> {
    let infinite = matches!(micros, i64::MIN | i64::MAX);
    if unit == TimeUnit::Nanosecond && !infinite && micros.checked_mul(1000).is_none() {
        return Err(
            out_of_range("timestamp").hint("Timestamps in nanoseconds reach from 1677 to 2262.")
        );
    }
    b.append_value(micros);
    Ok(())
}

fn in_unit(micros: &Int64Array, unit: TimeUnit, target: &DataType) -> Result<ArrayRef, ArrowError> {
    let scaled: PrimitiveArray<Int64Type> = micros.unary(|v| match (unit, v) {
        (_, i64::MIN | i64::MAX) | (TimeUnit::Microsecond, _) => v,
        (TimeUnit::Nanosecond, _) => v.wrapping_mul(1000),
        (TimeUnit::Millisecond, _) => v.div_euclid(1000),
        (TimeUnit::Second, _) => v.div_euclid(1_000_000),
    });
    let scaled: ArrayRef = Arc::new(scaled);
    match target {
        DataType::Time32(_) => cast(&cast(&scaled, &DataType::Int32)?, target),
        DataType::Timestamp(unit, Some(_)) => {
            // A cast to a zone would take the numbers for local times.
            let plain = cast(&scaled, &DataType::Timestamp(*unit, None))?;
            let data = plain.to_data().into_builder().data_type(target.clone());
            Ok(arrow::array::make_array(data.build()?))
        }
        _ => cast(&scaled, target),
    }
}

fn interval_of(array: IntervalMonthDayNanoArray, target: &DataType) -> ArrayRef {
    match target {
        DataType::Interval(IntervalUnit::YearMonth) => {
            Arc::new(array.unary::<_, IntervalYearMonthType>(|v| v.months))
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            let of = |v: IntervalMonthDayNano| {
                IntervalDayTime::new(v.days, (v.nanoseconds / 1_000_000) as i32)
            };
            Arc::new(array.unary::<_, IntervalDayTimeType>(of))
        }
        _ => Arc::new(array),
    }
}
