//! JSON values: reading, `jsonb`'s way of writing, and conversion of Arrow's values. No SQL.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use serde_json::{Map, Number, Value};

use super::show::Shown;
use crate::error::{Error, Kind, Result};

pub(crate) fn parse(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| {
        Error::new(Kind::InvalidText, "invalid input syntax for type json")
            .detail(error.to_string())
    })
}

/// Keys in the order of `jsonb`: the shorter first, then by bytes.
pub(crate) fn keys(object: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_by(|(a, _), (b, _)| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    entries
}

/// Writes a value as PostgreSQL writes `jsonb`: `{"a": 1, "b": [1, 2]}`.
pub(crate) fn write(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(object) => {
            out.push('{');
            for (i, (key, item)) in keys(object).into_iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push_str(": ");
                write(item, out);
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

pub(crate) fn to_text(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// With a line for each item, as `jsonb_pretty` does.
pub(crate) fn write_pretty(value: &Value, depth: usize, out: &mut String) {
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"    ".repeat(depth));
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                line(out, depth + 1);
                write_pretty(item, depth + 1, out);
            }
            line(out, depth);
            out.push(']');
        }
        Value::Object(object) if !object.is_empty() => {
            out.push('{');
            for (i, (key, item)) in keys(object).into_iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                line(out, depth + 1);
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push_str(": ");
                write_pretty(item, depth + 1, out);
            }
            line(out, depth);
            out.push('}');
        }
        other => write(other, out),
    }
}

/// A string without its quotes, JSON's null as NULL, everything else as JSON.
pub(crate) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(to_text(other)),
    }
}

pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// `jsonb @>`: objects by keys, arrays by elements; an array contains a scalar that is in it.
pub(crate) fn contains(whole: &Value, part: &Value, steps: &mut Steps) -> Result<bool> {
    steps.take(1)?;
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (key, value) in part {
                match whole.get(key) {
                    Some(found) if contains(found, value, steps)? => {}
                    _ => return Ok(false),
                }
            }
            Ok(true)
        }
        (Value::Array(whole), Value::Array(part)) => {
            for item in part {
                if !holds(whole, item, steps)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Array(whole), scalar) if !scalar.is_object() => {
            steps.take(whole.len().saturating_mul(to_compare(scalar)))?;
            Ok(whole.contains(scalar))
        }
        (Value::String(whole), Value::String(part)) => {
            if whole.len() == part.len() {
                steps.take(part.len() / BYTES_A_STEP)?;
            }
            Ok(whole == part)
        }
        (whole, part) => Ok(match (whole.as_f64(), part.as_f64()) {
            (Some(a), Some(b)) => a == b,
            _ => whole == part,
        }),
    }
}

/// So many bytes of two texts are compared in a step.
const BYTES_A_STEP: usize = 16;

/// The steps of comparing a scalar with another.
fn to_compare(scalar: &Value) -> usize {
    match scalar {
        Value::String(text) => 1 + text.len() / BYTES_A_STEP,
        _ => 1,
    }
}

/// Whether any of the items contains another array's item.
fn holds(items: &[Value], item: &Value, steps: &mut Steps) -> Result<bool> {
    for found in items {
        if item.is_array() == found.is_array() && contains(found, item, steps)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The steps that a comparison may yet take: its time is the product of two lengths.
pub(crate) struct Steps(usize);

impl Steps {
    /// For a call.
    pub(crate) fn new() -> Self {
        Self(1_000_000_000)
    }

    pub(crate) fn take(&mut self, steps: usize) -> Result<()> {
        let left = self.0.checked_sub(steps).ok_or_else(|| {
            Error::new(
                Kind::LimitExceeded,
                "comparing these JSON values would take too long",
            )
        })?;
        self.0 = left;
        Ok(())
    }
}

/// `jsonb ?`: a key of an object, or a string in an array.
pub(crate) fn exists(value: &Value, key: &str) -> bool {
    match value {
        Value::Object(object) => object.contains_key(key),
        Value::Array(items) => items.iter().any(|item| item.as_str() == Some(key)),
        Value::String(text) => text == key,
        _ => false,
    }
}

/// The value at a path of keys and indices, which may count from the end.
pub(crate) fn at_path<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, step| match value {
        Value::Object(object) => object.get(step),
        Value::Array(items) => {
            let index: i64 = step.parse().ok()?;
            let index = match index < 0 {
                true => items.len().checked_sub(index.unsigned_abs() as usize)?,
                false => usize::try_from(index).ok()?,
            };
            items.get(index)
        }
        _ => None,
    })
}

/// Reads `{a,b,2}`, the text of an array, as a path.
pub(crate) fn read_path(text: &str) -> Vec<String> {
    let inner = text.trim().trim_start_matches('{').trim_end_matches('}');
    match inner.is_empty() {
        true => vec![],
        false => inner
            .split(',')
            .map(|step| step.trim().trim_matches('"').to_string())
            .collect(),
    }
}

pub(crate) fn strip_nulls(value: Value) -> Value {
    match value {
        Value::Object(object) => object
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, strip_nulls(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(strip_nulls).collect(),
        other => other,
    }
}

/// A value of SQL as JSON. Text is a string; numbers that JSON cannot hold are strings as well.
pub(crate) fn of_sql(array: &ArrayRef, row: usize) -> Result<Value> {
    if array.data_type().is_null() || array.is_null(row) {
        return Ok(Value::Null);
    }
    let text = || -> Result<String> { Ok(Shown::of(array)?.at(row)?.unwrap_or_default()) };
    Ok(match array.data_type() {
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        t if t.is_numeric() => {
            let text = text()?;
            match text.parse::<Number>() {
                Ok(number) => Value::Number(number),
                Err(_) => Value::String(text),
            }
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            let items = (0..items.len()).map(|i| of_sql(&items, i));
            Value::Array(items.collect::<Result<_>>()?)
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let mut object = Map::new();
            for (field, column) in fields.iter().zip(columns) {
                object.insert(field.name().clone(), of_sql(column, row)?);
            }
            Value::Object(object)
        }
        DataType::Timestamp(..) => Value::String(text()?.replacen(' ', "T", 1)),
        _ => Value::String(text()?),
    })
}
