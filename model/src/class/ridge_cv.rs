//! `RidgeCV`: ridge regression whose `alpha` does best in a cross-validation.
//!
//! Without `cv` each row is left out once. That takes two scans and no matter how many values of
//! alpha: with G the centred products, the error of a row that was left out is its residual divided by
//! 1 - w (1/W + x'(G + alpha I)⁻¹x), with x about the mean, w the row's weight and W the sum of weights
//! (Rifkin and Lippert 2007, "Notes on regularized least squares"; scikit-learn's `_RidgeGCV`). With
//! `cv` folds the moments of each fold are enough ([`crate::search::moments`]).

use super::elastic_net::FIT_INTERCEPT;
use super::linear_regression::predictor;
use super::ridge::fit;
use super::{Class, Purpose, Training};
use crate::error::{Error, Result};
use crate::fitted::{Array, Fitted};
use crate::parameter::{Domain, POSITIVE, Parameter, Value, parameter};
use crate::search::moments::Folds;
use crate::search::score::Scoring;
use crate::statistic::moments::Centred;
use crate::statistic::{Collected, LeaveOneOut, Moments, Part, Statistic, Task};
use crate::sum::Sum;
use crate::train::{Setup, Step, Trainer, only};

pub static CLASS: Class = Class {
    name: "RidgeCV",
    purpose: Purpose::Regression,
    about: "Ridge with alpha from a cross-validation, which leaves out one row at a time or folds.",
    parameters: PARAMETERS,
    training: Training::Chunks(|setup| Ok(Box::new(RidgeCv::of(setup)?))),
    missing: false,
    predictor,
};

static PARAMETERS: &[Parameter] = &[
    parameter(
        "alphas",
        Domain::Either(&[Domain::Numbers, POSITIVE]),
        Value::Null,
        "The values of alpha that are tried; NULL is 0.1, 1 and 10.",
    ),
    FIT_INTERCEPT,
    parameter(
        "scoring",
        Domain::Choice(&[
            "r2",
            "explained_variance",
            "neg_mean_squared_error",
            "neg_root_mean_squared_error",
        ]),
        Value::Null,
        "The metric; NULL is neg_mean_squared_error without cv, and r2 with it.",
    ),
    parameter(
        "cv",
        Domain::Whole { min: 2.0 },
        Value::Null,
        "The number of folds; NULL leaves out one row at a time.",
    ),
    parameter(
        "gcv_mode",
        Domain::Ignored,
        Value::Null,
        "The eigenvectors of the features' products are used in any case.",
    ),
    parameter(
        "store_cv_results",
        Domain::Only(false),
        Value::Bool(false),
        "Whether the model keeps the errors of all rows.",
    ),
    parameter(
        "alpha_per_target",
        Domain::Only(false),
        Value::Bool(false),
        "Whether each of several targets has its own alpha.",
    ),
];

struct RidgeCv {
    setup: Setup,
    alphas: Vec<f64>,
    folds: Option<u32>,
    /// The moments and the second scan, without folds.
    second: Option<(Centred, LeaveOneOut)>,
}

impl RidgeCv {
    fn of(setup: &Setup) -> Result<Self> {
        let parameters = &setup.parameters;
        let alphas = parameters.get("alphas").numbers();
        let alphas = alphas.unwrap_or_else(|| vec![0.1, 1.0, 10.0]);
        let folds = crate::search::folds(parameters)?;
        let wrong = |alpha: &&f64| **alpha < 0.0 || (**alpha == 0.0 && folds.is_none());
        if let Some(wrong) = alphas.iter().find(wrong) {
            let message = format!("invalid value for parameter \"alphas\" of RidgeCV: {wrong}");
            let hint = match folds {
                None => "It takes numbers above 0.",
                Some(_) => "It takes numbers of at least 0.",
            };
            return Err(Error::parameter(message).hint(hint));
        }
        if folds.is_none() && parameters.word("scoring") == "explained_variance" {
            let message = "\"explained_variance\" needs folds";
            return Err(Error::parameter(message).hint("Add cv = 5, or take another scoring."));
        }
        Ok(Self {
            setup: setup.clone(),
            alphas,
            folds,
            second: None,
        })
    }

    fn intercept(&self) -> bool {
        self.setup.parameters.flag("fit_intercept")
    }

    /// The model of the first alpha of the highest score.
    fn choose(&self, scores: &[f64], moments: &Centred) -> Result<Fitted> {
        let (mut best, mut best_score) = (0, f64::NEG_INFINITY);
        for (at, score) in scores.iter().enumerate() {
            if *score > best_score {
                (best, best_score) = (at, *score);
            }
        }
        let alpha = self.alphas.get(best).copied().unwrap_or(1.0);
        let fitted = fit(moments, alpha, self.intercept())?.with("alpha", Array::scalar(alpha));
        Ok(match best_score.is_finite() {
            true => fitted.with_fact("best_score", best_score),
            false => fitted.warn("no alpha has a score: the first was taken"),
        })
    }

    fn by_folds(&self, folds: &Folds) -> Result<Fitted> {
        let word = self.setup.parameters.word("scoring");
        let scoring = Scoring::of(word, &CLASS, 0)?;
        let score = |alpha: &f64| {
            let mut total = 0.0;
            for (fold, training) in folds.training.iter().enumerate() {
                let moments = Centred::of(training, self.intercept());
                let model = fit(&moments, *alpha, self.intercept())?;
                total += scoring.of_errors(&folds.errors(fold, &model)?)?;
            }
            Ok::<_, Error>(total / folds.count() as f64)
        };
        let scores: Vec<f64> = self.alphas.iter().map(score).collect::<Result<_>>()?;
        self.choose(&scores, &Centred::of(&folds.whole, self.intercept()))
    }

    /// Scores from the weighted squares of the errors of rows that were left out.
    fn by_rows(&self, moments: &Centred, squares: &[Sum]) -> Result<Fitted> {
        let last = self.setup.features.len();
        let (rows, weight) = (moments.rows as f64, moments.weight.value());
        let about_mean = match self.intercept() {
            true => moments.products.at(last, last).value(),
            false => {
                let mean = moments.means[last];
                (moments.products.at(last, last) - mean * mean * moments.weight).value()
            }
        };
        let score = |squares: &Sum| match self.setup.parameters.word("scoring") {
            // Per row, whatever it weighs.
            "" => -squares.value() / rows,
            "r2" => 1.0 - squares.value() / about_mean,
            "neg_root_mean_squared_error" => -(squares.value() / weight).sqrt(),
            _ => -squares.value() / weight,
        };
        let scores: Vec<f64> = squares.iter().map(score).collect();
        self.choose(&scores, moments)
    }
}

impl Trainer for RidgeCv {
    fn folds(&self) -> u32 {
        self.folds.unwrap_or(0)
    }

    fn tasks(&mut self) -> Vec<Task> {
        let moments = Statistic::Moments(Moments {
            features: self.setup.features.len(),
            target: true,
        });
        match (self.folds, &self.second) {
            (Some(folds), _) => {
                let fold = |fold| Task::of(moments.clone(), Part::Fold(fold));
                (0..folds).map(fold).collect()
            }
            (None, None) => vec![Task::of_all(moments)],
            (None, Some((_, left_out))) => {
                vec![Task::of_all(Statistic::LeaveOneOut(left_out.clone()))]
            }
        }
    }

    fn take(&mut self, collected: Collected) -> Result<Step> {
        if self.folds.is_some() {
            return Step::done(self.by_folds(&Folds::of(&collected.0)?)?);
        }
        let state = only(collected)?;
        if let Some((moments, _)) = &self.second {
            return Step::done(self.by_rows(moments, &state.sums)?);
        }
        if state.rows == 0 {
            return Err(Error::rows("there are no rows to learn from"));
        }
        let moments = Centred::of(&state, self.intercept());
        let left_out = LeaveOneOut::of(&moments, &self.alphas, self.intercept())?;
        self.second = Some((moments, left_out));
        Ok(Step::again("moments"))
    }
}
