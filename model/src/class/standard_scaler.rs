//! `StandardScaler`: features with mean 0 and variance 1, in one scan.
//!
//! `(x - mean) / scale`, where `scale` is the root of the mean squared deviation. A feature whose
//! variance is within the rounding errors of its computation counts as constant and has scale 1, by
//! scikit-learn's bound (`_is_constant_feature`, after Chan, Golub and LeVeque).

use super::scaling::{Change, OneScan, Scaling, array, check_values, divisors};
use super::{Class, Purpose, Training};
use crate::error::Result;
use crate::fitted::Fitted;
use crate::parameter::{Domain, Parameter, Value, parameter};
use crate::predict::Predictor;
use crate::statistic::columns::Column;
use crate::train::Setup;

pub static CLASS: Class = Class {
    name: "StandardScaler",
    purpose: Purpose::Transformation,
    about: "Features with mean 0 and variance 1, named like them with `_scaled` behind.",
    parameters: PARAMETERS,
    training: Training::Chunks(|setup| {
        Ok(Box::new(OneScan {
            setup: setup.clone(),
            fit,
        }))
    }),
    missing: true,
    predictor,
};

static PARAMETERS: &[Parameter] = &[
    parameter(
        "with_mean",
        Domain::Bool,
        Value::Bool(true),
        "Whether the mean is subtracted.",
    ),
    parameter(
        "with_std",
        Domain::Bool,
        Value::Bool(true),
        "Whether values are divided by the standard deviation.",
    ),
];

fn fit(setup: &Setup, columns: &[Column]) -> Result<Fitted> {
    check_values(setup, columns)?;
    let fitted = Fitted::default().with("mean", array(columns, |c| c.mean));
    Ok(match setup.parameters.flag("with_std") {
        true => fitted
            .with("var", array(columns, |c| c.variance))
            .with("scale", array(columns, scale)),
        false => fitted,
    })
}

fn scale(column: &Column) -> f64 {
    let bound = column.weight * f64::EPSILON * column.variance
        + (column.weight * column.mean * f64::EPSILON).powi(2);
    match column.variance <= bound {
        true => 1.0,
        false => column.variance.sqrt(),
    }
}

fn predictor(fitted: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    let features = setup.features.len();
    let mut changes = Vec::new();
    if setup.parameters.flag("with_mean") {
        changes.push(Change::Minus(fitted.vector("mean", Some(features))?));
    }
    if setup.parameters.flag("with_std") {
        changes.push(divisors(fitted, "scale", features)?);
    }
    Ok(Box::new(Scaling(changes)))
}
