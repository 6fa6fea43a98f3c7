//! Arithmetic on intervals: `justify_days`, times and divided by numbers, their order.

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Decimal128Type, IntervalMonthDayNanoType};
use datafusion::common::Result;

use super::date_part::SECTION;
use crate::error::{Error, Kind};
use crate::function::calendar::{self, DAY};
use crate::function::define::{Arg, Call, Scalar, takes};
use crate::function::rows::{At, given, gives};

pub(crate) static FUNCTIONS: &[Scalar] = &[
    Scalar::new(
        SECTION,
        "justify_days",
        "justify_days(interval)",
        "Turns each 30 days of an interval into a month.",
        &[takes(&[Arg::Interval], gives::interval, |call| {
            justify(call, false, true)
        })],
    ),
    Scalar::new(
        SECTION,
        "justify_hours",
        "justify_hours(interval)",
        "Turns each 24 hours of an interval into a day.",
        &[takes(&[Arg::Interval], gives::interval, |call| {
            justify(call, true, false)
        })],
    ),
    Scalar::new(
        SECTION,
        "justify_interval",
        "justify_interval(interval)",
        "Turns hours into days and days into months, all of one sign.",
        &[takes(&[Arg::Interval], gives::interval, |call| {
            justify(call, true, true)
        })],
    ),
    Scalar::new(
        SECTION,
        "interval_multiply",
        "interval * number",
        "An interval times a number; fractions of a month become days, of a day hours.",
        &[takes(
            &[Arg::Interval, Arg::Float],
            gives::interval,
            |call| interval_by(call, |x, factor| Ok(x * factor)),
        )],
    ),
    Scalar::new(
        SECTION,
        "interval_divide",
        "interval / number",
        "An interval divided by a number; fractions of a month become days, of a day hours.",
        &[takes(
            &[Arg::Interval, Arg::Float],
            gives::interval,
            |call| {
                interval_by(call, |x, divisor| match divisor == 0.0 {
                    true => Err(Error::new(Kind::DivisionByZero, "division by zero")),
                    false => Ok(x / divisor),
                })
            },
        )],
    ),
    Scalar::new(
        SECTION,
        "interval_order",
        "interval_order(interval)",
        "The length by which intervals compare, in microseconds: a month is 30 days, a day 24 hours.",
        &[takes(
            &[Arg::Interval],
            |_| DataType::Decimal128(38, 0),
            |call| {
                let values = call.intervals(0)?;
                call.each::<Decimal128Type>(|row| {
                    let v = given!(values.at(row));
                    let days = i128::from(v.months) * 30 + i128::from(v.days);
                    let micros = i128::from(calendar::interval_micros(v));
                    Ok(Some(days * i128::from(DAY) + micros))
                })
            },
        )],
    ),
];

fn justify(call: &Call, hours: bool, days: bool) -> Result<ArrayRef> {
    let values = call.intervals(0)?;
    call.each::<IntervalMonthDayNanoType>(|row| {
        let v = given!(values.at(row));
        let (mut m, mut d) = (i64::from(v.months), i64::from(v.days));
        let mut t = calendar::interval_micros(v);
        if hours {
            d += t / DAY;
            t %= DAY;
        }
        if days {
            m += d / 30;
            d %= 30;
        }
        if hours && days {
            if m > 0 && (d < 0 || (d == 0 && t < 0)) {
                (m, d) = (m - 1, d + 30);
            } else if m < 0 && (d > 0 || (d == 0 && t > 0)) {
                (m, d) = (m + 1, d - 30);
            }
        } else if days {
            if m > 0 && d < 0 {
                (m, d) = (m - 1, d + 30);
            } else if m < 0 && d > 0 {
                (m, d) = (m + 1, d - 30);
            }
        }
        if hours {
            if d > 0 && t < 0 {
                (d, t) = (d - 1, t + DAY);
            } else if d < 0 && t > 0 {
                (d, t) = (d + 1, t - DAY);
            }
        }
        Ok(Some(calendar::interval(m, d, t)?))
    })
}

fn interval_by(call: &Call, by: fn(f64, f64) -> crate::error::Result<f64>) -> Result<ArrayRef> {
    let intervals = call.intervals(0)?;
    let numbers = call.floats(1)?;
    let round = |x: f64| (x * 1e6).round_ties_even() / 1e6;
    call.each::<IntervalMonthDayNanoType>(|row| {
        let (v, number) = (given!(intervals.at(row)), given!(numbers.at(row)));
        let months = by(f64::from(v.months), number)?;
        let days = by(f64::from(v.days), number)?;
        let micros = by(calendar::interval_micros(v) as f64, number)?;
        // What is left of a month is days, what is left of a day is seconds; PostgreSQL rounds both
        // to six digits.
        let month_days = round(months.fract() * 30.0);
        let mut seconds = round((days.fract() + month_days.fract()) * 86_400.0);
        let carried = (seconds / 86_400.0).trunc();
        seconds -= carried * 86_400.0;
        let whole_days = days.trunc() + month_days.trunc() + carried;
        let micros = (micros + seconds * 1e6).round_ties_even();
        let parts = [months.trunc(), whole_days, micros];
        if parts.iter().any(|x| !x.is_finite() || x.abs() > 9e18) {
            return Err(calendar::interval_out_of_range().into());
        }
        let [months, days, micros] = parts.map(|x| x as i64);
        Ok(Some(calendar::interval(months, days, micros)?))
    })
}
