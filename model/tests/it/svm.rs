//! Support vector machines.

use quern_model::Kind;
use quern_model::class::{self, Training};
use quern_model::fitted::{Array, Fitted};
use quern_model::parameter::Value as Given;
use quern_model::rows::Owned;
use serde_json::{Value, json};

use crate::common::{
    Data, assert_close, data, error, fails, golden, numbers, parameters, train_in_memory,
    train_in_memory_on,
};
use crate::search::{given, list, start};

/// A golden case with its rows, in the order of their values as in svm.py.
struct Case {
    what: String,
    golden: Value,
    data: Data,
    rows: Owned,
}

fn cases(class: &str) -> Vec<Case> {
    let golden = golden("svm");
    let of_class = golden.as_array().unwrap().iter();
    let of_class = of_class.filter(|case| case["class"] == class);
    of_class.map(case).collect()
}

fn case(golden: &Value) -> Case {
    let name = golden["data"].as_str().unwrap();
    let all = data(name);
    let all = all.take(&(0..all.rows().min(700)).collect::<Vec<_>>());
    let all = if golden["scaled"] == true {
        all.scaled()
    } else {
        all
    };
    let weight = |row: usize| match golden["weighted"] == true {
        true => (row % 4) as f64 * 0.5,
        false => 1.0,
    };
    let mut order: Vec<usize> = (0..all.rows()).collect();
    let key = |row: usize| {
        let features = all.features.iter().map(move |column| column[row]);
        features.chain([all.target[row], weight(row)])
    };
    order.sort_by(|a, b| key(*a).partial_cmp(key(*b)).unwrap());
    let data = all.take(&order);
    Case {
        what: format!("{} {name} {}", golden["class"], golden["parameters"]),
        rows: Owned {
            weight: (golden["weighted"] == true)
                .then(|| order.iter().map(|row| weight(*row)).collect()),
            ..data.owned(0)
        },
        golden: golden.clone(),
        data,
    }
}

impl Case {
    fn class(&self) -> &str {
        self.golden["class"].as_str().unwrap()
    }

    fn given(&self, tol: f64) -> Vec<(String, Given)> {
        let mut given = parameters(&self.golden["parameters"]);
        given.extend(parameters(&json!({ "tol": tol })));
        given
    }

    /// The values of the functions at a row, by the formulas.
    fn values(&self, fitted: &Fitted, row: usize) -> Vec<f64> {
        let array = |name: &str| &fitted.arrays[name];
        let x: Vec<f64> = self
            .data
            .features
            .iter()
            .map(|column| column[row])
            .collect();
        let given = &self.golden["parameters"];
        let number = |name: &str, or: f64| given[name].as_f64().unwrap_or(or);
        let (gamma, coef0) = (array("gamma").data[0], number("coef0", 0.0));
        let kernel = |y: &[f64]| {
            let product: f64 = x.iter().zip(y).map(|(x, y)| x * y).sum();
            let square: f64 = x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum();
            match given["kernel"].as_str().unwrap_or("rbf") {
                "linear" => product,
                "poly" => (gamma * product + coef0).powf(number("degree", 3.0)),
                "sigmoid" => (gamma * product + coef0).tanh(),
                _ => (-gamma * square).exp(),
            }
        };
        let kernels: Vec<f64> = array("support_vectors").rows().map(kernel).collect();
        let intercepts = array("intercept").data.iter();
        let count = kernels.len();
        let sum = |row: usize, from: usize, to: usize| -> f64 {
            let factors = &array("dual_coef").data[row * count..];
            (from..to).map(|at| factors[at] * kernels[at]).sum()
        };
        let Some(sizes) = fitted.arrays.get("n_support") else {
            return intercepts.map(|start| sum(0, 0, count) + start).collect();
        };
        let ends = sizes.data.iter().scan(0, |end, size| {
            *end += *size as usize;
            Some(*end)
        });
        let ends: Vec<usize> = [0].into_iter().chain(ends).collect();
        let labels = sizes.data.len();
        let pairs = (0..labels).flat_map(|i| (i + 1..labels).map(move |j| (i, j)));
        let values = pairs.zip(intercepts).map(|((i, j), start)| {
            let of_i = sum(j - 1, ends[i], ends[i + 1]);
            of_i + sum(i, ends[j], ends[j + 1]) + start
        });
        values.collect()
    }

    fn compare(&self, fitted: &Fitted) {
        let (what, golden) = (&self.what, &self.golden);
        assert_eq!(fitted.facts.warnings, Vec::<String>::new(), "{what}");
        let arrays = &fitted.arrays;
        assert_close(
            what,
            &arrays["gamma"].data,
            &numbers(&golden["gamma"]),
            1e-12,
        );
        let sizes = numbers(&golden["n_support"]);
        let support = sizes.iter().sum::<f64>();
        assert_eq!(fitted.facts.numbers["n_support"], support, "{what}");
        if let Some(found) = arrays.get("n_support") {
            assert_eq!(found.data, sizes, "{what}");
        }
        let close = |name: &str, found: &[f64], tolerance| {
            assert_close(
                &format!("{what} {name}"),
                found,
                &numbers(&golden[name]),
                tolerance,
            );
        };
        if !golden["dual_coef"].is_null() {
            close("dual_coef", &arrays["dual_coef"].data, 1e-8);
        }
        close("intercept", &arrays["intercept"].data, 1e-8);
        let expected = golden["values"].as_array().unwrap().len();
        let parts = if self.class() == "SVC" { 20 } else { 40 };
        let rows = (0..self.data.rows()).step_by(self.data.rows() / parts);
        let found: Vec<Vec<f64>> = rows.map(|row| self.values(fitted, row)).collect();
        assert_eq!(found.len(), expected);
        close("values", &found.concat(), 1e-8);
    }
}

#[test]
fn classifications_are_those_of_scikit_learn() {
    for case in cases("SVC") {
        let (fitted, predictor) =
            train_in_memory_on("SVC", &case.given(1e-11), &case.data, &case.rows);
        case.compare(&fitted);
        let found = case.data.owned(0).view(|rows| predictor.predict(rows));
        let answers = case.golden["answers"].as_str().unwrap().chars();
        let expected: Vec<f64> = answers.map(|c| c.to_digit(10).unwrap().into()).collect();
        assert_eq!(found, expected, "{}", case.what);
    }
}

#[test]
fn regressions_are_those_of_scikit_learn() {
    for case in cases("SVR") {
        let (fitted, predictor) =
            train_in_memory_on("SVR", &case.given(1e-10), &case.data, &case.rows);
        case.compare(&fitted);
        let found = case.data.owned(0).view(|rows| predictor.predict(rows));
        let expected: Vec<f64> = (0..case.data.rows())
            .map(|row| case.values(&fitted, row)[0])
            .collect();
        assert_close(&case.what, &found, &expected, 1e-10);
    }
}

#[test]
fn unusual_rows_are_those_of_scikit_learn() {
    for case in cases("OneClassSVM") {
        let (fitted, predictor) =
            train_in_memory_on("OneClassSVM", &case.given(1e-11), &case.data, &case.rows);
        case.compare(&fitted);
        let found = case.data.owned(0).view(|rows| predictor.predict(rows));
        let border = numbers(&case.golden["border"]);
        let answers = case.golden["answers"].as_str().unwrap().chars();
        for (row, (found, expected)) in found.iter().zip(answers).enumerate() {
            let expected = if expected == '+' { 1.0 } else { -1.0 };
            let known = *found == expected || border.contains(&(row as f64));
            assert!(known, "{} {row}", case.what);
        }
    }
}

#[test]
fn a_loose_tol_comes_as_far_as_that_of_scikit_learn() {
    for case in cases("SVC") {
        let given = parameters(&case.golden["parameters"]);
        let (_, predictor) = train_in_memory_on("SVC", &given, &case.data, &case.rows);
        let found = case.data.owned(0).view(|rows| predictor.predict(rows));
        let hits = found.iter().zip(&case.data.target).filter(|(a, b)| a == b);
        let share = hits.count() as f64 / case.data.rows() as f64;
        let expected = case.golden["loosely"].as_f64().unwrap();
        assert!((share - expected).abs() < 0.01, "{}: {share}", case.what);
    }
}

/// Rows of two features.
fn table(rows: &[(f64, f64, f64)]) -> Data {
    Data {
        names: vec!["a".into(), "b".into()],
        features: vec![
            rows.iter().map(|row| row.0).collect(),
            rows.iter().map(|row| row.1).collect(),
        ],
        target: rows.iter().map(|row| row.2).collect(),
    }
}

fn answers(class: &str, given: &Value, data: &Data) -> (Fitted, Vec<f64>) {
    let mut given = parameters(given);
    given.extend(parameters(&json!({"tol": 1e-10})));
    let (fitted, predictor) = train_in_memory(class, &given, data);
    let found = data.owned(0).view(|rows| predictor.predict(rows));
    (fitted, found)
}

/// What scikit-learn 1.9.1 says of rows that say little.
#[test]
fn rows_that_are_all_alike() {
    let alike = |targets: &[f64]| {
        let rows = targets.iter().map(|target| (0.0, 0.0, *target));
        table(&rows.collect::<Vec<_>>())
    };
    let (fitted, found) = answers("SVC", &json!({}), &alike(&[0.0, 0.0, 1.0, 1.0, 1.0, 1.0]));
    assert_eq!(found, [1.0; 6]);
    assert_eq!(fitted.arrays["intercept"].data, [1.0]);
    assert_eq!(fitted.arrays["dual_coef"].data, [-1.0, -1.0, 1.0, 1.0]);
    assert_eq!(fitted.arrays["gamma"].data, [1.0]);
    let (fitted, found) = answers("SVR", &json!({}), &alike(&[0.0, 0.0, 1.0, 1.0, 1.0, 4.0]));
    assert_close("SVR", &found, &[0.9; 6], 1e-12);
    assert_close("SVR", &fitted.arrays["intercept"].data, &[0.9], 1e-12);
    let (fitted, found) = answers("OneClassSVM", &json!({}), &alike(&[0.0; 6]));
    assert_eq!(found, [-1.0; 6]);
    assert_eq!(fitted.arrays["intercept"].data, [-3.0]);
    // One row; scikit-learn's intercept is not finite, so it fails.
    let (_, found) = answers("OneClassSVM", &json!({"nu": 1}), &alike(&[0.0; 1]));
    assert_eq!(found, [-1.0]);
}

#[test]
fn rows_twice_and_features_without_values_change_nothing() {
    let iris = data("iris");
    let mut twice = iris.take(&(0..300).map(|at| at % 150).collect::<Vec<_>>());
    twice.features.push(vec![7.0; 300]);
    twice.names.push("constant".into());
    for (class, half) in [
        ("SVC", json!({"C": 0.5, "gamma": 0.3})),
        ("SVR", json!({"C": 0.5, "gamma": 0.3})),
        ("OneClassSVM", json!({"gamma": 0.3})),
    ] {
        let mut whole = half.clone();
        if class != "OneClassSVM" {
            whole["C"] = json!(1.0);
        }
        let (_, expected) = answers(class, &whole, &iris);
        let (_, found) = answers(class, &half, &twice);
        let off = found.iter().zip(expected.iter().cycle());
        let off = off.filter(|(a, b)| (*a - *b).abs() > 1e-7).count();
        // Rows on the border are of either side.
        assert!(
            off <= if class == "OneClassSVM" { 8 } else { 0 },
            "{class}: {off}"
        );
    }
}

#[test]
fn a_label_whose_rows_do_not_count_is_no_answer() {
    let iris = data("iris");
    let weight = |rows: &[f64]| rows.iter().map(|t| f64::from(*t != 1.0)).collect();
    let rows = Owned {
        weight: Some(weight(&iris.target)),
        ..iris.owned(0)
    };
    let (fitted, predictor) = train_in_memory_on("SVC", &[], &iris, &rows);
    let found = rows.view(|rows| predictor.predict(rows));
    assert!(!found.contains(&1.0) && found[..50] == [0.0; 50] && found[100..] == [2.0; 50]);
    assert_eq!(fitted.arrays["n_support"].data[1], 0.0);
    let given = parameters(&json!({"class_weight": {"1": 0}, "break_ties": true}));
    let (_, predictor) = train_in_memory("SVC", &given, &iris);
    assert_eq!(rows.view(|rows| predictor.predict(rows)), found);
}

#[test]
fn few_steps_end_with_a_warning() {
    let wine = data("wine");
    for class in ["SVC", "SVR", "OneClassSVM"] {
        for (steps, taken) in [(0, 0.0), (1, 1.0)] {
            let given = parameters(&json!({"max_iter": steps}));
            let (fitted, predictor) = train_in_memory(class, &given, &wine);
            let pairs = if class == "SVC" { 3.0 } else { 1.0 };
            assert_eq!(fitted.facts.numbers["n_iter"], taken * pairs);
            let start = format!("{class} did not converge: after {} steps", taken * pairs);
            assert!(fitted.facts.warnings[0].starts_with(&start));
            wine.owned(0).view(|rows| predictor.predict(rows));
        }
    }
}

#[test]
fn parameters_that_cannot_be_are_an_error() {
    let iris = data("iris");
    let probability = error("SVC", &parameters(&json!({"probability": true})), &iris);
    assert_eq!(probability.kind, Kind::InvalidParameter);
    assert_eq!(
        probability.hint.unwrap(),
        "It takes false only: scikit-learn deprecates probabilities of SVC; LogisticRegression \
         gives them."
    );
    for (class, given, message) in [
        (
            "SVC",
            json!({"C": 0}),
            "invalid value for parameter \"C\" of SVC: 0",
        ),
        (
            "SVC",
            json!({"kernel": "precomputed"}),
            "invalid value for parameter \"kernel\" of SVC: 'precomputed'",
        ),
        (
            "SVC",
            json!({"class_weight": {"setosa": 2}}),
            "invalid value for parameter \"class_weight\" of SVC: (setosa = 2)",
        ),
        (
            "SVC",
            json!({"break_ties": true, "decision_function_shape": "ovo"}),
            "break_ties of SVC needs decision_function_shape = 'ovr'",
        ),
        (
            "SVC",
            json!({"class_weight": {"0": 0, "1": 0}}),
            "the target has one class only; classification needs two",
        ),
        (
            "SVR",
            json!({"gamma": -1}),
            "invalid value for parameter \"gamma\" of SVR: -1",
        ),
        (
            "SVR",
            json!({"epsilon": -1}),
            "invalid value for parameter \"epsilon\" of SVR: -1",
        ),
        (
            "SVR",
            json!({"kernel": "poly", "degree": 1e15, "gamma": 1}),
            "the kernel of SVR is not finite for some rows",
        ),
        (
            "OneClassSVM",
            json!({"nu": 0}),
            "invalid value for parameter \"nu\" of OneClassSVM: 0",
        ),
        (
            "OneClassSVM",
            json!({"nu": 1.5}),
            "invalid value for parameter \"nu\" of OneClassSVM: 1.5",
        ),
        (
            "OneClassSVM",
            json!({"tol": 0}),
            "invalid value for parameter \"tol\" of OneClassSVM: 0",
        ),
    ] {
        assert_eq!(fails(class, &parameters(&given), &iris), message);
    }
}

#[test]
fn rows_that_cannot_be_trained_are_an_error() {
    let iris = data("iris");
    let one = iris.take(&[0, 1, 2]);
    assert_eq!(
        fails("SVC", &[], &one),
        "the target has one class only; classification needs two"
    );
    assert_eq!(
        fails("SVR", &[], &iris.take(&[])),
        "there are no rows to learn from"
    );
    let many: Vec<_> = (0..101)
        .map(|at| (f64::from(at), 0.0, f64::from(at)))
        .collect();
    assert_eq!(
        fails("SVC", &[], &table(&many)),
        "SVC takes at most 100 labels, and there are 101"
    );
    for name in ["SVC", "SVR", "OneClassSVM"] {
        let class = class::find(name).unwrap();
        let Training::Memory { train, rows, .. } = class.training else {
            panic!()
        };
        assert_eq!(rows, 20_000);
        let none = Owned {
            weight: Some(vec![0.0; 150]),
            ..iris.owned(0)
        };
        let error = train(&iris.setup(class, &[]), &none).unwrap_err();
        assert_eq!(error.message, "all rows have a weight of 0");
    }
}

#[test]
fn searches_try_several_and_take_no_probabilities() {
    let iris = data("iris");
    let tuned = [("C".to_string(), list(&[1e-6, 1.0]))];
    let search = |scoring: &'static str| {
        let options = given(&[
            ("scoring", Given::text(scoring)),
            ("cv", Given::Number(5.0)),
        ]);
        let mut search = start("GridSearchCV", "SVC", &iris, &[], &tuned, &options).unwrap();
        let fitted = search.in_memory(&iris.owned(5));
        fitted.map(|_| search.outcome().unwrap().parameters.number("C").unwrap())
    };
    assert_eq!(search("accuracy").unwrap(), 1.0);
    assert_eq!(
        search("neg_log_loss").unwrap_err().message,
        "SVC gives no probabilities, which \"neg_log_loss\" needs"
    );
}

#[test]
fn machines_of_a_damaged_file_are_errors() {
    let iris = data("iris");
    let class = class::find("SVC").unwrap();
    let (fitted, _) = train_in_memory(class.name, &[], &iris);
    let setup = iris.setup(class, &[]);
    let changed = |name: &str, change: fn(&mut Array)| {
        let mut array = fitted.arrays[name].clone();
        change(&mut array);
        (name.to_string(), array)
    };
    for ((name, array), message) in [
        (
            changed("n_support", |array| array.data[0] += 1.0),
            "the model's support vectors do not fit its labels",
        ),
        (
            changed("n_support", |array| array.data[1] = 1e9),
            "the model's array \"n_support\" has a number out of range: 1000000000",
        ),
        (
            changed("support_vectors", |array| array.data[5] = f64::NAN),
            "the model's array \"support_vectors\" does not consist of finite points",
        ),
        (
            changed("support_vectors", |array| array.shape.reverse()),
            "the model's array \"dual_coef\" has the wrong shape",
        ),
        (
            changed("dual_coef", |array| {
                *array = Array {
                    shape: vec![1 << 40, 0],
                    data: Vec::new(),
                }
            }),
            "the model's array \"dual_coef\" has the wrong shape",
        ),
        (
            changed("intercept", |array| *array = Array::scalar(0.0)),
            "the model's array \"intercept\" has the wrong shape",
        ),
        (
            changed("gamma", |array| *array = Array::default()),
            "the model's array \"gamma\" has the wrong shape",
        ),
    ] {
        let damaged = fitted.clone().with(&name, array);
        let error = (class.predictor)(&damaged, &setup).unwrap_err();
        assert_eq!(
            (error.message.as_str(), error.kind),
            (message, Kind::Corrupt)
        );
    }
}
