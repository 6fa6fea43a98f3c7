//! `OneClassSVM`: rows are usual where a sum of kernels is above a bound (Schölkopf and others 2001).
//!
//! `nu` bounds the share of the training's rows that are not, from above, and that of support vectors,
//! from below. Answers are scikit-learn's: 1 for usual rows, -1 for others.

use super::in_memory::Table;
use super::machine::{Machine, single};
use super::support_vectors::{
    CACHE_SIZE, COEF0, DEGREE, GAMMA, KERNEL, MAX_ITER, ROWS, SHRINKING, TOL, Training, weighty,
};
use super::{Class, Purpose, Training as How};
use crate::error::Result;
use crate::fitted::Fitted;
use crate::parameter::{Domain, Parameter, Value, parameter};
use crate::predict::Predictor;
use crate::rows::{Owned, Rows};
use crate::solve::Quadratic;
use crate::sum::total;
use crate::train::Setup;

pub static CLASS: Class = Class {
    name: "OneClassSVM",
    purpose: Purpose::OutlierDetection,
    about: "Whether rows are like those of the training, 1, or not, -1.",
    parameters: PARAMETERS,
    training: How::Memory {
        train,
        rows: ROWS,
        instead: "DBSCAN",
    },
    missing: false,
    predictor,
};

static PARAMETERS: &[Parameter] = &[
    KERNEL,
    DEGREE,
    GAMMA,
    COEF0,
    TOL,
    parameter(
        "nu",
        Domain::Number {
            min: 0.0,
            max: 1.0,
            open: true,
        },
        Value::Number(0.5),
        "The share of rows that may be unusual, at most.",
    ),
    SHRINKING,
    CACHE_SIZE,
    MAX_ITER,
];

fn train(setup: &Setup, rows: &Owned) -> Result<Fitted> {
    let table = Table::of(rows, &setup.watch)?;
    let mut training = Training::new(CLASS.name, setup, &table)?;
    let table = weighty(&table)?;
    // The weights of kernels have this sum; the first rows start with it.
    let mut left = setup.parameters.number("nu")? * total(&table.weight).value();
    let share = |weight: &f64| {
        let taken = weight.min(left);
        left -= taken;
        taken
    };
    let none = vec![0.0; table.count()];
    let problem = Quadratic {
        start: table.weight.iter().map(share).collect(),
        linear: none.clone(),
        low: none,
        high: table.weight,
    };
    let found = training.minimize(&table.points, problem)?;
    training.done_with(&table.points, found)
}

#[derive(Debug)]
struct Usual(Machine);

fn predictor(fitted: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    Ok(Box::new(Usual(single(fitted, setup)?)))
}

impl Predictor for Usual {
    fn predict(&self, rows: &Rows<'_>) -> Vec<f64> {
        let sign = |value: f64| if value > 0.0 { 1.0 } else { -1.0 };
        self.0.first(rows).into_iter().map(sign).collect()
    }
}
