//! Calendar arithmetic on the microseconds and intervals of PostgreSQL; no SQL, no arrays.
//!
//! A local time is the microseconds since 1970-01-01 of the wall clock, whatever the zone. An
//! interval is months, days and nanoseconds, which never turn into each other unasked.

use arrow::array::timezone::Tz;
use arrow::datatypes::IntervalMonthDayNano;
use chrono::{
    DateTime, Datelike, Days, LocalResult, Months, NaiveDate, NaiveDateTime, Offset, TimeZone,
};

use crate::error::{Error, Kind, Result};

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

pub(crate) fn out_of_range() -> Error {
    Error::new(Kind::InvalidDatetime, "timestamp out of range")
}

pub(crate) fn interval_out_of_range() -> Error {
    Error::new(Kind::InvalidDatetime, "interval out of range")
}

/// Local microseconds as a date and time.
pub(crate) fn civil(micros: i64) -> Result<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros)
        .map(|t| t.naive_utc())
        .ok_or_else(out_of_range)
}

pub(crate) fn micros(civil: NaiveDateTime) -> i64 {
    civil.and_utc().timestamp_micros()
}

pub(crate) fn micros_of_date(date: NaiveDate) -> i64 {
    micros(date.and_time(chrono::NaiveTime::MIN))
}

pub(crate) fn days_of_date(date: NaiveDate) -> i32 {
    // Dates of chrono span less than 2^31 days.
    (micros_of_date(date) / DAY) as i32
}

pub(crate) fn parse_zone(name: &str) -> Result<Tz> {
    name.parse().map_err(|_| {
        Error::new(
            Kind::InvalidParameterValue,
            format!("time zone \"{name}\" not recognized"),
        )
        .hint("Write a name such as 'Europe/Berlin' or an offset such as '+02:00'.")
    })
}

/// An instant (microseconds in UTC) as the wall clock of a zone shows it.
pub(crate) fn to_local(utc: i64, zone: &Tz) -> Result<i64> {
    let offset = zone
        .offset_from_utc_datetime(&civil(utc)?)
        .fix()
        .local_minus_utc();
    utc.checked_add(i64::from(offset) * SECOND)
        .ok_or_else(out_of_range)
}

/// The instant at which a zone's wall clock shows `local`. As in PostgreSQL, a time that the clock
/// skips is read with the offset before the gap, a time that it shows twice is the later one.
pub(crate) fn to_utc(local: i64, zone: &Tz) -> Result<i64> {
    let shown = civil(local)?;
    let offset = match zone.offset_from_local_datetime(&shown) {
        LocalResult::Single(offset) => offset.fix().local_minus_utc(),
        LocalResult::Ambiguous(_, later) => later.fix().local_minus_utc(),
        LocalResult::None => {
            let before = shown - chrono::TimeDelta::hours(3);
            zone.offset_from_utc_datetime(&before)
                .fix()
                .local_minus_utc()
        }
    };
    local
        .checked_sub(i64::from(offset) * SECOND)
        .ok_or_else(out_of_range)
}

/// Adds months (clamped to the end of the month), then days, then microseconds.
pub(crate) fn add(local: i64, months: i64, days: i64, micros_more: i64) -> Result<i64> {
    let shift_months = |t: NaiveDateTime| {
        let count = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
        match months < 0 {
            true => t.checked_sub_months(count),
            false => t.checked_add_months(count),
        }
    };
    let shift_days = |t: NaiveDateTime| {
        let count = Days::new(days.unsigned_abs());
        match days < 0 {
            true => t.checked_sub_days(count),
            false => t.checked_add_days(count),
        }
    };
    let moved = shift_months(civil(local)?)
        .and_then(shift_days)
        .ok_or_else(out_of_range)?;
    let sum = micros(moved)
        .checked_add(micros_more)
        .ok_or_else(out_of_range)?;
    civil(sum).map(micros)
}

/// Whole months from `from` to `to`, towards zero.
pub(crate) fn months_between(from: i64, to: i64) -> Result<i64> {
    let (a, b) = (civil(from)?, civil(to)?);
    let months = i64::from(b.year() - a.year()) * 12 + i64::from(b.month()) - i64::from(a.month());
    // The last month counts only when adding it does not go past the end.
    let reached = add(from, months, 0, 0)?;
    Ok(match months {
        m if m > 0 && reached > to => m - 1,
        m if m < 0 && reached < to => m + 1,
        m => m,
    })
}

/// An interval from its parts; the microseconds must fit the nanoseconds that Arrow stores.
pub(crate) fn interval(months: i64, days: i64, micros: i64) -> Result<IntervalMonthDayNano> {
    let fit = |n: i64| i32::try_from(n).map_err(|_| interval_out_of_range());
    let nanos = micros.checked_mul(1000).ok_or_else(interval_out_of_range)?;
    Ok(IntervalMonthDayNano::new(fit(months)?, fit(days)?, nanos))
}

/// The microseconds of an interval's time part.
pub(crate) fn interval_micros(value: IntervalMonthDayNano) -> i64 {
    value.nanoseconds / 1000
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(text: &str) -> i64 {
        micros(text.parse().unwrap())
    }

    #[test]
    fn the_clock_of_a_zone_skips_and_repeats_hours() {
        let zone = parse_zone("Europe/Berlin").unwrap();
        assert_eq!(
            to_utc(at("2021-03-28T02:30:00"), &zone).unwrap(),
            at("2021-03-28T01:30:00")
        );
        assert_eq!(
            to_utc(at("2021-10-31T02:30:00"), &zone).unwrap(),
            at("2021-10-31T01:30:00")
        );
    }

    #[test]
    fn months_clamp_to_the_end_of_the_month() {
        let moved = add(at("2021-01-31T10:00:00"), 1, 0, 0).unwrap();
        assert_eq!(moved, at("2021-02-28T10:00:00"));
        assert_eq!(
            months_between(at("2020-01-31T00:00:00"), at("2020-02-29T00:00:00")).unwrap(),
            1
        );
    }
}
