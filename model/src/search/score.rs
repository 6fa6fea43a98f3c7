//! The metric of a search: one of [`crate::metric`], under scikit-learn's name of its scorer. Larger is
//! better: losses are negated. Rows count by their weight, as they do there when the scorer asks for
//! `sample_weight`.

use crate::class::{Class, Purpose};
use crate::error::{Error, Kind, Result};
use crate::metric::{Errors, Metric, find};
use crate::state::State;

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
#[derive(Debug, Clone, Copy)]
pub struct Scoring {
    name: &'static str,
    metric: &'static Metric,
    sign: f64,
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
        let (bare, sign) = match name.strip_prefix("neg_") {
            Some(loss) => (loss, -1.0),
            None => (name, 1.0),
        };
        let arguments = if bare == "log_loss" { 1 } else { 2 };
        let metric = find(bare, arguments).or_else(|| find(&format!("{bare}_score"), arguments));
        let metric = metric.ok_or_else(|| Error::internal(format!("there is no metric {bare}")))?;
        Ok(Self { name, metric, sign })
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

    /// Of what [`crate::statistic::Score`] collected; NaN where there is no value.
    pub fn of_state(self, state: &State) -> Result<f64> {
        match NAMES[..REGRESSION_NAMES].contains(&self.name) {
            true => self.of_errors(&Errors::of(state)),
            false => Ok(self.signed(self.metric.of_labels(state)?)),
        }
    }

    pub fn of_errors(self, errors: &Errors) -> Result<f64> {
        Ok(self.signed(self.metric.of_errors(errors)?))
    }

    fn signed(self, value: Option<f64>) -> f64 {
        self.sign * value.unwrap_or(f64::NAN)
    }
}
