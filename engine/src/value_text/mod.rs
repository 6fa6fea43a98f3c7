//! Values as text: the one place that decides how a value of a column reads.
//!
//! [`TextColumn`] follows PostgreSQL's output where PostgreSQL has the type, except that booleans are
//! spelled out; what PostgreSQL has not (structs, maps) reads as JSON. [`JsonColumn`] writes JSON
//! values: numbers as numbers with all their digits, nested values nested, the rest as strings. The
//! shell's formats are built on these, and so is whatever else sends text to a client.
//!
//! A column is made once per batch and then called per row. It owns its array (arrays are cheap to
//! clone), takes row numbers of that array, and never fails: every value has a text.

mod nested;
pub mod number;
mod scalar;
pub mod time;

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef};
use arrow::buffer::NullBuffer;

pub use nested::write_json_string;

/// How values read, as far as a session decides it.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextStyle {
    /// The zone in which timestamps with time zone are shown; `None` is UTC.
    pub timezone: Option<Tz>,
}

impl TextStyle {
    /// The style of a session with this `timezone` setting.
    pub fn new(timezone: &str) -> Self {
        Self {
            timezone: timezone.parse().ok(),
        }
    }
}

/// Appends the text of one row's value, which must not be NULL.
type Write = Box<dyn Fn(usize, &mut String) + Send + Sync>;

/// One column of a batch as text.
pub struct TextColumn {
    nulls: Option<NullBuffer>,
    write: Write,
}

impl TextColumn {
    pub fn new(array: &ArrayRef, style: &TextStyle) -> Self {
        Self {
            nulls: array.logical_nulls(),
            write: nested::text(array, style),
        }
    }

    pub fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// Appends the value's text and says true, or says false for NULL.
    pub fn write(&self, row: usize, out: &mut String) -> bool {
        if self.is_null(row) {
            return false;
        }
        (self.write)(row, out);
        true
    }
}

/// One column of a batch as JSON values.
pub struct JsonColumn {
    nulls: Option<NullBuffer>,
    write: Write,
}

impl JsonColumn {
    pub fn new(array: &ArrayRef, style: &TextStyle) -> Self {
        Self {
            nulls: array.logical_nulls(),
            write: nested::json(array, style),
        }
    }

    /// Appends the value; `null` for NULL, and for NaN and the infinities, which JSON has not.
    pub fn write(&self, row: usize, out: &mut String) {
        match &self.nulls {
            Some(nulls) if nulls.is_null(row) => out.push_str("null"),
            _ => (self.write)(row, out),
        }
    }
}

#[cfg(test)]
mod tests;
