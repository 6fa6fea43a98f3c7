//! Every class beside scikit-learn, over the same rows cut in different ways.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cancel;
mod common;

mod glm;
mod hold_out;
mod in_memory;
mod kmeans;
mod linear;
mod metrics;
mod naive_bayes;
mod neighbors;
mod one_hot;
mod penalized;
mod search;
mod search_errors;
mod store;
mod svm;
mod transform;
