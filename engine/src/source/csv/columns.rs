//! Makes a typed column of the texts of its fields.
//!
//! The same parsers decide when types are guessed (`guess`), so that a guess from the sample can
//! always be read. An empty field is NULL; quoted and in a text column it is the empty text.
//! Spaces around a value that is not text do not count.

use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::types::*;
use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryViewBuilder, BooleanBuilder, LargeStringBuilder,
    PrimitiveBuilder, StringBuilder, StringViewBuilder,
};
use arrow::compute::kernels::cast_utils::{Parser, parse_decimal};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, TimeUnit};

use super::span::Span;
use super::times::Formats;

/// The input and the arena of a batch, checked to be UTF-8.
#[derive(Clone, Copy)]
pub struct Texts<'a> {
    pub input: &'a str,
    pub arena: &'a str,
    /// Texts that stand for NULL besides the empty one.
    pub nulls: &'a [String],
    pub formats: &'a Formats,
}

/// The first field that is not of the column's type.
#[derive(Debug, PartialEq, Eq)]
pub struct BadValue {
    pub row: usize,
    pub text: String,
}

/// What becomes of a field that is not of the column's type.
#[derive(Debug)]
pub enum OnBad {
    /// It ends the reading.
    Stop,
    /// It is NULL; its row is remembered.
    Null(Vec<usize>),
}

impl OnBad {
    fn take(&mut self, row: usize, text: &str) -> Result<(), BadValue> {
        match self {
            OnBad::Null(rows) => {
                rows.push(row);
                Ok(())
            }
            OnBad::Stop => Err(BadValue {
                row,
                text: text.to_string(),
            }),
        }
    }
}

impl<'a> Texts<'a> {
    /// The field's text; None is NULL.
    fn value(&self, span: &Span, text_column: bool) -> Option<&'a str> {
        let text = span.of(self.input, self.arena).unwrap_or("");
        if text.is_empty() {
            return (span.quoted && text_column).then_some(text);
        }
        // Quotes make a text of what would be NULL without them.
        let is_text = span.quoted && text_column;
        let null = !is_text && self.nulls.iter().any(|null| null == text);
        (!null).then_some(text)
    }
}

/// Builds the column of that type.
pub fn build(
    data_type: &DataType,
    spans: &[Span],
    texts: Texts<'_>,
    on_bad: &mut OnBad,
) -> Result<ArrayRef, BadValue> {
    use DataType::*;
    match data_type {
        Utf8View => {
            let mut builder = StringViewBuilder::with_capacity(spans.len());
            spans
                .iter()
                .for_each(|s| builder.append_option(texts.value(s, true)));
            Ok(Arc::new(builder.finish()))
        }
        Utf8 => {
            let mut builder = StringBuilder::with_capacity(spans.len(), spans.len() * 8);
            spans
                .iter()
                .for_each(|s| builder.append_option(texts.value(s, true)));
            Ok(Arc::new(builder.finish()))
        }
        LargeUtf8 => {
            let mut builder = LargeStringBuilder::with_capacity(spans.len(), spans.len() * 8);
            spans
                .iter()
                .for_each(|s| builder.append_option(texts.value(s, true)));
            Ok(Arc::new(builder.finish()))
        }
        Boolean => {
            let mut builder = BooleanBuilder::with_capacity(spans.len());
            each(spans, texts, boolean, on_bad, |value| {
                builder.append_option(value)
            })?;
            Ok(Arc::new(builder.finish()))
        }
        Decimal128(precision, scale) => {
            let parse = |text: &str| parse_decimal::<Decimal128Type>(text, *precision, *scale).ok();
            primitive::<Decimal128Type>(data_type, spans, texts, on_bad, parse)
        }
        Int8 => parsed::<Int8Type>(data_type, spans, texts, on_bad),
        Int16 => parsed::<Int16Type>(data_type, spans, texts, on_bad),
        Int32 => parsed::<Int32Type>(data_type, spans, texts, on_bad),
        Int64 => parsed::<Int64Type>(data_type, spans, texts, on_bad),
        UInt8 => parsed::<UInt8Type>(data_type, spans, texts, on_bad),
        UInt16 => parsed::<UInt16Type>(data_type, spans, texts, on_bad),
        UInt32 => parsed::<UInt32Type>(data_type, spans, texts, on_bad),
        UInt64 => parsed::<UInt64Type>(data_type, spans, texts, on_bad),
        Float32 => parsed::<Float32Type>(data_type, spans, texts, on_bad),
        Float64 => parsed::<Float64Type>(data_type, spans, texts, on_bad),
        Date32 => primitive::<Date32Type>(data_type, spans, texts, on_bad, |text| {
            texts.formats.date(text)
        }),
        Time64(TimeUnit::Microsecond) => {
            parsed::<Time64MicrosecondType>(data_type, spans, texts, on_bad)
        }
        Time64(TimeUnit::Nanosecond) => {
            parsed::<Time64NanosecondType>(data_type, spans, texts, on_bad)
        }
        Timestamp(unit, zone) => {
            timestamps(data_type, (*unit, zone.as_deref()), spans, texts, on_bad)
        }
        BinaryView => binary(spans, texts, on_bad),
        _ => cast(data_type, spans, texts, on_bad),
    }
}

fn binary(spans: &[Span], texts: Texts<'_>, on_bad: &mut OnBad) -> Result<ArrayRef, BadValue> {
    let mut builder = BinaryViewBuilder::with_capacity(spans.len());
    each(spans, texts, bytes, on_bad, |value| {
        builder.append_option(value)
    })?;
    Ok(Arc::new(builder.finish()))
}

/// Bytes in PostgreSQL's notation, `\x00ff`; a text without it stands for its own bytes.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let Some(digits) = text.strip_prefix("\\x") else {
        return Some(text.as_bytes().to_vec());
    };
    let pairs = digits.as_bytes().chunks(2).map(|pair| match pair {
        [_, _] => u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok(),
        _ => None,
    });
    pairs.collect()
}

/// Hands each parsed value on, up to the first that is not of the type.
fn each<T>(
    spans: &[Span],
    texts: Texts<'_>,
    parse: impl Fn(&str) -> Option<T>,
    on_bad: &mut OnBad,
    mut append: impl FnMut(Option<T>),
) -> Result<(), BadValue> {
    for (row, span) in spans.iter().enumerate() {
        match texts.value(span, false) {
            None => append(None),
            Some(text) => match parse(text.trim_matches(' ')) {
                Some(value) => append(Some(value)),
                None => {
                    on_bad.take(row, text)?;
                    append(None);
                }
            },
        }
    }
    Ok(())
}

fn primitive<T: ArrowPrimitiveType>(
    data_type: &DataType,
    spans: &[Span],
    texts: Texts<'_>,
    on_bad: &mut OnBad,
    parse: impl Fn(&str) -> Option<T::Native>,
) -> Result<ArrayRef, BadValue> {
    let mut builder = PrimitiveBuilder::<T>::with_capacity(spans.len());
    each(spans, texts, parse, on_bad, |value| {
        builder.append_option(value)
    })?;
    Ok(Arc::new(builder.finish().with_data_type(data_type.clone())))
}

fn parsed<T: ArrowPrimitiveType + Parser>(
    data_type: &DataType,
    spans: &[Span],
    texts: Texts<'_>,
    on_bad: &mut OnBad,
) -> Result<ArrayRef, BadValue> {
    primitive::<T>(data_type, spans, texts, on_bad, |text| T::parse(text))
}

fn timestamps(
    data_type: &DataType,
    (unit, zone): (TimeUnit, Option<&str>),
    spans: &[Span],
    texts: Texts<'_>,
    on_bad: &mut OnBad,
) -> Result<ArrayRef, BadValue> {
    // A zone that Arrow does not know cannot have come out of a type that was checked.
    let zone = zone.and_then(|zone| zone.parse::<Tz>().ok());
    let instant = |text: &str| texts.formats.instant(text, zone.as_ref());
    match unit {
        TimeUnit::Second => {
            primitive::<TimestampSecondType>(data_type, spans, texts, on_bad, |text| {
                instant(text).map(|t| t.timestamp())
            })
        }
        TimeUnit::Millisecond => {
            primitive::<TimestampMillisecondType>(data_type, spans, texts, on_bad, |text| {
                instant(text).map(|t| t.timestamp_millis())
            })
        }
        TimeUnit::Microsecond => {
            primitive::<TimestampMicrosecondType>(data_type, spans, texts, on_bad, |text| {
                instant(text).map(|t| t.timestamp_micros())
            })
        }
        TimeUnit::Nanosecond => {
            primitive::<TimestampNanosecondType>(data_type, spans, texts, on_bad, |text| {
                instant(text).and_then(|t| t.timestamp_nanos_opt())
            })
        }
    }
}

/// Any other type, by way of text and Arrow's cast; a value that is lost is a bad one.
fn cast(
    data_type: &DataType,
    spans: &[Span],
    texts: Texts<'_>,
    on_bad: &mut OnBad,
) -> Result<ArrayRef, BadValue> {
    let mut builder = StringBuilder::with_capacity(spans.len(), spans.len() * 8);
    let value = |span: &Span| texts.value(span, false).map(|text| text.trim_matches(' '));
    spans
        .iter()
        .for_each(|span| builder.append_option(value(span)));
    let written: ArrayRef = Arc::new(builder.finish());
    let options = CastOptions {
        safe: true,
        ..CastOptions::default()
    };
    let text = |row: usize| spans.get(row).and_then(value).unwrap_or("");
    let column = cast_with_options(&written, data_type, &options).map_err(|_| BadValue {
        row: 0,
        text: text(0).to_string(),
    })?;
    for row in 0..spans.len() {
        if column.is_null(row) && written.is_valid(row) {
            on_bad.take(row, text(row))?;
        }
    }
    Ok(column)
}

/// As PostgreSQL reads a boolean.
fn boolean(text: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is(&["true", "t", "1", "yes", "y", "on"]) {
        Some(true)
    } else if is(&["false", "f", "0", "no", "n", "off"]) {
        Some(false)
    } else {
        None
    }
}

/// Whether the text is a value of the type; for guessing.
pub fn reads_as(data_type: &DataType, text: &str, formats: &Formats) -> bool {
    let text = text.trim_matches(' ');
    let digits = || text.bytes().any(|b| b.is_ascii_digit());
    match data_type {
        DataType::Boolean => {
            text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
        }
        DataType::Int64 => !text.starts_with('+') && Int64Type::parse(text).is_some(),
        DataType::Decimal128(..) => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            (1..=38).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
        }
        DataType::Float64 => {
            let named = text.eq_ignore_ascii_case("nan")
                || text.trim_start_matches('-').eq_ignore_ascii_case("inf");
            !text.starts_with('+') && (digits() || named) && Float64Type::parse(text).is_some()
        }
        DataType::Date32 => formats.is_date(text),
        DataType::Time64(_) => {
            text.bytes().filter(|b| *b == b':').count() == 2
                && Time64MicrosecondType::parse(text).is_some()
        }
        DataType::Timestamp(_, zone) => formats.is_timestamp(text, zone.is_some()),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::source::csv::records::{Records, Syntax};
    use crate::source::dialect::Csv;
    use crate::source::text::Text;

    fn column(data_type: DataType, text: &str) -> Result<Vec<String>, BadValue> {
        let syntax = Syntax::new(&Csv::default(), &Text::default(), b'\n');
        let mut records = Records::new(syntax, 2, &[1]);
        records.read(text.as_bytes(), true, 100).unwrap();
        let arena = String::from_utf8(records.arena.clone()).unwrap();
        let texts = Texts {
            input: text,
            arena: &arena,
            nulls: &["NA".to_string()],
            formats: &Formats::default(),
        };
        let array = build(&data_type, &records.columns[0], texts, &mut OnBad::Stop)?;
        Ok((0..array.len())
            .map(|row| match array.is_null(row) {
                true => "NULL".to_string(),
                false => arrow::util::display::array_value_to_string(&array, row).unwrap(),
            })
            .collect())
    }

    #[test]
    fn values_of_each_type() {
        let us =
            |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
        let cases = [
            (DataType::Int64, "01001", "1001"),
            (DataType::Int32, " -5 ", "-5"),
            (DataType::Float64, "1e3", "1000.0"),
            (DataType::Boolean, "Yes", "true"),
            (DataType::Decimal128(10, 2), "1.5", "1.50"),
            (DataType::Date32, "9999-12-31", "9999-12-31"),
            (us(None), "9999-12-31 23:59:59", "9999-12-31T23:59:59"),
            (
                us(Some("UTC")),
                "2020-01-01T00:00:00+02:00",
                "2019-12-31T22:00:00Z",
            ),
            (
                DataType::Time64(TimeUnit::Microsecond),
                "10:20:30",
                "10:20:30",
            ),
            (DataType::Utf8View, "\"\"", ""),
            (DataType::Utf8View, "", "NULL"),
            (DataType::Utf8, "NA", "NULL"),
            (DataType::Int64, "\"\"", "NULL"),
            (
                DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano),
                "1 day",
                "1 days",
            ),
        ];
        for (data_type, text, shown) in cases {
            assert_eq!(
                column(data_type.clone(), &format!("x,{text}\n")).unwrap(),
                [shown],
                "{data_type} {text}"
            );
        }
    }

    #[test]
    fn bad_values_are_found() {
        for data_type in [
            DataType::Int64,
            DataType::Date32,
            DataType::Boolean,
            DataType::Date64,
        ] {
            let bad = column(data_type, "x,\nx,oops\n").unwrap_err();
            assert_eq!(
                bad,
                BadValue {
                    row: 1,
                    text: "oops".into()
                }
            );
        }
        assert!(column(DataType::Int32, "x,3000000000\n").is_err());
        assert!(column(DataType::Date32, "x,12\n").is_err());
    }
}
