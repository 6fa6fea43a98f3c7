//! Values of a column without parts: the writer for each Arrow type.

use std::fmt::Write as _;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, GenericBinaryArray,
    GenericStringArray, OffsetSizeTrait, PrimitiveArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

use super::{TextStyle, Write, number, time};

/// The writer of a column's values as text; `None` for types that have parts.
pub(super) fn text(array: &ArrayRef, style: &TextStyle) -> Option<Write> {
    Some(match array.data_type() {
        DataType::Null => Box::new(|_, _| {}),
        DataType::Boolean => boolean(array.as_boolean()),
        DataType::Int8 => integer::<Int8Type>(array),
        DataType::Int16 => integer::<Int16Type>(array),
        DataType::Int32 => integer::<Int32Type>(array),
        DataType::Int64 => integer::<Int64Type>(array),
        DataType::UInt8 => integer::<UInt8Type>(array),
        DataType::UInt16 => integer::<UInt16Type>(array),
        DataType::UInt32 => integer::<UInt32Type>(array),
        DataType::UInt64 => integer::<UInt64Type>(array),
        DataType::Float16 => {
            primitive::<Float16Type>(array, |v, out| number::real(v.to_f32(), out))
        }
        DataType::Float32 => primitive::<Float32Type>(array, number::real),
        DataType::Float64 => primitive::<Float64Type>(array, number::double),
        DataType::Decimal32(_, scale) => decimal::<Decimal32Type>(array, *scale),
        DataType::Decimal64(_, scale) => decimal::<Decimal64Type>(array, *scale),
        DataType::Decimal128(_, scale) => decimal::<Decimal128Type>(array, *scale),
        DataType::Decimal256(_, scale) => {
            let scale = *scale;
            primitive::<Decimal256Type>(array, move |v, out| {
                number::decimal(&v.to_string(), scale, out);
            })
        }
        DataType::Utf8 => string::<i32>(array),
        DataType::LargeUtf8 => string::<i64>(array),
        DataType::Utf8View => {
            let array = array.as_string_view().clone();
            Box::new(move |row, out| out.push_str(array.value(row)))
        }
        DataType::Binary => binary::<i32>(array),
        DataType::LargeBinary => binary::<i64>(array),
        DataType::BinaryView => {
            let array = array.as_binary_view().clone();
            Box::new(move |row, out| hex(array.value(row), out))
        }
        DataType::FixedSizeBinary(_) => {
            let array = array.as_fixed_size_binary().clone();
            Box::new(move |row, out| hex(array.value(row), out))
        }
        other => return temporal(array, other, style),
    })
}

fn temporal(array: &ArrayRef, data_type: &DataType, style: &TextStyle) -> Option<Write> {
    const DAY_MS: i64 = 86_400_000;
    Some(match data_type {
        DataType::Date32 => primitive::<Date32Type>(array, |v, out| time::date(i64::from(v), out)),
        DataType::Date64 => {
            primitive::<Date64Type>(array, |v, out| time::date(v.div_euclid(DAY_MS), out))
        }
        DataType::Time32(TimeUnit::Second) => primitive::<Time32SecondType>(array, |v, out| {
            time::time_of_day(i64::from(v), TimeUnit::Second, out)
        }),
        DataType::Time32(_) => primitive::<Time32MillisecondType>(array, |v, out| {
            time::time_of_day(i64::from(v), TimeUnit::Millisecond, out)
        }),
        DataType::Time64(TimeUnit::Microsecond) => {
            primitive::<Time64MicrosecondType>(array, |v, out| {
                time::time_of_day(v, TimeUnit::Microsecond, out)
            })
        }
        DataType::Time64(_) => primitive::<Time64NanosecondType>(array, |v, out| {
            time::time_of_day(v, TimeUnit::Nanosecond, out)
        }),
        DataType::Timestamp(unit, zone) => timestamp(array, *unit, zone.is_some(), style),
        DataType::Duration(unit) => duration(array, *unit),
        DataType::Interval(IntervalUnit::YearMonth) => {
            primitive::<IntervalYearMonthType>(array, |v, out| {
                time::span(i64::from(v), 0, 0, TimeUnit::Second, out)
            })
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            primitive::<IntervalDayTimeType>(array, |v, out| {
                let ms = i64::from(v.milliseconds);
                time::span(0, i64::from(v.days), ms, TimeUnit::Millisecond, out)
            })
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            primitive::<IntervalMonthDayNanoType>(array, time::interval)
        }
        _ => return None,
    })
}

fn timestamp(array: &ArrayRef, unit: TimeUnit, zoned: bool, style: &TextStyle) -> Write {
    let zone = style.timezone;
    let write = move |value: i64, out: &mut String| {
        if zoned {
            time::timestamp_in_zone(value, unit, zone, out);
        } else {
            time::timestamp(value, unit, out);
        }
    };
    match unit {
        TimeUnit::Second => primitive::<TimestampSecondType>(array, write),
        TimeUnit::Millisecond => primitive::<TimestampMillisecondType>(array, write),
        TimeUnit::Microsecond => primitive::<TimestampMicrosecondType>(array, write),
        TimeUnit::Nanosecond => primitive::<TimestampNanosecondType>(array, write),
    }
}

fn duration(array: &ArrayRef, unit: TimeUnit) -> Write {
    let write = move |value: i64, out: &mut String| time::span(0, 0, value, unit, out);
    match unit {
        TimeUnit::Second => primitive::<DurationSecondType>(array, write),
        TimeUnit::Millisecond => primitive::<DurationMillisecondType>(array, write),
        TimeUnit::Microsecond => primitive::<DurationMicrosecondType>(array, write),
        TimeUnit::Nanosecond => primitive::<DurationNanosecondType>(array, write),
    }
}

fn boolean(array: &BooleanArray) -> Write {
    let array = array.clone();
    Box::new(move |row, out| out.push_str(if array.value(row) { "true" } else { "false" }))
}

fn primitive<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    write: impl Fn(T::Native, &mut String) + Send + Sync + 'static,
) -> Write {
    let array: PrimitiveArray<T> = array.as_primitive().clone();
    Box::new(move |row, out| write(array.value(row), out))
}

fn integer<T: ArrowPrimitiveType<Native: itoa::Integer>>(array: &ArrayRef) -> Write {
    primitive::<T>(array, |value, out| {
        out.push_str(itoa::Buffer::new().format(value));
    })
}

fn decimal<T: ArrowPrimitiveType<Native: Into<i128>>>(array: &ArrayRef, scale: i8) -> Write {
    primitive::<T>(array, move |value, out| {
        number::decimal128(value.into(), scale, out);
    })
}

fn string<O: OffsetSizeTrait>(array: &ArrayRef) -> Write {
    let array: GenericStringArray<O> = array.as_string().clone();
    Box::new(move |row, out| out.push_str(array.value(row)))
}

fn binary<O: OffsetSizeTrait>(array: &ArrayRef) -> Write {
    let array: GenericBinaryArray<O> = array.as_binary().clone();
    Box::new(move |row, out| hex(array.value(row), out))
}

fn hex(bytes: &[u8], out: &mut String) {
    out.push_str("\\x");
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
}
