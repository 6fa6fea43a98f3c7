//! Metrics of what [`crate::statistic::Score`] collected, or of sums that stand for it.

use super::{Accumulator, Confusion, Metric, find};
use crate::class::{Class, Purpose};
use crate::error::Result;
use crate::state::State;
use crate::sum::Sum;

/// Weighted sums over rows that a regression was scored on.
#[derive(Debug, Clone, Copy)]
pub struct Errors {
    pub rows: u64,
    pub weight: Sum,
    pub target: Sum,
    pub target_squares: Sum,
    pub errors: Sum,
    pub squares: Sum,
    pub sizes: Sum,
}

impl Errors {
    pub fn of(state: &State) -> Self {
        let at = |at: usize| state.sums.get(at).copied().unwrap_or(Sum::from(f64::NAN));
        Self {
            rows: state.rows,
            weight: at(0),
            target: at(1),
            target_squares: at(2),
            errors: at(3),
            squares: at(4),
            sizes: at(5),
        }
    }

    /// As the metric collects it.
    fn sums_of(&self, metric: &Metric) -> State {
        let variance = [self.weight, self.target, self.target_squares, self.squares];
        let sums = match metric.name {
            "r2_score" => variance.to_vec(),
            "explained_variance_score" => [&variance[..], &[self.errors]].concat(),
            "mean_absolute_error" => vec![self.weight, self.sizes],
            _ => vec![self.weight, self.squares],
        };
        State {
            rows: self.rows,
            sums,
            ..State::default()
        }
    }
}

impl Metric {
    /// Of a regression: r2_score, explained_variance_score, mean_absolute_error, or a function of the
    /// mean of squares.
    pub fn of_errors(&self, errors: &Errors) -> Result<Option<f64>> {
        self.finish(&mut Accumulator::Sums(errors.sums_of(self)))
    }

    /// Of a classification.
    pub fn of_labels(&self, state: &State) -> Result<Option<f64>> {
        let labels = (state.sums.len().saturating_sub(1) as f64).sqrt() as usize;
        let (pairs, loss) = state.sums.split_at(labels * labels);
        let whole = pairs.iter().fold(Sum::ZERO, |sum, pair| sum + *pair);
        let mut collected = match (self.name, &state.ranking) {
            ("log_loss", _) => Accumulator::Sums(State {
                rows: state.rows,
                sums: [&[whole], loss].concat(),
                ..State::default()
            }),
            ("roc_auc_score", Some(ranking)) => Accumulator::Ranks(ranking.clone()),
            _ => {
                let mut confusion = Confusion::default();
                let seen = pairs.iter().enumerate();
                for (at, weight) in seen.filter(|(_, weight)| weight.value() != 0.0) {
                    let (label, found) = (at / labels, at % labels);
                    confusion.add(&label.to_string(), &found.to_string(), *weight)?;
                }
                Accumulator::Labels(confusion)
            }
        };
        self.finish(&mut collected)
    }
}

/// What is told of a regression, and of a classification.
const REGRESSION: &[&str] = &[
    "r2_score",
    "mean_squared_error",
    "root_mean_squared_error",
    "mean_absolute_error",
];
const CLASSIFICATION: &[(&str, usize)] = &[
    ("accuracy_score", 2),
    ("balanced_accuracy_score", 2),
    ("f1_macro", 2),
    ("log_loss", 1),
    ("roc_auc_score", 2),
];

/// The metrics of a class, of what was collected; without those that are not defined for the rows.
pub fn metrics(class: &Class, state: &State) -> Result<Vec<(String, f64)>> {
    let mut found = Vec::new();
    let mut add = |metric: &Metric, value: Option<f64>| {
        // A model's file has finite numbers only.
        let value = value.filter(|value| value.is_finite());
        found.extend(value.map(|value| (metric.name.to_string(), value)));
    };
    if class.purpose == Purpose::Regression {
        let errors = Errors::of(state);
        for metric in REGRESSION.iter().filter_map(|name| find(name, 2)) {
            add(metric, metric.of_errors(&errors)?);
        }
        return Ok(found);
    }
    let ranked = state.ranking.is_some();
    let wanted = CLASSIFICATION.iter();
    let wanted = wanted.filter(|(name, _)| ranked || *name != "roc_auc_score");
    for metric in wanted.filter_map(|(name, arguments)| find(name, *arguments)) {
        add(metric, metric.of_labels(state)?);
    }
    Ok(found)
}
