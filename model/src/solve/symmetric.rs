//! Symmetric matrices of sums, and their eigenvectors.

use faer::{Mat, Side};

use crate::error::{Error, Result};
use crate::sum::Sum;

/// The lower triangle, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Symmetric {
    size: usize,
    values: Vec<Sum>,
}

impl Symmetric {
    /// `values` are the `size * (size + 1) / 2` of the lower triangle, row by row.
    pub fn of(size: usize, mut values: Vec<Sum>) -> Self {
        values.resize(size * (size + 1) / 2, Sum::ZERO);
        Self { size, values }
    }

    pub fn zero(size: usize) -> Self {
        Self::of(size, Vec::new())
    }

    pub fn size(&self) -> usize {
        self.size
    }

    fn index(row: usize, column: usize) -> usize {
        let (row, column) = (row.max(column), row.min(column));
        row * (row + 1) / 2 + column
    }

    pub fn at(&self, row: usize, column: usize) -> Sum {
        self.values[Self::index(row, column)]
    }

    pub fn at_mut(&mut self, row: usize, column: usize) -> &mut Sum {
        &mut self.values[Self::index(row, column)]
    }

    /// The rows and columns before `size`.
    pub fn leading(&self, size: usize) -> Self {
        Self::of(size, self.values[..size * (size + 1) / 2].to_vec())
    }

    /// The first `size` values of a row.
    pub fn row(&self, row: usize, size: usize) -> Vec<Sum> {
        (0..size).map(|column| self.at(row, column)).collect()
    }

    /// Adds to the diagonal.
    pub fn shifted(mut self, by: f64) -> Self {
        for at in 0..self.size {
            self.at_mut(at, at).add(by);
        }
        self
    }

    pub fn times(&self, vector: &[Sum]) -> Vec<Sum> {
        let row = |row: usize| {
            let terms = vector.iter().enumerate();
            terms.fold(Sum::ZERO, |sum, (at, v)| sum + self.at(row, at) * *v)
        };
        (0..self.size).map(row).collect()
    }

    pub fn is_finite(&self) -> bool {
        self.values.iter().all(|v| v.is_finite())
    }

    pub(super) fn rounded(&self) -> Mat<f64> {
        Mat::from_fn(self.size, self.size, |row, column| {
            self.at(row, column).value()
        })
    }

    /// Eigenvalues in descending order, and their vectors, each with its largest entry positive.
    pub fn eigen(&self) -> Result<Eigen> {
        let failed = |_| Error::rows("the eigenvectors of the features cannot be found");
        let found = self
            .rounded()
            .self_adjoint_eigen(Side::Lower)
            .map_err(failed)?;
        let (values, vectors) = (found.S().column_vector(), found.U());
        let order = (0..self.size).rev();
        let vector = |at: usize| {
            let column: Vec<f64> = (0..self.size).map(|row| vectors[(row, at)]).collect();
            let largest = column
                .iter()
                .copied()
                .fold(0.0f64, |a, b| if b.abs() > a.abs() { b } else { a });
            let sign = if largest < 0.0 { -1.0 } else { 1.0 };
            column.into_iter().map(|v| v * sign).collect()
        };
        Ok(Eigen {
            values: order.clone().map(|at| values[at]).collect(),
            vectors: order.map(vector).collect(),
        })
    }
}

/// Eigenvalues, largest first, and the vector of each.
#[derive(Debug, Clone)]
pub struct Eigen {
    pub values: Vec<f64>,
    pub vectors: Vec<Vec<f64>>,
}
