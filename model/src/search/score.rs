//! Metrics, from what was collected of a fold that was held out. Larger is better: losses are negated.
//!
//! Names and formulas are scikit-learn's (`sklearn.metrics`). Rows count by their weight, as they do
//! there when the scorer asks for `sample_weight`.

use crate::class::{Class, Purpose};
use crate::error::{Error, Kind, Result};
use crate::state::State;
use crate::sum::Sum;

/// Of regressions first.
pub const NAMES: &[&str] = &[
    "r2",
    "explained_variance",
    "neg_mean_squared_error",
    "neg_root_mean_squared_error",
    "neg_mean_absolute_error",
    "accuracy",
    "balanced_accuracy",
    "neg_log_loss",
    "f1",
    "f1_macro",
    "f1_weighted",
    "precision",
    "recall",
];
const REGRESSION_NAMES: usize = 5;

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scoring {
    name: &'static str,
}

impl Scoring {
    /// The metric of a name, or that of the class where it is empty.
    pub fn of(name: &str, class: &Class, labels: usize) -> Result<Self> {
        let (known, default) = match class.purpose {
            Purpose::Regression => (&NAMES[..REGRESSION_NAMES], "r2"),
            Purpose::Classification => (&NAMES[REGRESSION_NAMES..], "accuracy"),
            purpose => {
                let message = format!(
                    "{} cannot be searched: it is for {}, and only what learns a target is scored",
                    class.name,
                    purpose.name()
                );
                return Err(Error::new(Kind::Unsupported, message));
            }
        };
        let name = if name.is_empty() { default } else { name };
        let Some(name) = known.iter().copied().find(|known| *known == name) else {
            let message = format!("\"{name}\" does not score {}", class.name);
            let hint = format!("It takes one of {}.", known.join(", "));
            return Err(Error::parameter(message).hint(hint));
        };
        if matches!(name, "f1" | "precision" | "recall") && labels != 2 {
            let message = format!("\"{name}\" needs a target with two labels, not {labels}");
            let hint = "Of more labels, take accuracy, balanced_accuracy, f1_macro or f1_weighted.";
            return Err(Error::parameter(message).hint(hint));
        }
        Ok(Self { name })
    }

    pub fn name(self) -> &'static str {
        self.name
    }

    pub fn needs_probabilities(self) -> bool {
        self.name == "neg_log_loss"
    }

    /// Whether the moments of rows are enough to score a linear model.
    pub fn is_of_moments(self) -> bool {
        NAMES[..REGRESSION_NAMES - 1].contains(&self.name)
    }

    /// Of what [`crate::statistic::Score`] collected.
    pub fn of_state(self, state: &State) -> f64 {
        match NAMES[..REGRESSION_NAMES].contains(&self.name) {
            true => self.of_errors(&Errors::of(state)),
            false => self.of_confusion(state),
        }
    }

    pub fn of_errors(self, errors: &Errors) -> f64 {
        let weight = errors.weight;
        let mean_square = (errors.squares / weight).value().max(0.0);
        match self.name {
            "r2" => explained(errors.squares.value(), errors.about_mean()),
            "explained_variance" => {
                let about = errors.squares - errors.errors * errors.errors / weight;
                explained(
                    about.settled(errors.squares.hi).value(),
                    errors.about_mean(),
                )
            }
            "neg_mean_squared_error" => -mean_square,
            "neg_root_mean_squared_error" => -mean_square.sqrt(),
            _ => -(errors.sizes / weight).value(),
        }
    }

    fn of_confusion(self, state: &State) -> f64 {
        let labels = (state.sums.len().saturating_sub(1) as f64).sqrt() as usize;
        let at = |label: usize, found: usize| {
            let sum = state.sums.get(label * labels + found);
            sum.map_or(f64::NAN, |sum| sum.value())
        };
        let all = 0..labels;
        let true_of = |label: usize| all.clone().map(|found| at(label, found)).sum::<f64>();
        let found_of = |found: usize| all.clone().map(|label| at(label, found)).sum::<f64>();
        let whole: f64 = all.clone().map(true_of).sum();
        let ratio = |part: f64, of: f64| if of == 0.0 { 0.0 } else { part / of };
        let f1 = |label: usize| ratio(2.0 * at(label, label), true_of(label) + found_of(label));
        let seen = |label: &usize| true_of(*label) + found_of(*label) > 0.0;
        match self.name {
            "accuracy" => all.clone().map(|label| at(label, label)).sum::<f64>() / whole,
            "balanced_accuracy" => {
                let known: Vec<usize> = all.clone().filter(|label| true_of(*label) > 0.0).collect();
                let recalls = known
                    .iter()
                    .map(|label| at(*label, *label) / true_of(*label));
                recalls.sum::<f64>() / known.len() as f64
            }
            "neg_log_loss" => -state.sums.last().map_or(f64::NAN, |sum| sum.value()) / whole,
            "f1" => f1(1),
            "f1_macro" => {
                let known: Vec<usize> = all.clone().filter(seen).collect();
                known.iter().map(|label| f1(*label)).sum::<f64>() / known.len() as f64
            }
            "f1_weighted" => all.clone().map(|l| f1(l) * true_of(l)).sum::<f64>() / whole,
            "precision" => ratio(at(1, 1), found_of(1)),
            _ => ratio(at(1, 1), true_of(1)),
        }
    }
}

/// The share of `total` that `rest` leaves; without any variance, 1 for no rest and 0 for some.
fn explained(rest: f64, total: f64) -> f64 {
    match (total > 0.0, rest > 0.0) {
        (true, _) => 1.0 - rest / total,
        (false, true) => 0.0,
        (false, false) if rest.is_nan() || total.is_nan() => f64::NAN,
        (false, false) => 1.0,
    }
}

/// Weighted sums over rows that a regression was scored on; see [`crate::statistic::Score`].
#[derive(Debug, Clone, Copy)]
pub struct Errors {
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
            weight: at(0),
            target: at(1),
            target_squares: at(2),
            errors: at(3),
            squares: at(4),
            sizes: at(5),
        }
    }

    /// The squares of the target's deviations from its mean.
    fn about_mean(&self) -> f64 {
        let about = self.target_squares - self.target * self.target / self.weight;
        about.settled(self.target_squares.hi).value()
    }
}
