//! Strings and bytes: quoting, `format`, bytes of a `bytea`, what PostgreSQL names otherwise.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryBuilder, ListBuilder, StringViewBuilder};
use arrow::datatypes::Int32Type;
use datafusion::common::Result;
use datafusion::functions::{string, unicode};
use datafusion::logical_expr::ScalarUDF;

use super::quote::{quote_ident, quote_literal};
use super::{format, regexp};
use crate::error::{Error, Kind};
use crate::function::define::{Arg, Call, Scalar, takes, variadic};
use crate::function::extend::Extended;
use crate::function::rows::{At, given, gives};
use crate::function::show::Shown;

const SECTION: &str = "String Functions";
const BYTES: &str = "Binary String Functions";

pub(crate) static FUNCTIONS: &[Scalar] = &[
    Scalar::new(
        SECTION,
        "quote_ident",
        "quote_ident(text)",
        "The text as an identifier, in double quotes if it needs them.",
        &[takes(&[Arg::Text], gives::text, |call| {
            let text = call.text(0)?;
            call.each_text(|row| Ok(text.at(row).map(quote_ident)))
        })],
    ),
    Scalar::new(
        SECTION,
        "quote_literal",
        "quote_literal(value)",
        "The value as a string literal; NULL gives NULL.",
        &[takes(&[Arg::Any], gives::text, |call| {
            let shown = Shown::of(call.array(0)?)?;
            call.each_text(|row| Ok(shown.at(row)?.map(|text| quote_literal(&text))))
        })],
    ),
    Scalar::new(
        SECTION,
        "quote_nullable",
        "quote_nullable(value)",
        "The value as a string literal; NULL gives the word NULL.",
        &[takes(&[Arg::Any], gives::text, |call| {
            let shown = Shown::of(call.array(0)?)?;
            call.each_text(|row| {
                let text = shown.at(row)?;
                Ok(Some(text.map_or_else(
                    || "NULL".to_string(),
                    |text| quote_literal(&text),
                )))
            })
        })],
    ),
    Scalar::new(
        SECTION,
        "format",
        "format(pattern, value, …)",
        "Text with %s (a value), %I (an identifier) and %L (a literal) filled in.",
        &[variadic(
            &[Arg::Text],
            Arg::Any,
            gives::text,
            format::format,
        )],
    ),
    Scalar::new(
        SECTION,
        "parse_ident",
        "parse_ident(text)",
        "The parts of a qualified identifier; what is not quoted is folded to lower case.",
        &[takes(&[Arg::Text], gives::text_list, |call| {
            let text = call.text(0)?;
            each_list(call, |row| match text.at(row) {
                None => Ok(None),
                Some(text) => parse_ident(text).map(Some),
            })
        })],
    ),
    Scalar::new(
        SECTION,
        "unistr",
        "unistr(text)",
        "Reads \\XXXX, \\+XXXXXX and \\uXXXX as the characters with these numbers.",
        &[takes(&[Arg::Text], gives::text, |call| {
            let text = call.text(0)?;
            call.each_text(|row| unistr(given!(text.at(row))).map(Some))
        })],
    ),
    Scalar::new(
        BYTES,
        "convert_to",
        "convert_to(text, encoding)",
        "The bytes of a text; the encoding must be UTF8.",
        &[takes(&[Arg::Text, Arg::Text], gives::bytes, |call| {
            let (text, encodings) = (call.text(0)?, call.text(1)?);
            each_bytes(call, |row| {
                check_utf8(given!(encodings.at(row)))?;
                Ok(text.at(row).map(|text| text.as_bytes().to_vec()))
            })
        })],
    ),
    Scalar::new(
        BYTES,
        "convert_from",
        "convert_from(bytea, encoding)",
        "The text that bytes mean; the encoding must be UTF8.",
        &[takes(&[Arg::Bytes, Arg::Text], gives::text, |call| {
            let (bytes, encodings) = (call.bytes(0)?, call.text(1)?);
            call.each_text(|row| {
                check_utf8(given!(encodings.at(row)))?;
                let text = std::str::from_utf8(given!(bytes.at(row)));
                text.map(Some).map_err(|_| {
                    let message = "invalid byte sequence for encoding \"UTF8\"";
                    Error::new(Kind::InvalidText, message).into()
                })
            })
        })],
    ),
    Scalar::new(
        BYTES,
        "get_byte",
        "get_byte(bytea, index)",
        "The byte at an index that starts at 0.",
        &[takes(&[Arg::Bytes, Arg::Int], gives::int32, |call| {
            let (bytes, indices) = (call.bytes(0)?, call.ints(1)?);
            call.each::<Int32Type>(|row| {
                let (bytes, index) = (given!(bytes.at(row)), given!(indices.at(row)));
                Ok(Some(i32::from(bytes[place(index, bytes.len())?])))
            })
        })],
    ),
    Scalar::new(
        BYTES,
        "get_bit",
        "get_bit(bytea, index)",
        "The bit at an index that starts at 0, from the lowest bit of the first byte.",
        &[takes(&[Arg::Bytes, Arg::Int], gives::int32, |call| {
            let (bytes, indices) = (call.bytes(0)?, call.ints(1)?);
            call.each::<Int32Type>(|row| {
                let (bytes, index) = (given!(bytes.at(row)), given!(indices.at(row)));
                let index = place(index, bytes.len() * 8)?;
                Ok(Some(i32::from(bytes[index / 8] >> (index % 8) & 1)))
            })
        })],
    ),
    Scalar::new(
        BYTES,
        "set_byte",
        "set_byte(bytea, index, value)",
        "The bytes with one of them replaced.",
        &[takes(
            &[Arg::Bytes, Arg::Int, Arg::Int],
            gives::bytes,
            |call| {
                let (bytes, indices, values) = (call.bytes(0)?, call.ints(1)?, call.ints(2)?);
                each_bytes(call, |row| {
                    let mut bytes = given!(bytes.at(row)).to_vec();
                    let index = place(given!(indices.at(row)), bytes.len())?;
                    bytes[index] = given!(values.at(row)) as u8;
                    Ok(Some(bytes))
                })
            },
        )],
    ),
    Scalar::new(
        BYTES,
        "set_bit",
        "set_bit(bytea, index, value)",
        "The bytes with one bit replaced.",
        &[takes(
            &[Arg::Bytes, Arg::Int, Arg::Int],
            gives::bytes,
            |call| {
                let (bytes, indices, values) = (call.bytes(0)?, call.ints(1)?, call.ints(2)?);
                each_bytes(call, |row| {
                    let mut bytes = given!(bytes.at(row)).to_vec();
                    let index = place(given!(indices.at(row)), bytes.len() * 8)?;
                    let bit = 1_u8 << (index % 8);
                    match given!(values.at(row)) {
                        0 => bytes[index / 8] &= !bit,
                        1 => bytes[index / 8] |= bit,
                        _ => {
                            let message = "new bit must be 0 or 1";
                            return Err(Error::new(Kind::InvalidParameterValue, message).into());
                        }
                    }
                    Ok(Some(bytes))
                })
            },
        )],
    ),
];

static SUBSTRING: Scalar = Scalar::new(
    SECTION,
    "substr",
    "substring(text FROM start [FOR length]) or substring(text FROM pattern)",
    "A part of a text or bytea by position, or what a regular expression matches.",
    &[
        takes(&[Arg::Text, Arg::Text], gives::text, regexp::substring),
        takes(&[Arg::Bytes, Arg::Int], gives::bytes, substring_bytes),
        takes(
            &[Arg::Bytes, Arg::Int, Arg::Int],
            gives::bytes,
            substring_bytes,
        ),
    ],
);

static LENGTH: Scalar = Scalar::new(
    SECTION,
    "length",
    "length(text | bytea)",
    "The number of characters of a text, of bytes of a bytea.",
    &[takes(&[Arg::Bytes], gives::int32, |call| {
        let bytes = call.bytes(0)?;
        call.each::<Int32Type>(|row| Ok(bytes.at(row).map(|bytes| bytes.len() as i32)))
    })],
);

static BTRIM: Scalar = Scalar::new(
    SECTION,
    "btrim",
    "btrim(text | bytea [, characters])",
    "Without the given characters (spaces if none are given) at both ends.",
    &[takes(&[Arg::Bytes, Arg::Bytes], gives::bytes, |call| {
        let (bytes, sets) = (call.bytes(0)?, call.bytes(1)?);
        each_bytes(call, |row| {
            let (bytes, set) = (given!(bytes.at(row)), given!(sets.at(row)));
            let kept = |byte: &u8| !set.contains(byte);
            let start = bytes.iter().position(kept).unwrap_or(bytes.len());
            let end = bytes.iter().rposition(kept).map_or(start, |last| last + 1);
            Ok(Some(bytes[start..end].to_vec()))
        })
    })],
);

static TO_HEX: Scalar = Scalar::new(
    SECTION,
    "to_hex",
    "to_hex(integer)",
    "The number in base 16; negative numbers by their bits, 8 digits for an integer.",
    &[takes(&[Arg::Int32], gives::text, |call| {
        let numbers = call.int32s(0)?;
        call.each_text(|row| Ok(numbers.at(row).map(|n| format!("{n:x}"))))
    })],
);

/// DataFusion's functions under further names or with more overloads.
pub(crate) fn changed() -> Vec<ScalarUDF> {
    let uuid = Arc::unwrap_or_clone(string::uuid());
    vec![
        uuid.with_aliases(["gen_random_uuid"]),
        Extended::udf(unicode::substr(), &SUBSTRING),
        Extended::udf(unicode::character_length(), &LENGTH),
        Extended::udf(string::btrim(), &BTRIM),
        Extended::udf(string::to_hex(), &TO_HEX),
    ]
}

/// A list of texts, one row at a time.
pub(super) fn each_list(
    call: &Call,
    mut row: impl FnMut(usize) -> Result<Option<Vec<Option<String>>>>,
) -> Result<ArrayRef> {
    let mut out = ListBuilder::new(StringViewBuilder::new());
    for i in 0..call.rows {
        match row(i)? {
            Some(items) => out.append_value(items),
            None => out.append_null(),
        }
    }
    Ok(Arc::new(out.finish()))
}

fn each_bytes(
    call: &Call,
    mut row: impl FnMut(usize) -> Result<Option<Vec<u8>>>,
) -> Result<ArrayRef> {
    let mut out = BinaryBuilder::new();
    for i in 0..call.rows {
        out.append_option(row(i)?);
    }
    Ok(Arc::new(out.finish()))
}

fn place(index: i64, count: usize) -> Result<usize> {
    usize::try_from(index)
        .ok()
        .filter(|index| *index < count)
        .ok_or_else(|| {
            let last = count.saturating_sub(1);
            let message = format!("index {index} out of valid range, 0..{last}");
            Error::new(Kind::InvalidParameterValue, message).into()
        })
}

fn check_utf8(encoding: &str) -> Result<()> {
    match encoding.to_lowercase().as_str() {
        "utf8" | "utf-8" | "unicode" => Ok(()),
        _ => Err(Error::unsupported(format!("the encoding \"{encoding}\""))
            .hint("Use 'UTF8'.")
            .into()),
    }
}

/// Positions start at 1; those before the first byte count towards the length.
fn substring_bytes(call: &Call) -> Result<ArrayRef> {
    let (bytes, starts) = (call.bytes(0)?, call.ints(1)?);
    let lengths = match call.arrays.len() {
        3 => Some(call.ints(2)?),
        _ => None,
    };
    each_bytes(call, |row| {
        let (bytes, start) = (given!(bytes.at(row)), given!(starts.at(row)));
        let end = match lengths {
            None => i64::MAX,
            Some(lengths) => match given!(lengths.at(row)) {
                length if length < 0 => {
                    let message = "negative substring length not allowed";
                    return Err(Error::new(Kind::InvalidParameterValue, message).into());
                }
                length => start.saturating_add(length),
            },
        };
        let clamp = |at: i64| usize::try_from(at.max(1) - 1).unwrap_or(0).min(bytes.len());
        let (start, end) = (clamp(start), clamp(end));
        Ok(Some(bytes[start..end.max(start)].to_vec()))
    })
}

fn parse_ident(text: &str) -> Result<Vec<Option<String>>> {
    let invalid = || {
        let message = format!("string is not a valid identifier: \"{text}\"");
        datafusion::common::DataFusionError::from(Error::new(Kind::InvalidParameterValue, message))
    };
    let mut parts = vec![];
    let mut rest = text.trim();
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut part = String::new();
            let mut chars = quoted.char_indices().peekable();
            let end = loop {
                match chars.next() {
                    None => return Err(invalid()),
                    Some((i, '"')) => match chars.peek() {
                        Some((_, '"')) => {
                            chars.next();
                            part.push('"');
                        }
                        _ => break i + 1,
                    },
                    Some((_, c)) => part.push(c),
                }
            };
            parts.push(part);
            rest = quoted.get(end..).unwrap_or("").trim_start();
        } else {
            let in_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
            let end = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            if word.is_empty() || word.starts_with(|c: char| c.is_numeric() || c == '$') {
                return Err(invalid());
            }
            parts.push(word.to_lowercase());
            rest = after.trim_start();
        }
        match rest.strip_prefix('.') {
            Some(after) => rest = after.trim_start(),
            None if rest.is_empty() => return Ok(parts.into_iter().map(Some).collect()),
            None => return Err(invalid()),
        }
    }
}

fn unistr(text: &str) -> Result<String> {
    let invalid = || {
        let error = Error::new(Kind::InvalidText, "invalid Unicode escape")
            .hint("Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.");
        datafusion::common::DataFusionError::from(error)
    };
    let mut out = String::with_capacity(text.len());
    let mut high: Option<u32> = None;
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('\\') {
            out.push('\\');
            rest = after;
            continue;
        }
        let (skip, digits) = match rest.chars().next() {
            Some('+') => (1, 6),
            Some('u') => (1, 4),
            Some('U') => (1, 8),
            _ => (0, 4),
        };
        let code = rest.get(skip..skip + digits).ok_or_else(invalid)?;
        let code = u32::from_str_radix(code, 16).map_err(|_| invalid())?;
        rest = &rest[skip + digits..];
        // Two escapes may spell one character as a pair of surrogates.
        match (high.take(), code) {
            (Some(high), 0xDC00..=0xDFFF) => {
                let code = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00);
                out.push(char::from_u32(code).ok_or_else(invalid)?);
            }
            (Some(_), _) => return Err(invalid()),
            (None, 0xD800..=0xDBFF) if rest.starts_with('\\') => high = Some(code),
            (None, code) => out.push(
                char::from_u32(code)
                    .filter(|c| *c != '\0')
                    .ok_or_else(invalid)?,
            ),
        }
    }
    out.push_str(rest);
    Ok(out)
}
