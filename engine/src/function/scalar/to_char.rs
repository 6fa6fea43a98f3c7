//! `to_char` of timestamps, times and intervals, with PostgreSQL's patterns; also chrono's `%Y`.

use std::fmt::Write;

use arrow::array::ArrayRef;
use chrono::{Datelike, NaiveDateTime, Offset, TimeZone, Timelike};
use datafusion::common::Result;

use super::date_part::SECTION;
use super::pattern::{Case, Token, What, check_length, tokens};
use super::to_char_number;
use crate::error::{Error, Kind};
use crate::function::calendar::{self, HOUR};
use crate::function::define::{Arg, Call, Scalar, takes};
use crate::function::rows::{At, given, gives};

pub(crate) static FUNCTIONS: &[Scalar] = &[Scalar::new(
    SECTION,
    "to_char",
    "to_char(timestamp | interval | number, pattern)",
    "A timestamp, interval or number as text, by a pattern such as 'YYYY-MM-DD' or 'FM999,990.00'.",
    &[
        takes(&[Arg::Timestamp, Arg::Text], gives::text, timestamps),
        takes(&[Arg::TimestampTz, Arg::Text], gives::text, timestamps),
        takes(&[Arg::Time, Arg::Text], gives::text, times),
        takes(&[Arg::Interval, Arg::Text], gives::text, intervals),
        takes(
            &[Arg::Int, Arg::Text],
            gives::text,
            to_char_number::integers,
        ),
        takes(
            &[Arg::Decimal, Arg::Text],
            gives::text,
            to_char_number::decimals,
        ),
        takes(
            &[Arg::Float, Arg::Text],
            gives::text,
            to_char_number::floats,
        ),
    ],
)
.or(&["date_format"])];

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
pub(super) const ROMAN_MONTHS: [&str; 12] = [
    "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII",
];

/// The tokens of a pattern, kept while it stays the same.
#[derive(Default)]
pub(super) struct LastPattern {
    text: Option<String>,
    tokens: Vec<Token>,
}

impl LastPattern {
    pub(super) fn get(&mut self, pattern: &str) -> Result<&[Token]> {
        check_length(pattern)?;
        if self.text.as_deref() != Some(pattern) {
            self.tokens = tokens(pattern);
            self.text = Some(pattern.to_string());
        }
        Ok(&self.tokens)
    }
}

/// What a pattern can show of a time.
struct Moment {
    /// `None` for an interval, which has no weekday.
    date: Option<NaiveDateTime>,
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    micros_of_hour: i64,
    /// Seconds east of Greenwich, and the zone's abbreviation.
    zone: (i64, String),
}

fn timestamps(call: &Call) -> Result<ArrayRef> {
    let (values, patterns) = (call.micros(0)?, call.text(1)?);
    let zone = match call.array(0)?.data_type() {
        arrow::datatypes::DataType::Timestamp(_, Some(_)) => {
            Some(calendar::parse_zone(call.zone())?)
        }
        _ => None,
    };
    let mut last = LastPattern::default();
    call.each_text(|row| {
        let (utc, pattern) = (given!(values.at(row)), given!(patterns.at(row)));
        let (local, shown) = match &zone {
            None => (utc, (0, String::new())),
            Some(zone) => {
                let offset = zone.offset_from_utc_datetime(&calendar::civil(utc)?);
                let seconds = i64::from(offset.fix().local_minus_utc());
                let name = match offset.to_string() {
                    plain if plain == "+00:00" => "UTC".to_string(),
                    name => name,
                };
                (calendar::to_local(utc, zone)?, (seconds, name))
            }
        };
        let date = calendar::civil(local)?;
        if pattern.contains('%') {
            return by_chrono(date, pattern).map(Some);
        }
        let moment = Moment {
            date: Some(date),
            year: i64::from(date.year()),
            month: i64::from(date.month()),
            day: i64::from(date.day()),
            hour: i64::from(date.hour()),
            micros_of_hour: local.rem_euclid(HOUR),
            zone: shown,
        };
        moment.print(last.get(pattern)?).map(non_empty)
    })
}

fn times(call: &Call) -> Result<ArrayRef> {
    let (values, patterns) = (call.times(0)?, call.text(1)?);
    let mut last = LastPattern::default();
    call.each_text(|row| {
        let (micros, pattern) = (given!(values.at(row)), given!(patterns.at(row)));
        if pattern.contains('%') {
            return by_chrono(calendar::civil(micros)?, pattern).map(Some);
        }
        Moment::length(0, 0, micros)
            .print(last.get(pattern)?)
            .map(non_empty)
    })
}

fn intervals(call: &Call) -> Result<ArrayRef> {
    let (values, patterns) = (call.intervals(0)?, call.text(1)?);
    let mut last = LastPattern::default();
    call.each_text(|row| {
        let (v, pattern) = (given!(values.at(row)), given!(patterns.at(row)));
        let micros = calendar::interval_micros(v);
        let moment = Moment::length(i64::from(v.months), i64::from(v.days), micros);
        moment.print(last.get(pattern)?).map(non_empty)
    })
}

/// PostgreSQL gives NULL for an empty pattern.
fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn by_chrono(date: NaiveDateTime, pattern: &str) -> Result<String> {
    check_length(pattern)?;
    let mut out = String::new();
    write!(out, "{}", date.format(pattern)).map_err(|_| {
        let message = format!("\"{pattern}\" is not a pattern of strftime");
        Error::new(Kind::InvalidParameterValue, message)
    })?;
    Ok(out)
}

impl Moment {
    fn length(months: i64, days: i64, micros: i64) -> Self {
        Self {
            date: None,
            year: months / 12,
            month: months % 12,
            day: days,
            hour: micros / HOUR,
            micros_of_hour: micros % HOUR,
            zone: (0, String::new()),
        }
    }

    fn print(&self, tokens: &[Token]) -> Result<String> {
        let mut out = String::new();
        for token in tokens {
            match token {
                Token::Text(text) => out.push_str(text),
                Token::Field {
                    what,
                    case,
                    bare,
                    ordinal,
                } => {
                    let from = out.len();
                    self.field(*what, *case, *bare, &mut out)?;
                    if let Some(case) = ordinal {
                        let suffix = ordinal_suffix(&out[from..]);
                        out.push_str(&cased(suffix, *case));
                    }
                }
            }
        }
        Ok(out)
    }

    /// The weekday and such, which an interval has not.
    fn date(&self) -> Result<NaiveDateTime> {
        self.date.ok_or_else(|| {
            Error::new(
                Kind::InvalidDatetime,
                "invalid format specification for an interval value",
            )
            .hint("Intervals are not tied to specific calendar dates.")
            .into()
        })
    }

    fn field(&self, what: What, case: Case, bare: bool, out: &mut String) -> Result<()> {
        let (value, width) = match self.number(what)? {
            Some(found) => found,
            None => {
                let (text, width) = self.name(what, case)?;
                let spaces = if bare { 0 } else { width };
                let _ = write!(out, "{text:<spaces$}");
                return Ok(());
            }
        };
        let digits = if bare { 0 } else { width };
        // The sign does not count as a digit.
        let sign = if value < 0 { "-" } else { "" };
        let _ = write!(out, "{sign}{:0digits$}", value.unsigned_abs());
        Ok(())
    }

    /// Fields that are numbers, with their width.
    fn number(&self, what: What) -> Result<Option<(i64, usize)>> {
        let era_year = match self.date {
            Some(_) if self.year <= 0 => 1 - self.year,
            _ => self.year,
        };
        let seconds = self.micros_of_hour / 1_000_000;
        let micros = self.micros_of_hour % 1_000_000;
        let last = |year: i64, digits: u8| match digits {
            4 => (year, 4),
            n => (year % 10_i64.pow(u32::from(n)), usize::from(n)),
        };
        Ok(Some(match what {
            What::Hour12 => (
                if self.hour % 12 == 0 {
                    12
                } else {
                    self.hour % 12
                },
                2,
            ),
            What::Hour24 => (self.hour, 2),
            What::Minute => (seconds / 60, 2),
            What::Second => (seconds % 60, 2),
            What::Millis => (micros / 1000, 3),
            What::Micros => (micros, 6),
            What::Fraction(n) => (micros / 10_i64.pow(6 - u32::from(n)), usize::from(n)),
            What::SecondsOfDay => (self.hour * 3600 + seconds, 1),
            What::Year(digits) => last(era_year, digits),
            What::IsoYear(digits) => last(i64::from(self.date()?.iso_week().year()), digits),
            What::Month => (self.month, 2),
            What::Day => (self.day, 2),
            What::DayOfYear => (i64::from(self.date()?.ordinal()), 3),
            What::IsoDayOfYear => {
                let date = self.date()?;
                let week = i64::from(date.iso_week().week0());
                (week * 7 + i64::from(date.weekday().number_from_monday()), 3)
            }
            What::DayOfWeek => (i64::from(self.date()?.weekday().number_from_sunday()), 1),
            What::IsoDayOfWeek => (i64::from(self.date()?.weekday().number_from_monday()), 1),
            What::WeekOfMonth => ((self.day - 1) / 7 + 1, 1),
            What::WeekOfYear => (i64::from(self.date()?.ordinal0() / 7 + 1), 2),
            What::IsoWeek => (i64::from(self.date()?.iso_week().week()), 2),
            What::Century if self.date.is_none() => (self.year / 100, 2),
            What::Century if self.year > 0 => ((self.year + 99) / 100, 2),
            What::Century => ((self.year - 100) / 100, 2),
            What::Julian => (i64::from(self.date()?.num_days_from_ce()) + 1_721_425, 1),
            What::Quarter => ((self.month - 1) / 3 + 1, 1),
            What::ZoneMinutes => (self.zone.0.abs() / 60 % 60, 2),
            _ => return Ok(None),
        }))
    }

    /// Fields that are words, with the width that they are padded to.
    fn name(&self, what: What, case: Case) -> Result<(String, usize)> {
        let month = usize::try_from(self.month - 1).unwrap_or(0).min(11);
        let short = |name: &'static str| cased(&name[..3], case);
        let weekday = |date: NaiveDateTime| DAYS[date.weekday().num_days_from_sunday() as usize];
        let (hours, minutes) = (self.zone.0.abs() / 3600, self.zone.0.abs() / 60 % 60);
        let sign = if self.zone.0 < 0 { '-' } else { '+' };
        let dotted = |name: &str, dots: bool| match dots {
            true => name.chars().flat_map(|c| [c, '.']).collect(),
            false => name.to_string(),
        };
        // Half days and eras have no title case.
        let plain = if case == Case::Lower {
            Case::Lower
        } else {
            Case::Upper
        };
        Ok(match what {
            What::MonthName if self.date.is_some() => (cased(MONTHS[month], case), 9),
            What::MonthShort if self.date.is_some() => (short(MONTHS[month]), 3),
            What::RomanMonth if self.month > 0 => (cased(ROMAN_MONTHS[month], case), 4),
            What::DayName => (cased(weekday(self.date()?), case), 9),
            What::DayShort => (short(weekday(self.date()?)), 3),
            What::HalfDay { dots } => {
                let name = if self.hour.rem_euclid(24) >= 12 {
                    "PM"
                } else {
                    "AM"
                };
                (cased(&dotted(name, dots), plain), 0)
            }
            What::Era { dots } => {
                let name = if self.date()?.year() <= 0 { "BC" } else { "AD" };
                (cased(&dotted(name, dots), plain), 0)
            }
            What::YearComma => (format!("{},{:03}", self.year / 1000, self.year % 1000), 0),
            What::ZoneName => (cased(&self.zone.1, plain), 0),
            What::ZoneHours => (format!("{sign}{hours:02}"), 0),
            What::Offset if minutes == 0 => (format!("{sign}{hours:02}"), 0),
            What::Offset => (format!("{sign}{hours:02}:{minutes:02}"), 0),
            _ => {
                self.date()?;
                (String::new(), 0)
            }
        })
    }
}

pub(super) fn cased(text: &str, case: Case) -> String {
    match case {
        Case::Upper => text.to_uppercase(),
        Case::Lower => text.to_lowercase(),
        Case::Title => text.to_string(),
    }
}

/// `st`, `nd`, `rd` or `th`, by the last digits of a printed number.
pub(super) fn ordinal_suffix(number: &str) -> &'static str {
    let digits: Vec<u8> = number.bytes().filter(u8::is_ascii_digit).collect();
    match digits.as_slice() {
        [.., b'1', _] => "th",
        [.., b'1'] => "st",
        [.., b'2'] => "nd",
        [.., b'3'] => "rd",
        _ => "th",
    }
}
