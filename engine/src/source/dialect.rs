//! The options of text formats, checked: what a CSV or JSON file looks like.

use serde::{Deserialize, Serialize};

use super::csv;
use super::format::Format;
use crate::error::{Error, Kind, Result};
use crate::options::{OptionValue, Options, wrong};
use crate::settings::parse_bytes;

/// Nominal size of a chunk of an uncompressed text file.
pub const DEFAULT_BLOCKSIZE_BYTES: u64 = 64 << 20;
/// Rows of each sampled place that types are guessed from.
const DEFAULT_SAMPLE_ROWS: u64 = 20_480;

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Csv {
    pub delimiter: u8,
    pub header: bool,
    /// None: quotes mean nothing.
    pub quote: Option<u8>,
    /// None: a quote inside quotes is doubled.
    pub escape: Option<u8>,
    pub comment: Option<u8>,
    /// Texts that are NULL in every column, besides the empty one.
    pub null_values: Vec<String>,
    /// How dates are written, as strftime has it; None: ISO 8601.
    #[serde(default)]
    pub date_format: Option<String>,
    #[serde(default)]
    pub timestamp_format: Option<String>,
    /// What a short row lacks is NULL.
    #[serde(default)]
    pub null_padding: bool,
    /// The table's columns are the files' in order, whatever the header calls them.
    #[serde(default)]
    pub by_place: bool,
}

impl Default for Csv {
    fn default() -> Self {
        Self {
            delimiter: b',',
            header: true,
            quote: Some(b'"'),
            escape: None,
            comment: None,
            null_values: vec![],
            date_format: None,
            timestamp_format: None,
            null_padding: false,
            by_place: false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JsonLayout {
    /// One object a line; files are cut at line ends.
    Lines,
    /// `[{…}, {…}]`.
    Array,
    /// Objects one after the other, each over as many lines as it likes.
    Objects,
}

/// How many rows to look at before the types are fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleRows {
    Count(u64),
    All,
}

/// Options that are used while a table is made and not needed after.
#[derive(Debug, Clone)]
pub struct Sampling {
    pub rows: SampleRows,
    /// Column names and the types they shall have, as SQL.
    pub types: Vec<(String, String)>,
}

/// Takes the CSV options; the delimiter is what the names of the files imply unless given.
pub fn take_csv(options: &mut Options, implied_delimiter: u8) -> Result<Csv> {
    let default = Csv::default();
    let null_values = options.take_texts("null_values")?;
    let csv = Csv {
        delimiter: take_byte(options, "delimiter")?
            .flatten()
            .unwrap_or(implied_delimiter),
        header: options.take_boolean("header")?.unwrap_or(default.header),
        quote: take_byte(options, "quote")?.unwrap_or(default.quote),
        escape: take_byte(options, "escape")?.unwrap_or(default.escape),
        comment: take_byte(options, "comment")?.unwrap_or(default.comment),
        null_values: null_values.unwrap_or(default.null_values),
        date_format: take_format(options, "date_format")?,
        timestamp_format: take_format(options, "timestamp_format")?,
        null_padding: options
            .take_boolean("null_padding")?
            .unwrap_or(default.null_padding),
        by_place: default.by_place,
    };
    check(&csv)?;
    Ok(csv)
}

/// A format of strftime; NULL or '' for ISO 8601.
fn take_format(options: &mut Options, name: &'static str) -> Result<Option<String>> {
    match options.take(name) {
        None | Some(OptionValue::Null) => Ok(None),
        Some(OptionValue::Text(text)) if text.is_empty() => Ok(None),
        Some(OptionValue::Text(text)) if csv::is_format(&text) => Ok(Some(text)),
        Some(other) => Err(wrong(
            name,
            &other,
            "a format of strftime, such as '%d.%m.%Y %H:%M:%S'",
        )),
    }
}

/// One byte, NULL or '' for none. `\t` and `tab` are understood.
fn take_byte(options: &mut Options, name: &'static str) -> Result<Option<Option<u8>>> {
    let Some(value) = options.take(name) else {
        return Ok(None);
    };
    let byte = match &value {
        OptionValue::Null => None,
        OptionValue::Text(text) => match text.as_str() {
            "" => None,
            "\\t" | "tab" => Some(b'\t'),
            one if one.len() == 1 => one.bytes().next(),
            _ => return Err(wrong(name, &value, "one ASCII character, or '' for none")),
        },
        other => return Err(wrong(name, other, "one ASCII character, or '' for none")),
    };
    Ok(Some(byte))
}

fn check(csv: &Csv) -> Result<()> {
    let special = [Some(csv.delimiter), csv.quote, csv.comment];
    for (at, byte) in special.iter().enumerate() {
        let Some(byte) = byte else { continue };
        let again = special
            .iter()
            .skip(at + 1)
            .any(|other| other == &Some(*byte));
        if again || matches!(byte, b'\n' | b'\r') || !byte.is_ascii() {
            return Err(Error::new(
                Kind::InvalidParameterValue,
                format!("the character {:?} cannot be used so", char::from(*byte)),
            )
            .hint("delimiter, quote and comment must differ and cannot be line ends."));
        }
    }
    if csv.escape.is_some() && csv.quote.is_none() {
        return Err(Error::new(
            Kind::InvalidParameterValue,
            "escape needs a quote",
        ));
    }
    Ok(())
}

pub fn take_sampling(options: &mut Options) -> Result<Sampling> {
    let rows = match options.take("schema_sample_rows") {
        None => SampleRows::Count(DEFAULT_SAMPLE_ROWS),
        Some(OptionValue::Text(text)) if text.eq_ignore_ascii_case("all") => SampleRows::All,
        Some(OptionValue::Number(n) | OptionValue::Text(n)) => match n.parse() {
            Ok(count) if count > 0 => SampleRows::Count(count),
            _ => {
                let value = OptionValue::Number(n);
                return Err(wrong(
                    "schema_sample_rows",
                    &value,
                    "a whole number from 1, or 'all'",
                ));
            }
        },
        Some(other) => {
            return Err(wrong(
                "schema_sample_rows",
                &other,
                "a whole number from 1, or 'all'",
            ));
        }
    };
    let types = match options.take("dtype") {
        None => vec![],
        Some(OptionValue::Map(entries)) => entries
            .into_iter()
            .map(|(name, value)| match value {
                OptionValue::Text(text) => Ok((name, text)),
                other => Err(wrong("dtype", &other, "(column = 'TYPE', …)")),
            })
            .collect::<Result<_>>()?,
        Some(other) => return Err(wrong("dtype", &other, "(column = 'TYPE', …)")),
    };
    Ok(Sampling { rows, types })
}

/// The nominal chunk size; 0 means that a file is one chunk.
pub fn take_blocksize(options: &mut Options) -> Result<u64> {
    let parallel = options.take_boolean("parallel")?.unwrap_or(true);
    let given = match options.take("blocksize") {
        None => DEFAULT_BLOCKSIZE_BYTES,
        Some(OptionValue::Number(text) | OptionValue::Text(text)) => parse_bytes(&text)
            .ok_or_else(|| {
                wrong(
                    "blocksize",
                    &OptionValue::Text(text),
                    "a size such as '64MiB'; 0 reads each file as one chunk",
                )
            })?,
        Some(other) => {
            return Err(wrong(
                "blocksize",
                &other,
                "a size such as '64MiB'; 0 reads each file as one chunk",
            ));
        }
    };
    Ok(if parallel { given } else { 0 })
}

/// The options as written in `WITH`, only those that differ from the default.
pub fn csv_options(csv: &Csv) -> Vec<(String, OptionValue)> {
    let default = Csv::default();
    let mut options = Vec::new();
    let byte = |byte: Option<u8>| match byte {
        Some(byte) => OptionValue::Text(char::from(byte).to_string()),
        None => OptionValue::Null,
    };
    let mut add = |name: &str, value| options.push((name.to_string(), value));
    if csv.delimiter != default.delimiter {
        add("delimiter", byte(Some(csv.delimiter)));
    }
    if csv.header != default.header {
        add("header", OptionValue::Boolean(csv.header));
    }
    for (name, value, default) in [
        ("quote", csv.quote, default.quote),
        ("escape", csv.escape, default.escape),
        ("comment", csv.comment, default.comment),
    ] {
        if value != default {
            add(name, byte(value));
        }
    }
    if csv.null_values != default.null_values {
        let texts = csv.null_values.iter().cloned().map(OptionValue::Text);
        add("null_values", OptionValue::Array(texts.collect()));
    }
    for (name, format) in [
        ("date_format", &csv.date_format),
        ("timestamp_format", &csv.timestamp_format),
    ] {
        if let Some(format) = format {
            options.push((name.to_string(), OptionValue::Text(format.clone())));
        }
    }
    if csv.null_padding {
        options.push(("null_padding".to_string(), OptionValue::Boolean(true)));
    }
    options
}

pub fn blocksize_option(format: Format, blocksize_bytes: u64) -> Option<(String, OptionValue)> {
    (format.is_text() && blocksize_bytes != DEFAULT_BLOCKSIZE_BYTES).then(|| {
        (
            "blocksize".to_string(),
            OptionValue::Number(blocksize_bytes.to_string()),
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn options(entries: &[(&str, OptionValue)]) -> Options {
        Options::new(
            entries
                .iter()
                .map(|(n, v)| (n.to_string(), v.clone()))
                .collect(),
        )
        .unwrap()
    }

    #[test]
    fn csv_options_come_back_as_written() {
        let written = [
            ("delimiter", OptionValue::Text(";".into())),
            ("header", OptionValue::Boolean(false)),
            ("quote", OptionValue::Null),
            (
                "null_values",
                OptionValue::Array(vec![OptionValue::Text("NA".into())]),
            ),
            ("date_format", OptionValue::Text("%d.%m.%Y".into())),
            ("null_padding", OptionValue::Boolean(true)),
        ];
        let csv = take_csv(&mut options(&written), b'\t').unwrap();
        let again: Vec<_> = csv_options(&csv);
        let expected: Vec<_> = written
            .iter()
            .map(|(n, v)| (n.to_string(), v.clone()))
            .collect();
        assert_eq!(again, expected);
    }

    #[test]
    fn contradictions_are_refused() {
        let same = [("delimiter", OptionValue::Text("\"".into()))];
        assert!(take_csv(&mut options(&same), b',').is_err());
        let long = [("delimiter", OptionValue::Text("||".into()))];
        assert!(take_csv(&mut options(&long), b',').is_err());
        let format = [("date_format", OptionValue::Text("%Q".into()))];
        assert!(take_csv(&mut options(&format), b',').is_err());
    }

    #[test]
    fn blocksizes() {
        let size = |value| take_blocksize(&mut options(&[("blocksize", value)]));
        assert_eq!(size(OptionValue::Text("1MiB".into())).unwrap(), 1 << 20);
        assert_eq!(size(OptionValue::Number("0".into())).unwrap(), 0);
        assert!(size(OptionValue::Boolean(true)).is_err());
    }
}
