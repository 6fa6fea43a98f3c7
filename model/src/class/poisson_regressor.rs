//! `PoissonRegressor`: counts whose logarithm of the mean is a linear function of the features.
//!
//! It minimises `Σ w_i (e^η_i - y_i η_i) / Σ w_i + ½ alpha Σ β²`, as scikit-learn: the intercept is not
//! penalised. `D²` is the share of the deviance about the mean that the model explains.

use super::glm::{self, Model, Plan};
use super::{Class, Purpose, Training};
use crate::elementary::exp;
use crate::error::{Error, Result};
use crate::fitted::Fitted;
use crate::parameter::{COUNT, Domain, NOT_NEGATIVE, POSITIVE, Parameter, Value, parameter};
use crate::predict::{Predictor, linear};
use crate::rows::Rows;
use crate::state::State;
use crate::statistic::glm::{Evaluation, Loss};
use crate::statistic::profile::Group;
use crate::train::Setup;

pub static CLASS: Class = Class {
    name: "PoissonRegressor",
    purpose: Purpose::Regression,
    about: "Counts, with a logarithmic link.",
    parameters: PARAMETERS,
    training: Training::Chunks(|setup| {
        Ok(Box::new(glm::Training::new(Poisson {
            setup: setup.clone(),
            deviance: None,
        })))
    }),
    missing: false,
    predictor,
};

static PARAMETERS: &[Parameter] = &[
    parameter(
        "alpha",
        NOT_NEGATIVE,
        Value::Number(1.0),
        "The strength of the penalty on squared coefficients.",
    ),
    parameter(
        "fit_intercept",
        Domain::Bool,
        Value::Bool(true),
        "Whether there is an intercept.",
    ),
    parameter(
        "solver",
        Domain::Ignored,
        Value::text("lbfgs"),
        "Without effect: Newton's method, or L-BFGS for more than 2000 coefficients.",
    ),
    parameter(
        "max_iter",
        COUNT,
        Value::Number(100.0),
        "The largest number of iterations.",
    ),
    parameter(
        "tol",
        POSITIVE,
        Value::Number(1e-4),
        "How close to the minimum training ends; at least as close as in scikit-learn.",
    ),
    parameter(
        "warm_start",
        Domain::Only(false),
        Value::Bool(false),
        "Whether training goes on from an earlier model.",
    ),
];

struct Poisson {
    setup: Setup,
    /// Means over the rows, once known.
    deviance: Option<Deviance>,
}

/// Half of the deviance is `Σ (μ - y η) - Σ (y - y ln y)`.
struct Deviance {
    /// Of the best possible model: `y - y ln y`.
    lowest: f64,
    /// Half of the deviance about the mean.
    about_mean: f64,
}

impl Model for Poisson {
    fn name(&self) -> &'static str {
        CLASS.name
    }

    fn classes(&self) -> usize {
        0
    }

    fn features(&self) -> usize {
        self.setup.features.len()
    }

    fn intercept(&self) -> bool {
        self.setup.parameters.flag("fit_intercept")
    }

    fn tol(&self) -> f64 {
        self.setup.parameters.number("tol").unwrap_or(1e-4)
    }

    fn max_iter(&self) -> usize {
        self.setup.parameters.count("max_iter").unwrap_or(100)
    }

    fn plan(&mut self, groups: &[Group], state: &State) -> Result<Plan> {
        let weight = groups[0].weight;
        let lowest = state.lows.first().copied().unwrap_or(0.0);
        if lowest < 0.0 {
            return Err(Error::rows(format!(
                "PoissonRegressor needs targets that are not negative; there is {lowest}"
            )));
        }
        let [.., targets, entropies] = state.sums.as_slice() else {
            return Err(Error::internal("the profile lacks its target"));
        };
        let mean = (*targets / weight).value();
        if mean <= 0.0 {
            return Err(Error::rows(
                "every target is 0: PoissonRegressor needs one that is greater",
            ));
        }
        let entropy = (*entropies / weight).value();
        self.deviance = Some(Deviance {
            lowest: mean - entropy,
            about_mean: entropy - mean * mean.ln(),
        });
        let alpha = self.setup.parameters.number("alpha")?;
        Ok(Plan {
            loss: Loss::Poisson,
            class_weights: Vec::new(),
            penalty: alpha * weight.value(),
            start: mean.ln(),
        })
    }

    fn describe(&self, fitted: Fitted, at_end: &Evaluation) -> Fitted {
        match &self.deviance {
            Some(Deviance { lowest, about_mean }) if *about_mean > 0.0 => {
                let explained = 1.0 - (at_end.plain_loss - lowest) / about_mean;
                fitted.with_fact("d2", explained)
            }
            _ => fitted,
        }
    }
}

/// The exponential of a linear function.
#[derive(Debug)]
struct Means {
    coefficients: Vec<f64>,
    intercept: f64,
}

impl Predictor for Means {
    fn predict(&self, rows: &Rows<'_>) -> Vec<f64> {
        let mut out = linear(rows, &self.coefficients, self.intercept);
        pulp::Arch::new().dispatch(|| out.iter_mut().for_each(|o| *o = exp(*o)));
        out
    }
}

fn predictor(fitted: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    Ok(Box::new(Means {
        coefficients: fitted.vector("coef", Some(setup.features.len()))?,
        intercept: fitted.scalar("intercept")?,
    }))
}
