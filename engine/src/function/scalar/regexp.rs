//! Regular expressions: what PostgreSQL has besides DataFusion's, and `SIMILAR TO`.
//!
//! The dialect is that of the `regex` crate, which matches in linear time; back references and
//! look-around are not in it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::array::{ListBuilder, StringViewBuilder};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use regex::{Regex, RegexBuilder};

use super::text::each_list;
use crate::error::{Error, Kind, regular_expression};
use crate::function::define::{Arg, Call, Scalar, takes};
use crate::function::rows::{At, Text, given, gives};

const SECTION: &str = "Regular Expression Functions";
const TWO: &[Arg] = &[Arg::Text, Arg::Text];
const THREE: &[Arg] = &[Arg::Text, Arg::Text, Arg::Text];
/// How large a compiled pattern may be.
const MAX_PATTERN_BYTES: usize = 10 << 20;

pub(crate) static FUNCTIONS: &[Scalar] = &[
    Scalar::new(
        SECTION,
        "regexp_split_to_array",
        "regexp_split_to_array(text, pattern [, flags])",
        "The parts of a text between the matches of a pattern.",
        &[
            takes(TWO, gives::text_list, split),
            takes(THREE, gives::text_list, split),
        ],
    ),
    Scalar::new(
        SECTION,
        "regexp_matches_array",
        "regexp_matches(text, pattern [, flags])",
        "The captured parts of the first match, or of each match with flag g; one row for a match.",
        &[
            takes(TWO, match_lists, matches),
            takes(THREE, match_lists, matches),
        ],
    ),
    Scalar::new(
        SECTION,
        "regexp_substr",
        "regexp_substr(text, pattern [, start [, n [, flags [, group]]]])",
        "The n-th match of a pattern from a position on, or one of its captured parts.",
        &[
            takes(TWO, gives::text, substr),
            takes(&[Arg::Text, Arg::Text, Arg::Int], gives::text, substr),
            takes(
                &[Arg::Text, Arg::Text, Arg::Int, Arg::Int],
                gives::text,
                substr,
            ),
            takes(
                &[Arg::Text, Arg::Text, Arg::Int, Arg::Int, Arg::Text],
                gives::text,
                substr,
            ),
            takes(
                &[
                    Arg::Text,
                    Arg::Text,
                    Arg::Int,
                    Arg::Int,
                    Arg::Text,
                    Arg::Int,
                ],
                gives::text,
                substr,
            ),
        ],
    ),
    Scalar::new(
        SECTION,
        "like_escape",
        "like_escape(pattern, escape)",
        "The pattern of LIKE with its own escape character, in terms of the backslash.",
        &[takes(TWO, gives::text, like_escape)],
    ),
    Scalar::new(
        SECTION,
        "similar_to",
        "text SIMILAR TO pattern [ESCAPE escape]",
        "Whether the whole text matches SQL's pattern: % _ | * + ? {m,n} ( ) [ ].",
        &[
            takes(TWO, gives::boolean, similar_to),
            takes(THREE, gives::boolean, similar_to),
        ],
    ),
];

fn match_lists(_: &[DataType]) -> DataType {
    DataType::new_list(gives::text_list(&[]), true)
}

fn invalid(error: &regex::Error) -> Error {
    regular_expression(&error.to_string())
        .hint("Back references and look-around are not supported.")
}

/// Compiled patterns of one call; a constant pattern is compiled once.
#[derive(Default)]
struct Patterns {
    known: HashMap<(String, String), Regex>,
}

impl Patterns {
    fn get(&mut self, pattern: &str, flags: &str) -> Result<&Regex> {
        let key = (pattern.to_string(), flags.to_string());
        // A column of patterns must not fill the memory.
        if self.known.len() > 1000 && !self.known.contains_key(&key) {
            self.known.clear();
        }
        match self.known.entry(key) {
            std::collections::hash_map::Entry::Occupied(known) => Ok(known.into_mut()),
            std::collections::hash_map::Entry::Vacant(place) => {
                Ok(place.insert(compile(pattern, flags)?))
            }
        }
    }
}

/// PostgreSQL's flags; a dot matches a newline unless flag n or p is given.
fn compile(pattern: &str, flags: &str) -> Result<Regex> {
    let mut builder = RegexBuilder::new(pattern);
    builder
        .size_limit(MAX_PATTERN_BYTES)
        .dot_matches_new_line(true);
    for flag in flags.chars() {
        match flag {
            'i' => builder.case_insensitive(true),
            'c' => builder.case_insensitive(false),
            'n' | 'm' => builder.multi_line(true).dot_matches_new_line(false),
            'p' => builder.dot_matches_new_line(false),
            'w' => builder.multi_line(true),
            's' => builder.multi_line(false).dot_matches_new_line(true),
            'x' => builder.ignore_whitespace(true),
            'g' | 't' => &mut builder,
            other => {
                let message = format!("invalid regular expression option: \"{other}\"");
                return Err(Error::new(Kind::InvalidParameterValue, message).into());
            }
        };
    }
    Ok(builder.build().map_err(|error| invalid(&error))?)
}

fn optional_text(call: &Call, i: usize) -> Result<Option<Text<'_>>> {
    match i < call.arrays.len() {
        true => call.text(i).map(Some),
        false => Ok(None),
    }
}

/// An optional argument: its default if it was not given, NULL if it is NULL.
fn flags_at<'a>(flags: &Option<Text<'a>>, row: usize) -> Option<&'a str> {
    match flags {
        None => Some(""),
        Some(flags) => flags.at(row),
    }
}

fn split(call: &Call) -> Result<ArrayRef> {
    let (texts, patterns) = (call.text(0)?, call.text(1)?);
    let flags = optional_text(call, 2)?;
    let mut known = Patterns::default();
    each_list(call, |row| {
        let (text, pattern) = (given!(texts.at(row)), given!(patterns.at(row)));
        let pattern = known.get(pattern, given!(flags_at(&flags, row)))?;
        let mut parts = vec![];
        let mut from = 0;
        for found in pattern.find_iter(text) {
            // An empty match splits between characters, not at the ends.
            if found.is_empty() && (found.start() == 0 || found.end() == text.len()) {
                continue;
            }
            parts.push(Some(text[from..found.start()].to_string()));
            from = found.end();
        }
        parts.push(Some(text[from..].to_string()));
        Ok(Some(parts))
    })
}

fn matches(call: &Call) -> Result<ArrayRef> {
    let (texts, patterns) = (call.text(0)?, call.text(1)?);
    let flags = optional_text(call, 2)?;
    let mut known = Patterns::default();
    let mut out = ListBuilder::new(ListBuilder::new(StringViewBuilder::new()));
    for row in 0..call.rows {
        let (Some(text), Some(pattern), Some(flags)) =
            (texts.at(row), patterns.at(row), flags_at(&flags, row))
        else {
            out.append_null();
            continue;
        };
        let limit = if flags.contains('g') { usize::MAX } else { 1 };
        for found in known.get(pattern, flags)?.captures_iter(text).take(limit) {
            let groups: Vec<_> = match found.len() {
                1 => vec![found.get(0)],
                _ => found.iter().skip(1).collect(),
            };
            out.values()
                .append_value(groups.into_iter().map(|group| group.map(|m| m.as_str())));
        }
        out.append(true);
    }
    Ok(Arc::new(out.finish()))
}

/// What a pattern matches, or its first captured part.
pub(super) fn substring(call: &Call) -> Result<ArrayRef> {
    let (texts, patterns) = (call.text(0)?, call.text(1)?);
    let mut known = Patterns::default();
    call.each_text(|row| {
        let (text, pattern) = (given!(texts.at(row)), given!(patterns.at(row)));
        let found = given!(known.get(pattern, "")?.captures(text));
        let part = match found.len() {
            1 => found.get(0),
            _ => found.get(1),
        };
        Ok(part.map(|part| part.as_str()))
    })
}

fn substr(call: &Call) -> Result<ArrayRef> {
    let (texts, patterns) = (call.text(0)?, call.text(1)?);
    let flags = optional_text(call, 4)?;
    let number = |i: usize, row: usize, default: i64| -> Result<Option<i64>> {
        match i < call.arrays.len() {
            true => Ok(call.ints(i)?.at(row)),
            false => Ok(Some(default)),
        }
    };
    let positive = |value: i64, what: &str| {
        usize::try_from(value)
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(|| {
                let message = format!("invalid value for parameter \"{what}\": {value}");
                Error::new(Kind::InvalidParameterValue, message)
            })
    };
    let mut known = Patterns::default();
    call.each_text(|row| {
        let (text, pattern) = (given!(texts.at(row)), given!(patterns.at(row)));
        let start = positive(given!(number(2, row, 1)?), "start")?;
        let n = positive(given!(number(3, row, 1)?), "n")?;
        let group = given!(number(5, row, 0)?);
        let group = usize::try_from(group).map_err(|_| {
            let message = format!("invalid value for parameter \"subexpr\": {group}");
            Error::new(Kind::InvalidParameterValue, message)
        })?;
        let (from, _) = given!(text.char_indices().nth(start - 1));
        let pattern = known.get(pattern, given!(flags_at(&flags, row)))?;
        let found = given!(pattern.captures_iter(&text[from..]).nth(n - 1));
        Ok(found.get(group).map(|part| part.as_str()))
    })
}

fn similar_to(call: &Call) -> Result<ArrayRef> {
    let (texts, patterns) = (call.text(0)?, call.text(1)?);
    let escapes = optional_text(call, 2)?;
    let mut known: Option<(String, Option<char>, Regex)> = None;
    call.each_bool(|row| {
        let (text, pattern) = (given!(texts.at(row)), given!(patterns.at(row)));
        let escape = match &escapes {
            None => Some('\\'),
            Some(escapes) => given!(escapes.at(row)).chars().next(),
        };
        let regex = match known.take() {
            Some(same) if same.0 == pattern && same.1 == escape => same.2,
            _ => compile(&from_similar(pattern, escape), "")?,
        };
        let matched = regex.is_match(text);
        known = Some((pattern.to_string(), escape, regex));
        Ok(Some(matched))
    })
}

fn like_escape(call: &Call) -> Result<ArrayRef> {
    let (patterns, escapes) = (call.text(0)?, call.text(1)?);
    call.each_text(|row| {
        let (pattern, escape) = (given!(patterns.at(row)), given!(escapes.at(row)));
        let escape = escape.chars().next();
        let mut plain = String::with_capacity(pattern.len());
        let mut letters = pattern.chars();
        while let Some(letter) = letters.next() {
            match letter {
                _ if Some(letter) == escape => {
                    plain.push('\\');
                    plain.extend(letters.next());
                }
                '\\' => plain.push_str("\\\\"),
                _ => plain.push(letter),
            }
        }
        Ok(Some(plain))
    })
}

/// SQL's pattern as a regular expression of the whole text.
fn from_similar(pattern: &str, escape: Option<char>) -> String {
    let mut out = String::from("^(?:");
    let mut in_class = false;
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            c if Some(c) == escape => {
                let next = chars.next().unwrap_or(c);
                out.push_str(&regex::escape(next.encode_utf8(&mut [0; 4])));
            }
            ']' if in_class => {
                in_class = false;
                out.push(c);
            }
            '\\' | '[' | '&' | '~' if in_class => out.extend(['\\', c]),
            c if in_class => out.push(c),
            '[' => {
                in_class = true;
                out.push(c);
            }
            '%' => out.push_str(".*"),
            '_' => out.push('.'),
            // These have no meaning in SQL's patterns.
            '\\' | '.' | '^' | '$' => out.extend(['\\', c]),
            '(' => out.push_str("(?:"),
            c => out.push(c),
        }
    }
    out.push_str(")$");
    out
}
