//! `RobustScaler`: features by their median and a range of quantiles, which outliers do not move.
//!
//! `(x - center) / scale`, where the center is the median and the scale the difference of the two
//! quantiles (percentiles, linear interpolation), over that of a standard normal distribution with
//! `unit_variance`.

use statrs::distribution::{ContinuousCDF, Normal};

use super::quantiles::ByQuantiles;
use super::scaling::{Change, Scaling, TINY, check_values, divisors};
use super::{Class, Purpose, Training};
use crate::error::{Error, Result};
use crate::fitted::{Array, Fitted};
use crate::parameter::{Domain, Parameter, Parameters, Value, parameter};
use crate::predict::Predictor;
use crate::statistic::columns::Column;
use crate::train::Setup;

pub static CLASS: Class = Class {
    name: "RobustScaler",
    purpose: Purpose::Transformation,
    about: "Features less their median, over a range of quantiles, named like them with `_scaled` \
            behind.",
    parameters: PARAMETERS,
    training: Training::Chunks(|setup| {
        let (low, high) = range(&setup.parameters)?;
        Ok(Box::new(ByQuantiles::new(setup, &[0.5, low, high], fit)))
    }),
    missing: true,
    predictor,
};

static PARAMETERS: &[Parameter] = &[
    parameter(
        "with_centering",
        Domain::Bool,
        Value::Bool(true),
        "Whether the median is subtracted.",
    ),
    parameter(
        "with_scaling",
        Domain::Bool,
        Value::Bool(true),
        "Whether values are divided by the range of quantiles.",
    ),
    parameter(
        "quantile_range",
        Domain::Numbers,
        // Stands for ARRAY[25, 75]: a list cannot be a constant.
        Value::Null,
        "The two percentiles of the range; NULL is ARRAY[25, 75].",
    ),
    parameter(
        "unit_variance",
        Domain::Bool,
        Value::Bool(false),
        "Whether normally distributed features get variance 1.",
    ),
];

/// The quantiles of the range, between 0 and 1.
fn range(parameters: &Parameters) -> Result<(f64, f64)> {
    let given = parameters.get("quantile_range");
    match given.numbers().as_deref() {
        None => Ok((0.25, 0.75)),
        Some([low, high]) if 0.0 <= *low && low <= high && *high <= 100.0 => {
            Ok((low / 100.0, high / 100.0))
        }
        _ => Err(Error::parameter(format!(
            "invalid value for parameter \"quantile_range\" of RobustScaler: {given}"
        ))
        .hint("It takes two numbers from 0 to 100, the smaller one first.")),
    }
}

fn fit(setup: &Setup, columns: &[Column], quantiles: &[&[f64]]) -> Result<Fitted> {
    check_values(setup, columns)?;
    let width = match setup.parameters.flag("unit_variance") {
        true => normal_width(range(&setup.parameters)?)?,
        false => 1.0,
    };
    let scale = |quantiles: &&[f64]| match quantiles[2] - quantiles[1] {
        tiny if tiny < TINY => 1.0 / width,
        range => range / width,
    };
    let centers = quantiles.iter().map(|quantiles| quantiles[0]);
    let scales = quantiles.iter().map(scale);
    let mut fitted = Fitted::default();
    if setup.parameters.flag("with_centering") {
        fitted = fitted.with("center", Array::vector(centers.collect()));
    }
    if setup.parameters.flag("with_scaling") {
        fitted = fitted.with("scale", Array::vector(scales.collect()));
    }
    Ok(fitted)
}

/// The difference of the quantiles in a standard normal distribution.
fn normal_width((low, high): (f64, f64)) -> Result<f64> {
    let normal = Normal::standard();
    let width = normal.inverse_cdf(high) - normal.inverse_cdf(low);
    match width > 0.0 && width.is_finite() {
        true => Ok(width),
        false => Err(Error::parameter(
            "unit_variance = true needs a quantile_range that is not empty and leaves out 0 and 100",
        )),
    }
}

fn predictor(fitted: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    let features = setup.features.len();
    let mut changes = Vec::new();
    if setup.parameters.flag("with_centering") {
        changes.push(Change::Minus(fitted.vector("center", Some(features))?));
    }
    if setup.parameters.flag("with_scaling") {
        changes.push(divisors(fitted, "scale", features)?);
    }
    Ok(Box::new(Scaling(changes)))
}
