//! Scalers, principal components and imputation.

use quern_model::predict::Predictor;

use crate::common::{Data, assert_close, data, fails, golden, numbers, parameters, train};

/// The data of a golden case: `tests/golden/transform.py` makes the same gaps.
fn case_data(class: &str, name: &str) -> Data {
    let mut data = data(name);
    if class == "SimpleImputer" {
        let width = data.features.len();
        for (at, column) in data.features.iter_mut().enumerate() {
            for (row, value) in column.iter_mut().enumerate() {
                if (row * width + at).is_multiple_of(7) || row == 3 {
                    *value = f64::NAN;
                }
            }
        }
    }
    data
}

/// Row by row, as numpy has it.
fn transformed(predictor: &dyn Predictor, data: &Data, rows: usize) -> Vec<f64> {
    let columns = data
        .owned(0)
        .view(|rows| predictor.transform(rows))
        .unwrap();
    assert_eq!(columns.len(), predictor.outputs(&data.names).len());
    (0..rows)
        .flat_map(|row| columns.iter().map(move |column| column[row]))
        .collect()
}

#[test]
fn transformations_are_those_of_scikit_learn() {
    for case in golden("transform").as_array().unwrap() {
        let class = case["class"].as_str().unwrap();
        let what = format!("{class} {} {}", case["data"], case["parameters"]);
        let data = case_data(class, case["data"].as_str().unwrap());
        let (fitted, predictor) = train(class, &parameters(&case["parameters"]), &data);
        let tolerance = case["tolerance"].as_f64().unwrap();
        for (name, expected) in case["arrays"].as_object().unwrap() {
            assert_close(
                &format!("{what} {name}"),
                &fitted.arrays[name].data,
                &numbers(expected),
                tolerance,
            );
        }
        let expected = case["outputs"].as_array().unwrap();
        let found = transformed(predictor.as_ref(), &data, expected.len());
        assert_close(&what, &found, &numbers(&case["outputs"]), tolerance);
    }
}

#[test]
fn outputs_are_named() {
    let data = data("iris");
    let names = |class: &str| train(class, &[], &data).1.outputs(&data.names);
    assert_eq!(names("StandardScaler")[0], "x0_scaled");
    assert_eq!(names("Normalizer")[3], "x3_scaled");
    assert_eq!(names("PCA"), ["pca0", "pca1", "pca2", "pca3"]);
}

#[test]
fn constant_features_keep_their_size() {
    let mut data = data("iris");
    data.features[1] = vec![0.1; data.rows()];
    let (fitted, _) = train("StandardScaler", &[], &data);
    assert_eq!(fitted.arrays["scale"].data[1], 1.0);
    let (fitted, _) = train("MinMaxScaler", &[], &data);
    assert_eq!(fitted.arrays["scale"].data[1], 1.0);
}

#[test]
fn principal_components_of_fewer_rows_than_features() {
    let data = data("wine").take(&[0, 20, 40, 60, 80, 100, 120, 140, 160, 170]);
    let (fitted, _) = train("PCA", &[], &data);
    assert_eq!(fitted.arrays["components"].shape, [10, 13]);
    assert!(fitted.arrays["explained_variance"].data[9] < 1e-9);
}

#[test]
fn what_cannot_be_transformed() {
    let iris = data("iris");
    let one = iris.take(&[0]);
    let none = iris.take(&[]);
    let number =
        |name: &str, n: f64| [(name.to_string(), quern_model::parameter::Value::Number(n))];
    assert_eq!(
        fails("PCA", &[], &one),
        "PCA needs at least 2 rows, and there are 1"
    );
    assert_eq!(
        fails("PCA", &number("n_components", 5.0), &iris),
        "5 components need at least as many rows and features, and the fewer of both are 4"
    );
    for class in [
        "StandardScaler",
        "MinMaxScaler",
        "MaxAbsScaler",
        "Normalizer",
    ] {
        assert_eq!(fails(class, &[], &none), "there are no rows to learn from");
    }
    let mut empty = iris.clone();
    empty.features[2] = vec![f64::NAN; iris.rows()];
    for strategy in ["mean", "median", "most_frequent", "constant"] {
        let given = serde_json::json!({"strategy": strategy});
        assert_eq!(
            fails("SimpleImputer", &parameters(&given), &empty),
            "the feature \"x2\" has no value from which others could be imputed"
        );
        let given = serde_json::json!({"strategy": strategy, "keep_empty_features": true});
        let (fitted, _) = train("SimpleImputer", &parameters(&given), &empty);
        assert_eq!(fitted.arrays["statistics"].data[2], 0.0);
    }
    let mut many = data("counts");
    many.features[0] = (0..10_001).map(f64::from).collect();
    for column in many.features[1..].iter_mut().chain([&mut many.target]) {
        column.resize(10_001, 0.0);
    }
    assert_eq!(
        fails(
            "SimpleImputer",
            &parameters(&serde_json::json!({"strategy": "most_frequent"})),
            &many
        ),
        "the feature \"x0\" has more than 10000 distinct values"
    );
    assert_eq!(
        fails(
            "RobustScaler",
            &parameters(&serde_json::json!({"quantile_range": [80, 20]})),
            &iris
        ),
        "invalid value for parameter \"quantile_range\" of RobustScaler: ARRAY[80, 20]"
    );
    let range = serde_json::json!({"feature_range": [1, 0]});
    assert_eq!(
        fails("MinMaxScaler", &parameters(&range), &iris),
        "invalid value for parameter \"feature_range\" of MinMaxScaler: ARRAY[1, 0]"
    );
}
