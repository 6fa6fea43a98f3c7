//! Times, instants and durations of every unit as microseconds, for a whole column at once.

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, Int64Array, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date64Type, Int32Type, Int64Type, TimeUnit};
use arrow::error::ArrowError;
use quern_engine::{Error, Kind};

const DAY_MS: i64 = 86_400_000;

/// Days of a Date64 column, which may lie within a day.
pub fn days(array: &ArrayRef) -> Result<Int32Array, Error> {
    let ms: &PrimitiveArray<Date64Type> = array.as_primitive();
    let days = ms.try_unary::<_, Int32Type, ArrowError>(|v| {
        i32::try_from(v.div_euclid(DAY_MS)).map_err(|_| overflow("date"))
    });
    days.map_err(|_| out_of_range("date"))
}

/// Microseconds: finer units are cut, instants and times downwards, durations towards zero.
pub fn micros(array: &ArrayRef) -> Result<Int64Array, Error> {
    let (unit, name, floor) = match array.data_type() {
        DataType::Time32(unit) | DataType::Time64(unit) => (*unit, "time", true),
        DataType::Timestamp(unit, _) => (*unit, "timestamp", true),
        DataType::Duration(unit) => (*unit, "interval", false),
        other => return Err(Error::internal(format!("{other} is not a time"))),
    };
    let integers = cast(array, &DataType::Int64)?;
    let integers: &PrimitiveArray<Int64Type> = integers.as_primitive();
    let widened = |factor: i64| {
        integers.try_unary::<_, Int64Type, ArrowError>(|v| match v {
            i64::MIN | i64::MAX => Ok(v),
            v => v.checked_mul(factor).ok_or_else(|| overflow(name)),
        })
    };
    let micros = match unit {
        TimeUnit::Second => widened(1_000_000),
        TimeUnit::Millisecond => widened(1_000),
        TimeUnit::Microsecond => Ok(integers.clone()),
        TimeUnit::Nanosecond => Ok(integers.unary(|v| match v {
            i64::MIN | i64::MAX => v,
            v if floor => v.div_euclid(1000),
            v => v / 1000,
        })),
    };
    micros.map_err(|_| out_of_range(name))
}

fn overflow(name: &str) -> ArrowError {
    ArrowError::ArithmeticOverflow(name.to_owned())
}

fn out_of_range(name: &str) -> Error {
    Error::new(Kind::InvalidDatetime, format!("{name} out of range"))
}
