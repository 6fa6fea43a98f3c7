//! How a model is trained: scans of the rows, one after the other, each asked for by what the last
//! one collected.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::feature::{Encoding, Target};
use crate::fitted::Fitted;
use crate::parameter::Parameters;
use crate::state::State;
use crate::statistic::{Collected, Task};
use crate::watch::Watch;

/// What a class knows before the first scan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    pub parameters: Parameters,
    /// Names of the encoded features.
    pub features: Vec<String>,
    /// Names of the columns that they are made of, and how many features each makes.
    pub columns: Vec<(String, usize)>,
    /// The labels of the target's classes in their order; empty where the target is a number.
    pub labels: Vec<String>,
    /// Who waits for a training in memory.
    #[serde(skip)]
    pub watch: Watch,
}

impl Setup {
    /// Of rows that are prepared like this.
    pub fn of(parameters: &Parameters, encoding: &Encoding, target: Option<&Target>) -> Self {
        let columns = encoding.columns.iter();
        Self {
            parameters: parameters.clone(),
            features: encoding.features(),
            columns: columns.map(|c| (c.name.clone(), c.width())).collect(),
            labels: target.map_or(Vec::new(), |target| target.labels.clone()),
            watch: Watch::default(),
        }
    }
}

/// Turns what is collected into the next tasks, or a model.
pub trait Trainer: Send {
    /// What the next scan collects.
    fn tasks(&mut self) -> Vec<Task>;
    /// Takes what the scan collected, in the order of the tasks.
    fn take(&mut self, collected: Collected) -> Result<Step>;

    /// Whether the first scan is not the last: the rows are then kept before it.
    fn scans_again(&self) -> bool {
        false
    }

    /// How many folds the rows are to have in every scan: [`crate::rows::Rows::fold`] is then below
    /// it. 0 is none.
    fn folds(&self) -> u32 {
        0
    }

    /// How the model follows from the moments of the rows alone, where it does: searches then need
    /// one scan for all candidates.
    fn of_moments(&self) -> Option<&dyn OfMoments> {
        None
    }
}

impl<T: Trainer + ?Sized> Trainer for Box<T> {
    fn tasks(&mut self) -> Vec<Task> {
        (**self).tasks()
    }

    fn take(&mut self, collected: Collected) -> Result<Step> {
        (**self).take(collected)
    }

    fn scans_again(&self) -> bool {
        (**self).scans_again()
    }

    fn folds(&self) -> u32 {
        (**self).folds()
    }

    fn of_moments(&self) -> Option<&dyn OfMoments> {
        (**self).of_moments()
    }
}

/// A model that is a function of [`crate::statistic::Moments`], with the target: one of a loss that
/// is quadratic in the errors.
pub trait OfMoments {
    fn fit(&self, moments: &State) -> Result<Fitted>;
}

#[derive(Debug)]
pub enum Step {
    /// Another scan is needed. The rest is for those who watch: a number that falls, and what was
    /// found so far in words.
    Again {
        loss: Option<f64>,
        words: String,
    },
    Done(Box<Fitted>),
}

impl Step {
    /// Another scan is needed, and there is no loss yet.
    pub fn again(words: impl Into<String>) -> Self {
        Step::Again {
            loss: None,
            words: words.into(),
        }
    }

    /// Another scan is needed to make this smaller.
    pub fn falling(name: &str, loss: f64) -> Self {
        Step::Again {
            loss: Some(loss),
            words: format!("{name} {}", significant(loss)),
        }
    }

    pub fn done(fitted: Fitted) -> Result<Self> {
        Ok(Step::Done(Box::new(fitted.checked()?)))
    }
}

/// A number with six digits, as far as they say something.
pub fn significant(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() || value == 0.0 {
        return value.to_string();
    }
    if !(1e-4..1e9).contains(&size) {
        return format!("{value:.5e}");
    }
    let decimals = (5 - size.log10().floor() as i32).max(0);
    format!("{value:.*}", decimals as usize)
}

/// Trains over whatever `scan` scans.
pub fn run(
    trainer: &mut dyn Trainer,
    mut scan: impl FnMut(&[Task]) -> Result<Collected>,
) -> Result<Fitted> {
    loop {
        let collected = scan(&trainer.tasks())?;
        if let Step::Done(fitted) = trainer.take(collected)? {
            return Ok(*fitted);
        }
    }
}

/// The one state of a scan with one task.
pub fn only(collected: Collected) -> Result<crate::state::State> {
    let mut states = collected.0.into_iter();
    states
        .next()
        .ok_or_else(|| Error::internal("a scan collected nothing"))
}

#[cfg(test)]
mod tests {
    use super::significant;

    #[test]
    fn numbers_are_shown_with_six_digits() {
        let shown = [0.0, 0.123_456_78, -12.5, 1_234_567.8, 1e12, 3.2e-7].map(significant);
        let expected = [
            "0",
            "0.123457",
            "-12.5000",
            "1234568",
            "1.00000e12",
            "3.20000e-7",
        ];
        assert_eq!(shown, expected);
    }
}
