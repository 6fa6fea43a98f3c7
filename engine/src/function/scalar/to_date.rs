//! `to_date(text, pattern)` and `to_timestamp(text, pattern)` with PostgreSQL's patterns.
//!
//! A pattern with a `%` is chrono's and stays with DataFusion, as do all other forms of the call.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Builder, TimestampMicrosecondBuilder};
use arrow::datatypes::{DataType, Field as ArrowField, FieldRef};
use chrono::NaiveDate;
use datafusion::common::{Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};

use super::date_part::SECTION;
use super::pattern::{Token, What};
use super::to_char::{DAYS, LastPattern, MONTHS, ROMAN_MONTHS};
use crate::error::{Error, Kind};
use crate::function::calendar::{self, DAY, HOUR, MINUTE, SECOND};
use crate::function::define::{document, micros_tz};
use crate::function::rows::Text;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ByPattern {
    date: bool,
    inner: Arc<ScalarUDF>,
    signature: Signature,
    aliases: Vec<String>,
    documentation: Documentation,
}

impl ByPattern {
    pub(crate) fn all() -> Vec<ScalarUDF> {
        let to_timestamp = datafusion::functions::datetime::to_timestamp(&Default::default());
        let to_date = datafusion::functions::datetime::to_date();
        [
            (
                true,
                to_date,
                "A date, read by a pattern such as 'DD Mon YYYY'.",
            ),
            (
                false,
                to_timestamp,
                "A timestamp with time zone, read by a pattern or from seconds since 1970.",
            ),
        ]
        .into_iter()
        .map(|(date, inner, about)| {
            let syntax = format!("{}(text, pattern)", inner.name());
            ScalarUDF::new_from_impl(Self {
                date,
                signature: Signature::user_defined(Volatility::Stable),
                aliases: inner.aliases().to_vec(),
                inner,
                documentation: document(SECTION, about, &syntax),
            })
        })
        .collect()
    }

    /// Whether the call is (text, pattern) with a pattern of PostgreSQL's.
    fn is_ours(&self, types: &[&DataType], pattern: Option<&ScalarValue>) -> bool {
        let texts = |t: &&DataType| t.is_string();
        let chrono = pattern
            .and_then(|value| value.try_as_str())
            .is_some_and(|text| text.is_none_or(|text| text.contains('%')));
        types.len() == 2 && types.iter().all(texts) && !chrono
    }

    fn result_type(&self) -> DataType {
        match self.date {
            true => DataType::Date32,
            false => micros_tz("UTC"),
        }
    }
}

impl ScalarUDFImpl for ByPattern {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// DataFusion's `to_timestamp` takes the session's zone.
    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let inner = self.inner.inner().with_updated_config(config)?;
        Some(ScalarUDF::new_from_impl(Self {
            date: self.date,
            inner: Arc::new(inner),
            signature: self.signature.clone(),
            aliases: self.aliases.clone(),
            documentation: self.documentation.clone(),
        }))
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        if let [text, pattern] = given
            && (text.is_string() || text.is_null())
            && (pattern.is_string() || pattern.is_null())
        {
            let read = |t: &DataType| match t.is_null() {
                true => DataType::Utf8,
                false => t.clone(),
            };
            return Ok(vec![read(text), read(pattern)]);
        }
        let field = |t: &DataType| Arc::new(ArrowField::new("argument", t.clone(), true));
        let fields: Vec<_> = given.iter().map(field).collect();
        let coerced = fields_with_udf(&fields, self.inner.as_ref())?;
        Ok(coerced.iter().map(|f| f.data_type().clone()).collect())
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        self.inner.return_type(given)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<_> = args.arg_fields.iter().map(|f| f.data_type()).collect();
        let pattern = args.scalar_arguments.get(1).copied().flatten();
        match self.is_ours(&types, pattern) {
            true => Ok(Arc::new(ArrowField::new(
                self.name(),
                self.result_type(),
                true,
            ))),
            false => self.inner.return_field_from_args(args),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let types: Vec<_> = args.args.iter().map(ColumnarValue::data_type).collect();
        let types: Vec<_> = types.iter().collect();
        let pattern = match args.args.get(1) {
            Some(ColumnarValue::Scalar(pattern)) => Some(pattern),
            _ => None,
        };
        if !self.is_ours(&types, pattern) {
            return self.inner.invoke_with_args(args);
        }
        let scalar = |value: &ColumnarValue| matches!(value, ColumnarValue::Scalar(_));
        let constant = args.args.iter().all(scalar);
        let rows = if constant { 1 } else { args.number_rows };
        let zone = args.config_options.execution.time_zone.as_deref();
        let arrays = args.args.iter().map(|a| a.to_array(rows));
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let result = self.read(&arrays, rows, zone.unwrap_or("UTC"))?;
        match constant {
            true => ScalarValue::try_from_array(&result, 0).map(ColumnarValue::Scalar),
            false => Ok(ColumnarValue::Array(result)),
        }
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        match args.len() {
            2 => Ok(ExprSimplifyResult::Original(args)),
            _ => self.inner.simplify(args, info),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

impl ByPattern {
    fn read(&self, arrays: &[ArrayRef], rows: usize, zone: &str) -> Result<ArrayRef> {
        let [texts, patterns] = arrays else {
            return Err(Error::internal("a text and a pattern are due").into());
        };
        let (texts, patterns) = (Text::of(texts)?, Text::of(patterns)?);
        let zone = calendar::parse_zone(zone)?;
        let mut last = LastPattern::default();
        let mut dates = Date32Builder::new();
        let mut instants = TimestampMicrosecondBuilder::new().with_timezone("UTC");
        for row in 0..rows {
            let found = match (texts.at(row), patterns.at(row)) {
                (Some(text), Some(pattern)) => Some(parse(text, last.get(pattern)?)?),
                _ => None,
            };
            if self.date {
                let days = found.map(|f| f.local()).transpose()?;
                dates.append_option(days.map(|local| local.div_euclid(DAY) as i32));
            } else {
                let instant = match found {
                    None => None,
                    Some(found) => Some(match found.offset {
                        Some(seconds) => found.local()? - seconds * SECOND,
                        None => calendar::to_utc(found.local()?, &zone)?,
                    }),
                };
                instants.append_option(instant);
            }
        }
        Ok(match self.date {
            true => Arc::new(dates.finish()),
            false => Arc::new(instants.finish()),
        })
    }
}

/// What was read.
#[derive(Default)]
struct Found {
    year: Option<i64>,
    before_christ: bool,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    iso_year: Option<i64>,
    iso_week: Option<i64>,
    iso_day: Option<i64>,
    julian: Option<i64>,
    hour: i64,
    half_day: Option<bool>,
    minute: i64,
    second: i64,
    micros: i64,
    offset: Option<i64>,
}

fn out_of_range(text: &str) -> Error {
    Error::new(
        Kind::InvalidDatetime,
        format!("date/time field value out of range: \"{text}\""),
    )
}

impl Found {
    fn date(&self) -> Option<NaiveDate> {
        if let Some(julian) = self.julian {
            let days = i32::try_from(julian - 1_721_425).ok()?;
            return NaiveDate::from_num_days_from_ce_opt(days);
        }
        if let Some(year) = self.iso_year {
            let week = u32::try_from(self.iso_week.unwrap_or(1)).ok()?;
            let day = u8::try_from(self.iso_day.unwrap_or(1)).ok()?;
            let day = chrono::Weekday::try_from(day.checked_sub(1)?).ok()?;
            return NaiveDate::from_isoywd_opt(i32::try_from(year).ok()?, week, day);
        }
        // Without a year PostgreSQL takes 1 BC.
        let year = match (self.year, self.before_christ) {
            (None, _) => 0,
            (Some(year), true) => 1 - year,
            (Some(year), false) => year,
        };
        let year = i32::try_from(year).ok()?;
        if let Some(day) = self.day_of_year {
            return NaiveDate::from_yo_opt(year, u32::try_from(day).ok()?);
        }
        let month = u32::try_from(self.month.unwrap_or(1)).ok()?;
        NaiveDate::from_ymd_opt(year, month, u32::try_from(self.day.unwrap_or(1)).ok()?)
    }

    fn local(&self) -> Result<i64> {
        let hour = match self.half_day {
            Some(afternoon) if (1..=12).contains(&self.hour) => {
                self.hour % 12 + if afternoon { 12 } else { 0 }
            }
            Some(_) => return Err(out_of_range(&format!("hour {}", self.hour)).into()),
            None => self.hour,
        };
        let fits = (0..24).contains(&hour)
            && (0..60).contains(&self.minute)
            && (0..60).contains(&self.second);
        match self.date().filter(|_| fits) {
            None => {
                let shown = [self.year, self.month, self.day].map(|part| part.unwrap_or(0));
                let [year, month, day] = shown;
                let time = format!("{:02}:{:02}:{:02}", hour, self.minute, self.second);
                Err(out_of_range(&format!("{year:04}-{month:02}-{day:02} {time}")).into())
            }
            Some(date) => {
                let time = hour * HOUR + self.minute * MINUTE + self.second * SECOND;
                Ok(calendar::micros_of_date(date) + time + self.micros)
            }
        }
    }

    fn set(&mut self, what: What, number: i64, digits: usize) {
        match what {
            What::Hour12 | What::Hour24 => self.hour = number,
            What::Minute => self.minute = number,
            What::Second => self.second = number,
            What::SecondsOfDay => {
                (self.hour, self.minute, self.second) =
                    (number / 3600, number / 60 % 60, number % 60);
            }
            What::Millis | What::Micros | What::Fraction(_) => {
                let power = 6_u32.saturating_sub(digits as u32);
                self.micros = number * 10_i64.pow(power);
            }
            What::Year(_) | What::YearComma => self.year = Some(full_year(number, digits)),
            What::IsoYear(_) => self.iso_year = Some(full_year(number, digits)),
            What::Month => self.month = Some(number),
            What::Day => self.day = Some(number),
            What::DayOfYear => self.day_of_year = Some(number),
            What::IsoWeek => self.iso_week = Some(number),
            What::IsoDayOfWeek => self.iso_day = Some(number),
            What::Julian => self.julian = Some(number),
            What::ZoneHours => self.offset = Some(number * 3600),
            What::ZoneMinutes => {
                let hours = self.offset.unwrap_or(0);
                self.offset = Some(hours + if hours < 0 { -number } else { number } * 60);
            }
            // These say nothing that the others do not.
            _ => {}
        }
    }
}

/// Years of one to three digits are those nearest to 2020.
fn full_year(year: i64, digits: usize) -> i64 {
    match (digits, year) {
        (1 | 2, 0..=69) => year + 2000,
        (1 | 2, 70..=99) => year + 1900,
        (3, 100..=519) => year + 2000,
        (3, 520..=999) => year + 1000,
        (3, _) => year + 2000,
        _ => year,
    }
}

fn most_digits(what: What) -> usize {
    match what {
        What::Year(4) | What::IsoYear(4) => 4,
        What::Year(n) | What::IsoYear(n) => usize::from(n),
        What::Millis | What::DayOfYear | What::IsoDayOfYear => 3,
        What::Micros => 6,
        What::Fraction(n) => usize::from(n),
        What::SecondsOfDay => 5,
        What::Julian => 7,
        What::DayOfWeek | What::IsoDayOfWeek | What::Quarter | What::WeekOfMonth => 1,
        _ => 2,
    }
}

fn invalid(text: &str, what: &str) -> datafusion::common::DataFusionError {
    Error::new(
        Kind::InvalidDatetime,
        format!("invalid value \"{text}\" for \"{what}\""),
    )
    .into()
}

fn parse(text: &str, tokens: &[Token]) -> Result<Found> {
    let mut found = Found::default();
    let mut rest = text.trim_start();
    for (at, token) in tokens.iter().enumerate() {
        if rest.is_empty() {
            break;
        }
        match token {
            Token::Text(literal) => rest = skip_literal(rest, literal),
            Token::Field { what, bare, .. } => {
                rest = rest.trim_start();
                // A number may be longer than its pattern unless a number follows at once.
                let next_is_number = matches!(
                    tokens.get(at + 1),
                    Some(Token::Field { what, .. }) if !is_word(*what)
                );
                let exact = next_is_number && !bare;
                rest = field(rest, *what, exact, &mut found)?;
            }
        }
    }
    Ok(found)
}

fn is_word(what: What) -> bool {
    matches!(
        what,
        What::MonthName
            | What::MonthShort
            | What::RomanMonth
            | What::DayName
            | What::DayShort
            | What::HalfDay { .. }
            | What::Era { .. }
            | What::ZoneName
    )
}

/// Separators stand for any separators, letters and digits of a literal for any characters.
fn skip_literal<'a>(text: &'a str, literal: &str) -> &'a str {
    let mut rest = text;
    for c in literal.chars() {
        let Some(first) = rest.chars().next() else {
            return rest;
        };
        let separator = !c.is_alphanumeric();
        if separator && first.is_alphanumeric() {
            continue;
        }
        // A sign may belong to the number that follows.
        if separator && matches!(first, '+' | '-') && c != first && c.is_whitespace() {
            continue;
        }
        rest = &rest[first.len_utf8()..];
    }
    rest
}

fn field<'a>(text: &'a str, what: What, exact: bool, found: &mut Found) -> Result<&'a str> {
    let word = |names: &[&str], length: Option<usize>| -> Option<(usize, usize)> {
        names.iter().enumerate().rev().find_map(|(i, name)| {
            let name = &name[..length.unwrap_or(name.len()).min(name.len())];
            let start = text.get(..name.len())?;
            start.eq_ignore_ascii_case(name).then_some((i, name.len()))
        })
    };
    let named =
        |found: Option<(usize, usize)>, what: &str| found.ok_or_else(|| invalid(text, what));
    match what {
        What::MonthName | What::MonthShort | What::RomanMonth => {
            let (month, length) = named(
                match what {
                    What::RomanMonth => word(&ROMAN_MONTHS, None),
                    What::MonthShort => word(&MONTHS, Some(3)),
                    _ => word(&MONTHS, None).or_else(|| word(&MONTHS, Some(3))),
                },
                "Month",
            )?;
            found.month = Some(month as i64 + 1);
            Ok(&text[length..])
        }
        What::DayName | What::DayShort => {
            let short = || word(&DAYS, Some(3));
            let day = match what {
                What::DayName => word(&DAYS, None).or_else(short),
                _ => short(),
            };
            Ok(&text[named(day, "Day")?.1..])
        }
        What::HalfDay { .. } => {
            let (half, length) = named(word(&["AM", "PM", "A.M.", "P.M."], None), "AM/PM")?;
            found.half_day = Some(half % 2 == 1);
            Ok(&text[length..])
        }
        What::Era { .. } => {
            let (era, length) = named(word(&["AD", "BC", "A.D.", "B.C."], None), "AD/BC")?;
            found.before_christ = era % 2 == 1;
            Ok(&text[length..])
        }
        What::ZoneName | What::Offset => {
            Err(Error::unsupported("the pattern TZ or OF in to_timestamp")
                .hint("Use TZH:TZM.")
                .into())
        }
        _ => number(text, what, exact, found),
    }
}

fn number<'a>(text: &'a str, what: What, exact: bool, found: &mut Found) -> Result<&'a str> {
    let signed = matches!(what, What::ZoneHours | What::Year(_));
    let (sign, digits_from) = match text.chars().next() {
        Some('-') if signed => (-1, &text[1..]),
        Some('+') if signed => (1, &text[1..]),
        _ => (1, text),
    };
    let cleaned = digits_from;
    let limit = match (exact, what) {
        (true, _) => most_digits(what),
        // Fractions and zones have no use for more.
        (false, What::ZoneHours | What::ZoneMinutes) => 2,
        (false, What::Millis | What::Micros | What::Fraction(_)) => most_digits(what),
        (false, _) => 18,
    };
    let end = cleaned
        .char_indices()
        .take_while(|(i, c)| *i < limit && c.is_ascii_digit())
        .count();
    let (digits, rest) = cleaned.split_at(end);
    let value: i64 = digits.parse().map_err(|_| invalid(text, "number"))?;
    found.set(what, sign * value, digits.len());
    Ok(rest)
}
