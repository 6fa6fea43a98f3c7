//! Dates, times and instants from text: ISO 8601 as PostgreSQL writes and reads it.

use arrow::array::timezone::Tz;
use chrono::{DateTime, Days, NaiveDateTime, Offset, TimeDelta, TimeZone};
use quern_engine::{Error, Kind};

use super::super::{DAY_MICROS, oid};
use super::{shortened, syntax};

/// Why a text is not read.
enum Fault {
    Syntax,
    Range,
}

fn report<T>(read: Result<T, Fault>, oid: u32, text: &str) -> Result<T, Error> {
    read.map_err(|fault| match fault {
        Fault::Syntax => syntax(oid, text),
        Fault::Range => Error::new(
            Kind::InvalidDatetime,
            format!(
                "date/time field value out of range: \"{}\"",
                shortened(text)
            ),
        ),
    })
}

/// Days since 1970-01-01.
pub fn date(text: &str) -> Result<i32, Error> {
    let read = || {
        if let Some(infinity) = infinity(text) {
            return Ok(if infinity > 0 { i32::MAX } else { i32::MIN });
        }
        let parts = Parts::read(text)?;
        let days = parts.days.ok_or(Fault::Syntax)?;
        i32::try_from(days).map_err(|_| Fault::Range)
    };
    report(read(), oid::DATE, text)
}

/// Microseconds since midnight; a zone after it is ignored, as PostgreSQL does.
pub fn time(text: &str) -> Result<i64, Error> {
    let read = || Parts::read(text)?.micros.ok_or(Fault::Syntax);
    report(read(), oid::TIME, text)
}

/// Microseconds since 1970-01-01, of the clock on the wall; a zone is ignored, as PostgreSQL does.
pub fn timestamp(text: &str) -> Result<i64, Error> {
    let read = || match infinity(text) {
        Some(infinity) => Ok(infinity),
        None => Parts::read(text)?.instant(),
    };
    report(read(), oid::TIMESTAMP, text)
}

/// Microseconds since 1970-01-01 UTC; without a zone the text is in that of the session.
pub fn timestamp_tz(text: &str, zone: Option<Tz>) -> Result<i64, Error> {
    let read = || {
        if let Some(infinity) = infinity(text) {
            return Ok(infinity);
        }
        let parts = Parts::read(text)?;
        let local = parts.instant()?;
        let offset = match (parts.zone, zone) {
            (Zone::Offset(seconds), _) => seconds,
            (Zone::Named(zone), _) | (Zone::None, Some(zone)) => local_offset(local, zone),
            (Zone::None, None) => 0,
        };
        local.checked_sub(offset * 1_000_000).ok_or(Fault::Range)
    };
    report(read(), oid::TIMESTAMPTZ, text)
}

fn infinity(text: &str) -> Option<i64> {
    let word = text.trim_ascii();
    let (negative, word) = match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word.strip_prefix('+').unwrap_or(word)),
    };
    let found = word.eq_ignore_ascii_case("infinity");
    found.then_some(if negative { i64::MIN } else { i64::MAX })
}

/// Seconds east of Greenwich at a local time. An hour that happens twice is the second one, one that
/// is left out is counted on from before the gap.
fn local_offset(local_micros: i64, zone: Tz) -> i64 {
    let Some(local) = DateTime::from_timestamp_micros(local_micros).map(|v| v.naive_utc()) else {
        return 0;
    };
    let seconds = |offset: <Tz as TimeZone>::Offset| i64::from(offset.fix().local_minus_utc());
    let at = |local: &NaiveDateTime| zone.offset_from_local_datetime(local);
    if let Some(offset) = at(&local).latest() {
        return seconds(offset);
    }
    let before = local
        .checked_sub_signed(TimeDelta::hours(3))
        .and_then(|before| at(&before).latest());
    let day_before = || {
        local
            .checked_sub_days(Days::new(1))
            .and_then(|d| at(&d).latest())
    };
    before.or_else(day_before).map_or(0, seconds)
}

enum Zone {
    None,
    Offset(i64),
    Named(Tz),
}

/// What a text says.
struct Parts {
    days: Option<i64>,
    micros: Option<i64>,
    zone: Zone,
}

impl Parts {
    fn instant(&self) -> Result<i64, Fault> {
        let days = self.days.ok_or(Fault::Syntax)?;
        let midnight = days.checked_mul(DAY_MICROS).ok_or(Fault::Range)?;
        let instant = midnight.checked_add(self.micros.unwrap_or(0));
        instant.ok_or(Fault::Range)
    }

    fn read(text: &str) -> Result<Self, Fault> {
        let mut text = text.trim_ascii();
        if text.eq_ignore_ascii_case("epoch") {
            let zone = Zone::Offset(0);
            let (days, micros) = (Some(0), Some(0));
            return Ok(Self { days, micros, zone });
        }
        let mut before_christ = false;
        if let Some(at) = text
            .len()
            .checked_sub(3)
            .filter(|at| text.is_char_boundary(*at))
        {
            let (rest, era) = text.split_at(at);
            if era.eq_ignore_ascii_case(" BC") || era.eq_ignore_ascii_case(" AD") {
                before_christ = era.eq_ignore_ascii_case(" BC");
                text = rest.trim_ascii_end();
            }
        }
        let mut rest = text.as_bytes();
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let days = match rest.get(digits) {
            Some(b':') => None,
            _ => Some(read_date(&mut rest, before_christ)?),
        };
        if let [b'T' | b't', after @ ..] = rest {
            rest = after;
        }
        rest = rest.trim_ascii_start();
        let micros = match rest.first() {
            Some(b'0'..=b'9') => Some(read_clock(&mut rest)?),
            _ => None,
        };
        let zone = read_zone(rest.trim_ascii())?;
        Ok(Self { days, micros, zone })
    }
}

/// Takes `least..=most` digits.
fn number(rest: &mut &[u8], least: usize, most: usize) -> Result<i64, Fault> {
    let count = rest
        .iter()
        .take(most)
        .take_while(|b| b.is_ascii_digit())
        .count();
    let (digits, after) = rest.split_at(count);
    if count < least {
        return Err(Fault::Syntax);
    }
    *rest = after;
    Ok(digits
        .iter()
        .fold(0, |sum, b| sum * 10 + i64::from(b - b'0')))
}

fn skip(rest: &mut &[u8], byte: u8) -> bool {
    match rest.split_first() {
        Some((first, after)) if *first == byte => {
            *rest = after;
            true
        }
        _ => false,
    }
}

fn read_date(rest: &mut &[u8], before_christ: bool) -> Result<i64, Fault> {
    let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (year, month, day);
    if count == 8 && !matches!(rest.get(8), Some(b'-')) {
        (year, month, day) = (
            number(rest, 4, 4)?,
            number(rest, 2, 2)?,
            number(rest, 2, 2)?,
        );
    } else {
        let first = number(rest, 1, 9)?;
        if skip(rest, b'/') {
            // Month, day, year: the order of DateStyle's default.
            let second = number(rest, 1, 2)?;
            skip(rest, b'/').then_some(()).ok_or(Fault::Syntax)?;
            (year, month, day) = (number(rest, 4, 9)?, first, second);
        } else {
            let dash = |rest: &mut &[u8]| skip(rest, b'-').then_some(()).ok_or(Fault::Syntax);
            dash(rest)?;
            let second = number(rest, 1, 2)?;
            dash(rest)?;
            (year, month, day) = (first, second, number(rest, 1, 2)?);
            if count < 3 {
                return Err(Fault::Syntax);
            }
        }
    }
    if year == 0 {
        return Err(Fault::Range);
    }
    let year = if before_christ { 1 - year } else { year };
    days_of(year, month, day).ok_or(Fault::Range)
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar.
fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=last).contains(&day) {
        return None;
    }
    // Years from March on, so that the leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn read_clock(rest: &mut &[u8]) -> Result<i64, Fault> {
    let hour = number(rest, 1, 2)?;
    skip(rest, b':').then_some(()).ok_or(Fault::Syntax)?;
    let minute = number(rest, 2, 2)?;
    let (mut second, mut micros) = (0, 0);
    if skip(rest, b':') {
        second = number(rest, 1, 2)?;
        if skip(rest, b'.') {
            micros = fraction(rest);
        }
    }
    let total = ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros;
    let valid = hour <= 24 && minute < 60 && second <= 60 && total <= DAY_MICROS;
    valid.then_some(total).ok_or(Fault::Range)
}

/// Digits after the point as microseconds, rounded.
fn fraction(rest: &mut &[u8]) -> i64 {
    let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, after) = rest.split_at(count);
    *rest = after;
    let digit = |at: usize| digits.get(at).map_or(0, |b| i64::from(b - b'0'));
    let micros = (0..6).fold(0, |sum, at| sum * 10 + digit(at));
    micros + i64::from(digit(6) >= 5)
}

/// `Z`, `+05:30`, `-0330`, `Europe/Berlin` or nothing.
fn read_zone(text: &[u8]) -> Result<Zone, Fault> {
    let mut rest = text;
    let sign = match text.first() {
        None => return Ok(Zone::None),
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => {
            let name = std::str::from_utf8(text).map_err(|_| Fault::Syntax)?;
            if ["z", "utc", "gmt"]
                .iter()
                .any(|utc| utc.eq_ignore_ascii_case(name))
            {
                return Ok(Zone::Offset(0));
            }
            let named = name.parse().ok().filter(|_| name.contains('/'));
            return named.map(Zone::Named).ok_or(Fault::Syntax);
        }
    };
    rest = rest.get(1..).unwrap_or_default();
    let hours = number(&mut rest, 1, 2)?;
    let mut seconds = hours * 3600;
    for unit in [60, 1] {
        let colon = skip(&mut rest, b':');
        if colon || !rest.is_empty() {
            let part = number(&mut rest, 2, 2)?;
            (part < 60).then_some(()).ok_or(Fault::Range)?;
            seconds += part * unit;
        }
    }
    if !rest.is_empty() {
        return Err(Fault::Syntax);
    }
    (hours < 16)
        .then_some(Zone::Offset(sign * seconds))
        .ok_or(Fault::Range)
}
