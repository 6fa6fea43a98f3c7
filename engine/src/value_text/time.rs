//! Dates, times, timestamps and intervals as PostgreSQL writes them in its ISO style.
//!
//! Everything is counted from the numbers themselves, in the proleptic Gregorian calendar, so that
//! every value that Arrow can hold has a text, also far outside of what calendars agree on.

use std::fmt::Write;

use arrow::array::timezone::Tz;
use arrow::datatypes::{IntervalMonthDayNano, TimeUnit};
use chrono::{DateTime, Offset, TimeZone};

const DAY_SECONDS: i64 = 86_400;

/// Units of a second, and the digits after its point.
pub fn resolution(unit: TimeUnit) -> (i64, usize) {
    match unit {
        TimeUnit::Second => (1, 0),
        TimeUnit::Millisecond => (1_000, 3),
        TimeUnit::Microsecond => (1_000_000, 6),
        TimeUnit::Nanosecond => (1_000_000_000, 9),
    }
}

/// Days since 1970-01-01.
pub fn date(days: i64, out: &mut String) {
    let (year, month, day) = civil(days);
    write_date(year, month, day, out);
    if year <= 0 {
        out.push_str(" BC");
    }
}

fn write_date(year: i64, month: i64, day: i64, out: &mut String) {
    // There is no year 0: the year before 1 is 1 BC.
    let shown = if year <= 0 { 1 - year } else { year };
    let _ = write!(out, "{shown:04}-{month:02}-{day:02}");
}

/// The calendar date of a day number. Years are counted from March, so that the leap day is the
/// last of its year, in eras of 400 years, which all have the same days.
fn civil(days: i64) -> (i64, i64, i64) {
    const ERA_DAYS: i64 = 146_097;
    /// Days from 0000-03-01 to 1970-01-01.
    const TO_1970: i64 = 719_468;
    let days = days + TO_1970;
    let era = days.div_euclid(ERA_DAYS);
    let day_of_era = days.rem_euclid(ERA_DAYS);
    let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

/// A time of day in units of a second.
pub fn time_of_day(value: i64, unit: TimeUnit, out: &mut String) {
    let (per_second, digits) = resolution(unit);
    clock(value.div_euclid(per_second), out);
    fraction(value.rem_euclid(per_second), digits, out);
}

pub fn timestamp(value: i64, unit: TimeUnit, out: &mut String) {
    instant(value, unit, 0, out);
}

/// An instant, shown in `zone` with its offset.
pub fn timestamp_in_zone(value: i64, unit: TimeUnit, zone: Option<Tz>, out: &mut String) {
    let (per_second, _) = resolution(unit);
    let seconds = value.div_euclid(per_second);
    let offset = zone.map_or(0, |zone| offset_seconds(seconds, zone));
    let before_christ = instant_without_era(value, unit, offset, out);
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, rest) = (offset.abs() / 3600, offset.abs() % 3600);
    let _ = write!(out, "{sign}{hours:02}");
    if rest != 0 {
        let _ = write!(out, ":{:02}", rest / 60);
    }
    if rest % 60 != 0 {
        let _ = write!(out, ":{:02}", rest % 60);
    }
    if before_christ {
        out.push_str(" BC");
    }
}

fn offset_seconds(seconds: i64, zone: Tz) -> i64 {
    DateTime::from_timestamp(seconds, 0).map_or(0, |utc| {
        let offset = zone.offset_from_utc_datetime(&utc.naive_utc());
        i64::from(offset.fix().local_minus_utc())
    })
}

fn instant(value: i64, unit: TimeUnit, offset: i64, out: &mut String) {
    if instant_without_era(value, unit, offset, out) {
        out.push_str(" BC");
    }
}

/// Says whether the year is before Christ, for the caller to add.
fn instant_without_era(value: i64, unit: TimeUnit, offset: i64, out: &mut String) -> bool {
    let (per_second, digits) = resolution(unit);
    let seconds = value.div_euclid(per_second).saturating_add(offset);
    let (year, month, day) = civil(seconds.div_euclid(DAY_SECONDS));
    write_date(year, month, day, out);
    out.push(' ');
    clock(seconds.rem_euclid(DAY_SECONDS), out);
    fraction(value.rem_euclid(per_second), digits, out);
    year <= 0
}

fn clock(seconds: i64, out: &mut String) {
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let _ = write!(out, "{hours:02}:{minutes:02}:{:02}", seconds % 60);
}

/// The digits after the point without trailing zeros; nothing for a whole second.
fn fraction(value: i64, digits: usize, out: &mut String) {
    if value == 0 {
        return;
    }
    let _ = write!(out, ".{value:0digits$}");
    out.truncate(out.trim_end_matches('0').len());
}

pub fn interval(value: IntervalMonthDayNano, out: &mut String) {
    span(
        i64::from(value.months),
        i64::from(value.days),
        value.nanoseconds,
        TimeUnit::Nanosecond,
        out,
    );
}

/// `1 year 2 mons -3 days +04:05:06.789`: a part after a negative one shows its sign.
pub fn span(months: i64, days: i64, time: i64, unit: TimeUnit, out: &mut String) {
    let start = out.len();
    let mut after_negative = false;
    for (value, name) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] {
        if value == 0 {
            continue;
        }
        let space = if out.len() > start { " " } else { "" };
        let plus = if after_negative && value > 0 { "+" } else { "" };
        let plural = if value == 1 { "" } else { "s" };
        let _ = write!(out, "{space}{plus}{value} {name}{plural}");
        after_negative = value < 0;
    }
    if out.len() > start && time == 0 {
        return;
    }
    if out.len() > start {
        out.push(' ');
    }
    if time < 0 {
        out.push('-');
    } else if after_negative {
        out.push('+');
    }
    let (per_second, digits) = resolution(unit);
    let magnitude = time.unsigned_abs();
    clock((magnitude / per_second as u64) as i64, out);
    fraction((magnitude % per_second as u64) as i64, digits, out);
}
