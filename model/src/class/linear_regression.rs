//! `LinearRegression`: ordinary least squares in one scan.
//!
//! The coefficients solve the normal equations of the centred moments, which are kept in twice the
//! precision of `f64`: that is as accurate as an orthogonal factorization of the rows. Directions
//! whose singular value is below `tol` times the largest do not count, as in scikit-learn.

use super::{Class, Purpose, Training};
use crate::error::{Error, Result};
use crate::fitted::{Array, Fitted};
use crate::parameter::{Domain, FRACTION, Parameter, Value, parameter};
use crate::predict::{Predictor, linear};
use crate::solve::{Symmetric, solve_positive};
use crate::state::State;
use crate::statistic::moments::Centred;
use crate::statistic::{Collected, Moments, Statistic, Task};
use crate::sum::Sum;
use crate::train::{OfMoments, Setup, Step, Trainer, only};

pub static CLASS: Class = Class {
    name: "LinearRegression",
    purpose: Purpose::Regression,
    about: "Ordinary least squares.",
    parameters: PARAMETERS,
    training: Training::Chunks(|setup| Ok(Box::new(Ols(setup.clone())))),
    missing: false,
    predictor,
};

static PARAMETERS: &[Parameter] = &[
    parameter(
        "fit_intercept",
        Domain::Bool,
        Value::Bool(true),
        "Whether the line may leave the origin.",
    ),
    parameter(
        "tol",
        FRACTION,
        Value::Number(1e-6),
        "The share of the largest singular value below which a direction does not count.",
    ),
    parameter(
        "positive",
        Domain::Only(false),
        Value::Bool(false),
        "Whether coefficients must not be negative.",
    ),
];

struct Ols(Setup);

impl Trainer for Ols {
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

impl OfMoments for Ols {
    fn fit(&self, moments: &State) -> Result<Fitted> {
        let parameters = &self.0.parameters;
        let intercept = parameters.flag("fit_intercept");
        let moments = Centred::of(moments, intercept);
        let features = self.0.features.len();
        let gram = moments.products.leading(features);
        let right = moments.products.row(features, features);
        let (coefficients, rank) = least_squares(&gram, &right, parameters.number("tol")?)?;
        Ok(fitted(&moments, &coefficients, intercept)?.with_fact("rank", rank as f64))
    }
}

/// The shortest solution of `gram x = right`, without directions below `tol`; and its rank.
pub(super) fn least_squares(
    gram: &Symmetric,
    right: &[Sum],
    tol: f64,
) -> Result<(Vec<Sum>, usize)> {
    let size = gram.size();
    if size == 0 {
        return Ok((Vec::new(), 0));
    }
    let eigen = gram.eigen()?;
    // Eigenvalues are squares of singular values.
    let cut = eigen.values[0].max(0.0) * tol * tol;
    let rank = eigen
        .values
        .iter()
        .filter(|value| **value > cut.max(f64::MIN_POSITIVE))
        .count();
    if (rank == size || tol == 0.0)
        && let Some(solution) = solve_positive(gram, right)
    {
        return Ok((solution, size));
    }
    let mut solution = vec![0.0; size];
    for (value, vector) in eigen.values.iter().zip(&eigen.vectors).take(rank) {
        let along = vector
            .iter()
            .zip(right)
            .fold(Sum::ZERO, |sum, (v, r)| sum + Sum::from(*v) * *r);
        let length = along.value() / value;
        solution
            .iter_mut()
            .zip(vector)
            .for_each(|(x, v)| *x += length * v);
    }
    Ok((solution.into_iter().map(Sum::from).collect(), rank))
}

/// The model of these coefficients, with what the moments say of its fit.
pub(super) fn fitted(moments: &Centred, coefficients: &[Sum], intercept: bool) -> Result<Fitted> {
    let features = coefficients.len();
    if moments.rows == 0 {
        return Err(Error::rows("there are no rows to learn from"));
    }
    let along = |values: &[Sum]| {
        let terms = values.iter().zip(coefficients);
        terms.fold(Sum::ZERO, |sum, (value, coefficient)| {
            sum + *value * *coefficient
        })
    };
    let products = &moments.products;
    let right = products.row(features, features);
    let explained = along(&products.leading(features).times(coefficients));
    let total = products.at(features, features);
    // |y - X b|² of the moments alone.
    let residual = (total - along(&right) - along(&right) + explained)
        .value()
        .max(0.0);
    let start = match intercept {
        true => (moments.means[features] - along(&moments.means[..features])).value(),
        false => 0.0,
    };
    let weight = moments.weight.value();
    let fitted = Fitted::default()
        .with(
            "coef",
            Array::vector(coefficients.iter().map(|c| c.value()).collect()),
        )
        .with("intercept", Array::scalar(start))
        .with_fact("mean_squared_error", residual / weight);
    let about_mean = match intercept {
        true => total.value(),
        // R² is about the mean in any case.
        false => {
            (total - moments.means[features] * moments.means[features] * moments.weight).value()
        }
    };
    Ok(match about_mean > 0.0 {
        true => fitted.with_fact("r2", 1.0 - residual / about_mean),
        false => fitted,
    })
}

/// A linear function of the features.
#[derive(Debug)]
pub(super) struct Linear {
    coefficients: Vec<f64>,
    intercept: f64,
}

impl Predictor for Linear {
    fn predict(&self, rows: &crate::rows::Rows<'_>) -> Vec<f64> {
        linear(rows, &self.coefficients, self.intercept)
    }
}

pub(super) fn predictor(fitted: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    Ok(Box::new(Linear {
        coefficients: fitted.vector("coef", Some(setup.features.len()))?,
        intercept: fitted.scalar("intercept")?,
    }))
}
