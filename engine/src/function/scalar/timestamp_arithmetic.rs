//! Arithmetic on dates, timestamps and intervals: `timestampadd`, `age`, `justify_days`, `last_day` …

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, PrimitiveArray};
use arrow::datatypes::{
    DataType, Date32Type, Int32Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType,
    TimestampMicrosecondType,
};
use chrono::{Datelike, NaiveDate};
use datafusion::common::Result;
use datafusion::logical_expr::Volatility;

use super::date_part::SECTION;
use super::field::Field;
use crate::error::{Error, Kind};
use crate::function::calendar::{self, DAY, HOUR, MINUTE, SECOND};
use crate::function::define::{Arg, Call, Scalar, takes};
use crate::function::rows::{At, given, gives};

pub(crate) static FUNCTIONS: &[Scalar] = &[
    Scalar::new(
        SECTION,
        "timestampadd",
        "TIMESTAMPADD(unit, count, timestamp)",
        "Adds a number of units to a timestamp; months clamp to the end of the month.",
        &[
            takes(
                &[Arg::Text, Arg::Int, Arg::Timestamp],
                gives::timestamp,
                timestampadd,
            ),
            takes(
                &[Arg::Text, Arg::Int, Arg::TimestampTz],
                gives::third,
                timestampadd,
            ),
        ],
    )
    .or(&["dateadd"]),
    Scalar::new(
        SECTION,
        "timestampdiff",
        "TIMESTAMPDIFF(unit, from, to)",
        "The whole units that lie between two timestamps, towards zero.",
        &[
            takes(
                &[Arg::Text, Arg::Timestamp, Arg::Timestamp],
                gives::int,
                timestampdiff,
            ),
            takes(
                &[Arg::Text, Arg::TimestampTz, Arg::TimestampTz],
                gives::int,
                timestampdiff,
            ),
        ],
    ),
    Scalar::new(
        SECTION,
        "date_diff",
        "date_diff(unit, from, to)",
        "How many starts of a unit lie between two timestamps, as DuckDB counts them.",
        &[
            takes(
                &[Arg::Text, Arg::Timestamp, Arg::Timestamp],
                gives::int,
                date_diff,
            ),
            takes(
                &[Arg::Text, Arg::TimestampTz, Arg::TimestampTz],
                gives::int,
                date_diff,
            ),
        ],
    )
    .or(&["datediff"]),
    Scalar::new(
        SECTION,
        "date_ceil",
        "CEIL(timestamp TO unit)",
        "The earliest start of a unit that is not before the timestamp; FLOOR is date_trunc.",
        &[
            takes(&[Arg::Text, Arg::Timestamp], gives::timestamp, date_ceil),
            takes(&[Arg::Text, Arg::TimestampTz], gives::second, date_ceil),
        ],
    ),
    Scalar::new(
        SECTION,
        "last_day",
        "last_day(timestamp)",
        "The last day of the month, as a date.",
        &[
            takes(&[Arg::Date], gives::date, |call| {
                let days = call.dates(0)?;
                call.each::<Date32Type>(|row| {
                    let micros = i64::from(given!(days.at(row))).checked_mul(DAY);
                    last_day(micros.ok_or_else(calendar::out_of_range)?).map(Some)
                })
            }),
            takes(&[Arg::Timestamp], gives::date, |call| {
                let micros = call.micros(0)?;
                call.each::<Date32Type>(|row| last_day(given!(micros.at(row))).map(Some))
            }),
            takes(&[Arg::TimestampTz], gives::date, |call| {
                let micros = call.micros(0)?;
                let zone = calendar::parse_zone(call.zone())?;
                call.each::<Date32Type>(|row| {
                    last_day(calendar::to_local(given!(micros.at(row)), &zone)?).map(Some)
                })
            }),
        ],
    ),
    Scalar::new(
        SECTION,
        "age",
        "age(timestamp [, timestamp])",
        "The time between two timestamps in years, months, days and hours; from midnight today if \
         one is given. Of a number, which PostgreSQL takes for a transaction: 0.",
        &[
            takes(&[Arg::Timestamp, Arg::Timestamp], gives::interval, age),
            takes(&[Arg::TimestampTz, Arg::TimestampTz], gives::interval, age),
            takes(&[Arg::Timestamp], gives::interval, age),
            takes(&[Arg::TimestampTz], gives::interval, age),
            takes(&[Arg::Int], gives::int32, |call| {
                let numbers = call.ints(0)?;
                call.each::<Int32Type>(|row| Ok(numbers.at(row).map(|_| 0)))
            }),
        ],
    )
    .that_is(Volatility::Stable),
    Scalar::new(
        SECTION,
        "isfinite",
        "isfinite(date | timestamp | interval | double)",
        "True unless the value is infinite; dates here never are.",
        &[
            takes(&[Arg::Float], gives::boolean, |call| {
                let values = call.floats(0)?;
                call.each_bool(|row| Ok(values.at(row).map(f64::is_finite)))
            }),
            takes(&[Arg::Date], gives::boolean, not_null),
            takes(&[Arg::Interval], gives::boolean, not_null),
            takes(&[Arg::Timestamp], gives::boolean, not_null),
            takes(&[Arg::TimestampTz], gives::boolean, not_null),
        ],
    ),
    Scalar::new(
        SECTION,
        "overlaps",
        "(start1, end1) OVERLAPS (start2, end2)",
        "True when two periods share an instant; an end does not belong to its period.",
        &[
            takes(
                &[
                    Arg::Timestamp,
                    Arg::Timestamp,
                    Arg::Timestamp,
                    Arg::Timestamp,
                ],
                gives::boolean,
                overlaps,
            ),
            takes(
                &[
                    Arg::TimestampTz,
                    Arg::TimestampTz,
                    Arg::TimestampTz,
                    Arg::TimestampTz,
                ],
                gives::boolean,
                overlaps,
            ),
        ],
    ),
];

fn not_null(call: &Call) -> Result<ArrayRef> {
    let values = call.array(0)?;
    call.each_bool(|row| Ok(values.is_valid(row).then_some(true)))
}

/// The local times of a timestamp argument, on the session's wall clock if it has a zone.
fn local_times(call: &Call, i: usize) -> Result<PrimitiveArray<TimestampMicrosecondType>> {
    let instants = call.micros(i)?;
    match instants.data_type() {
        DataType::Timestamp(_, Some(_)) => {
            let zone = calendar::parse_zone(call.zone())?;
            Ok(instants.try_unary(|utc| calendar::to_local(utc, &zone))?)
        }
        _ => Ok(instants.clone()),
    }
}

fn timestampadd(call: &Call) -> Result<ArrayRef> {
    let (units, counts, instants) = (call.text(0)?, call.ints(1)?, call.micros(2)?);
    let zone = match instants.data_type() {
        DataType::Timestamp(_, Some(_)) => Some(calendar::parse_zone(call.zone())?),
        _ => None,
    };
    call.each::<TimestampMicrosecondType>(|row| {
        let unit = Field::parse_or_error(given!(units.at(row)))?;
        let (count, start) = (given!(counts.at(row)), given!(instants.at(row)));
        let (months, days, micros) = step(unit)?;
        let times = |n: i64| n.checked_mul(count).ok_or_else(calendar::out_of_range);
        let (months, days, micros) = (times(months)?, times(days)?, times(micros)?);
        let moved = match &zone {
            // Days and months move the wall clock, hours and less move the instant.
            Some(zone) if micros == 0 => {
                let local = calendar::to_local(start, zone)?;
                calendar::to_utc(calendar::add(local, months, days, 0)?, zone)?
            }
            _ => calendar::add(start, months, days, micros)?,
        };
        Ok(Some(moved))
    })
}

/// One unit as months, days and microseconds.
fn step(unit: Field) -> Result<(i64, i64, i64)> {
    Ok(match unit {
        Field::Millennium => (12_000, 0, 0),
        Field::Century => (1_200, 0, 0),
        Field::Decade => (120, 0, 0),
        Field::Year => (12, 0, 0),
        Field::Quarter => (3, 0, 0),
        Field::Month => (1, 0, 0),
        Field::Week => (0, 7, 0),
        Field::Day => (0, 1, 0),
        Field::Hour => (0, 0, HOUR),
        Field::Minute => (0, 0, MINUTE),
        Field::Second => (0, 0, SECOND),
        Field::Millisecond => (0, 0, SECOND / 1000),
        Field::Microsecond => (0, 0, 1),
        other => {
            return Err(Error::new(
                Kind::InvalidParameterValue,
                format!("unit \"{}\" cannot be added", other.name()),
            )
            .hint("Use year, quarter, month, week, day, hour, minute, second or microsecond.")
            .into());
        }
    })
}

fn timestampdiff(call: &Call) -> Result<ArrayRef> {
    let units = call.text(0)?;
    let (from, to) = (local_times(call, 1)?, local_times(call, 2)?);
    let (first, last) = (call.micros(1)?, call.micros(2)?);
    call.each::<Int64Type>(|row| {
        let (months, days, micros) = step(Field::parse_or_error(given!(units.at(row)))?)?;
        let (a, b) = (given!(from.at(row)), given!(to.at(row)));
        if months > 0 {
            return Ok(Some(calendar::months_between(a, b)? / months));
        }
        // Days are those of the wall clock, hours and less those that passed.
        let (a, b, unit) = match days > 0 {
            true => (a, b, days * DAY),
            false => (given!(first.at(row)), given!(last.at(row)), micros),
        };
        let passed = b.checked_sub(a).ok_or_else(calendar::out_of_range)?;
        Ok(Some(passed / unit))
    })
}

fn date_diff(call: &Call) -> Result<ArrayRef> {
    let units = call.text(0)?;
    let (from, to) = (local_times(call, 1)?, local_times(call, 2)?);
    call.each::<Int64Type>(|row| {
        let (months, days, micros) = step(Field::parse_or_error(given!(units.at(row)))?)?;
        let (a, b) = (given!(from.at(row)), given!(to.at(row)));
        let index = |local: i64| -> Result<i64> {
            if months > 0 {
                let date = calendar::civil(local)?;
                let month = i64::from(date.year()) * 12 + i64::from(date.month0());
                return Ok(month.div_euclid(months));
            }
            // DuckDB's weeks are counted from 1970-01-01, a Thursday.
            Ok(local.div_euclid(days * DAY + micros))
        };
        Ok(Some(index(b)? - index(a)?))
    })
}

fn date_ceil(call: &Call) -> Result<ArrayRef> {
    let (units, times) = (call.text(0)?, local_times(call, 1)?);
    let zone = match call.micros(1)?.data_type() {
        DataType::Timestamp(_, Some(_)) => Some(calendar::parse_zone(call.zone())?),
        _ => None,
    };
    call.each::<TimestampMicrosecondType>(|row| {
        let unit = Field::parse_or_error(given!(units.at(row)))?;
        let (months, days, micros) = step(unit)?;
        let local = given!(times.at(row));
        let start = start_of(unit, local)?;
        let start = match start == local {
            true => start,
            false => calendar::add(start, months, days, micros)?,
        };
        Ok(Some(match &zone {
            Some(zone) => calendar::to_utc(start, zone)?,
            None => start,
        }))
    })
}

/// The start of the unit that a local time is in.
fn start_of(unit: Field, local: i64) -> Result<i64> {
    let (months, days, micros) = step(unit)?;
    let date = calendar::civil(local)?;
    if months == 0 {
        let shift = if unit == Field::Week { 3 * DAY } else { 0 };
        let width = days * DAY + micros;
        return Ok((local + shift).div_euclid(width) * width - shift);
    }
    let month = i64::from(date.year()) * 12 + i64::from(date.month0());
    // Centuries and millennia begin in a year that ends in 1.
    let shift = if months >= 1_200 { 12 } else { 0 };
    let first = (month - shift).div_euclid(months) * months + shift;
    let start = i32::try_from(first.div_euclid(12))
        .ok()
        .and_then(|year| NaiveDate::from_ymd_opt(year, first.rem_euclid(12) as u32 + 1, 1))
        .ok_or_else(calendar::out_of_range)?;
    Ok(calendar::micros_of_date(start))
}

fn last_day(local: i64) -> Result<i32> {
    let first = calendar::civil(local)?
        .date()
        .with_day(1)
        .ok_or_else(calendar::out_of_range)?;
    let last = first
        .checked_add_months(chrono::Months::new(1))
        .and_then(|next| next.pred_opt())
        .ok_or_else(calendar::out_of_range)?;
    Ok(calendar::days_of_date(last))
}

fn age(call: &Call) -> Result<ArrayRef> {
    let first = local_times(call, 0)?;
    if call.arrays.len() == 2 {
        let second = local_times(call, 1)?;
        return call.each::<IntervalMonthDayNanoType>(|row| {
            years_to_micros(given!(first.at(row)), given!(second.at(row))).map(Some)
        });
    }
    let zone = calendar::parse_zone(call.zone())?;
    let now = calendar::to_local(chrono::Utc::now().timestamp_micros(), &zone)?;
    let today = now.div_euclid(DAY) * DAY;
    call.each::<IntervalMonthDayNanoType>(|row| {
        years_to_micros(today, given!(first.at(row))).map(Some)
    })
}

/// The difference field by field: borrowed days are those of the earlier timestamp's month.
fn years_to_micros(a: i64, b: i64) -> Result<IntervalMonthDayNano> {
    let sign = if a < b { -1 } else { 1 };
    let (early, late) = (a.min(b), a.max(b));
    let (from, to) = (calendar::civil(early)?, calendar::civil(late)?);
    let mut micros = late.rem_euclid(DAY) - early.rem_euclid(DAY);
    let mut days = i64::from(to.day()) - i64::from(from.day());
    let mut months =
        i64::from(to.year() - from.year()) * 12 + i64::from(to.month()) - i64::from(from.month());
    if micros < 0 {
        micros += DAY;
        days -= 1;
    }
    if days < 0 {
        // PostgreSQL borrows the length of the first timestamp's month when that is the smaller.
        days += i64::from(last_day(early)? - calendar::days_of_date(from.date()))
            + i64::from(from.day());
        months -= 1;
    }
    Ok(calendar::interval(
        sign * months,
        sign * days,
        sign * micros,
    )?)
}

fn overlaps(call: &Call) -> Result<ArrayRef> {
    let ends = [
        call.micros(0)?,
        call.micros(1)?,
        call.micros(2)?,
        call.micros(3)?,
    ];
    call.each_bool(|row| {
        let [a, b, c, d] = ends.map(|end| end.at(row));
        let (a, b, c, d) = (given!(a), given!(b), given!(c), given!(d));
        let ((a, b), (c, d)) = ((a.min(b), a.max(b)), (c.min(d), c.max(d)));
        Ok(Some(match a.cmp(&c) {
            Ordering::Equal => true,
            Ordering::Greater => a < d,
            Ordering::Less => c < b,
        }))
    })
}
