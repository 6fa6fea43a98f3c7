//! What a fitted model says of rows. Results depend on each row alone, and on nothing but its values.

use crate::rows::Rows;

/// A model that is ready to score.
pub trait Predictor: std::fmt::Debug + Send + Sync {
    /// For each row a value, or the number of its class or cluster.
    fn predict(&self, rows: &Rows<'_>) -> Vec<f64>;

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
