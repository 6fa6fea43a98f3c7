//! `MaxAbsScaler`: features divided by their largest magnitude, in one scan.

use super::scaling::{Change, OneScan, Scaling, TINY, array, check_values, divisors};
use super::{Class, Purpose, Training};
use crate::error::Result;
use crate::fitted::Fitted;
use crate::parameter::{Domain, Parameter, Value, parameter};
use crate::predict::Predictor;
use crate::statistic::columns::Column;
use crate::train::Setup;

pub static CLASS: Class = Class {
    name: "MaxAbsScaler",
    purpose: Purpose::Transformation,
    about: "Features over their largest magnitude, named like them with `_scaled` behind.",
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

static PARAMETERS: &[Parameter] = &[parameter(
    "clip",
    Domain::Bool,
    Value::Bool(false),
    "Whether values beyond those of the training are cut to -1 and 1.",
)];

fn fit(setup: &Setup, columns: &[Column]) -> Result<Fitted> {
    check_values(setup, columns)?;
    let largest = |column: &Column| column.low.abs().max(column.high.abs());
    let scale = |column: &Column| match largest(column) {
        tiny if tiny < TINY => 1.0,
        largest => largest,
    };
    Ok(Fitted::default()
        .with("max_abs", array(columns, largest))
        .with("scale", array(columns, scale)))
}

fn predictor(fitted: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    let mut changes = vec![divisors(fitted, "scale", setup.features.len())?];
    if setup.parameters.flag("clip") {
        changes.push(Change::Within(-1.0, 1.0));
    }
    Ok(Box::new(Scaling(changes)))
}
