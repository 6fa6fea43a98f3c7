//! Support vector machines that were trained: functions of the rows.
//!
//! `f(x) = Σ dual_coef · kernel(support_vector, x) + intercept`; `gamma`, a factor in the kernel, is kept
//! in the model, as it may come from the rows of the training.

use std::ops::Range;

use super::in_memory::each_row;
use super::nearest::points;
use crate::error::{Error, Result};
use crate::fitted::Fitted;
use crate::kernel::{Kernel, Vectors};
use crate::points::Points;
use crate::rows::Rows;
use crate::train::Setup;

/// Functions of the rows, ready to be evaluated.
#[derive(Debug)]
pub(super) struct Machine {
    vectors: Vectors,
    functions: Vec<Function>,
    /// The functions are kernels themselves: they are linear.
    linear: bool,
}

/// The sum of some support vectors' kernels, each times its factor, and a number.
#[derive(Debug, Default)]
pub(super) struct Function {
    pub parts: Vec<(Range<usize>, Vec<f64>)>,
    pub start: f64,
}

impl Machine {
    /// Of a model that may come from a file; `functions` have parts within its support vectors.
    pub fn new(fitted: &Fitted, setup: &Setup, functions: Vec<Function>) -> Result<Self> {
        let vectors = points(fitted, "support_vectors", setup.features.len())?;
        let kernel = Kernel::of(&setup.parameters, fitted.scalar("gamma")?)?;
        let linear = kernel == Kernel::Linear;
        let vectors = match linear {
            // One vector for each function says the same in less time.
            true => Points {
                width: vectors.width,
                data: functions.iter().flat_map(|f| f.summed(&vectors)).collect(),
            },
            false => vectors,
        };
        Ok(Self {
            vectors: Vectors::new(kernel, &vectors),
            functions,
            linear,
        })
    }

    /// Calls `with` with the number of each row and the values of the functions.
    pub fn each(&self, rows: &Rows<'_>, mut with: impl FnMut(usize, &[f64])) {
        let mut kernels = vec![0.0; self.vectors.count()];
        let mut values = vec![0.0; self.functions.len()];
        each_row(rows, |row, features| {
            self.vectors.compare(features, &mut kernels);
            for (at, (value, function)) in values.iter_mut().zip(&self.functions).enumerate() {
                *value = function.start
                    + match self.linear {
                        true => kernels[at],
                        false => function.of(&kernels),
                    };
            }
            with(row, &values);
        });
    }

    /// The values of the first function.
    pub fn first(&self, rows: &Rows<'_>) -> Vec<f64> {
        let mut found = vec![0.0; rows.count];
        self.each(rows, |row, values| {
            found[row] = values.first().copied().unwrap_or(0.0);
        });
        found
    }
}

impl Function {
    fn of(&self, kernels: &[f64]) -> f64 {
        let part = |(range, factors): &(Range<usize>, Vec<f64>)| {
            let pairs = factors.iter().zip(&kernels[range.clone()]);
            pairs.map(|(factor, kernel)| factor * kernel).sum::<f64>()
        };
        self.parts.iter().map(part).sum()
    }

    fn summed(&self, vectors: &Points) -> Vec<f64> {
        let mut sum = vec![0.0; vectors.width];
        for (range, factors) in &self.parts {
            for (number, factor) in range.clone().zip(factors) {
                let pairs = sum.iter_mut().zip(vectors.at(number));
                pairs.for_each(|(sum, value)| *sum += factor * value);
            }
        }
        sum
    }
}

/// The rows of the array `dual_coef`, and how many support vectors there are.
pub(super) fn coefficients(fitted: &Fitted, functions: usize) -> Result<(Vec<Vec<f64>>, usize)> {
    let vectors = match fitted.array("support_vectors")?.shape.first() {
        Some(count) => *count,
        None => 0,
    };
    // Rows without numbers could be of any number.
    if fitted.array("dual_coef")?.shape.first() != Some(&functions) {
        return Err(Error::corrupt(
            "the model's array \"dual_coef\" has the wrong shape",
        ));
    }
    Ok((fitted.matrix("dual_coef", vectors)?, vectors))
}

/// The one function of a model.
pub(super) fn single(fitted: &Fitted, setup: &Setup) -> Result<Machine> {
    let (rows, vectors) = coefficients(fitted, 1)?;
    let function = Function {
        parts: rows.into_iter().map(|row| (0..vectors, row)).collect(),
        start: fitted.scalar("intercept")?,
    };
    Machine::new(fitted, setup, vec![function])
}
