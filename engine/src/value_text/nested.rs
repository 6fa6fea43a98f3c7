//! Values with parts, and JSON: arrays as `{1,2,NULL}`, structs and maps as JSON objects.

use std::fmt::Write as _;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, StructArray, UnionArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, UnionMode};

use super::{JsonColumn, TextColumn, TextStyle, Write, scalar};

/// The writer of a column's values as PostgreSQL's text.
pub(super) fn text(array: &ArrayRef, style: &TextStyle) -> Write {
    if let Some(write) = scalar::text(array, style) {
        return write;
    }
    if let Some((items, range)) = list_parts(array) {
        return array_text(&items, range, style);
    }
    if let Some((values, index)) = indirect(array) {
        let write = text(&values, style);
        return Box::new(move |row, out| write(index(row), out));
    }
    if let DataType::Union(_, _) = array.data_type() {
        return union(array.as_union(), |child| {
            let column = TextColumn::new(child, style);
            Box::new(move |row, out| {
                column.write(row, out);
            })
        });
    }
    json(array, style)
}

/// The writer of a column's values as JSON.
pub(super) fn json(array: &ArrayRef, style: &TextStyle) -> Write {
    let data_type = array.data_type();
    if let Some(write) = scalar::text(array, style) {
        return match data_type {
            DataType::Null => Box::new(|_, out| out.push_str("null")),
            DataType::Float16 | DataType::Float32 | DataType::Float64 => finite_or_null(write),
            DataType::Boolean => write,
            numeric if numeric.is_numeric() => write,
            _ => json_text(write),
        };
    }
    if let Some((items, range)) = list_parts(array) {
        return json_array(&items, range, style);
    }
    if let Some((values, index)) = indirect(array) {
        let write = json(&values, style);
        return Box::new(move |row, out| write(index(row), out));
    }
    match data_type {
        DataType::Struct(_) => json_object(array.as_struct(), style),
        DataType::Map(_, _) => json_map(array, style),
        DataType::Union(_, _) => union(array.as_union(), |child| {
            let column = JsonColumn::new(child, style);
            Box::new(move |row, out| column.write(row, out))
        }),
        _ => Box::new(|_, out| out.push_str("null")),
    }
}

/// A list's items, and where those of a row are.
type ListParts = (ArrayRef, Box<dyn Fn(usize) -> Range<usize> + Send + Sync>);

fn list_parts(array: &ArrayRef) -> Option<ListParts> {
    macro_rules! offsets {
        ($list:expr) => {{
            let list = $list.clone();
            let items = list.values().clone();
            let range = move |row: usize| {
                let offsets = list.value_offsets();
                offsets[row] as usize..offsets[row + 1] as usize
            };
            (items, Box::new(range))
        }};
    }
    macro_rules! views {
        ($list:expr) => {{
            let list = $list.clone();
            let items = list.values().clone();
            let range = move |row: usize| {
                let start = list.value_offsets()[row] as usize;
                start..start + list.value_sizes()[row] as usize
            };
            (items, Box::new(range))
        }};
    }
    Some(match array.data_type() {
        DataType::List(_) => offsets!(array.as_list::<i32>()),
        DataType::LargeList(_) => offsets!(array.as_list::<i64>()),
        DataType::ListView(_) => views!(array.as_list_view::<i32>()),
        DataType::LargeListView(_) => views!(array.as_list_view::<i64>()),
        DataType::FixedSizeList(_, _) => {
            let list = array.as_fixed_size_list().clone();
            let length = usize::try_from(list.value_length()).unwrap_or_default();
            let range = move |row: usize| row * length..(row + 1) * length;
            (list.values().clone(), Box::new(range))
        }
        _ => return None,
    })
}

/// The values that a dictionary or a run-end array refers to, and which of them is a row's.
#[allow(clippy::type_complexity)]
fn indirect(array: &ArrayRef) -> Option<(ArrayRef, Box<dyn Fn(usize) -> usize + Send + Sync>)> {
    match array.data_type() {
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            let values = dictionary.values().clone();
            let keys = if values.is_empty() {
                Vec::new()
            } else {
                dictionary.normalized_keys()
            };
            Some((values, Box::new(move |row| keys[row])))
        }
        DataType::RunEndEncoded(_, values) => {
            let flat = cast(array, values.data_type()).ok()?;
            Some((flat, Box::new(|row| row)))
        }
        _ => None,
    }
}

fn array_text(
    items: &ArrayRef,
    range: impl Fn(usize) -> Range<usize> + Send + Sync + 'static,
    style: &TextStyle,
) -> Write {
    let is_list = list_parts(items).is_some();
    let column = TextColumn::new(items, style);
    Box::new(move |row, out| {
        out.push('{');
        let mut item = String::new();
        for (at, index) in range(row).enumerate() {
            if at > 0 {
                out.push(',');
            }
            item.clear();
            if !column.write(index, &mut item) {
                out.push_str("NULL");
            } else if is_list || !needs_quotes(&item) {
                out.push_str(&item);
            } else {
                out.push('"');
                for c in item.chars() {
                    if matches!(c, '"' | '\\') {
                        out.push('\\');
                    }
                    out.push(c);
                }
                out.push('"');
            }
        }
        out.push('}');
    })
}

/// Whether an array's item would read as something else without quotes.
fn needs_quotes(item: &str) -> bool {
    item.is_empty()
        || item.eq_ignore_ascii_case("null")
        || item.contains(|c: char| {
            matches!(c, '"' | '\\' | '{' | '}' | ',') || c.is_ascii_whitespace() || c == '\x0b'
        })
}

fn json_array(
    items: &ArrayRef,
    range: impl Fn(usize) -> Range<usize> + Send + Sync + 'static,
    style: &TextStyle,
) -> Write {
    let column = JsonColumn::new(items, style);
    Box::new(move |row, out| {
        out.push('[');
        for (at, index) in range(row).enumerate() {
            if at > 0 {
                out.push(',');
            }
            column.write(index, out);
        }
        out.push(']');
    })
}

fn json_object(array: &StructArray, style: &TextStyle) -> Write {
    let fields: Vec<(String, JsonColumn)> = array
        .fields()
        .iter()
        .zip(array.columns())
        .map(|(field, column)| {
            let mut name = String::new();
            write_json_string(field.name(), &mut name);
            (name, JsonColumn::new(column, style))
        })
        .collect();
    Box::new(move |row, out| {
        out.push('{');
        for (at, (name, column)) in fields.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            out.push_str(name);
            out.push(':');
            column.write(row, out);
        }
        out.push('}');
    })
}

/// Keys become text, as JSON wants them.
fn json_map(array: &ArrayRef, style: &TextStyle) -> Write {
    let map = array.as_map().clone();
    let keys = TextColumn::new(map.keys(), style);
    let values = JsonColumn::new(map.values(), style);
    Box::new(move |row, out| {
        let offsets = map.value_offsets();
        let mut key = String::new();
        out.push('{');
        for (at, index) in (offsets[row] as usize..offsets[row + 1] as usize).enumerate() {
            if at > 0 {
                out.push(',');
            }
            key.clear();
            keys.write(index, &mut key);
            write_json_string(&key, out);
            out.push(':');
            values.write(index, out);
        }
        out.push('}');
    })
}

/// Each row's value lies in one of the children.
fn union(array: &UnionArray, writer: impl Fn(&ArrayRef) -> Write) -> Write {
    let DataType::Union(fields, mode) = array.data_type() else {
        return Box::new(|_, _| {});
    };
    let dense = *mode == UnionMode::Dense;
    let children: Vec<(i8, Write)> = fields
        .iter()
        .map(|(id, _)| (id, writer(array.child(id))))
        .collect();
    let array = array.clone();
    Box::new(move |row, out| {
        let id = array.type_id(row);
        let at = if dense { array.value_offset(row) } else { row };
        if let Some((_, write)) = children.iter().find(|(child, _)| *child == id) {
            write(at, out);
        }
    })
}

fn finite_or_null(write: Write) -> Write {
    Box::new(move |row, out| {
        let start = out.len();
        write(row, out);
        if out.ends_with(['N', 'y']) {
            out.truncate(start);
            out.push_str("null");
        }
    })
}

fn json_text(write: Write) -> Write {
    Box::new(move |row, out| {
        let mut value = String::new();
        write(row, &mut value);
        write_json_string(&value, out);
    })
}

/// Appends the text as a JSON string, quotes included.
pub fn write_json_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
