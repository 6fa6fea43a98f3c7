//! `ElasticNetCV`: the elastic net whose `alpha` and `l1_ratio` have the smallest mean squared error
//! in a cross-validation. One scan: moments of each fold are enough ([`crate::search::moments`]).
//!
//! As in scikit-learn (`LinearModelCV`), candidates of `alpha` go from the smallest that makes all
//! coefficients 0 down to `eps` times that, evenly in their logarithm; each descent starts from the
//! coefficients of the one before; errors are averages over the weights of a fold, and then over
//! folds.

use super::elastic_net::{
    FIT_INTERCEPT, MAX_ITER, POSITIVE as POSITIVE_ONLY, PRECOMPUTE, RANDOM_STATE, SELECTION, TOL,
    descent, fit,
};
use super::linear_regression::predictor;
use super::{Class, Purpose, Training};
use crate::error::{Error, Kind, Result};
use crate::fitted::{Array, Fitted};
use crate::parameter::{
    COUNT, Domain, FRACTION, POSITIVE, Parameter, Parameters, Value, parameter,
};
use crate::search::moments::Folds;
use crate::solve::Problem;
use crate::state::State;
use crate::statistic::moments::Centred;
use crate::statistic::{Collected, Moments, Part, Statistic, Task};
use crate::sum::Sum;
use crate::train::{Setup, Step, Trainer};

pub static CLASS: Class = Class {
    name: "ElasticNetCV",
    purpose: Purpose::Regression,
    about: "ElasticNet with alpha and l1_ratio from a cross-validation.",
    parameters: PARAMETERS,
    training: Training::Chunks(|setup| {
        let ratios = setup.parameters.get("l1_ratio").numbers();
        Ok(Box::new(PathCv::of(setup, ratios)?))
    }),
    missing: false,
    predictor,
};

static PARAMETERS: &[Parameter] = &[
    parameter(
        "l1_ratio",
        Domain::Either(&[FRACTION, Domain::Numbers]),
        Value::Number(0.5),
        "The share of the penalty that is on sizes, or a list of shares to choose from.",
    ),
    EPS,
    ALPHAS,
    N_ALPHAS,
    FIT_INTERCEPT,
    PRECOMPUTE,
    MAX_ITER,
    TOL,
    CV,
    POSITIVE_ONLY,
    RANDOM_STATE,
    SELECTION,
];

pub(super) const EPS: Parameter = parameter(
    "eps",
    POSITIVE,
    Value::Number(1e-3),
    "The smallest alpha that is tried, as a share of the largest.",
);
pub(super) const ALPHAS: Parameter = parameter(
    "alphas",
    Domain::Either(&[COUNT, Domain::Numbers]),
    Value::Number(100.0),
    "How many values of alpha are tried, or the values.",
);
pub(super) const N_ALPHAS: Parameter = parameter(
    "n_alphas",
    COUNT,
    Value::Null,
    "An older name for the number of alphas.",
);
pub(super) const CV: Parameter = parameter(
    "cv",
    Domain::Whole { min: 2.0 },
    Value::Null,
    "The number of folds; NULL is 5.",
);

pub(super) struct PathCv {
    setup: Setup,
    ratios: Vec<f64>,
    /// Whether there is a choice of ratios, which the model then tells.
    has_ratio: bool,
    folds: u32,
}

/// What is tried for one ratio: values of alpha, largest first, and the error of each in each fold.
struct Path {
    alphas: Vec<f64>,
    /// By alpha, then by fold.
    errors: Vec<Vec<f64>>,
}

impl PathCv {
    /// Without ratios it is the lasso.
    pub fn of(setup: &Setup, ratios: Option<Vec<f64>>) -> Result<Self> {
        let parameters = &setup.parameters;
        let has_ratio = ratios.is_some();
        let ratios = ratios.unwrap_or_else(|| vec![1.0]);
        if let Some(wrong) = ratios.iter().find(|ratio| !(0.0..=1.0).contains(*ratio)) {
            let message = format!("invalid value for parameter \"l1_ratio\": {wrong}");
            return Err(Error::parameter(message).hint("It takes numbers from 0 to 1."));
        }
        let given = parameters.get("alphas");
        if let (Value::List(_), Some(alphas)) = (given, given.numbers()) {
            if let Some(wrong) = alphas.iter().find(|alpha| **alpha < 0.0) {
                let message = format!("invalid value for parameter \"alphas\": {wrong}");
                return Err(Error::parameter(message).hint("It takes numbers from 0 on."));
            }
        } else if ratios.contains(&0.0) {
            let message = "alphas cannot be chosen for an l1_ratio of 0";
            return Err(Error::parameter(message).hint("Give a list: alphas = ARRAY[0.1, 1, 10]."));
        }
        let folds = crate::search::folds(parameters)?.unwrap_or(5);
        Ok(Self {
            setup: setup.clone(),
            ratios,
            has_ratio,
            folds,
        })
    }

    fn path(
        &self,
        ratio: f64,
        whole: &Problem,
        training: &[Centred],
        folds: &Folds,
    ) -> Result<Path> {
        let parameters = &self.setup.parameters;
        let alphas = alphas(parameters, ratio, whole)?;
        let mut errors = vec![Vec::with_capacity(training.len()); alphas.len()];
        for (fold, moments) in training.iter().enumerate() {
            let problem = Problem::of(moments);
            let mut coefficients = vec![0.0; problem.size()];
            for (alpha, errors) in alphas.iter().zip(&mut errors) {
                descent(parameters, *alpha, ratio)?.run(&problem, &mut coefficients);
                let start = start(moments, &coefficients, parameters.flag("fit_intercept"));
                let found = folds.errors_of(fold, &coefficients, start)?;
                errors.push((found.squares / found.weight).value());
            }
        }
        Ok(Path { alphas, errors })
    }

    fn choose(&self, folds: &Folds) -> Result<Fitted> {
        let parameters = &self.setup.parameters;
        let centred = |state: &State| Centred::of(state, parameters.flag("fit_intercept"));
        let whole = Problem::of(&centred(&folds.whole));
        let training: Vec<Centred> = folds.training.iter().map(centred).collect();
        let (mut best, mut best_error) = ((f64::NAN, 1.0), f64::INFINITY);
        let (mut alphas, mut errors) = (Vec::new(), Vec::new());
        for ratio in &self.ratios {
            let path = self.path(*ratio, &whole, &training, folds)?;
            for (alpha, of_folds) in path.alphas.iter().zip(&path.errors) {
                let mean = of_folds.iter().sum::<f64>() / of_folds.len() as f64;
                if mean < best_error {
                    (best, best_error) = ((*alpha, *ratio), mean);
                }
            }
            alphas.push(path.alphas);
            errors.push(path.errors.concat());
        }
        let (alpha, ratio) = best;
        if alpha.is_nan() {
            return Err(Error::rows("the training did not end in finite numbers"));
        }
        let fitted = fit(&folds.whole, parameters, alpha, ratio)?;
        let (width, count) = (folds.count(), alphas[0].len());
        let listed = matches!(parameters.get("alphas"), Value::List(_));
        let alphas = match listed || self.ratios.len() == 1 {
            true => Array::vector(alphas.swap_remove(0)),
            false => Array::matrix(count, alphas.concat()),
        };
        let mut errors = Array::matrix(width, errors.concat());
        if self.ratios.len() > 1 {
            errors.shape = vec![self.ratios.len(), count, width];
        }
        let fitted = fitted
            .with("alpha", Array::scalar(alpha))
            .with("alphas", alphas)
            .with("mse_path", errors);
        Ok(match self.has_ratio {
            true => fitted.with("l1_ratio", Array::scalar(ratio)),
            false => fitted,
        })
    }
}

impl Trainer for PathCv {
    fn folds(&self) -> u32 {
        self.folds
    }

    fn tasks(&mut self) -> Vec<Task> {
        let moments = Statistic::Moments(Moments {
            features: self.setup.features.len(),
            target: true,
        });
        let fold = |fold| Task::of(moments.clone(), Part::Fold(fold));
        (0..self.folds).map(fold).collect()
    }

    fn take(&mut self, collected: Collected) -> Result<Step> {
        Step::done(self.choose(&Folds::of(&collected.0)?)?)
    }
}

/// Where the line of some coefficients starts.
fn start(moments: &Centred, coefficients: &[f64], intercept: bool) -> f64 {
    if !intercept {
        return 0.0;
    }
    let terms = moments.means.iter().zip(coefficients);
    let along = terms.fold(Sum::ZERO, |sum, (mean, c)| sum + *mean * Sum::from(*c));
    (moments.means[coefficients.len()] - along).value()
}

/// More values of alpha are refused.
const ALPHA_LIMIT: usize = 10_000;

/// The values of alpha that are tried, largest first.
fn alphas(parameters: &Parameters, ratio: f64, whole: &Problem) -> Result<Vec<f64>> {
    let given = parameters.get("alphas");
    if let (Value::List(_), Some(mut alphas)) = (given, given.numbers()) {
        alphas.sort_by(|a, b| b.total_cmp(a));
        return Ok(alphas);
    }
    let count = match parameters.get("n_alphas").as_number() {
        Some(count) => count as usize,
        None => parameters.count("alphas")?,
    };
    if count > ALPHA_LIMIT {
        let message =
            format!("{count} values of alpha are more than there may be, which is {ALPHA_LIMIT}");
        return Err(Error::new(Kind::Limit, message).hint("A hundred are usual."));
    }
    let right = whole
        .right
        .iter()
        .map(|right| match parameters.flag("positive") {
            true => right.max(0.0),
            false => right.abs(),
        });
    let largest = right.fold(0.0, f64::max) / ratio;
    // NumPy's resolution of f64.
    if largest <= 1e-15 {
        return Ok(vec![1e-15; count]);
    }
    let smallest = largest * parameters.number("eps")?;
    let (high, low) = (largest.log10(), smallest.log10());
    let step = (low - high) / (count as f64 - 1.0);
    let alpha = |at: usize| match at {
        0 => largest,
        at if at + 1 == count => smallest,
        at => 10f64.powf(high + at as f64 * step),
    };
    Ok((0..count).map(alpha).collect())
}
