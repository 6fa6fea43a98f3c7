//! `ElasticNet`: least squares with a penalty on the sizes of coefficients and on their squares.
//!
//! Minimises |y - b - Xw|² / 2n + alpha l1_ratio |w|₁ + alpha (1 - l1_ratio) |w|² / 2 in one scan:
//! coordinate descent ([`crate::solve::Descent`]) on the centred moments. Weights of rows are scaled
//! to a mean of 1, as in scikit-learn, so that only their ratios count.

use super::linear_regression::{fitted, predictor};
use super::{Class, Purpose, Training};
use crate::error::Result;
use crate::fitted::Fitted;
use crate::parameter::{
    COUNT, Domain, FRACTION, NOT_NEGATIVE, Parameter, Parameters, Value, parameter,
};
use crate::solve::{Descended, Descent, Problem};
use crate::state::State;
use crate::statistic::moments::Centred;
use crate::statistic::{Collected, Moments, Statistic, Task};
use crate::sum::Sum;
use crate::train::{OfMoments, Setup, Step, Trainer, only};

pub static CLASS: Class = Class {
    name: "ElasticNet",
    purpose: Purpose::Regression,
    about: "Least squares with a penalty on sizes and squares of the coefficients.",
    parameters: PARAMETERS,
    training: Training::Chunks(|setup| {
        Ok(Box::new(ElasticNet {
            setup: setup.clone(),
            l1_ratio: setup.parameters.number("l1_ratio")?,
        }))
    }),
    missing: false,
    predictor,
};

static PARAMETERS: &[Parameter] = &[
    ALPHA,
    parameter(
        "l1_ratio",
        FRACTION,
        Value::Number(0.5),
        "The share of the penalty that is on sizes: 1 is the lasso, 0 is ridge regression.",
    ),
    FIT_INTERCEPT,
    PRECOMPUTE,
    MAX_ITER,
    TOL,
    WARM_START,
    POSITIVE,
    RANDOM_STATE,
    SELECTION,
];

pub(super) const ALPHA: Parameter = parameter(
    "alpha",
    NOT_NEGATIVE,
    Value::Number(1.0),
    "How much the penalty counts.",
);
pub(super) const FIT_INTERCEPT: Parameter = parameter(
    "fit_intercept",
    Domain::Bool,
    Value::Bool(true),
    "Whether the line may leave the origin.",
);
pub(super) const PRECOMPUTE: Parameter = parameter(
    "precompute",
    Domain::Ignored,
    Value::Bool(false),
    "Products are always computed once.",
);
pub(super) const MAX_ITER: Parameter = parameter(
    "max_iter",
    COUNT,
    Value::Number(1000.0),
    "The most rounds over the coefficients.",
);
pub(super) const TOL: Parameter = parameter(
    "tol",
    NOT_NEGATIVE,
    Value::Number(1e-4),
    "The duality gap, as a share of the target's variance, at which the descent ends.",
);
pub(super) const WARM_START: Parameter = parameter(
    "warm_start",
    Domain::Only(false),
    Value::Bool(false),
    "Whether to start from the last model.",
);
pub(super) const POSITIVE: Parameter = parameter(
    "positive",
    Domain::Bool,
    Value::Bool(false),
    "Whether coefficients must not be negative.",
);
pub(super) const RANDOM_STATE: Parameter = parameter(
    "random_state",
    Domain::Ignored,
    Value::Null,
    "There is no chance in it.",
);
pub(super) const SELECTION: Parameter = parameter(
    "selection",
    Domain::Choice(&["cyclic"]),
    Value::text("cyclic"),
    "The order of the coefficients in a round.",
);

pub(super) struct ElasticNet {
    pub setup: Setup,
    pub l1_ratio: f64,
}

impl Trainer for ElasticNet {
    fn tasks(&mut self) -> Vec<Task> {
        vec![Task::of_all(Statistic::Moments(Moments {
            features: self.setup.features.len(),
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

impl OfMoments for ElasticNet {
    fn fit(&self, moments: &State) -> Result<Fitted> {
        let parameters = &self.setup.parameters;
        fit(
            moments,
            parameters,
            parameters.number("alpha")?,
            self.l1_ratio,
        )
    }
}

/// How to descend with these penalties.
pub(super) fn descent(parameters: &Parameters, alpha: f64, l1_ratio: f64) -> Result<Descent> {
    Ok(Descent {
        l1: alpha * l1_ratio,
        l2: alpha * (1.0 - l1_ratio),
        tol: parameters.number("tol")?,
        max_iter: parameters.count("max_iter")?,
        positive: parameters.flag("positive"),
    })
}

/// The model of some moments.
pub(super) fn fit(
    moments: &State,
    parameters: &Parameters,
    alpha: f64,
    l1_ratio: f64,
) -> Result<Fitted> {
    let intercept = parameters.flag("fit_intercept");
    let moments = Centred::of(moments, intercept);
    let problem = Problem::of(&moments);
    let mut coefficients = vec![0.0; problem.size()];
    let descended = descent(parameters, alpha, l1_ratio)?.run(&problem, &mut coefficients);
    let coefficients: Vec<Sum> = coefficients.into_iter().map(Sum::from).collect();
    let fitted = fitted(&moments, &coefficients, intercept)?
        .with_fact("n_iter", descended.iterations as f64)
        .with_fact("dual_gap", descended.gap);
    Ok(warned(fitted, descended))
}

/// With a warning where the descent did not end by itself.
pub(super) fn warned(fitted: Fitted, descended: Descended) -> Fitted {
    match descended.converged {
        true => fitted,
        false => fitted.warn(
            "the coefficients did not converge: raise max_iter or tol, bring the features to one \
             scale, or raise alpha",
        ),
    }
}
