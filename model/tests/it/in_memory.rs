//! Isotonic regression, partial least squares and independent components.

use quern_model::rows::{Owned, Rows};
use serde_json::{Value, json};

use crate::common::{
    Data, assert_close, data, fails, golden, numbers, parameters, train, train_in_memory,
    train_in_memory_on,
};

fn cases(kind: &str) -> Vec<Value> {
    let cases = golden("in_memory");
    let cases = cases.as_array().unwrap().iter();
    cases.filter(|case| case["kind"] == kind).cloned().collect()
}

fn one_feature(data: &Data, feature: usize) -> Data {
    Data {
        names: vec![data.names[feature].clone()],
        features: vec![data.features[feature].clone()],
        target: data.target.clone(),
    }
}

#[test]
fn isotonic_functions_are_those_of_scikit_learn() {
    for case in cases("isotonic") {
        let what = format!("{} {}", case["data"], case["parameters"]);
        let data = data(case["data"].as_str().unwrap());
        let data = one_feature(&data, case["feature"].as_u64().unwrap() as usize);
        let weight = (0..data.rows()).map(|row| (row % 4) as f64).collect();
        let rows = Owned {
            weight: case["weighted"].as_bool().unwrap().then_some(weight),
            ..data.owned(0)
        };
        let given = parameters(&case["parameters"]);
        let (fitted, predictor) = train_in_memory_on("IsotonicRegression", &given, &data, &rows);
        for (ours, theirs) in [("X_thresholds", "x"), ("y_thresholds", "y")] {
            let expected = numbers(&case[theirs]);
            assert_close(&what, &fitted.arrays[ours].data, &expected, 1e-10);
        }
        let at = numbers(&case["at"]);
        let found = predictor.predict(&Rows::of(&[&at], at.len()));
        for (found, expected) in found.iter().zip(case["predictions"].as_array().unwrap()) {
            match expected.as_f64() {
                Some(expected) => assert_close(&what, &[*found], &[expected], 1e-10),
                None => assert!(found.is_nan(), "{what}: {found}"),
            }
        }
    }
}

#[test]
fn isotonic_regression_says_what_it_does_not_take() {
    let all = data("diabetes");
    let one = one_feature(&all, 2);
    assert_eq!(
        fails("IsotonicRegression", &[], &all),
        "IsotonicRegression takes one feature, and there are 10"
    );
    let given = parameters(&json!({"y_min": 2, "y_max": 1}));
    assert_eq!(
        fails("IsotonicRegression", &given, &one),
        "y_min of IsotonicRegression is above y_max: 2 and 1"
    );
}

#[test]
fn partial_least_squares_are_those_of_scikit_learn() {
    for case in cases("pls") {
        let what = format!("{} {}", case["data"], case["parameters"]);
        let data = data(case["data"].as_str().unwrap());
        let (fitted, predictor) = train("PLSRegression", &parameters(&case["parameters"]), &data);
        assert_eq!(fitted.facts.warnings, Vec::<String>::new(), "{what}");
        for name in [
            "coef",
            "x_weights",
            "x_loadings",
            "x_rotations",
            "y_loadings",
        ] {
            let what = format!("{what} {name}");
            assert_close(
                &what,
                &fitted.arrays[name].data,
                &numbers(&case[name]),
                1e-8,
            );
        }
        let (found, scores) = data
            .owned(0)
            .view(|rows| (predictor.predict(rows), predictor.transform(rows).unwrap()));
        let expected = numbers(&case["predictions"]);
        assert_close(&what, &found[..expected.len()], &expected, 1e-8);
        let expected = numbers(&case["scores"]);
        let width = scores.len();
        let found = (0..expected.len()).map(|at| scores[at % width][at / width]);
        assert_close(&what, &found.collect::<Vec<_>>(), &expected, 1e-8);
    }
}

#[test]
fn partial_least_squares_end_where_the_target_is_explained() {
    let few = data("diabetes").take(&[0, 1, 2]);
    assert_eq!(
        fails(
            "PLSRegression",
            &parameters(&json!({"n_components": 4})),
            &few
        ),
        "4 components need at least 2 rows, and as many rows and features as components; there \
         are 3 rows and 10 features"
    );
    let constant = Data {
        target: vec![1.0; 150],
        ..data("iris")
    };
    let (fitted, predictor) = train("PLSRegression", &[], &constant);
    assert_eq!(
        fitted.facts.warnings,
        ["0 of 2 components explain all of the target that the features do"]
    );
    let found = constant.owned(0).view(|rows| predictor.predict(rows));
    assert_eq!(found, vec![1.0; 150]);
}

#[test]
fn independent_sources_are_those_of_scikit_learn() {
    let rows = numbers(&cases("mixed")[0]["rows"]);
    let column = |at: usize| {
        rows.iter()
            .skip(at)
            .step_by(3)
            .copied()
            .collect::<Vec<f64>>()
    };
    let mixed = Data {
        names: (0..3).map(|at| format!("x{at}")).collect(),
        features: (0..3).map(column).collect(),
        target: vec![0.0; rows.len() / 3],
    };
    for case in cases("ica") {
        let mut given = parameters(&case["parameters"]);
        given.extend(parameters(&json!({"tol": 1e-13, "max_iter": 5000})));
        let (fitted, predictor) = train_in_memory("FastICA", &given, &mixed);
        assert_eq!(fitted.facts.warnings, Vec::<String>::new());
        let found = mixed
            .owned(0)
            .view(|rows| predictor.transform(rows))
            .unwrap();
        let expected = numbers(&case["sources"]);
        let width = found.len();
        let count = expected.len() / width;
        for source in 0..width {
            let expected = expected.iter().skip(source).step_by(width);
            let expected: Vec<f64> = expected.copied().collect();
            // Up to order and sign.
            let off = |column: &Vec<f64>, sign: f64| {
                let pairs = column[..count].iter().zip(&expected);
                pairs.map(|(a, b)| (a * sign - b).abs()).fold(0.0, f64::max)
            };
            let both = found.iter().map(|c| off(c, 1.0).min(off(c, -1.0)));
            let best = both.fold(f64::INFINITY, f64::min);
            assert!(best < 1e-6, "{} {source}: {best:e}", case["parameters"]);
        }
    }
    let given = parameters(&json!({"max_iter": 1}));
    let (fitted, _) = train_in_memory("FastICA", &given, &mixed);
    assert!(fitted.facts.warnings[0].starts_with("FastICA did not converge in max_iter = 1 steps"));
    let given = parameters(&json!({"n_components": 4}));
    assert_eq!(
        fails("FastICA", &given, &mixed),
        "4 sources need at least 2 rows, and as many rows and features as sources; there are 300 \
         rows and 3 features"
    );
}
