//! `PLSRegression`: least squares on directions that vary together with the target (partial least
//! squares), in one scan.
//!
//! With one target, NIPALS needs no iteration, and everything it computes follows from the centred
//! moments (Dayal and MacGregor 1997, "Improved PLS algorithms", algorithm 2): with `S = X'X` and
//! `s = X'y` of the standardised columns, for each component
//!
//! ```text
//! w = s / |s|    r = w - Σ (p_i · w) r_i    t't = r'S r    p = S r / t't    q = r's / t't    s -= p q t't
//! ```
//!
//! and the coefficients are Σ r q. So it trains over chunks, with no bound on the rows, and needs nothing
//! of linfa-pls, which holds the whole matrix. Scales are standard deviations with n - 1, as in scikit-learn.

use super::linear_regression::fitted;
use super::{Class, Purpose, Training};
use crate::error::{Error, Result};
use crate::fitted::{Array, Fitted};
use crate::parameter::{COUNT, Domain, Parameter, Value, parameter};
use crate::predict::{Predictor, linear};
use crate::rows::Rows;
use crate::solve::Symmetric;
use crate::state::State;
use crate::statistic::moments::Centred;
use crate::statistic::{Collected, Moments, Statistic, Task};
use crate::sum::Sum;
use crate::train::{OfMoments, Setup, Step, Trainer, only};
use crate::watch::Watch;

pub static CLASS: Class = Class {
    name: "PLSRegression",
    purpose: Purpose::Regression,
    about: "Least squares on few directions, which vary together with the target.",
    parameters: PARAMETERS,
    training: Training::Chunks(|setup| match setup.features.is_empty() {
        true => Err(Error::rows("there are no features to learn from")),
        false => Ok(Box::new(Pls(setup.clone()))),
    }),
    missing: false,
    predictor,
};

static PARAMETERS: &[Parameter] = &[
    parameter(
        "n_components",
        COUNT,
        Value::Number(2.0),
        "How many directions.",
    ),
    parameter(
        "scale",
        Domain::Bool,
        Value::Bool(true),
        "Whether features and target are divided by their standard deviations.",
    ),
    parameter(
        "max_iter",
        Domain::Ignored,
        Value::Number(500.0),
        "With one target, nothing is iterated.",
    ),
    parameter(
        "tol",
        Domain::Ignored,
        Value::Number(1e-6),
        "With one target, nothing is iterated.",
    ),
];

/// Below this share of its start, what is left of `s` is rounding.
const NOISE: f64 = 1e-14;

struct Pls(Setup);

impl Trainer for Pls {
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

/// What a component consists of.
#[derive(Default)]
struct Components {
    weights: Vec<Vec<Sum>>,
    loadings: Vec<Vec<Sum>>,
    rotations: Vec<Vec<Sum>>,
    target_loadings: Vec<Sum>,
}

impl OfMoments for Pls {
    fn fit(&self, moments: &State) -> Result<Fitted> {
        let features = self.0.features.len();
        let wanted = self.0.parameters.count("n_components")?;
        let moments = Centred::of(moments, true);
        let most = features.min(moments.rows as usize);
        if moments.rows < 2 || wanted > most {
            return Err(Error::rows(format!(
                "{wanted} components need at least 2 rows, and as many rows and features as \
                 components; there are {} rows and {features} features",
                moments.rows
            )));
        }
        let freedom = moments.weight - Sum::from(1.0);
        let scale = |at: usize| {
            let variance = moments.products.at(at, at) / freedom;
            match self.0.parameters.flag("scale") && variance.value() > 0.0 {
                true => variance.sqrt(),
                false => Sum::from(1.0),
            }
        };
        let scales: Vec<Sum> = (0..=features).map(scale).collect();
        let found = components(&moments.products, &scales, wanted, &self.0.watch)?;
        let mut coefficients = vec![Sum::ZERO; features];
        for (rotation, loading) in found.rotations.iter().zip(&found.target_loadings) {
            let pairs = coefficients.iter_mut().zip(rotation);
            pairs.for_each(|(sum, r)| *sum = *sum + *r * *loading);
        }
        for (coefficient, scale) in coefficients.iter_mut().zip(&scales) {
            *coefficient = *coefficient * scales[features] / *scale;
        }
        let kept = found.weights.len();
        let by_feature = |columns: &[Vec<Sum>]| {
            let entries = (0..features).flat_map(|at| columns.iter().map(move |c| c[at].value()));
            Array {
                shape: vec![features, kept],
                data: entries.collect(),
            }
        };
        let values = |sums: &[Sum]| Array::vector(sums.iter().map(|sum| sum.value()).collect());
        let model = fitted(&moments, &coefficients, true)?
            .with("x_weights", by_feature(&found.weights))
            .with("x_loadings", by_feature(&found.loadings))
            .with("x_rotations", by_feature(&found.rotations))
            .with("y_loadings", values(&found.target_loadings))
            .with("x_mean", values(&moments.means[..features]))
            .with("x_std", values(&scales[..features]));
        Ok(match kept < wanted {
            true => model.warn(format!(
                "{kept} of {wanted} components explain all of the target that the features do"
            )),
            false => model,
        })
    }
}

fn along(a: &[Sum], b: &[Sum]) -> Sum {
    let pairs = a.iter().zip(b);
    pairs.fold(Sum::ZERO, |sum, (a, b)| sum + *a * *b)
}

/// The components of products of deviations; the target is the last column.
fn components(
    products: &Symmetric,
    scales: &[Sum],
    wanted: usize,
    watch: &Watch,
) -> Result<Components> {
    let features = scales.len() - 1;
    let mut gram = Symmetric::zero(features);
    for row in 0..features {
        for column in 0..=row {
            *gram.at_mut(row, column) = products.at(row, column) / (scales[row] * scales[column]);
        }
    }
    let right = (0..features).map(|at| products.at(features, at) / (scales[at] * scales[features]));
    let mut right: Vec<Sum> = right.collect();
    let start = along(&right, &right).sqrt().value();
    let mut found = Components::default();
    for _ in 0..wanted {
        watch.check()?;
        let length = along(&right, &right).sqrt();
        if length.value() <= NOISE * start {
            break;
        }
        // The entry of largest magnitude is positive.
        let largest = right
            .iter()
            .map(|r| r.value())
            .fold(0.0f64, |a, b| if b.abs() > a.abs() { b } else { a });
        let length = if largest < 0.0 { -length } else { length };
        let weight: Vec<Sum> = right.iter().map(|r| *r / length).collect();
        let mut rotation = weight.clone();
        for (loading, before) in found.loadings.iter().zip(&found.rotations) {
            let share = along(loading, &weight);
            let pairs = rotation.iter_mut().zip(before);
            pairs.for_each(|(r, before)| *r = *r - share * *before);
        }
        let image = gram.times(&rotation);
        let square = along(&rotation, &image);
        if square.value() <= 0.0 {
            break;
        }
        let loading: Vec<Sum> = image.iter().map(|value| *value / square).collect();
        let target = along(&rotation, &right) / square;
        let pairs = right.iter_mut().zip(&image);
        pairs.for_each(|(right, image)| *right = *right - *image * target);
        found.weights.push(weight);
        found.loadings.push(loading);
        found.rotations.push(rotation);
        found.target_loadings.push(target);
    }
    Ok(found)
}

#[derive(Debug)]
struct Model {
    coefficients: Vec<f64>,
    intercept: f64,
    /// Of each component, the start and the factor of each feature.
    scores: Vec<(f64, Vec<f64>)>,
}

fn predictor(fitted: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    let features = setup.features.len();
    let kept = fitted.vector("y_loadings", None)?.len();
    let rotations = fitted.matrix("x_rotations", kept)?;
    let means = fitted.vector("x_mean", Some(features))?;
    let scales = fitted.vector("x_std", Some(features))?;
    if rotations.len() != features || scales.iter().any(|scale| *scale <= 0.0) {
        return Err(Error::corrupt(
            "the model's components do not fit its features",
        ));
    }
    let score = |component: usize| {
        let factors = rotations.iter().zip(&scales);
        let factors: Vec<f64> = factors.map(|(r, scale)| r[component] / scale).collect();
        let start = factors.iter().zip(&means).map(|(f, mean)| -f * mean).sum();
        (start, factors)
    };
    Ok(Box::new(Model {
        coefficients: fitted.vector("coef", Some(features))?,
        intercept: fitted.scalar("intercept")?,
        scores: (0..kept).map(score).collect(),
    }))
}

impl Predictor for Model {
    fn predict(&self, rows: &Rows<'_>) -> Vec<f64> {
        linear(rows, &self.coefficients, self.intercept)
    }

    fn transform(&self, rows: &Rows<'_>) -> Option<Vec<Vec<f64>>> {
        let scores = self.scores.iter();
        Some(
            scores
                .map(|(start, factors)| linear(rows, factors, *start))
                .collect(),
        )
    }

    fn outputs(&self, _: &[String]) -> Vec<String> {
        (0..self.scores.len())
            .map(|at| format!("pls{at}"))
            .collect()
    }
}
