//! `SVR`: a sum of kernels that is within `epsilon` of the targets where it can be (Drucker and others
//! 1997; LIBSVM's ε-SVR).
//!
//! Each row has two variables, one that pulls the function up and one that pulls it down.

use super::in_memory::Table;
use super::machine::{Machine, single};
use super::support_vectors::{
    C, CACHE_SIZE, COEF0, DEGREE, GAMMA, KERNEL, MAX_ITER, ROWS, SHRINKING, TOL, Training, weighty,
};
use super::{Class, Purpose, Training as How};
use crate::error::Result;
use crate::fitted::Fitted;
use crate::parameter::{NOT_NEGATIVE, Parameter, Value, parameter};
use crate::predict::Predictor;
use crate::rows::{Owned, Rows};
use crate::solve::Quadratic;
use crate::train::Setup;

pub static CLASS: Class = Class {
    name: "SVR",
    purpose: Purpose::Regression,
    about: "Regression by kernels with the rows that are far from it.",
    parameters: PARAMETERS,
    training: How::Memory {
        train,
        rows: ROWS,
        instead: "Ridge",
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
    C,
    parameter(
        "epsilon",
        NOT_NEGATIVE,
        Value::Number(0.1),
        "How far from its target a row may be without a penalty.",
    ),
    SHRINKING,
    CACHE_SIZE,
    MAX_ITER,
];

fn train(setup: &Setup, rows: &Owned) -> Result<Fitted> {
    let table = Table::of(rows, &setup.watch)?;
    let mut training = Training::new(CLASS.name, setup, &table)?;
    let table = weighty(&table)?;
    let c = setup.parameters.number("C")?;
    let epsilon = setup.parameters.number("epsilon")?;
    let none = vec![0.0; table.count()];
    let bounds = |sign: f64| table.weight.iter().map(move |weight| sign * c * weight);
    let targets = |shift: f64| table.target.iter().map(move |target| target + shift);
    let found = training.minimize(
        &table.points,
        Quadratic {
            linear: targets(-epsilon).chain(targets(epsilon)).collect(),
            low: none.iter().copied().chain(bounds(-1.0)).collect(),
            high: bounds(1.0).chain(none.iter().copied()).collect(),
            start: [none.clone(), none.clone()].concat(),
        },
    )?;
    training.done_with(&table.points, found)
}

#[derive(Debug)]
struct Values(Machine);

fn predictor(fitted: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    Ok(Box::new(Values(single(fitted, setup)?)))
}

impl Predictor for Values {
    fn predict(&self, rows: &Rows<'_>) -> Vec<f64> {
        self.0.first(rows)
    }
}
