//! Cross-validation of a quadratic loss from the moments of each fold, without another look at rows:
//! what a model is trained on is the sum of the other folds' moments, and the squares of its errors
//! on the held-out fold follow from that fold's own.
//!
//! With S the products of deviations from the fold's means m, W its weight and e = y - b - x'w:
//! Σe = W (m_y - b - m_x'w) and Σe² = S_yy - 2 w'S_xy + w'S_xx w + (Σe)² / W.

use crate::error::{Error, Result};
use crate::fitted::Fitted;
use crate::metric::Errors;
use crate::state::State;
use crate::statistic::moments::Centred;
use crate::sum::Sum;

/// The moments of each fold, and of the rows outside it.
#[derive(Debug)]
pub struct Folds {
    /// Of all rows.
    pub whole: State,
    pub training: Vec<State>,
    held_out: Vec<Centred>,
    /// The target's sum and sum of squares in each fold.
    targets: Vec<(Sum, Sum)>,
}

impl Folds {
    /// `folds` are [`crate::statistic::Moments`] with the target.
    pub fn of(folds: &[State]) -> Result<Self> {
        if let Some(empty) = folds.iter().position(|fold| fold.rows == 0) {
            return Err(no_rows(empty, folds.len()));
        }
        let merged = |without: Option<usize>| {
            let mut others = folds
                .iter()
                .enumerate()
                .filter(|(at, _)| Some(*at) != without);
            let (_, first) = others
                .next()
                .ok_or_else(|| Error::internal("there are no folds"))?;
            let mut merged = first.clone();
            others.try_for_each(|(_, fold)| merged.merge(fold))?;
            Ok::<_, Error>(merged)
        };
        let training = (0..folds.len()).map(|fold| merged(Some(fold)));
        let held_out: Vec<Centred> = folds.iter().map(|fold| Centred::of(fold, true)).collect();
        let target = |(fold, centred): (&State, &Centred)| {
            let sum = fold.sums.get(centred.means.len()).copied();
            let squares = fold.sums.last().copied();
            (sum.unwrap_or_default(), squares.unwrap_or_default())
        };
        Ok(Self {
            whole: merged(None)?,
            training: training.collect::<Result<_>>()?,
            targets: folds.iter().zip(&held_out).map(target).collect(),
            held_out,
        })
    }

    pub fn count(&self) -> usize {
        self.held_out.len()
    }

    /// What a linear model that was trained on the others does on a fold.
    pub fn errors(&self, fold: usize, model: &Fitted) -> Result<Errors> {
        let coefficients = &model.array("coef")?.data;
        self.errors_of(fold, coefficients, model.scalar("intercept")?)
    }

    pub fn errors_of(&self, fold: usize, coefficients: &[f64], intercept: f64) -> Result<Errors> {
        let (Some(own), Some((target, target_squares))) =
            (self.held_out.get(fold), self.targets.get(fold))
        else {
            return Err(Error::internal("there is no such fold"));
        };
        let last = coefficients.len();
        let active = || coefficients.iter().enumerate().filter(|(_, c)| **c != 0.0);
        let mut mean = own.means[last] - Sum::from(intercept);
        let mut squares = own.products.at(last, last);
        for (at, coefficient) in active() {
            let w = Sum::from(*coefficient);
            mean = mean - own.means[at] * w;
            let mut slope = -(own.products.at(at, last) + own.products.at(at, last));
            for (other, coefficient) in active() {
                slope = slope + own.products.at(at, other) * Sum::from(*coefficient);
            }
            squares = squares + slope * w;
        }
        let errors = mean * own.weight;
        let squares = squares + errors * mean;
        Ok(Errors {
            rows: own.rows,
            weight: own.weight,
            target: *target,
            target_squares: *target_squares,
            errors,
            squares: if squares.value() < 0.0 {
                Sum::ZERO
            } else {
                squares
            },
            sizes: Sum::from(f64::NAN),
        })
    }
}

pub fn no_rows(fold: usize, folds: usize) -> Error {
    Error::rows(format!("fold {fold} of {folds} has no rows"))
        .hint("Folds are numbered from 0 on; take fewer of them, or more rows.")
}
