//! `LassoCV`: the lasso whose `alpha` has the smallest mean squared error in a cross-validation:
//! [`super::elastic_net_cv`] with an `l1_ratio` of 1.

use super::elastic_net::{
    FIT_INTERCEPT, MAX_ITER, POSITIVE, PRECOMPUTE, RANDOM_STATE, SELECTION, TOL,
};
use super::elastic_net_cv::{ALPHAS, CV, EPS, N_ALPHAS, PathCv};
use super::linear_regression::predictor;
use super::{Class, Purpose, Training};
use crate::parameter::Parameter;

pub static CLASS: Class = Class {
    name: "LassoCV",
    purpose: Purpose::Regression,
    about: "Lasso with alpha from a cross-validation.",
    parameters: PARAMETERS,
    training: Training::Chunks(|setup| Ok(Box::new(PathCv::of(setup, None)?))),
    missing: false,
    predictor,
};

static PARAMETERS: &[Parameter] = &[
    EPS,
    ALPHAS,
    N_ALPHAS,
    FIT_INTERCEPT,
    PRECOMPUTE,
    MAX_ITER,
    TOL,
    CV,
    POSITIVE,
    RANDOM_STATE,
    SELECTION,
];
