//! `Lasso`: least squares with a penalty on the sizes of coefficients: [`super::elastic_net`] with an
//! `l1_ratio` of 1.

use super::elastic_net::{
    ALPHA, ElasticNet, FIT_INTERCEPT, MAX_ITER, POSITIVE, PRECOMPUTE, RANDOM_STATE, SELECTION, TOL,
    WARM_START,
};
use super::linear_regression::predictor;
use super::{Class, Purpose, Training};
use crate::parameter::Parameter;

pub static CLASS: Class = Class {
    name: "Lasso",
    purpose: Purpose::Regression,
    about: "Least squares with a penalty on the sizes of coefficients, which makes some of them 0.",
    parameters: PARAMETERS,
    training: Training::Chunks(|setup| {
        Ok(Box::new(ElasticNet {
            setup: setup.clone(),
            l1_ratio: 1.0,
        }))
    }),
    missing: false,
    predictor,
};

static PARAMETERS: &[Parameter] = &[
    ALPHA,
    FIT_INTERCEPT,
    PRECOMPUTE,
    MAX_ITER,
    TOL,
    WARM_START,
    POSITIVE,
    RANDOM_STATE,
    SELECTION,
];
