//! Logistic and Poisson regression.

use crate::common::{Data, assert_close, data, error, golden, numbers, parameters, train};
use quern_model::parameter::Value;

fn scaled(mut data: Data) -> Data {
    for column in &mut data.features {
        let count = column.len() as f64;
        let mean = column.iter().sum::<f64>() / count;
        let variance = column.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        column
            .iter_mut()
            .for_each(|x| *x = (*x - mean) / variance.sqrt());
    }
    data
}

#[test]
fn logistic_regressions_are_those_of_scikit_learn() {
    for case in golden("glm")["logistic"].as_array().unwrap() {
        let data = data(case["data"].as_str().unwrap());
        // As in glm.py.
        let data = data.take(&(0..data.rows().min(800)).collect::<Vec<_>>());
        let data = match case["scaled"].as_bool().unwrap() {
            true => scaled(data),
            false => data,
        };
        let what = format!("{} {} {}", case["data"], case["scaled"], case["parameters"]);
        let given = parameters(&case["parameters"]);
        let (fitted, predictor) = train("LogisticRegression", &given, &data);
        let expected = numbers(&case["coef"]);
        let coefficients = &fitted.arrays["coef"].data[..expected.len()];
        assert_close(&what, coefficients, &expected, 1e-7);
        let expected = numbers(&case["intercept"]);
        assert_close(&what, &fitted.arrays["intercept"].data, &expected, 1e-7);
        assert_close(
            &what,
            &[fitted.facts.numbers["log_loss"]],
            &numbers(&case["log_loss"]),
            1e-9,
        );
        let accuracy = [case["accuracy"].as_f64().unwrap()];
        assert_close(&what, &[fitted.facts.numbers["accuracy"]], &accuracy, 1e-15);
        assert_eq!(fitted.facts.warnings, Vec::<String>::new(), "{what}");
        assert!(fitted.facts.numbers["n_iter"] <= 15.0, "{what}");

        let (labels, probabilities) = data.owned(0).view(|rows| {
            let probabilities = predictor.probabilities(rows).unwrap();
            (predictor.predict(rows), probabilities)
        });
        let rows = (0..data.rows()).step_by((data.rows() / 25).max(1));
        let found: Vec<f64> = rows
            .flat_map(|row| probabilities.iter().map(move |column| column[row]))
            .collect();
        assert_close(&what, &found, &numbers(&case["probabilities"]), 1e-9);
        let hits = labels.iter().zip(&data.target).filter(|(a, b)| a == b);
        let share = hits.count() as f64 / data.rows() as f64;
        assert_close(&what, &[share], &accuracy, 1e-15);
    }
}

#[test]
fn poisson_regressions_are_those_of_scikit_learn() {
    for case in golden("glm")["poisson"].as_array().unwrap() {
        let data = data(case["data"].as_str().unwrap());
        let what = format!("{} {}", case["data"], case["parameters"]);
        let given = parameters(&case["parameters"]);
        let (fitted, predictor) = train("PoissonRegressor", &given, &data);
        assert_close(
            &what,
            &fitted.arrays["coef"].data,
            &numbers(&case["coef"]),
            1e-8,
        );
        assert_close(
            &what,
            &fitted.arrays["intercept"].data,
            &numbers(&case["intercept"]),
            1e-8,
        );
        assert_close(
            &what,
            &[fitted.facts.numbers["d2"]],
            &numbers(&case["d2"]),
            1e-8,
        );
        let predicted = data.owned(0).view(|rows| predictor.predict(rows));
        let expected = numbers(&case["predictions"]);
        assert_close(&what, &predicted[..expected.len()], &expected, 1e-8);
    }
}

/// 40 rows of which the classes lie on both sides of 20.
fn separable(classes: f64) -> Data {
    let values: Vec<f64> = (0..40).map(f64::from).collect();
    Data {
        names: vec!["a".into(), "twice".into(), "constant".into()],
        target: values
            .iter()
            .map(|v| (v / 40.0 * classes).floor())
            .collect(),
        features: vec![
            values.clone(),
            values.iter().map(|v| 2.0 * v).collect(),
            vec![3.0; 40],
        ],
    }
}

fn given(name: &str, value: Value) -> Vec<(String, Value)> {
    vec![(name.to_string(), value)]
}

#[test]
fn classes_that_can_be_separated_end_with_a_warning() {
    for classes in [2.0, 3.0] {
        for c in [Value::text("inf"), Value::Number(1e15)] {
            let data = separable(classes);
            let (fitted, predictor) = train("LogisticRegression", &given("C", c), &data);
            assert!(
                fitted
                    .facts
                    .warnings
                    .iter()
                    .any(|w| w.contains("the features separate the classes perfectly")),
                "{fitted:?}"
            );
            assert_eq!(fitted.facts.numbers["accuracy"], 1.0);
            let labels = data.owned(0).view(|rows| predictor.predict(rows));
            assert_eq!(labels, data.target);
        }
    }
}

#[test]
fn columns_that_repeat_each_other_share_a_coefficient() {
    let mut data = data("moons");
    let (single, predictor) = train("LogisticRegression", &given("C", Value::text("inf")), &data);
    let expected = data
        .owned(0)
        .view(|rows| predictor.probabilities(rows).unwrap());
    data.features.push(data.features[0].clone());
    data.names.push("again".into());
    let (double, predictor) = train("LogisticRegression", &given("C", Value::text("inf")), &data);
    let found = data
        .owned(0)
        .view(|rows| predictor.probabilities(rows).unwrap());
    assert_close("probabilities", &found[1], &expected[1], 1e-9);
    let (coef, whole) = (&double.arrays["coef"].data, single.arrays["coef"].data[0]);
    assert_close("halves", &[coef[0], coef[2]], &[whole / 2.0; 2], 1e-5);
}

#[test]
fn too_few_iterations_are_a_warning() {
    let data = data("breast_cancer");
    for (max_iter, name) in [(0.0, "LogisticRegression"), (2.0, "LogisticRegression")] {
        let (fitted, _) = train(name, &given("max_iter", Value::Number(max_iter)), &data);
        let warning = format!("{name} did not converge within max_iter = {max_iter} iterations");
        assert_eq!(fitted.facts.warnings, [warning]);
    }
}

#[test]
fn wrong_parameters_are_said() {
    let data = data("breast_cancer");
    let weights = |label: &str, weight: Value| {
        given(
            "class_weight",
            Value::Map(vec![(label.to_string(), weight)]),
        )
    };
    for (given, message, hint) in [
        (
            given("C", Value::Number(0.0)),
            "invalid value for parameter \"C\" of LogisticRegression: 0",
            "It takes a number above 0, or one of 'inf'.",
        ),
        (
            given("l1_ratio", Value::Number(0.5)),
            "invalid value for parameter \"l1_ratio\" of LogisticRegression: 0.5",
            "It takes 0, and nothing else yet.",
        ),
        (
            given("penalty", Value::text("l1")),
            "invalid value for parameter \"penalty\" of LogisticRegression: 'l1'",
            "It takes one of 'l2', 'none'.",
        ),
        (
            given("class_weight", Value::text("even")),
            "invalid value for parameter \"class_weight\" of LogisticRegression: 'even'",
            "It takes NULL, 'balanced', or a weight for each label.",
        ),
        (
            weights("2", Value::Number(1.0)),
            "invalid value for parameter \"class_weight\" of LogisticRegression: (2 = 1)",
            "The target has no label \"2\"; it has: 0, 1.",
        ),
        (
            weights("1", Value::Number(-1.0)),
            "invalid value for parameter \"class_weight\" of LogisticRegression: (1 = -1)",
            "The weight of \"1\" must be a number of at least 0.",
        ),
    ] {
        let error = error("LogisticRegression", &given, &data);
        assert_eq!(error.message, message);
        assert_eq!(error.hint.as_deref(), Some(hint));
    }
}

#[test]
fn rows_that_cannot_be_learned_from_are_said() {
    let mut data = data("counts").take(&[0, 1, 2, 3]);
    let mut told = |class: &str, target: [f64; 4]| {
        data.target = target.to_vec();
        error(class, &[], &data).message
    };
    assert_eq!(
        told("PoissonRegressor", [1.0, -2.5, 0.0, 1.0]),
        "PoissonRegressor needs targets that are not negative; there is -2.5"
    );
    assert_eq!(
        told("PoissonRegressor", [0.0; 4]),
        "every target is 0: PoissonRegressor needs one that is greater"
    );
    assert_eq!(
        told("LogisticRegression", [1.0; 4]),
        "the target has one class only; classification needs two"
    );
    let empty = data.take(&[]);
    for class in ["LogisticRegression", "PoissonRegressor"] {
        assert_eq!(
            error(class, &[], &empty).message,
            "there are no rows to learn from"
        );
    }
}
