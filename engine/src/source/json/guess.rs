//! Learns from a sample how a JSON file is laid out and which columns its objects have.
//!
//! Numbers are bigint, or double when some have a fraction; texts stay texts; where values
//! disagree the column is text. Nested objects and arrays become structs and lists.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema};
use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore};
use serde_json::Value;

use super::array::Unwrap;
use crate::error::{Error, Kind, Result};
use crate::source::dialect::{JsonLayout, SampleRows};
use crate::source::format::Compression;
use crate::source::{location, stream, widen};

/// A sample is not larger, unless all rows are asked for.
const SAMPLE_BYTES: usize = 8 << 20;

#[derive(Debug)]
pub struct Guessed {
    /// None: the file is empty.
    pub layout: Option<JsonLayout>,
    pub schema: Schema,
}

pub async fn guess(
    store: &Arc<dyn ObjectStore>,
    file: &ObjectMeta,
    compression: Compression,
    rows: SampleRows,
) -> Result<Guessed> {
    let (max_rows, max_bytes) = match rows {
        SampleRows::Count(rows) => (usize::try_from(rows).unwrap_or(usize::MAX), SAMPLE_BYTES),
        SampleRows::All => (usize::MAX, usize::MAX),
    };
    let mut text = Vec::new();
    let mut whole = true;
    if file.size > 0 {
        let mut stream = stream::open(store, &file.location, None, compression, None).await?;
        while let Some(piece) = stream.try_next().await? {
            text.extend_from_slice(&piece);
            if text.len() >= max_bytes {
                whole = false;
                break;
            }
        }
    }
    of_text(text, whole, max_rows).map_err(|what| {
        let shown = location::shown(&file.location);
        Error::new(
            Kind::BadData,
            format!("file \"{shown}\" is not JSON that a table can be made of: {what}"),
        )
        .hint("A table's file holds objects: one a line, one after the other, or in one array.")
    })
}

fn of_text(
    mut text: Vec<u8>,
    whole: bool,
    max_rows: usize,
) -> std::result::Result<Guessed, String> {
    let mark = if text.starts_with(b"\xEF\xBB\xBF") {
        3
    } else {
        0
    };
    text.drain(..mark);
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    let layout = match first {
        None => {
            return Ok(Guessed {
                layout: None,
                schema: Schema::empty(),
            });
        }
        Some(b'[') => {
            let mut unwrap = Unwrap::default();
            unwrap
                .piece(&mut text)
                .map_err(|_| "something follows the array".to_string())?;
            if whole && !unwrap.is_closed() {
                return Err("the array does not end".into());
            }
            JsonLayout::Array
        }
        Some(_) => lines_or_objects(&text),
    };
    let mut merged = DataType::Null;
    let mut values = serde_json::Deserializer::from_slice(&text).into_iter::<Value>();
    for _ in 0..max_rows {
        match values.next() {
            None => break,
            Some(Ok(value @ Value::Object(_))) => merged = widen::wider(&merged, &type_of(&value)),
            Some(Ok(_)) => return Err("a value is not an object".into()),
            Some(Err(error)) if error.is_eof() && !whole => break,
            Some(Err(error)) => return Err(error.to_string()),
        }
    }
    let schema = match merged {
        DataType::Struct(fields) => Schema::new(fields),
        _ => Schema::empty(),
    };
    Ok(Guessed {
        layout: Some(layout),
        schema,
    })
}

/// Lines, unless the first object goes on beyond its line.
fn lines_or_objects(text: &[u8]) -> JsonLayout {
    let start = text
        .iter()
        .position(|b| !b.is_ascii_whitespace())
        .unwrap_or(0);
    let rest = text.get(start..).unwrap_or(&[]);
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
        let guessed = of_text(text.as_bytes().to_vec(), true, 100).unwrap();
        let columns: Vec<_> = guessed
            .schema
            .fields()
            .iter()
            .map(|f| format!("{} {}", f.name(), settled(f.data_type())))
            .collect();
        (guessed.layout, columns.join(", "))
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
            assert!(
                of_text(text.as_bytes().to_vec(), true, 100).is_err(),
                "{text}"
            );
        }
        assert!(of_text(b"{\"a\": 1}\n{\"a".to_vec(), false, 100).is_ok());
    }
}
