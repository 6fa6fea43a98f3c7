//! `Ridge`: least squares with a penalty on the squares of coefficients, in one scan.
//!
//! Minimises Σ w (y - b - x'c)² + alpha |c|²: the coefficients solve the normal equations of the
//! centred moments with alpha added to the diagonal. This is exact, so the solvers of scikit-learn
//! are all one here.

use super::linear_regression::{fitted, least_squares, predictor};
use super::{Class, Purpose, Training};
use crate::error::Result;
use crate::fitted::Fitted;
use crate::parameter::{Domain, NOT_NEGATIVE, Parameter, Value, parameter};
use crate::solve::{solve_positive, solve_refined};
use crate::state::State;
use crate::statistic::moments::Centred;
use crate::statistic::{Collected, Moments, Statistic, Task};
use crate::train::{OfMoments, Setup, Step, Trainer, only};

pub static CLASS: Class = Class {
    name: "Ridge",
    purpose: Purpose::Regression,
    about: "Least squares with a penalty on the squares of coefficients.",
    parameters: PARAMETERS,
    training: Training::Chunks(|setup| Ok(Box::new(Ridge(setup.clone())))),
    missing: false,
    predictor,
};

static PARAMETERS: &[Parameter] = &[
    parameter(
        "alpha",
        NOT_NEGATIVE,
        Value::Number(1.0),
        "How much the penalty counts.",
    ),
    super::elastic_net::FIT_INTERCEPT,
    parameter(
        "positive",
        Domain::Only(false),
        Value::Bool(false),
        "Whether coefficients must not be negative.",
    ),
    parameter(
        "solver",
        Domain::Ignored,
        Value::text("auto"),
        "The solution is exact in any case.",
    ),
    parameter(
        "max_iter",
        Domain::Ignored,
        Value::Null,
        "Nothing is iterated.",
    ),
    parameter(
        "tol",
        Domain::Ignored,
        Value::Number(1e-4),
        "The solution is exact in any case.",
    ),
    super::elastic_net::RANDOM_STATE,
];

struct Ridge(Setup);

impl Trainer for Ridge {
    fn tasks(&mut self) -> Vec<Task> {
        vec![Task::of_all(Statistic::Moments(Moments {
            features: self.0.features.len(),
            target: true,
        }))]
    }

    fn take(&mut self, collected: Collected) -> Result<Step> {
        Step::done(self.fit(&only(collected)?)?)
    }

    fn of_moments(&self) -> Option<&dyn OfMoments> {
        Some(self)
    }
}

impl OfMoments for Ridge {
    fn fit(&self, moments: &State) -> Result<Fitted> {
        let intercept = self.0.parameters.flag("fit_intercept");
        fit(
            &Centred::of(moments, intercept),
            self.0.parameters.number("alpha")?,
            intercept,
        )
    }
}

/// Without a penalty, directions below this share of the largest singular value do not count: beyond
/// are the last digits of squares.
const NOISE: f64 = 1e-7;

/// The model of some moments, which are about the mean if there is an intercept.
pub(super) fn fit(moments: &Centred, alpha: f64, intercept: bool) -> Result<Fitted> {
    let features = moments.means.len().saturating_sub(1);
    let gram = moments.products.leading(features).shifted(alpha);
    let right = moments.products.row(features, features);
    // The penalty mostly makes for a good condition, and then the quicker way is as accurate.
    let found = solve_refined(&gram, &right).or_else(|| solve_positive(&gram, &right));
    let coefficients = match found {
        Some(found) => found,
        None => least_squares(&gram, &right, NOISE)?.0,
    };
    fitted(moments, &coefficients, intercept)
}
