//! Dates, times, timestamps and intervals from their parts; time zones; the clock.

use arrow::array::ArrayRef;
use arrow::datatypes::{
    DataType, IntervalMonthDayNanoType, Time64NanosecondType, TimestampMicrosecondType,
};
use chrono::NaiveDate;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, lit,
};

use super::date_part::SECTION;
use crate::error::{Error, Kind};
use crate::function::calendar::{self, DAY, HOUR, MINUTE, SECOND};
use crate::function::define::{Arg, Call, MICROS, Scalar, document, micros_tz, takes};
use crate::function::rows::{At, given, gives};

const DATE_TIME: &[Arg] = &[Arg::Int, Arg::Int, Arg::Int, Arg::Int, Arg::Int, Arg::Float];
const DATE_TIME_ZONE: &[Arg] = &[
    Arg::Int,
    Arg::Int,
    Arg::Int,
    Arg::Int,
    Arg::Int,
    Arg::Float,
    Arg::Text,
];
const INTERVAL: [Arg; 7] = [
    Arg::Int,
    Arg::Int,
    Arg::Int,
    Arg::Int,
    Arg::Int,
    Arg::Int,
    Arg::Float,
];

pub(crate) static FUNCTIONS: &[Scalar] = &[
    Scalar::new(
        SECTION,
        "make_timestamp",
        "make_timestamp(year, month, day, hour, minute, seconds)",
        "A timestamp from its fields.",
        &[takes(DATE_TIME, gives::timestamp, make_timestamp)],
    ),
    Scalar::new(
        SECTION,
        "make_timestamptz",
        "make_timestamptz(year, month, day, hour, minute, seconds [, zone])",
        "A timestamp with time zone from its fields, in the session's zone unless one is given.",
        &[
            takes(DATE_TIME, utc, make_timestamptz),
            takes(DATE_TIME_ZONE, utc, make_timestamptz),
        ],
    )
    .that_is(Volatility::Stable),
    Scalar::new(
        SECTION,
        "make_time",
        "make_time(hour, minute, seconds)",
        "A time from its fields.",
        &[takes(
            &[Arg::Int, Arg::Int, Arg::Float],
            gives::time,
            |call| {
                let (hours, minutes, seconds) = (call.ints(0)?, call.ints(1)?, call.floats(2)?);
                call.each::<Time64NanosecondType>(|row| {
                    let time = (
                        given!(hours.at(row)),
                        given!(minutes.at(row)),
                        given!(seconds.at(row)),
                    );
                    time_of_day(time.0, time.1, time.2).map(|micros| Some(micros * 1000))
                })
            },
        )],
    ),
    Scalar::new(
        SECTION,
        "make_interval",
        "make_interval([years [, months [, weeks [, days [, hours [, mins [, secs]]]]]]])",
        "An interval from its fields, which may be named: make_interval(days => 10).",
        &[
            takes(&[], gives::interval, make_interval),
            takes(INTERVAL.split_at(1).0, gives::interval, make_interval),
            takes(INTERVAL.split_at(2).0, gives::interval, make_interval),
            takes(INTERVAL.split_at(3).0, gives::interval, make_interval),
            takes(INTERVAL.split_at(4).0, gives::interval, make_interval),
            takes(INTERVAL.split_at(5).0, gives::interval, make_interval),
            takes(INTERVAL.split_at(6).0, gives::interval, make_interval),
            takes(&INTERVAL, gives::interval, make_interval),
        ],
    ),
    Scalar::new(
        SECTION,
        "timezone",
        "timezone(zone, timestamp)",
        "timestamp AT TIME ZONE zone: a wall clock's time as an instant, or an instant as the wall \
         clock shows it.",
        &[
            takes(&[Arg::Text, Arg::Timestamp], utc, |call| {
                shift(call, calendar::to_utc)
            }),
            takes(&[Arg::Text, Arg::TimestampTz], gives::timestamp, |call| {
                shift(call, calendar::to_local)
            }),
        ],
    ),
    Scalar::new(
        SECTION,
        "clock_timestamp",
        "clock_timestamp()",
        "The time now; it goes on while a statement runs.",
        &[takes(&[], utc, |call| {
            call.each::<TimestampMicrosecondType>(|_| {
                Ok(Some(chrono::Utc::now().timestamp_micros()))
            })
        })],
    )
    .that_is(Volatility::Volatile),
];

fn utc(_: &[DataType]) -> DataType {
    micros_tz("UTC")
}

fn field_out_of_range(what: &str) -> Error {
    Error::new(
        Kind::InvalidDatetime,
        format!("{what} field value out of range"),
    )
}

/// Microseconds since midnight; 24:00:00 is allowed, as in PostgreSQL.
fn time_of_day(hours: i64, minutes: i64, seconds: f64) -> Result<i64> {
    let fits = (0..=24).contains(&hours)
        && (0..60).contains(&minutes)
        && (0.0..=60.0).contains(&seconds)
        && (hours < 24 || (minutes == 0 && seconds == 0.0));
    match fits {
        true => Ok(hours * HOUR + minutes * MINUTE + (seconds * 1e6).round() as i64),
        false => Err(field_out_of_range("time").into()),
    }
}

/// The local time that the first six arguments name.
fn local_time(call: &Call, row: usize) -> Result<Option<i64>> {
    let whole = |i: usize| call.ints(i).map(|a| a.at(row));
    let (year, month, day) = (given!(whole(0)?), given!(whole(1)?), given!(whole(2)?));
    let (hour, minute) = (given!(whole(3)?), given!(whole(4)?));
    let seconds = given!(call.floats(5)?.at(row));
    let date = i32::try_from(year)
        .ok()
        .zip(u32::try_from(month).ok().zip(u32::try_from(day).ok()))
        // There is no year 0; negative years are BC.
        .filter(|(year, _)| *year != 0)
        .and_then(|(year, (month, day))| {
            NaiveDate::from_ymd_opt(if year < 0 { year + 1 } else { year }, month, day)
        })
        .ok_or_else(|| field_out_of_range("date"))?;
    let micros = calendar::micros_of_date(date) + time_of_day(hour, minute, seconds)?;
    Ok(Some(micros))
}

fn make_timestamp(call: &Call) -> Result<ArrayRef> {
    call.each::<TimestampMicrosecondType>(|row| local_time(call, row))
}

fn make_timestamptz(call: &Call) -> Result<ArrayRef> {
    let session = calendar::parse_zone(call.zone())?;
    let zones = match call.arrays.len() {
        7 => Some(call.text(6)?),
        _ => None,
    };
    call.each::<TimestampMicrosecondType>(|row| {
        let local = given!(local_time(call, row)?);
        let zone = match &zones {
            Some(zones) => calendar::parse_zone(given!(zones.at(row)))?,
            None => session,
        };
        Ok(Some(calendar::to_utc(local, &zone)?))
    })
}

fn make_interval(call: &Call) -> Result<ArrayRef> {
    call.each::<IntervalMonthDayNanoType>(|row| {
        let part = |i: usize| -> Result<Option<i64>> {
            match i < call.arrays.len() {
                true => Ok(call.ints(i)?.at(row)),
                false => Ok(Some(0)),
            }
        };
        let seconds = match call.arrays.len() == 7 {
            true => given!(call.floats(6)?.at(row)),
            false => 0.0,
        };
        let (years, months) = (given!(part(0)?), given!(part(1)?));
        let (weeks, days) = (given!(part(2)?), given!(part(3)?));
        let (hours, minutes) = (given!(part(4)?), given!(part(5)?));
        let sum = |a: i64, per: i64, b: i64| a.checked_mul(per).and_then(|a| a.checked_add(b));
        let total = sum(years, 12, months).zip(sum(weeks, 7, days)).zip(
            sum(hours, 60, minutes)
                .and_then(|m| sum(m, MINUTE, (seconds * SECOND as f64).round() as i64)),
        );
        let ((months, days), micros) = total.ok_or_else(calendar::interval_out_of_range)?;
        Ok(Some(calendar::interval(months, days, micros)?))
    })
}

fn shift(
    call: &Call,
    by: fn(i64, &arrow::array::timezone::Tz) -> crate::error::Result<i64>,
) -> Result<ArrayRef> {
    let (zones, times) = (call.text(0)?, call.micros(1)?);
    let mut last: Option<(String, arrow::array::timezone::Tz)> = None;
    call.each::<TimestampMicrosecondType>(|row| {
        let (name, time) = (given!(zones.at(row)), given!(times.at(row)));
        let zone = match &last {
            Some((known, zone)) if known == name => *zone,
            _ => calendar::parse_zone(name)?,
        };
        last = Some((name.to_string(), zone));
        Ok(Some(by(time, &zone)?))
    })
}

/// When the statement began: an instant, or what the session's wall clock showed.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct StatementClock {
    name: &'static str,
    shows: Shows,
    signature: Signature,
    aliases: Vec<String>,
    documentation: Documentation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Shows {
    Instant,
    Local,
    TimeOfDay,
}

impl StatementClock {
    pub(crate) fn all() -> Vec<ScalarUDF> {
        [
            (
                "statement_timestamp",
                vec!["transaction_timestamp".to_string()],
                Shows::Instant,
                "When the statement began; a statement is a transaction.",
                "statement_timestamp()",
            ),
            (
                "localtimestamp",
                vec![],
                Shows::Local,
                "When the statement began, on the session's wall clock.",
                "LOCALTIMESTAMP",
            ),
            (
                "localtime",
                vec![],
                Shows::TimeOfDay,
                "The time of day at which the statement began.",
                "LOCALTIME",
            ),
        ]
        .into_iter()
        .map(|(name, aliases, shows, about, syntax)| {
            ScalarUDF::new_from_impl(Self {
                name,
                shows,
                signature: Signature::nullary(Volatility::Stable),
                aliases,
                documentation: document(SECTION, about, syntax),
            })
        })
        .collect()
    }
}

impl ScalarUDFImpl for StatementClock {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.shows {
            Shows::Instant => micros_tz("UTC"),
            Shows::Local => MICROS,
            Shows::TimeOfDay => gives::time(&[]),
        })
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(Error::internal(format!("{} was not replaced by its value", self.name)).into())
    }

    fn simplify(&self, _: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let zone = info.config_options().execution.time_zone.clone();
        let zone = calendar::parse_zone(zone.as_deref().unwrap_or("UTC"))?;
        let began = info
            .query_execution_start_time()
            .unwrap_or_else(chrono::Utc::now)
            .timestamp_micros();
        let local = calendar::to_local(began, &zone)?;
        Ok(ExprSimplifyResult::Simplified(lit(match self.shows {
            Shows::Instant => ScalarValue::TimestampMicrosecond(Some(began), Some("UTC".into())),
            Shows::Local => ScalarValue::TimestampMicrosecond(Some(local), None),
            Shows::TimeOfDay => ScalarValue::Time64Nanosecond(Some(local.rem_euclid(DAY) * 1000)),
        })))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
