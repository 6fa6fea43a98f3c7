//! Learns from a sample how a JSON file is laid out and which columns its objects have.
//!
//! Numbers are bigint, or double when some have a fraction; texts stay texts; where values
//! disagree the column is text. Nested objects and arrays become structs and lists.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema};
use futures::TryStreamExt;
use memchr::{memchr, memchr_iter};
use serde_json::Value;
use serde_json::error::Category;

use super::array::Unwrap;
use crate::error::{Error, Result};
use crate::source::dialect::{JsonLayout, SampleRows};
use crate::source::format::Compression;
use crate::source::text::{BadRows, Part};
use crate::source::widen;

/// A sample is not larger, unless all rows are asked for.
const SAMPLE_BYTES: usize = 8 << 20;
/// To tell the layout, so much of a file is looked at.
const START_BYTES: usize = 1 << 20;

#[derive(Debug)]
pub struct Guessed {
    /// None: the file is empty.
    pub layout: Option<JsonLayout>,
    pub schema: Schema,
}

pub async fn guess(part: &Part, rows: SampleRows) -> Result<Guessed> {
    let (max_rows, max_bytes) = match rows {
        SampleRows::Count(rows) => (usize::try_from(rows).unwrap_or(usize::MAX), SAMPLE_BYTES),
        SampleRows::All => (usize::MAX, usize::MAX),
    };
    let mut sample = Sample::new(max_rows, part.text.bad_rows);
    let mut read_bytes = 0;
    if part.file.size > 0 {
        let mut stream = part.open(None).await?;
        while !sample.is_full() && read_bytes < max_bytes {
            let piece = stream.try_next().await?;
            let ended = piece.is_none();
            let piece = piece.unwrap_or_default();
            read_bytes += piece.len();
            let added = sample.add(&piece, ended);
            added.map_err(|what| sample.error(part, &what))?;
            if ended {
                break;
            }
            if sample.text.len() > part.text.max_line_bytes {
                let limit = crate::settings::format_bytes(part.text.max_line_bytes as u64);
                let what = format!("an object is longer than {limit}");
                return Err(sample.error(part, &what));
            }
        }
    }
    let schema = match sample.merged {
        DataType::Struct(fields) => Schema::new(fields),
        _ => Schema::empty(),
    };
    Ok(Guessed {
        layout: sample.layout,
        schema,
    })
}

/// What has been seen of a file.
struct Sample {
    max_rows: usize,
    bad_rows: BadRows,
    layout: Option<JsonLayout>,
    unwrap: Unwrap,
    merged: DataType,
    rows: usize,
    /// Lines before the text.
    lines: u64,
    /// What is not understood yet: the start of an object.
    text: Vec<u8>,
    /// Do not try again before there is so much.
    next_try_bytes: usize,
    started: bool,
}

impl Sample {
    fn new(max_rows: usize, bad_rows: BadRows) -> Self {
        Self {
            max_rows,
            bad_rows,
            layout: None,
            unwrap: Unwrap::default(),
            merged: DataType::Null,
            rows: 0,
            lines: 0,
            text: Vec::new(),
            next_try_bytes: 0,
            started: false,
        }
    }

    fn is_full(&self) -> bool {
        self.rows >= self.max_rows
    }

    fn error(&self, part: &Part, what: &str) -> Error {
        let compression = Compression::of_start(&self.text).filter(|_| self.rows == 0);
        if let Some(compression) = compression {
            let name = compression.name();
            return part
                .error(None, &format!("the file is {name} data"))
                .hint(format!(
                    "Its name does not say so: add compression = '{name}'."
                ));
        }
        let what = format!("this is not JSON that a table can be made of: {what}");
        part.error(Some(self.lines + 1), &what)
            .hint("A table's file holds objects: one a line, one after the other, or in one array.")
    }

    /// Takes what follows; `ended` says that nothing follows that.
    fn add(&mut self, piece: &[u8], ended: bool) -> std::result::Result<(), String> {
        let from = self.text.len();
        self.text.extend_from_slice(piece);
        if self.layout == Some(JsonLayout::Array) {
            self.unwrap_from(from)?;
        }
        if !ended && self.text.len() < self.next_try_bytes {
            return Ok(());
        }
        if self.layout.is_none() && !self.tell_layout(ended)? {
            return Ok(());
        }
        self.take(ended)?;
        self.next_try_bytes = self.text.len() * 2;
        if ended && self.layout == Some(JsonLayout::Array) && !self.unwrap.is_closed() {
            return Err("the array does not end".into());
        }
        Ok(())
    }

    fn unwrap_from(&mut self, from: usize) -> std::result::Result<(), String> {
        let added = self.text.get_mut(from..).unwrap_or(&mut []);
        let whole = self.unwrap.piece(added);
        whole.map_err(|_| "something follows the array".to_string())
    }

    /// False when the text is too short to tell.
    fn tell_layout(&mut self, ended: bool) -> std::result::Result<bool, String> {
        if !std::mem::replace(&mut self.started, true) && self.text.starts_with(b"\xEF\xBB\xBF") {
            self.text.drain(..3);
        }
        let first = self.text.iter().position(|b| !b.is_ascii_whitespace());
        let Some(first) = first else {
            return Ok(false);
        };
        let rest = self.text.get(first..).unwrap_or(&[]);
        if rest.first() == Some(&b'[') {
            self.layout = Some(JsonLayout::Array);
            self.unwrap_from(0)?;
            return Ok(true);
        }
        if memchr(b'\n', rest).is_none() && !ended && rest.len() < START_BYTES {
            return Ok(false);
        }
        self.layout = Some(lines_or_objects(rest));
        Ok(true)
    }

    /// Understands as many objects as there are.
    fn take(&mut self, ended: bool) -> std::result::Result<(), String> {
        while !self.is_full() {
            let mut values = serde_json::Deserializer::from_slice(&self.text).into_iter::<Value>();
            let mut read = 0;
            let mut problem = None;
            while self.rows < self.max_rows {
                match values.next() {
                    None => break,
                    Some(Ok(value @ Value::Object(_))) => {
                        self.merged = widen::wider(&self.merged, &type_of(&value));
                        self.rows += 1;
                        read = values.byte_offset();
                    }
                    Some(Ok(_)) => problem = Some("a value is not an object".to_string()),
                    Some(Err(e)) if e.classify() == Category::Eof && !ended => break,
                    Some(Err(error)) => problem = Some(without_place(&error)),
                }
                if problem.is_some() {
                    break;
                }
            }
            self.drop_text(read);
            let Some(problem) = problem else {
                return Ok(());
            };
            let blank = self.text.iter().take_while(|b| b.is_ascii_whitespace());
            let blank = blank.count();
            self.drop_text(blank);
            if self.bad_rows == BadRows::Error || self.layout != Some(JsonLayout::Lines) {
                return Err(problem);
            }
            match memchr(b'\n', &self.text) {
                Some(end) => self.drop_text(end + 1),
                None if ended => self.text.clear(),
                None => return Ok(()),
            }
        }
        Ok(())
    }

    fn drop_text(&mut self, length: usize) {
        let length = length.min(self.text.len());
        let gone = self.text.get(..length).unwrap_or(&[]);
        self.lines += memchr_iter(b'\n', gone).count() as u64;
        self.text.drain(..length);
    }
}

/// The message without the line, which is counted from where the reading began.
fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let end = message.find(" at line ").unwrap_or(message.len());
    message.get(..end).unwrap_or(&message).to_string()
}

/// Lines, unless the first object goes on beyond its line.
fn lines_or_objects(rest: &[u8]) -> JsonLayout {
    let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    let line = rest.get(..end).unwrap_or(rest);
    match serde_json::from_slice::<serde::de::IgnoredAny>(line) {
        Err(error) if error.is_eof() => JsonLayout::Objects,
        _ => JsonLayout::Lines,
    }
}

fn type_of(value: &Value) -> DataType {
    match value {
        Value::Null => DataType::Null,
        Value::Bool(_) => DataType::Boolean,
        Value::Number(number) if number.is_i64() => DataType::Int64,
        Value::Number(number) if number.is_u64() => DataType::UInt64,
        Value::Number(_) => DataType::Float64,
        Value::String(_) => DataType::Utf8View,
        Value::Array(items) => {
            let item = items
                .iter()
                .map(type_of)
                .reduce(|a, b| widen::wider(&a, &b));
            DataType::new_list(item.unwrap_or(DataType::Null), true)
        }
        Value::Object(entries) => DataType::Struct(
            entries
                .iter()
                .map(|(name, value)| Field::new(name, type_of(value), true))
                .collect(),
        ),
    }
}

/// Columns of which no value was seen are text.
pub fn settled(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Null => DataType::Utf8View,
        DataType::List(item) => DataType::new_list(settled(item.data_type()), true),
        DataType::Struct(fields) if fields.is_empty() => DataType::Utf8View,
        DataType::Struct(fields) => {
            let settle = |f: &Arc<Field>| Field::new(f.name(), settled(f.data_type()), true);
            DataType::Struct(fields.iter().map(settle).collect::<Fields>())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn learned(text: &str) -> (Option<JsonLayout>, String) {
        let mut sample = Sample::new(100, BadRows::Error);
        for piece in text.as_bytes().chunks(3) {
            sample.add(piece, false).unwrap();
        }
        sample.add(b"", true).unwrap();
        let DataType::Struct(fields) = sample.merged else {
            return (sample.layout, String::new());
        };
        let columns: Vec<_> = fields
            .iter()
            .map(|f| format!("{} {}", f.name(), settled(f.data_type())))
            .collect();
        (sample.layout, columns.join(", "))
    }

    #[test]
    fn layouts_and_types() {
        let (layout, columns) = learned("{\"a\": 1, \"b\": null}\n{\"a\": 2.5, \"c\": [1]}\n");
        assert_eq!(layout, Some(JsonLayout::Lines));
        assert_eq!(columns, "a Float64, b Utf8View, c List(Int64)");
        let (layout, columns) = learned("[{\"a\": {\"x\": 1}},\n {\"a\": {\"y\": \"z\"}}]");
        assert_eq!(layout, Some(JsonLayout::Array));
        assert_eq!(columns, "a Struct(\"x\": Int64, \"y\": Utf8View)");
        assert_eq!(
            learned("{\n\"a\": 1}\n{\"a\": \"x\"}").0,
            Some(JsonLayout::Objects)
        );
        assert_eq!(learned("{\n\"a\": 1}\n{\"a\": \"x\"}").1, "a Utf8View");
        assert_eq!(learned(" \n").0, None);
    }

    #[test]
    fn what_is_not_objects_is_refused() {
        for text in ["1\n2\n", "{\"a\": 1", "[1, 2]", "[{}", "{} x"] {
            let mut sample = Sample::new(100, BadRows::Error);
            assert!(sample.add(text.as_bytes(), true).is_err(), "{text}");
        }
        let mut sample = Sample::new(100, BadRows::Error);
        assert!(sample.add(b"{\"a\": 1}\n{\"a", false).is_ok());
        let mut lenient = Sample::new(100, BadRows::Skip);
        lenient
            .add(b"{\"a\": 1}\n{\"a\n{\"b\": 2}\n[", true)
            .unwrap();
        assert_eq!((lenient.rows, lenient.lines), (2, 3));
    }
}
