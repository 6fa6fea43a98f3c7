//! The closed list of model classes, under scikit-learn's names. One file for each.

mod class_weight;
mod dbscan;
mod elastic_net;
mod elastic_net_cv;
mod fast_ica;
mod gaussian_nb;
mod glm;
mod in_memory;
mod isotonic_regression;
mod k_neighbors_classifier;
mod k_neighbors_regressor;
mod kmeans;
mod kmeans_start;
mod lasso;
mod lasso_cv;
mod linear_regression;
mod logistic_regression;
mod machine;
mod max_abs_scaler;
mod min_max_scaler;
mod nearest;
mod normalizer;
mod one_class_svm;
mod one_hot_encoder;
mod pca;
mod pls_regression;
mod poisson_regressor;
mod quantiles;
mod ridge;
mod ridge_cv;
mod robust_scaler;
mod scaling;
mod simple_imputer;
mod standard_scaler;
mod support_vectors;
mod svc;
mod svr;

use arrow::datatypes::DataType;

use crate::error::{Error, Kind, Result};
use crate::feature::{Form, NullPolicy, is_number};
use crate::fitted::Fitted;
use crate::parameter::{Parameter, Parameters, nearest};
use crate::predict::Predictor;
use crate::rows::Owned;
use crate::train::{Setup, Trainer};

/// What a class is for; it decides what the target may be and what PREDICT gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The target is a number.
    Regression,
    /// The target is one of some labels.
    Classification,
    /// Rows belong to clusters, numbered from 0; there is no target.
    Clustering,
    /// Rows are usual (1) or not (-1).
    OutlierDetection,
    /// Features become other features.
    Transformation,
}

impl Purpose {
    pub fn needs_target(self) -> bool {
        matches!(self, Purpose::Regression | Purpose::Classification)
    }

    pub fn name(self) -> &'static str {
        match self {
            Purpose::Regression => "regression",
            Purpose::Classification => "classification",
            Purpose::Clustering => "clustering",
            Purpose::OutlierDetection => "outlier detection",
            Purpose::Transformation => "transformation",
        }
    }
}

/// How a class is trained.
#[derive(Debug, Clone, Copy)]
pub enum Training {
    /// By scans over chunks, wherever they are.
    Chunks(fn(&Setup) -> Result<Box<dyn Trainer>>),
    /// In memory, over all rows at once; more than `rows` of them are an error that names `instead`.
    Memory {
        train: fn(&Setup, &Owned) -> Result<Fitted>,
        rows: usize,
        instead: &'static str,
    },
}

/// A model class.
#[derive(Debug)]
pub struct Class {
    pub name: &'static str,
    pub purpose: Purpose,
    /// A sentence for the documentation.
    pub about: &'static str,
    pub parameters: &'static [Parameter],
    pub training: Training,
    /// Whether NULLs may reach the class, as NaN; elsewhere rows have no gaps.
    pub missing: bool,
    /// Checks the arrays, which may come from a file, and makes them ready to score.
    pub predictor: fn(&Fitted, &Setup) -> Result<Box<dyn Predictor>>,
}

/// Every class, in alphabetical order.
pub static CLASSES: &[&Class] = &[
    &dbscan::CLASS,
    &elastic_net::CLASS,
    &elastic_net_cv::CLASS,
    &fast_ica::CLASS,
    &gaussian_nb::CLASS,
    &isotonic_regression::CLASS,
    &kmeans::CLASS,
    &k_neighbors_classifier::CLASS,
    &k_neighbors_regressor::CLASS,
    &lasso::CLASS,
    &lasso_cv::CLASS,
    &linear_regression::CLASS,
    &logistic_regression::CLASS,
    &max_abs_scaler::CLASS,
    &min_max_scaler::CLASS,
    &normalizer::CLASS,
    &one_class_svm::CLASS,
    &one_hot_encoder::CLASS,
    &pca::CLASS,
    &pls_regression::CLASS,
    &poisson_regressor::CLASS,
    &ridge::CLASS,
    &ridge_cv::CLASS,
    &robust_scaler::CLASS,
    &svc::CLASS,
    &svr::CLASS,
    &simple_imputer::CLASS,
    &standard_scaler::CLASS,
];

/// The class of a name as scripts write it: any dotted path before it does not count.
pub fn find(name: &str) -> Result<&'static Class> {
    let short = name.rsplit('.').next().unwrap_or(name);
    let mut classes = CLASSES.iter().copied();
    if let Some(found) = classes.find(|class| class.name.eq_ignore_ascii_case(short)) {
        return Ok(found);
    }
    let names: Vec<&str> = CLASSES.iter().map(|class| class.name).collect();
    let list = names.join(", ");
    let hint = match nearest(short, names.iter().copied()) {
        Some(near) => format!("Did you mean \"{near}\"? There are: {list}."),
        None => format!("There are: {list}."),
    };
    Err(Error::new(
        Kind::Undefined,
        format!("there is no model class \"{name}\""),
    )
    .hint(hint))
}

impl Class {
    /// The parameters with those given, and the names of those given in vain.
    pub fn parameters(
        &self,
        given: &[(String, crate::parameter::Value)],
    ) -> Result<(Parameters, Vec<String>)> {
        Parameters::check(self.name, self.parameters, given)
    }

    /// How a column of a type becomes features: text, and what is to be encoded, by its categories.
    pub fn form(&self, data_type: &DataType) -> Form {
        match is_number(data_type) && self.name != one_hot_encoder::CLASS.name {
            true => Form::Number,
            false => Form::Categories(Vec::new()),
        }
    }

    /// What is done about NULL, of what is asked for. Imputing is what an imputer is there for.
    pub fn null_policy(&self, given: Option<NullPolicy>) -> Result<NullPolicy> {
        let imputes = self.name == simple_imputer::CLASS.name;
        let policy = match (given, imputes) {
            (Some(given), _) => given,
            (None, true) => NullPolicy::Missing,
            (None, false) => NullPolicy::Error,
        };
        if policy != NullPolicy::Missing || self.missing {
            return Ok(policy);
        }
        let able = CLASSES.iter().filter(|class| class.missing);
        let able: Vec<&str> = able.map(|class| class.name).collect();
        let message = format!("{} cannot learn from missing values", self.name);
        Err(Error::parameter(message).hint(format!(
            "Choose null_policy = 'drop' or 'impute'. 'missing' is for {}.",
            able.join(", ")
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_in_order_and_found_behind_any_path() {
        assert!(CLASSES.is_sorted_by_key(|class| class.name));
        let found = find("sklearn.linear_model.linearregression").unwrap();
        assert_eq!(found.name, "LinearRegression");
        let error = find("LinearRegresion").unwrap_err();
        assert!(
            error
                .hint
                .unwrap()
                .starts_with("Did you mean \"LinearRegression\"?")
        );
    }

    #[test]
    fn missing_values_are_for_those_that_know_of_them() {
        let policy = |name: &str, given| find(name).unwrap().null_policy(given);
        let missing = Some(NullPolicy::Missing);
        assert_eq!(policy("SimpleImputer", None), Ok(NullPolicy::Missing));
        assert_eq!(policy("StandardScaler", None), Ok(NullPolicy::Error));
        assert_eq!(policy("StandardScaler", missing), Ok(NullPolicy::Missing));
        let drop = Some(NullPolicy::Drop);
        assert_eq!(policy("Ridge", drop), Ok(NullPolicy::Drop));
        let error = policy("Ridge", missing).unwrap_err();
        assert_eq!(error.message, "Ridge cannot learn from missing values");
        assert_eq!(
            error.hint.unwrap(),
            "Choose null_policy = 'drop' or 'impute'. 'missing' is for MaxAbsScaler, MinMaxScaler, \
             RobustScaler, SimpleImputer, StandardScaler."
        );
    }

    #[test]
    fn defaults_are_in_their_domains() {
        for class in CLASSES {
            for parameter in class.parameters {
                let given = [(parameter.name.to_string(), parameter.default.clone())];
                class.parameters(&given).unwrap();
            }
        }
    }
}
