//! The rows of a relation while it is filled: values by the name of their column.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float32Array, Float64Array, ListBuilder, RecordBatch,
    StringArray, StringBuilder, TimestampMicrosecondArray, UInt32Builder,
};
use arrow::array::{Int16Array, Int16Builder, Int32Array, Int64Array, UInt32Array};
use arrow::datatypes::DataType;

use super::Declared;
use crate::error::{Error, Result};

/// One value; the column decides its Arrow type.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    Null,
    Bool(bool),
    /// Numbers, OIDs, and microseconds since 1970.
    Int(i64),
    Float(f64),
    Text(String),
    Ints(Vec<i64>),
    Texts(Vec<String>),
}

impl Cell {
    /// What stands in a column that cannot be NULL and that nothing is known for.
    pub fn zero(arrow: &DataType) -> Self {
        match arrow {
            DataType::Boolean => Cell::Bool(false),
            DataType::Float32 | DataType::Float64 => Cell::Float(0.0),
            DataType::Utf8 => Cell::Text(String::new()),
            DataType::List(_) => Cell::Ints(Vec::new()),
            _ => Cell::Int(0),
        }
    }

    fn int(&self) -> Option<i64> {
        match self {
            Cell::Int(value) => Some(*value),
            _ => None,
        }
    }

    fn float(&self) -> Option<f64> {
        match self {
            Cell::Float(value) => Some(*value),
            _ => None,
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Cell::Text(value) => Some(value),
            _ => None,
        }
    }
}

macro_rules! from {
    ($($type:ty => |$value:ident| $cell:expr),+ $(,)?) => {
        $(impl From<$type> for Cell {
            fn from($value: $type) -> Self {
                $cell
            }
        })+
    };
}

from! {
    bool => |v| Cell::Bool(v),
    i16 => |v| Cell::Int(v.into()),
    i32 => |v| Cell::Int(v.into()),
    u32 => |v| Cell::Int(v.into()),
    i64 => |v| Cell::Int(v),
    usize => |v| Cell::Int(i64::try_from(v).unwrap_or(i64::MAX)),
    f64 => |v| Cell::Float(v),
    char => |v| Cell::Text(v.to_string()),
    &str => |v| Cell::Text(v.to_string()),
    &String => |v| Cell::Text(v.clone()),
    String => |v| Cell::Text(v),
    Vec<i64> => |v| Cell::Ints(v),
    Vec<String> => |v| Cell::Texts(v),
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::Null, Into::into)
    }
}

pub(super) struct Rows {
    relation: &'static Declared,
    columns: Vec<Vec<Cell>>,
    rows: usize,
}

impl Rows {
    pub fn new(relation: &'static Declared) -> Self {
        Self {
            relation,
            columns: vec![Vec::new(); relation.columns.len()],
            rows: 0,
        }
    }

    /// Adds a row; columns that are not given are NULL, or zero where they cannot be.
    pub fn push<const N: usize>(&mut self, values: [(&str, Cell); N]) {
        for (column, default) in self.columns.iter_mut().zip(&self.relation.defaults) {
            column.push(default.clone());
        }
        self.rows += 1;
        self.set(values);
    }

    /// Gives more values to the last row.
    pub fn set<const N: usize>(&mut self, values: [(&str, Cell); N]) {
        for (name, value) in values {
            let place = self.relation.columns.iter().position(|(c, _)| *c == name);
            debug_assert!(
                place.is_some(),
                "{} has no column {name}",
                self.relation.name
            );
            let column = place.and_then(|at| self.columns.get_mut(at));
            if let Some(last) = column.and_then(|c| c.last_mut()) {
                *last = value;
            }
        }
    }

    pub fn finish(self) -> Result<RecordBatch> {
        let fields = Arc::clone(&self.relation.fields);
        let arrays = self
            .columns
            .iter()
            .zip(fields.fields())
            .map(|(cells, field)| array(cells, field.data_type()))
            .collect::<Result<Vec<_>>>()?;
        Ok(RecordBatch::try_new(fields, arrays)?)
    }
}

fn array(cells: &[Cell], arrow: &DataType) -> Result<ArrayRef> {
    let ints = || cells.iter().map(Cell::int);
    Ok(match arrow {
        DataType::Boolean => {
            let values = cells.iter().map(|c| match c {
                Cell::Bool(value) => Some(*value),
                _ => None,
            });
            Arc::new(values.collect::<BooleanArray>())
        }
        DataType::Int16 => {
            let values = ints().map(|v| v.and_then(|v| i16::try_from(v).ok()));
            Arc::new(values.collect::<Int16Array>())
        }
        DataType::Int32 => {
            let values = ints().map(|v| v.and_then(|v| i32::try_from(v).ok()));
            Arc::new(values.collect::<Int32Array>())
        }
        DataType::Int64 => Arc::new(ints().collect::<Int64Array>()),
        DataType::UInt32 => {
            let values = ints().map(|v| v.and_then(|v| u32::try_from(v).ok()));
            Arc::new(values.collect::<UInt32Array>())
        }
        DataType::Float32 => {
            #[allow(clippy::cast_possible_truncation)]
            let values = cells.iter().map(|c| c.float().map(|v| v as f32));
            Arc::new(values.collect::<Float32Array>())
        }
        DataType::Float64 => Arc::new(cells.iter().map(Cell::float).collect::<Float64Array>()),
        DataType::Decimal128(precision, scale) => {
            let values: Decimal128Array = ints().map(|v| v.map(i128::from)).collect();
            Arc::new(values.with_precision_and_scale(*precision, *scale)?)
        }
        DataType::Timestamp(_, zone) => {
            let values: TimestampMicrosecondArray = ints().collect();
            Arc::new(values.with_timezone_opt(zone.clone()))
        }
        // No relation has one.
        DataType::Interval(_) => arrow::array::new_null_array(arrow, cells.len()),
        DataType::Utf8 => Arc::new(cells.iter().map(Cell::text).collect::<StringArray>()),
        DataType::List(item) => list(cells, item.data_type())?,
        other => return Err(Error::internal(format!("a system relation of {other}"))),
    })
}

fn list(cells: &[Cell], item: &DataType) -> Result<ArrayRef> {
    macro_rules! numbers {
        ($builder:ty, $native:ty) => {{
            let mut out = ListBuilder::new(<$builder>::new());
            for cell in cells {
                out.append_option(match cell {
                    Cell::Ints(items) => Some(items.iter().map(|v| <$native>::try_from(*v).ok())),
                    _ => None,
                });
            }
            Arc::new(out.finish())
        }};
    }
    Ok(match item {
        DataType::UInt32 => numbers!(UInt32Builder, u32),
        DataType::Int16 => numbers!(Int16Builder, i16),
        DataType::Utf8 => {
            let mut out = ListBuilder::new(StringBuilder::new());
            for cell in cells {
                match cell {
                    Cell::Texts(items) => out.append_value(items.iter().map(|v| Some(v.as_str()))),
                    Cell::Ints(items) if items.is_empty() => {
                        out.append_value(std::iter::empty::<Option<&str>>());
                    }
                    _ => out.append_null(),
                }
            }
            Arc::new(out.finish())
        }
        other => {
            // Of the other items there are no values: all are NULL.
            let field = arrow::datatypes::Field::new_list_field(other.clone(), true);
            arrow::array::new_null_array(&DataType::List(Arc::new(field)), cells.len())
        }
    })
}

/// `row!(rows, "column" => value, …)`: one row.
macro_rules! row {
    ($rows:expr, $($column:literal => $value:expr),+ $(,)?) => {
        $rows.push([$(($column, crate::system::postgres::cells::Cell::from($value))),+])
    };
}
pub(super) use row;
