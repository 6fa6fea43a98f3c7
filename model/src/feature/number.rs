//! Columns as numbers.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};

use crate::error::{Error, Result};

/// Whether values of the type are numbers (or booleans, which are 0 and 1).
pub fn is_number(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, value) => is_number(value),
        other => other.is_numeric() || *other == DataType::Boolean,
    }
}

/// Whether a column of the type can be a feature: numbers, booleans and text.
pub fn is_feature(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, value) => is_feature(value),
        other => is_number(other) || other.is_string(),
    }
}

/// The values as `f64`; NULL stays NULL.
pub fn numbers(array: &ArrayRef) -> Result<Float64Array> {
    if let DataType::Boolean = array.data_type() {
        let flags: &BooleanArray = array.as_boolean();
        return Ok(flags.iter().map(|flag| flag.map(f64::from)).collect());
    }
    let cast = cast(array, &DataType::Float64);
    let cast = cast.map_err(|e| Error::internal(format!("a column that is no number: {e}")))?;
    let found = cast.as_primitive_opt::<Float64Type>().cloned();
    found.ok_or_else(|| Error::internal("a column that is no number"))
}

/// Text of a column, by row. Both zeros are one value.
pub(super) fn texts(array: &ArrayRef) -> Result<arrow::array::StringViewArray> {
    let array: ArrayRef = match array.as_primitive_opt::<Float64Type>() {
        Some(numbers) => Arc::new(numbers.unary::<_, Float64Type>(|value| value + 0.0)),
        None => Arc::clone(array),
    };
    let cast = cast(&array, &DataType::Utf8View);
    let cast = cast.map_err(|e| Error::internal(format!("a column that is no text: {e}")))?;
    let found = cast.as_string_view_opt().cloned();
    found.ok_or_else(|| Error::internal("a column that is no text"))
}

/// Rows whose value is NULL.
pub(super) fn null_count(array: &dyn Array) -> u64 {
    array.null_count() as u64
}
