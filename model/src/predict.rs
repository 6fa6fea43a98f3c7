//! What a fitted model says of rows. Results depend on each row alone, and on nothing but its values.

use pulp::Arch;

use crate::elementary::exp;
use crate::rows::Rows;

/// A model that is ready to score.
pub trait Predictor: std::fmt::Debug + Send + Sync {
    /// For each row a value, or the number of its class or cluster; nothing where the model is a
    /// transformation.
    fn predict(&self, _: &Rows<'_>) -> Vec<f64> {
        Vec::new()
    }

    /// A column of probabilities for each class, where the model has them.
    fn probabilities(&self, _: &Rows<'_>) -> Option<Vec<Vec<f64>>> {
        None
    }

    /// The columns that a transformation makes of the features, where the model is one.
    fn transform(&self, _: &Rows<'_>) -> Option<Vec<Vec<f64>>> {
        None
    }

    /// Their names, where the model is a transformation.
    fn outputs(&self, _features: &[String]) -> Vec<String> {
        Vec::new()
    }
}

/// `start + Σ features · coefficients` for each row: a column at a time, in the columns' order.
pub fn linear(rows: &Rows<'_>, coefficients: &[f64], start: f64) -> Vec<f64> {
    let mut out = vec![start; rows.count];
    for (feature, coefficient) in rows.features.iter().zip(coefficients) {
        // A feature that does not count is not read: most of them, in sparse models.
        if *coefficient != 0.0 {
            let pairs = out.iter_mut().zip(*feature);
            pairs.for_each(|(out, value)| *out += value * coefficient);
        }
    }
    out
}

/// Turns columns of logarithms into columns of probabilities: of each row, `e^x / Σ e^x`.
pub fn softmax(columns: &mut [Vec<f64>]) {
    let rows = columns.first().map_or(0, Vec::len);
    Arch::new().dispatch(|| softmax_of(columns, rows));
}

/// The same; gives each row's largest logarithm `m`, and `Σ e^(x - m)`.
#[inline(always)]
pub(crate) fn softmax_of(columns: &mut [Vec<f64>], rows: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut highest, mut sum) = (vec![f64::NEG_INFINITY; rows], vec![0.0; rows]);
    for column in columns.iter() {
        let pairs = highest.iter_mut().zip(column);
        pairs.for_each(|(highest, x)| *highest = if *x > *highest { *x } else { *highest });
    }
    for column in columns.iter_mut() {
        for ((x, highest), sum) in column.iter_mut().zip(&highest).zip(&mut sum) {
            *x = exp(*x - highest);
            *sum += *x;
        }
    }
    for column in columns {
        let pairs = column.iter_mut().zip(&sum);
        pairs.for_each(|(x, sum)| *x /= sum);
    }
    (highest, sum)
}

/// For each row the number of the column with its largest value, the first of equal ones.
pub fn largest(columns: &[Vec<f64>], rows: usize) -> Vec<f64> {
    let mut at = vec![0.0; rows];
    let Some(mut highest) = columns.first().cloned() else {
        return at;
    };
    for (number, column) in columns.iter().enumerate().skip(1) {
        let number = number as f64;
        for ((x, highest), at) in column.iter().zip(&mut highest).zip(&mut at) {
            let higher = *x > *highest;
            *at = if higher { number } else { *at };
            *highest = if higher { *x } else { *highest };
        }
    }
    at
}
