//! Naive Bayes.

use crate::common::{Data, assert_close, data, error, golden, numbers, parameters, train};
use quern_model::parameter::Value;

#[test]
fn normal_classes_are_those_of_scikit_learn() {
    for case in golden("naive_bayes").as_array().unwrap() {
        let data = data(case["data"].as_str().unwrap());
        let what = format!("{} {}", case["data"], case["parameters"]);
        let (fitted, predictor) = train("GaussianNB", &parameters(&case["parameters"]), &data);
        for name in ["theta", "var", "class_prior", "epsilon"] {
            if case[name].is_null() {
                continue;
            }
            // Of each feature by itself: their sizes differ.
            let found = &fitted.arrays[name].data;
            let expected = numbers(&case[name]);
            assert_eq!(found.len(), expected.len(), "{what} {name}");
            for (found, expected) in found.iter().zip(&expected) {
                assert_close(&format!("{what} {name}"), &[*found], &[*expected], 1e-10);
            }
        }
        let (labels, probabilities) = data.owned(0).view(|rows| {
            let probabilities = predictor.probabilities(rows).unwrap();
            (predictor.predict(rows), probabilities)
        });
        assert_eq!(labels, numbers(&case["labels"]), "{what}");
        let expected = numbers(&case["probabilities"]);
        let classes = probabilities.len();
        let found: Vec<f64> = (0..expected.len())
            .map(|at| probabilities[at % classes][at / classes])
            .collect();
        assert_close(&what, &found, &expected, 1e-10);
    }
}

#[test]
fn what_cannot_be_learned_is_said() {
    let iris = data("iris");
    let list = |numbers: &[f64]| {
        let list = numbers.iter().map(|n| Value::Number(*n)).collect();
        vec![("priors".to_string(), Value::List(list))]
    };
    for (priors, hint) in [
        (
            list(&[0.5, 0.5]),
            "It takes a number for each of the 3 classes; there are 2.",
        ),
        (
            list(&[-0.5, 0.5, 1.0]),
            "It takes numbers that are not negative.",
        ),
        (
            list(&[0.5, 0.5, 0.5]),
            "It takes numbers whose sum is 1; it is 1.5.",
        ),
    ] {
        let error = error("GaussianNB", &priors, &iris);
        assert!(
            error
                .message
                .starts_with("invalid value for parameter \"priors\" of GaussianNB: ARRAY["),
            "{error}"
        );
        assert_eq!(error.hint.as_deref(), Some(hint));
    }
    let constant = Data {
        names: vec!["a".into()],
        features: vec![vec![1.0, 1.0, 2.0, 3.0]],
        target: vec![0.0, 0.0, 1.0, 1.0],
    };
    let none = [("var_smoothing".to_string(), Value::Number(0.0))];
    let error = error("GaussianNB", &none, &constant);
    assert_eq!(
        error.message,
        "feature \"a\" has one value only in class \"0\""
    );
}

#[test]
fn no_rows_are_an_error() {
    let empty = Data {
        names: vec!["a".into()],
        features: vec![vec![]],
        target: vec![],
    };
    let error = error("GaussianNB", &[], &empty);
    assert_eq!(error.message, "there are no rows to learn from");
}
