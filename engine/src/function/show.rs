//! Values as text, as PostgreSQL prints them: `t` and `f`, `2024-01-02 03:04:05`, `{1,2}`.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type, IntervalMonthDayNanoType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::Result;

use super::calendar::interval_micros;
use super::rows::Text;

const OPTIONS: FormatOptions = FormatOptions::new()
    .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.6f"))
    .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.6f%:z"))
    .with_time_format(Some("%H:%M:%S%.6f"));

/// An array of any type whose values can be printed.
pub(crate) struct Shown<'a> {
    array: &'a ArrayRef,
}

impl<'a> Shown<'a> {
    pub(crate) fn of(array: &'a ArrayRef) -> Result<Self> {
        Ok(Self { array })
    }

    /// The value at a row, `None` for NULL.
    pub(crate) fn at(&self, row: usize) -> Result<Option<String>> {
        let array = self.array.as_ref();
        if array.data_type().is_null() || array.is_null(row) {
            return Ok(None);
        }
        Ok(Some(match array.data_type() {
            t if t.is_string() => Text::of(array)?.at(row).unwrap_or_default().to_string(),
            DataType::Boolean => match array.as_boolean().value(row) {
                true => "t".to_string(),
                false => "f".to_string(),
            },
            DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row)),
            DataType::Float32 => {
                let value = array.as_primitive::<Float32Type>().value(row);
                match value.is_finite() {
                    true => exponent(format!("{value:e}"), format!("{value}"), 6),
                    false => float(f64::from(value)),
                }
            }
            DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano) => {
                let v = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
                interval(v.months, v.days, interval_micros(v))
            }
            DataType::List(_) => list(&array.as_list::<i32>().value(row))?,
            DataType::Binary => {
                let hex = |b: &u8| format!("{b:02x}");
                let bytes = array.as_binary::<i32>().value(row);
                format!("\\x{}", bytes.iter().map(hex).collect::<String>())
            }
            DataType::Timestamp(..) | DataType::Time32(_) | DataType::Time64(_) => short_fraction(
                &ArrayFormatter::try_new(array, &OPTIONS)?
                    .value(row)
                    .try_to_string()?,
            ),
            _ => ArrayFormatter::try_new(array, &OPTIONS)?
                .value(row)
                .try_to_string()?,
        }))
    }
}

/// The shortest text that reads back as the same double, as PostgreSQL writes it.
pub(crate) fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_string();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_string();
    }
    exponent(format!("{value:e}"), format!("{value}"), 15)
}

/// `plain`, or with an exponent where it is below -4 or not below `digits`.
fn exponent(scientific: String, plain: String, digits: i32) -> String {
    let Some((mantissa, power)) = scientific.split_once('e') else {
        return plain;
    };
    match power.parse::<i32>() {
        Ok(power) if !(-4..digits).contains(&power) => {
            let sign = if power < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", power.abs())
        }
        _ => plain,
    }
}

/// `12:00:00.500000+00:00` → `12:00:00.5+00`.
fn short_fraction(text: &str) -> String {
    let text = text
        .strip_suffix(":00")
        .filter(|_| text.contains(['+']))
        .unwrap_or(text);
    let Some(point) = text.rfind('.') else {
        return text.to_string();
    };
    let (whole, rest) = text.split_at(point);
    let end = rest[1..]
        .find(|c: char| !c.is_ascii_digit())
        .map_or(rest.len(), |i| i + 1);
    let (fraction, zone) = rest.split_at(end);
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    format!("{whole}{fraction}{zone}")
}

fn interval(months: i32, days: i32, micros: i64) -> String {
    let mut parts = vec![];
    let mut part = |count: i64, unit: &str| {
        if count != 0 {
            let plural = if count == 1 { "" } else { "s" };
            parts.push(format!("{count} {unit}{plural}"));
        }
    };
    part(i64::from(months / 12), "year");
    part(i64::from(months % 12), "mon");
    part(i64::from(days), "day");
    if micros != 0 || parts.is_empty() {
        let sign = if micros < 0 { "-" } else { "" };
        let micros = micros.unsigned_abs();
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        let time = format!(
            "{sign}{hours:02}:{minutes:02}:{:02}.{fraction:06}",
            seconds % 60
        );
        parts.push(short_fraction(&time));
    }
    parts.join(" ")
}

/// `{1,NULL,"a b"}`
fn list(items: &ArrayRef) -> Result<String> {
    let shown = Shown::of(items)?;
    let nested = matches!(items.data_type(), DataType::List(_));
    let texts = (0..items.len()).map(|row| {
        Ok(match shown.at(row)? {
            None => "NULL".to_string(),
            Some(text) if nested => text,
            Some(text) => quote_item(&text),
        })
    });
    Ok(format!(
        "{{{}}}",
        texts.collect::<Result<Vec<_>>>()?.join(",")
    ))
}

fn quote_item(text: &str) -> String {
    let special = |c: char| matches!(c, '{' | '}' | ',' | '"' | '\\') || c.is_whitespace();
    match text.is_empty() || text.contains(special) || text.eq_ignore_ascii_case("null") {
        true => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        false => text.to_string(),
    }
}
