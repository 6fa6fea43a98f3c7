//! Nearest neighbours, and clusters where rows are dense.

use std::collections::{BTreeMap, BTreeSet};

use quern_model::class;
use quern_model::fitted::Array;
use quern_model::rows::Owned;
use serde_json::{Value, json};

use crate::common::{
    Data, assert_close, data, error, fails, golden, numbers, parameters, train_in_memory,
    train_in_memory_on,
};

/// The golden cases that have some values, with their rows; wine's are standardised.
fn cases(having: &str) -> Vec<(String, Value, Data)> {
    let cases = golden("neighbors");
    let having = cases
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| !case[having].is_null());
    let case = having.map(|case| {
        let name = case["data"].as_str().unwrap();
        let rows = data(name);
        let rows = if name == "wine" { rows.scaled() } else { rows };
        (format!("{name} {}", case["parameters"]), case.clone(), rows)
    });
    case.collect()
}

fn two_of_three(data: &Data) -> Data {
    let rows: Vec<usize> = (0..data.rows()).filter(|row| row % 3 != 0).collect();
    data.take(&rows)
}

/// Numbers of a text that separates them by commas.
fn labels(value: &Value) -> Vec<f64> {
    let parts = value.as_str().unwrap().split(',');
    parts.map(|part| part.parse().unwrap()).collect()
}

#[test]
fn labels_of_neighbors_are_those_of_scikit_learn() {
    for (what, case, rows) in cases("probabilities") {
        let given = parameters(&case["parameters"]);
        let (_, predictor) = train_in_memory("KNeighborsClassifier", &given, &two_of_three(&rows));
        let (found, probabilities) = rows.owned(0).view(|rows| {
            let probabilities = predictor.probabilities(rows).unwrap();
            (predictor.predict(rows), probabilities)
        });
        assert_eq!(found, labels(&case["labels"]), "{what}");
        let expected = numbers(&case["probabilities"]);
        let classes = probabilities.len();
        let found = (0..expected.len()).map(|at| probabilities[at % classes][at / classes]);
        assert_close(&what, &found.collect::<Vec<_>>(), &expected, 1e-12);
    }
}

#[test]
fn means_of_neighbors_are_those_of_scikit_learn() {
    for (what, case, rows) in cases("predictions") {
        let given = parameters(&case["parameters"]);
        let (_, predictor) = train_in_memory("KNeighborsRegressor", &given, &two_of_three(&rows));
        let expected = numbers(&case["predictions"]);
        let found = rows.owned(0).view(|rows| predictor.predict(rows));
        assert_close(&what, &found[..expected.len()], &expected, 1e-12);
    }
}

#[test]
fn clusters_are_those_of_scikit_learn() {
    for (what, case, rows) in cases("clusters") {
        let given = parameters(&case["parameters"]);
        let (fitted, predictor) = train_in_memory("DBSCAN", &given, &rows);
        let found = rows.owned(0).view(|rows| predictor.predict(rows));
        let (expected, core) = (labels(&case["clusters"]), labels(&case["core"]));
        let cores = core.iter().sum::<f64>();
        assert_eq!(fitted.facts.numbers["n_core_samples"], cores, "{what}");
        // Numbers differ, clusters of cores do not; and noise is the same.
        let mut names = BTreeMap::new();
        for ((found, expected), core) in found.iter().zip(&expected).zip(&core) {
            assert_eq!(*found == -1.0, *expected == -1.0, "{what}");
            if *core == 1.0 {
                let name = *names.entry(*found as i64).or_insert(*expected);
                assert_eq!(name, *expected, "{what}");
            }
        }
        let different: BTreeSet<i64> = names.values().map(|name| *name as i64).collect();
        assert_eq!(different.len(), names.len(), "{what}");
        assert_eq!(fitted.facts.numbers["n_clusters"], names.len() as f64);
        assert_eq!(fitted.facts.warnings.is_empty(), !names.is_empty());
    }
}

#[test]
fn weights_count_as_neighbors() {
    let rows = Data {
        names: vec!["x".into()],
        features: vec![vec![0.0, 0.1, 5.0, 9.0]],
        target: vec![0.0; 4],
    };
    let weighted = Owned {
        weight: Some(vec![1.0, 1.0, 4.0, 1.0]),
        ..rows.owned(0)
    };
    let given = parameters(&json!({"min_samples": 4}));
    let (_, predictor) = train_in_memory_on("DBSCAN", &given, &rows, &weighted);
    let found = rows.owned(0).view(|rows| predictor.predict(rows));
    assert_eq!(found, [-1.0, -1.0, 0.0, -1.0]);
}

#[test]
fn neighbors_that_are_too_few_or_weighted_are_errors() {
    let few = data("diabetes").take(&[0, 1, 2]);
    assert_eq!(
        fails("KNeighborsRegressor", &[], &few),
        "KNeighborsRegressor needs at least as many rows as neighbours: there are 3 rows and \
         n_neighbors is 5"
    );
    assert_eq!(
        fails("KNeighborsRegressor", &[], &few.take(&[])),
        "there are no rows to learn from"
    );
    let error = error(
        "KNeighborsRegressor",
        &parameters(&json!({"metric": "cosine"})),
        &few,
    );
    assert_eq!(
        error.message,
        "invalid value for parameter \"metric\" of KNeighborsRegressor: 'cosine'"
    );
    let class = class::find("KNeighborsRegressor").unwrap();
    let class::Training::Memory { train, rows, .. } = class.training else {
        panic!()
    };
    assert_eq!(rows, 1_000_000);
    let weighted = Owned {
        weight: Some(vec![1.0; 3]),
        ..few.owned(0)
    };
    let given = parameters(&json!({"n_neighbors": 1}));
    assert_eq!(
        train(&few.setup(class, &given), &weighted)
            .unwrap_err()
            .message,
        "KNeighborsRegressor does not take weights of rows"
    );
}

#[test]
fn neighbors_of_a_damaged_file_are_errors() {
    let iris = data("iris");
    let class = class::find("KNeighborsClassifier").unwrap();
    let (fitted, _) = train_in_memory(class.name, &[], &iris);
    let setup = iris.setup(class, &[]);
    let mut label = fitted.arrays["y"].clone();
    label.data[3] = 3.0;
    let mut point = fitted.arrays["fit_X"].clone();
    point.data[7] = f64::NAN;
    for (name, array, message) in [
        (
            "y",
            label,
            "the model's array \"y\" has a number out of range: 3",
        ),
        (
            "fit_X",
            point,
            "the model's array \"fit_X\" does not consist of finite points",
        ),
        (
            "y",
            Array::scalar(0.0),
            "the model's array \"y\" has the wrong shape",
        ),
    ] {
        let damaged = fitted.clone().with(name, array);
        let error = (class.predictor)(&damaged, &setup).unwrap_err();
        assert_eq!(error.message, message);
    }
}
