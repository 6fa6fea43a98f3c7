//! What a model learns: a number, or one of some labels. Labels come back in the type they had.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, BooleanArray, StringArray, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use super::number::{numbers, texts};
use crate::error::{Error, Result};

/// The target of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    pub name: String,
    /// The SQL type in training.
    pub sql_type: String,
    /// The labels as text, in the order of their type; empty for a number.
    pub labels: Vec<String>,
}

impl Target {
    /// The values, or the numbers of the labels; NULL where there is none. A label that was not
    /// surveyed is NaN.
    pub(super) fn values(&self, array: &ArrayRef) -> Result<arrow::array::Float64Array> {
        if self.labels.is_empty() {
            return numbers(array);
        }
        let known: HashMap<&str, f64> = self
            .labels
            .iter()
            .zip(0u32..)
            .map(|(l, at)| (l.as_str(), f64::from(at)))
            .collect();
        let texts = texts(array)?;
        let number = |label: Option<&str>| label.map(|l| known.get(l).copied().unwrap_or(f64::NAN));
        Ok(texts.iter().map(number).collect())
    }

    /// The labels of these numbers, as the target's type; NULL where `valid` says so.
    pub fn labels_of(
        &self,
        numbers: &[f64],
        valid: Option<&BooleanArray>,
        data_type: &DataType,
    ) -> Result<ArrayRef> {
        let failed = |e| Error::internal(format!("labels cannot be shown: {e}"));
        let labels = cast(&StringArray::from(self.labels.clone()), data_type).map_err(failed)?;
        let at = numbers.iter().enumerate().map(|(row, number)| {
            let there = valid.is_none_or(|v| v.is_valid(row) && v.value(row));
            (there && *number >= 0.0).then_some(*number as u32)
        });
        take(&labels, &at.collect::<UInt32Array>(), None).map_err(failed)
    }
}

/// Labels in the order of their type: numbers by value, all else by their characters.
pub(super) fn sorted(mut labels: Vec<String>, data_type: &DataType) -> Vec<String> {
    let number = |label: &String| label.parse::<f64>().unwrap_or(f64::NAN);
    match data_type {
        DataType::Boolean => labels.sort(),
        other if other.is_numeric() => labels.sort_by(|a, b| number(a).total_cmp(&number(b))),
        _ => labels.sort(),
    }
    labels
}
