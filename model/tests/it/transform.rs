//! Scalers, principal components and imputation.

use std::sync::Arc;

use arrow::array::{AsArray, Float64Array};
use arrow::datatypes::Float64Type;
use quern_model::class;
use quern_model::feature::{Column, Encoding, Form, NullPolicy};
use quern_model::fitted::{Array, Fitted};
use quern_model::model::{Definition, Model};
use quern_model::predict::Predictor;

use crate::common::{Data, assert_close, data, fails, golden, numbers, parameters, train};

/// The data of a golden case: `tests/golden/transform.py` makes the same gaps.
fn case_data(name: &str, gaps: bool) -> Data {
    let mut data = data(name);
    if gaps {
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
        let gaps = case["gaps"].as_bool().unwrap();
        let data = case_data(case["data"].as_str().unwrap(), gaps);
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
        let mut found = transformed(predictor.as_ref(), &data, expected.len());
        let rows = expected.iter().map(|row| row.as_array().unwrap());
        let mut known = Vec::new();
        for (found, expected) in found.iter_mut().zip(rows.flatten()) {
            // What is missing stays so.
            assert_eq!(found.is_nan(), expected.is_null(), "{what}");
            *found = if found.is_nan() { 0.0 } else { *found };
            known.push(expected.as_f64().unwrap_or(0.0));
        }
        assert_close(&what, &found, &known, tolerance);
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
fn what_is_missing_stays_null() {
    let class = class::find("MinMaxScaler").unwrap();
    let column = |name: &str| Column::new(name, "double precision", Form::Number);
    let encoding = Encoding {
        columns: vec![column("a"), column("b")],
        nulls: NullPolicy::Missing,
        ..Encoding::default()
    };
    let vector = |values: &[f64]| Array::vector(values.to_vec());
    let definition = Definition {
        parameters: class.parameters(&[]).unwrap().0,
        encoding,
        target: None,
        fitted: Fitted::default()
            .with("scale", vector(&[2.0, 1.0]))
            .with("min", vector(&[1.0, 0.0])),
    };
    let model = Model::new(class, definition).unwrap();
    let a = Float64Array::from(vec![Some(1.0), None, Some(3.0)]);
    let b = Float64Array::from(vec![Some(5.0), Some(6.0), Some(f64::NAN)]);
    let found = model.transform(&[Arc::new(a), Arc::new(b)], 3).unwrap();
    let expected = [[Some(3.0), None, None], [Some(5.0), Some(6.0), None]];
    for (found, expected) in found.iter().zip(expected) {
        let expected = Float64Array::from(expected.to_vec());
        assert_eq!(found.as_primitive::<Float64Type>(), &expected);
    }
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
    for class in [
        "StandardScaler",
        "MinMaxScaler",
        "MaxAbsScaler",
        "RobustScaler",
    ] {
        assert_eq!(fails(class, &[], &empty), "the feature \"x2\" has no value");
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
