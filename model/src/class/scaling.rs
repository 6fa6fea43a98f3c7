//! What the scalers have in common: each feature is changed by itself, a step after the other. What is
//! missing does not count in the training, and stays missing.
//!
//! Outputs are named like the features with the suffix `_scaled`.

use crate::error::{Error, Result};
use crate::fitted::{Array, Fitted};
use crate::predict::Predictor;
use crate::rows::Rows;
use crate::statistic::columns::Column;
use crate::statistic::{Collected, Columns, Statistic, Task};
use crate::train::{Setup, Step, Trainer, only};

/// Scales below this are taken for those of constant features (scikit-learn's
/// `_handle_zeros_in_scale`).
pub(super) const TINY: f64 = 10.0 * f64::EPSILON;

/// A trainer of one scan that looks at each feature by itself.
pub(super) struct OneScan {
    pub setup: Setup,
    pub fit: fn(&Setup, &[Column]) -> Result<Fitted>,
}

impl Trainer for OneScan {
    fn tasks(&mut self) -> Vec<Task> {
        vec![Task::of_all(Statistic::Columns(Columns {
            features: self.setup.features.len(),
        }))]
    }

    fn take(&mut self, collected: Collected) -> Result<Step> {
        let state = only(collected)?;
        if state.rows == 0 {
            return Err(Error::rows("there are no rows to learn from"));
        }
        Step::done((self.fit)(&self.setup, &Column::all(&state))?)
    }
}

/// Fails where a feature has no value at all.
pub(super) fn check_values(setup: &Setup, columns: &[Column]) -> Result<()> {
    let without = columns.iter().position(|column| column.count == 0);
    match without.and_then(|at| setup.features.get(at)) {
        Some(name) => {
            let message = format!("the feature \"{name}\" has no value");
            Err(Error::rows(message).hint("Leave it out."))
        }
        None => Ok(()),
    }
}

/// An array of a number for each feature.
pub(super) fn array(columns: &[Column], of: impl Fn(&Column) -> f64) -> Array {
    Array::vector(columns.iter().map(of).collect())
}

/// What happens to the values of each feature; the numbers are those of the features.
#[derive(Debug)]
pub(super) enum Change {
    Minus(Vec<f64>),
    Over(Vec<f64>),
    Times(Vec<f64>),
    Plus(Vec<f64>),
    /// Into a range that is the same for all.
    Within(f64, f64),
}

impl Change {
    fn apply(&self, feature: usize, values: &mut [f64]) {
        let number = |numbers: &[f64]| numbers.get(feature).copied().unwrap_or(f64::NAN);
        match self {
            Change::Minus(n) => each(values, number(n), |v, n| v - n),
            Change::Over(n) => each(values, number(n), |v, n| v / n),
            Change::Times(n) => each(values, number(n), |v, n| v * n),
            Change::Plus(n) => each(values, number(n), |v, n| v + n),
            Change::Within(low, high) => {
                // Unlike max and min, these keep NaN.
                each(values, *low, |v, low| if v < low { low } else { v });
                each(values, *high, |v, high| if v > high { high } else { v });
            }
        }
    }
}

fn each(values: &mut [f64], number: f64, change: impl Fn(f64, f64) -> f64) {
    values.iter_mut().for_each(|v| *v = change(*v, number));
}

/// A fitted scaler.
#[derive(Debug)]
pub(super) struct Scaling(pub Vec<Change>);

impl Predictor for Scaling {
    fn transform(&self, rows: &Rows<'_>) -> Option<Vec<Vec<f64>>> {
        let columns = rows.features.iter().enumerate().map(|(at, column)| {
            let mut values = column.to_vec();
            self.0
                .iter()
                .for_each(|change| change.apply(at, &mut values));
            values
        });
        Some(columns.collect())
    }

    fn outputs(&self, features: &[String]) -> Vec<String> {
        outputs(features)
    }
}

pub(super) fn outputs(features: &[String]) -> Vec<String> {
    features
        .iter()
        .map(|name| format!("{name}_scaled"))
        .collect()
}

/// The numbers of an array that are divided by.
pub(super) fn divisors(fitted: &Fitted, name: &str, features: usize) -> Result<Change> {
    let numbers = fitted.vector(name, Some(features))?;
    match numbers.contains(&0.0) {
        true => Err(Error::corrupt(format!(
            "the model's array \"{name}\" has a zero"
        ))),
        false => Ok(Change::Over(numbers)),
    }
}
