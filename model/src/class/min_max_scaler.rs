//! `MinMaxScaler`: features within a range, in one scan: `x * scale + min`.

use super::scaling::{Change, OneScan, Scaling, TINY, array, check_values};
use super::{Class, Purpose, Training};
use crate::error::{Error, Result};
use crate::fitted::Fitted;
use crate::parameter::{Domain, Parameter, Parameters, Value, parameter};
use crate::predict::Predictor;
use crate::statistic::columns::Column;
use crate::train::Setup;

pub static CLASS: Class = Class {
    name: "MinMaxScaler",
    purpose: Purpose::Transformation,
    about: "Features within a range, named like them with `_scaled` behind.",
    parameters: PARAMETERS,
    training: Training::Chunks(|setup| {
        range(&setup.parameters)?;
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
        "feature_range",
        Domain::Numbers,
        // Stands for ARRAY[0, 1]: a list cannot be a constant.
        Value::Null,
        "The least and the largest value after scaling; NULL is ARRAY[0, 1].",
    ),
    parameter(
        "clip",
        Domain::Bool,
        Value::Bool(false),
        "Whether values beyond those of the training are cut to the range.",
    ),
];

fn range(parameters: &Parameters) -> Result<(f64, f64)> {
    let given = parameters.get("feature_range");
    match given.numbers().as_deref() {
        None => Ok((0.0, 1.0)),
        Some([low, high]) if low < high => Ok((*low, *high)),
        _ => Err(Error::parameter(format!(
            "invalid value for parameter \"feature_range\" of MinMaxScaler: {given}"
        ))
        .hint("It takes two numbers, the smaller one first.")),
    }
}

fn fit(setup: &Setup, columns: &[Column]) -> Result<Fitted> {
    check_values(setup, columns)?;
    let (low, high) = range(&setup.parameters)?;
    let scale = |column: &Column| {
        let range = column.high - column.low;
        (high - low) / if range < TINY { 1.0 } else { range }
    };
    Ok(Fitted::default()
        .with("data_min", array(columns, |c| c.low))
        .with("data_max", array(columns, |c| c.high))
        .with("scale", array(columns, scale))
        .with("min", array(columns, |c| low - c.low * scale(c))))
}

fn predictor(fitted: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    let features = setup.features.len();
    let mut changes = vec![
        Change::Times(fitted.vector("scale", Some(features))?),
        Change::Plus(fitted.vector("min", Some(features))?),
    ];
    if setup.parameters.flag("clip") {
        let (low, high) = range(&setup.parameters)?;
        changes.push(Change::Within(low, high));
    }
    Ok(Box::new(Scaling(changes)))
}
