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
pub fn date<W: Write>(days: i64, out: &mut W) {
    let mut text = Text::new();
    let before_christ = text.date(days);
    text.flush(out);
    era(before_christ, out);
}

fn era<W: Write>(before_christ: bool, out: &mut W) {
    if before_christ {
        let _ = out.write_str(" BC");
    }
}

/// A date and a time under construction. The longest is a year of 15 digits, its signs and points,
/// a clock and nine digits of a second.
struct Text {
    bytes: [u8; 48],
    length: usize,
}

impl Text {
    fn new() -> Self {
        Self {
            bytes: [0; 48],
            length: 0,
        }
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    /// A sign and two digits.
    fn two(&mut self, before: u8, number: i64) {
        let number = number.rem_euclid(100) as u8;
        let digits = [before, b'0' + number / 10, b'0' + number % 10];
        if let Some(place) = self.bytes.get_mut(self.length..self.length + 3) {
            place.copy_from_slice(&digits);
            self.length += 3;
        }
    }

    fn number(&mut self, number: i64) {
        for byte in itoa::Buffer::new().format(number).bytes() {
            self.push(byte);
        }
    }

    /// Says whether the year is before Christ.
    fn date(&mut self, days: i64) -> bool {
        let (year, month, day) = civil(days);
        // There is no year 0: the year before 1 is 1 BC.
        let shown = if year <= 0 { 1 - year } else { year };
        if shown < 10_000 {
            self.push(b'0' + (shown / 1000) as u8);
            self.two(b'0' + (shown / 100 % 10) as u8, shown % 100);
        } else {
            self.number(shown);
        }
        self.two(b'-', month);
        self.two(b'-', day);
        year <= 0
    }

    /// Appends the time of day, and the digits of the second without trailing zeros.
    fn clock(&mut self, seconds: i64, fraction: i64, digits: usize) {
        let hours = seconds / 3600;
        if hours < 100 {
            self.push(b'0' + (hours / 10) as u8);
            self.push(b'0' + (hours % 10) as u8);
        } else {
            self.number(hours);
        }
        self.two(b':', seconds / 60 % 60);
        self.two(b':', seconds % 60);
        if fraction == 0 {
            return;
        }
        self.push(b'.');
        let mut unit = 10_i64.pow(digits.saturating_sub(1) as u32);
        let mut left = fraction;
        while left > 0 && unit > 0 {
            self.push(b'0' + (left / unit) as u8);
            left %= unit;
            unit /= 10;
        }
    }

    fn flush<W: Write>(&self, out: &mut W) {
        let text = self.bytes.get(..self.length).unwrap_or_default();
        let _ = out.write_str(std::str::from_utf8(text).unwrap_or_default());
    }
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
pub fn time_of_day<W: Write>(value: i64, unit: TimeUnit, out: &mut W) {
    let (per_second, digits) = resolution(unit);
    let mut text = Text::new();
    let (seconds, fraction) = (value.div_euclid(per_second), value.rem_euclid(per_second));
    text.clock(seconds, fraction, digits);
    text.flush(out);
}

pub fn timestamp<W: Write>(value: i64, unit: TimeUnit, out: &mut W) {
    era(instant_without_era(value, unit, 0, out), out);
}

/// An instant, shown in `zone` with its offset.
pub fn timestamp_in_zone<W: Write>(value: i64, unit: TimeUnit, zone: Option<Tz>, out: &mut W) {
    let (per_second, _) = resolution(unit);
    let seconds = value.div_euclid(per_second);
    let offset = zone.map_or(0, |zone| offset_seconds(seconds, zone));
    let before_christ = instant_without_era(value, unit, offset, out);
    let mut text = Text::new();
    let rest = offset.abs() % 3600;
    text.two(if offset < 0 { b'-' } else { b'+' }, offset.abs() / 3600);
    if rest != 0 {
        text.two(b':', rest / 60);
    }
    if rest % 60 != 0 {
        text.two(b':', rest % 60);
    }
    text.flush(out);
    era(before_christ, out);
}

fn offset_seconds(seconds: i64, zone: Tz) -> i64 {
    DateTime::from_timestamp(seconds, 0).map_or(0, |utc| {
        let offset = zone.offset_from_utc_datetime(&utc.naive_utc());
        i64::from(offset.fix().local_minus_utc())
    })
}

/// Says whether the year is before Christ, for the caller to add.
fn instant_without_era<W: Write>(value: i64, unit: TimeUnit, offset: i64, out: &mut W) -> bool {
    let (per_second, digits) = resolution(unit);
    let seconds = value.div_euclid(per_second).saturating_add(offset);
    let mut text = Text::new();
    let before_christ = text.date(seconds.div_euclid(DAY_SECONDS));
    text.push(b' ');
    let fraction = value.rem_euclid(per_second);
    text.clock(seconds.rem_euclid(DAY_SECONDS), fraction, digits);
    text.flush(out);
    before_christ
}

pub fn interval<W: Write>(value: IntervalMonthDayNano, out: &mut W) {
    span(
        i64::from(value.months),
        i64::from(value.days),
        value.nanoseconds,
        TimeUnit::Nanosecond,
        out,
    );
}

/// `1 year 2 mons -3 days +04:05:06.789`: a part after a negative one shows its sign.
pub fn span<W: Write>(months: i64, days: i64, time: i64, unit: TimeUnit, out: &mut W) {
    let mut space = "";
    let mut after_negative = false;
    for (value, name) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] {
        if value == 0 {
            continue;
        }
        let _ = out.write_str(space);
        let _ = out.write_str(if after_negative && value > 0 { "+" } else { "" });
        super::number::integer(value, out);
        let _ = out.write_str(" ");
        let _ = out.write_str(name);
        let _ = out.write_str(if value == 1 { "" } else { "s" });
        after_negative = value < 0;
        space = " ";
    }
    if !space.is_empty() && time == 0 {
        return;
    }
    let _ = out.write_str(space);
    let mut text = Text::new();
    if time < 0 {
        text.push(b'-');
    } else if after_negative {
        text.push(b'+');
    }
    let (per_second, digits) = resolution(unit);
    let (magnitude, per_second) = (time.unsigned_abs(), per_second as u64);
    let fraction = (magnitude % per_second) as i64;
    text.clock((magnitude / per_second) as i64, fraction, digits);
    text.flush(out);
}
