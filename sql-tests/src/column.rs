//! The letters of `query` lines: one for each kind of type.

use arrow::datatypes::DataType;
use sqllogictest::ColumnType;

/// What a column is, as closely as every surface can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Integer,
    /// Floats and decimals.
    Real,
    Boolean,
    Text,
    /// Dates, times, timestamps and intervals.
    Datetime,
    Binary,
    /// Arrays, structs and maps.
    Nested,
    /// An untyped NULL.
    Unknown,
}

const LETTERS: [(char, Column); 8] = [
    ('I', Column::Integer),
    ('R', Column::Real),
    ('B', Column::Boolean),
    ('T', Column::Text),
    ('D', Column::Datetime),
    ('X', Column::Binary),
    ('A', Column::Nested),
    ('?', Column::Unknown),
];

impl ColumnType for Column {
    fn from_char(letter: char) -> Option<Self> {
        LETTERS
            .iter()
            .find(|(l, _)| *l == letter)
            .map(|(_, column)| *column)
    }

    fn to_char(&self) -> char {
        LETTERS
            .iter()
            .find(|(_, column)| column == self)
            .map_or('?', |(letter, _)| *letter)
    }
}

impl Column {
    pub fn of(data_type: &DataType) -> Self {
        match data_type {
            t if t.is_integer() => Column::Integer,
            t if t.is_numeric() => Column::Real,
            DataType::Boolean => Column::Boolean,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Column::Text,
            t if t.is_temporal() => Column::Datetime,
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => Column::Binary,
            DataType::Dictionary(_, value) => Column::of(value),
            t if t.is_nested() => Column::Nested,
            _ => Column::Unknown,
        }
    }
}
