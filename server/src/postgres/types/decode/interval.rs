//! Intervals from text: PostgreSQL's own forms, `1-2 3 4:05:06` of SQL and ISO 8601's `P1DT2H`.

use quern_engine::{Error, Kind};

use super::super::{DAY_MICROS, oid};
use super::{shortened, syntax};

/// An interval's three parts, which do not convert into one another.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    pub months: i32,
    pub days: i32,
    pub micros: i64,
}

/// Sums of parts, wide enough not to overflow while they are read.
#[derive(Default)]
struct Sum {
    months: i128,
    days: i128,
    micros: i128,
}

pub fn interval(text: &str) -> Result<Interval, Error> {
    let trimmed = text.trim_ascii();
    let sum = match trimmed.strip_prefix(['P', 'p']) {
        Some(rest) => iso(rest),
        None => words(trimmed),
    };
    let sum = sum.ok_or_else(|| syntax(oid::INTERVAL, text))?;
    let out_of_range = || {
        Error::new(
            Kind::InvalidDatetime,
            format!("interval field value out of range: \"{}\"", shortened(text)),
        )
    };
    Ok(Interval {
        months: i32::try_from(sum.months).map_err(|_| out_of_range())?,
        days: i32::try_from(sum.days).map_err(|_| out_of_range())?,
        micros: i64::try_from(sum.micros).map_err(|_| out_of_range())?,
    })
}

/// A number in millionths, so that `1.5 days` needs no float.
fn millionths(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let valid = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if digits.len() > 30 || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    if !valid(whole) || !valid(fraction) {
        return None;
    }
    let whole: i128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let digit = |at: usize| {
        fraction
            .as_bytes()
            .get(at)
            .map_or(0, |b| i128::from(b - b'0'))
    };
    let micros = (0..6).fold(0, |sum, at| sum * 10 + digit(at)) + i128::from(digit(6) >= 5);
    let value = whole.checked_mul(1_000_000)?.checked_add(micros)?;
    Some(if negative { -value } else { value })
}

const MILLION: i128 = 1_000_000;

impl Sum {
    /// Adds so many millionths of a unit; fractions of months go into days of which a month has 30.
    fn add(&mut self, amount: i128, unit: &str) -> Option<()> {
        const UNITS: &[(&[&str], i128, u8)] = &[
            (&["millennium", "millennia", "mil", "mils"], 12_000, b'm'),
            (&["century", "centuries", "cent", "c"], 1_200, b'm'),
            (&["decade", "decades", "dec", "decs"], 120, b'm'),
            (&["year", "years", "yr", "yrs", "y"], 12, b'm'),
            (&["month", "months", "mon", "mons"], 1, b'm'),
            (&["week", "weeks", "w"], 7, b'd'),
            (&["day", "days", "d"], 1, b'd'),
            (&["hour", "hours", "hr", "hrs", "h"], 3_600_000_000, b't'),
            (&["minute", "minutes", "min", "mins", "m"], 60_000_000, b't'),
            (&["second", "seconds", "sec", "secs", "s"], 1_000_000, b't'),
            (
                &["millisecond", "milliseconds", "msec", "msecs", "ms"],
                1_000,
                b't',
            ),
            (
                &["microsecond", "microseconds", "usec", "usecs", "us"],
                1,
                b't',
            ),
        ];
        let known = |names: &&[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(unit));
        let (_, factor, part) = UNITS.iter().find(|(names, ..)| known(names))?;
        let amount = amount.checked_mul(*factor)?;
        match part {
            b'm' => {
                self.months = self.months.checked_add(amount / MILLION)?;
                self.add(amount % MILLION * if *factor == 1 { 30 } else { 0 }, "day")?;
                // Years are rounded to months.
                if *factor != 1 {
                    let half = (amount % MILLION * 2) / MILLION;
                    self.months += half;
                }
            }
            b'd' => {
                self.days = self.days.checked_add(amount / MILLION)?;
                self.micros += amount % MILLION * i128::from(DAY_MICROS) / MILLION;
            }
            _ => self.micros = self.micros.checked_add(amount / MILLION)?,
        }
        Some(())
    }

    /// `[-+]H:MM[:SS[.ffffff]]`.
    fn add_clock(&mut self, text: &str) -> Option<()> {
        let negative = text.starts_with('-');
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let mut parts = digits.split(':');
        let mut part = || {
            let part = parts.next()?;
            (!part.starts_with(['-', '+']))
                .then(|| millionths(part))
                .flatten()
        };
        let (hours, minutes) = (part()?, part()?);
        let seconds = part().unwrap_or(0);
        let fractions = hours % MILLION != 0 || minutes % MILLION != 0;
        if digits.split(':').count() > 3 || fractions || minutes >= 60 * MILLION {
            return None;
        }
        if seconds > 60 * MILLION {
            return None;
        }
        let micros = hours
            .checked_mul(3600)?
            .checked_add(minutes * 60)?
            .checked_add(seconds)?;
        let micros = if negative { -micros } else { micros };
        self.micros = self.micros.checked_add(micros)?;
        Some(())
    }
}

fn words(text: &str) -> Option<Sum> {
    let mut sum = Sum::default();
    let mut words = text.split_ascii_whitespace().peekable();
    let mut any = false;
    while let Some(word) = words.next() {
        if word == "@" && !any {
            continue;
        }
        if word.eq_ignore_ascii_case("ago") && any && words.peek().is_none() {
            sum = Sum {
                months: -sum.months,
                days: -sum.days,
                micros: -sum.micros,
            };
            return Some(sum);
        }
        any = true;
        if word.contains(':') {
            sum.add_clock(word)?;
            continue;
        }
        let number_end = word
            .char_indices()
            .find(|(at, c)| !(c.is_ascii_digit() || *c == '.' || (*at == 0 && "+-".contains(*c))))
            .map_or(word.len(), |(at, _)| at);
        let (number, unit) = word.split_at(number_end);
        if let Some(months) = unit.strip_prefix('-') {
            let (years, negative) = (millionths(number)?, number.starts_with('-'));
            let months: i128 = months.parse::<u32>().ok().filter(|m| *m < 12)?.into();
            sum.add(years, "year")?;
            sum.months += if negative { -months } else { months };
            continue;
        }
        let amount = millionths(number)?;
        let unit = match (unit, words.peek()) {
            ("", Some(next)) if next.contains(':') => "day",
            ("", Some(_)) => words.next()?,
            ("", None) => "second",
            (unit, _) => unit,
        };
        sum.add(amount, unit)?;
    }
    any.then_some(sum)
}

/// What is after the `P`.
fn iso(text: &str) -> Option<Sum> {
    let mut sum = Sum::default();
    let mut rest = text;
    let mut in_time = false;
    let mut any = false;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(['T', 't']) {
            if in_time {
                return None;
            }
            (in_time, rest) = (true, after);
            continue;
        }
        let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, after) = rest.split_at(end);
        let (unit, after) = after.split_at(1);
        let unit = match (unit.to_ascii_uppercase().as_str(), in_time) {
            ("Y", false) => "year",
            ("M", false) => "month",
            ("W", false) => "week",
            ("D", false) => "day",
            ("H", true) => "hour",
            ("M", true) => "minute",
            ("S", true) => "second",
            _ => return None,
        };
        sum.add(millionths(number)?, unit)?;
        (any, rest) = (true, after);
    }
    any.then_some(sum)
}
