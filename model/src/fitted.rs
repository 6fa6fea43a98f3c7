//! What training leaves: named arrays and facts. Names are scikit-learn's attributes without the
//! underscore at their end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Numbers in a shape, row by row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Array {
    pub shape: Vec<usize>,
    pub data: Vec<f64>,
}

impl Array {
    pub fn vector(data: Vec<f64>) -> Self {
        Self {
            shape: vec![data.len()],
            data,
        }
    }

    /// Rows of `width` each.
    pub fn matrix(width: usize, data: Vec<f64>) -> Self {
        let height = data.len().checked_div(width).unwrap_or(0);
        Self {
            shape: vec![height, width],
            data,
        }
    }

    pub fn scalar(value: f64) -> Self {
        Self::vector(vec![value])
    }

    /// The rows of a matrix; of a vector, itself.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        let width = self.shape.last().copied().unwrap_or(0).max(1);
        self.data.chunks_exact(width)
    }
}

/// A trained model, without what prepares its features.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    pub arrays: BTreeMap<String, Array>,
    pub facts: Facts,
}

/// What is told of the training: `n_iter`, `inertia`, in-sample metrics such as `r2`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    pub numbers: BTreeMap<String, f64>,
    /// Sentences for the one who trained, such as that the training did not converge.
    pub warnings: Vec<String>,
}

impl Fitted {
    pub fn with(mut self, name: &str, array: Array) -> Self {
        self.arrays.insert(name.to_string(), array);
        self
    }

    pub fn with_fact(mut self, name: &str, value: f64) -> Self {
        self.facts.numbers.insert(name.to_string(), value);
        self
    }

    pub fn warn(mut self, warning: impl Into<String>) -> Self {
        self.facts.warnings.push(warning.into());
        self
    }

    /// An array that a predictor needs; a file may lack it.
    pub fn array(&self, name: &str) -> Result<&Array> {
        let array = self.arrays.get(name);
        array.ok_or_else(|| Error::corrupt(format!("the model lacks its array \"{name}\"")))
    }

    /// A vector of `size`, or any size where that is `None`.
    pub fn vector(&self, name: &str, size: Option<usize>) -> Result<Vec<f64>> {
        let array = self.array(name)?;
        match array.shape.as_slice() {
            [found] if size.is_none_or(|size| size == *found) && array.data.len() == *found => {
                Ok(array.data.clone())
            }
            _ => Err(misshapen(name)),
        }
    }

    /// A matrix of rows of `width`.
    pub fn matrix(&self, name: &str, width: usize) -> Result<Vec<Vec<f64>>> {
        let array = self.array(name)?;
        match array.shape.as_slice() {
            [rows, found] if *found == width && array.data.len() == rows.saturating_mul(width) => {
                Ok(match width {
                    0 => vec![Vec::new(); *rows],
                    _ => array.rows().map(<[f64]>::to_vec).collect(),
                })
            }
            _ => Err(misshapen(name)),
        }
    }

    pub fn scalar(&self, name: &str) -> Result<f64> {
        Ok(self.vector(name, Some(1))?[0])
    }

    /// Fails where a number is not finite: training went wrong.
    pub fn checked(self) -> Result<Self> {
        match self
            .arrays
            .iter()
            .find(|(_, a)| a.data.iter().any(|v| !v.is_finite()))
        {
            Some((name, _)) => Err(Error::rows(format!(
                "the training did not end in finite numbers (\"{name}\")"
            ))
            .hint("Features of very different sizes may be the cause: try standardize = true.")),
            None => Ok(self),
        }
    }
}

fn misshapen(name: &str) -> Error {
    Error::corrupt(format!("the model's array \"{name}\" has the wrong shape"))
}
