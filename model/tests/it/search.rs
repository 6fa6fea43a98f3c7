//! Searches beside scikit-learn's, which are given the same folds.

use quern_model::class::{self, Class, Purpose, Training};
use quern_model::fitted::{Array, Fitted};
use quern_model::parameter::{NOT_NEGATIVE, Value, parameter};
use quern_model::predict::Predictor;
use quern_model::rows::{Owned, Rows};
use quern_model::search::{self, Column, Outcome, Search};
use quern_model::train::Setup;

use crate::common::{Data, assert_close, data, golden, numbers, parameters, run_all_ways};

/// A search that is ready to run.
pub fn start(
    method: &str,
    class: &str,
    data: &Data,
    fixed: &[(String, Value)],
    tuned: &[(String, Value)],
    options: &[(String, Value)],
) -> quern_model::Result<Search> {
    let method = search::find(method)?;
    let (options, _) = method.parameters(options)?;
    let class = class::find(class)?;
    method.start(&options, class, &data.setup(class, fixed), tuned)
}

fn column<'a>(outcome: &'a Outcome, name: &str) -> &'a Column {
    let mut columns = outcome.columns.iter();
    &columns.find(|(known, _)| known == name).unwrap().1
}

fn whole(outcome: &Outcome, name: &str) -> Vec<i64> {
    match column(outcome, name) {
        Column::Whole(values) => values.clone(),
        other => panic!("{name} is {other:?}"),
    }
}

fn number(outcome: &Outcome, name: &str) -> Vec<f64> {
    match column(outcome, name) {
        Column::Number(values) => values.iter().map(|v| v.unwrap()).collect(),
        other => panic!("{name} is {other:?}"),
    }
}

pub fn given(entries: &[(&str, Value)]) -> Vec<(String, Value)> {
    let entries = entries.iter();
    entries.map(|(k, v)| (k.to_string(), v.clone())).collect()
}

pub fn list(values: &[f64]) -> Value {
    Value::List(values.iter().map(|v| Value::Number(*v)).collect())
}

#[test]
fn grid_searches_are_those_of_scikit_learn() {
    for case in golden("search")["searches"].as_array().unwrap() {
        let data = data(case["data"].as_str().unwrap());
        let class = case["class"].as_str().unwrap();
        let what = format!(
            "{class} {} {} {}",
            case["data"], case["tuned"], case["options"]
        );
        let (fixed, tuned) = (parameters(&case["parameters"]), parameters(&case["tuned"]));
        let options = parameters(&case["options"]);
        let rows = data.owned(case["options"]["cv"].as_u64().unwrap() as u32);
        let (fitted, search, scans) = run_all_ways(&what, &rows, || {
            start("GridSearchCV", class, &data, &fixed, &tuned, &options).unwrap()
        });
        match case["scans"].as_u64() {
            Some(expected) => assert_eq!(scans as u64, expected, "{what}"),
            // Far fewer than the trainings one after the other.
            None => assert!(scans < 40, "{what} took {scans} scans"),
        }
        let outcome = search.outcome().unwrap();
        for (name, expected) in case["results"].as_object().unwrap() {
            let what = format!("{what} {name}");
            match column(outcome, name) {
                Column::Whole(found) => {
                    let expected: Vec<f64> = numbers(expected);
                    let found: Vec<f64> = found.iter().map(|v| *v as f64).collect();
                    assert_eq!(found, expected, "{what}");
                }
                Column::Flag(found) => assert_eq!(serde_json::json!(found), *expected, "{what}"),
                // A deviation is what is left of scores that are 1 at most.
                Column::Number(found) if name == "std_test_score" => {
                    let means = number(outcome, "mean_test_score");
                    let scale = means.iter().fold(0.0f64, |a, b| a.max(b.abs()));
                    for (found, expected) in found.iter().zip(numbers(expected)) {
                        let off = (found.unwrap() - expected).abs() / scale;
                        assert!(off < 1e-10, "{what}: {off:e} off");
                    }
                }
                Column::Number(found) => {
                    let found: Vec<f64> = found.iter().map(|v| v.unwrap()).collect();
                    assert_close(&what, &found, &numbers(expected), 1e-10);
                }
                Column::Text(_) => panic!("{what} is text"),
            }
        }
        assert_eq!(
            outcome.best as u64,
            case["best"].as_u64().unwrap(),
            "{what}"
        );
        let best = &[case["best_score"].as_f64().unwrap()];
        assert_close(&what, &[outcome.best_score], best, 1e-10);
        let mut expected = parameters(&case["best_parameters"]);
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(outcome.best_parameters, expected, "{what}");
        for (name, value) in &outcome.best_parameters {
            assert_eq!(outcome.parameters.get(name), value, "{what}");
        }
        if case["scans"] == 1 {
            let found = &fitted.arrays["coef"].data;
            assert_close(&what, found, &numbers(&case["coef"]), 1e-8);
        }
        assert_eq!(outcome.warnings, Vec::<String>::new(), "{what}");
    }
}

#[test]
fn weights_count_in_training_and_in_scores() {
    for case in golden("search")["weighted"].as_array().unwrap() {
        let data = data(case["data"].as_str().unwrap());
        let mut rows = data.owned(5);
        rows.weight = Some((0..rows.count).map(|row| 0.5 + (row % 3) as f64).collect());
        let tuned = given(&[("alpha", list(&numbers(&case["alphas"])))]);
        let (_, search, _) = run_all_ways("weighted", &rows, || {
            start("GridSearchCV", "Ridge", &data, &[], &tuned, &[]).unwrap()
        });
        let splits = (0..5).map(|fold| {
            let name = format!("split{fold}_test_score");
            number(search.outcome().unwrap(), &name)
        });
        let splits: Vec<Vec<f64>> = splits.collect();
        let by_candidate = (0..splits[0].len()).flat_map(|at| splits.iter().map(move |s| s[at]));
        let found: Vec<f64> = by_candidate.collect();
        assert_close("weighted", &found, &numbers(&case["scores"]), 1e-10);
    }
}

#[test]
fn halving_has_the_rounds_of_scikit_learn() {
    for case in golden("search")["halvings"].as_array().unwrap() {
        let data = data(case["data"].as_str().unwrap());
        let (tuned, options) = (parameters(&case["tuned"]), parameters(&case["options"]));
        let what = format!("{} {}", case["data"], case["options"]);
        let (_, search, _) = run_all_ways(&what, &data.owned(5), || {
            start("HalvingGridSearchCV", "Ridge", &data, &[], &tuned, &options).unwrap()
        });
        let outcome = search.outcome().unwrap();
        for name in ["iter", "n_resources"] {
            let found: Vec<f64> = whole(outcome, name).iter().map(|v| *v as f64).collect();
            assert_eq!(found, numbers(&case[name]), "{what} {name}");
        }
        let last = whole(outcome, "iter").last().copied();
        assert_eq!(
            whole(outcome, "iter").get(outcome.best).copied(),
            last,
            "{what}"
        );
    }
}

#[test]
fn the_last_round_of_halving_is_a_grid_search_where_it_has_all_rows() {
    let data = data("iris");
    let values = list(&[1e-9, 1e-6, 1e-3, 0.1, 1.0, 10.0]);
    for (class, name) in [("GaussianNB", "var_smoothing"), ("Ridge", "alpha")] {
        let tuned = given(&[(name, values.clone())]);
        let options = given(&[("min_resources", Value::Number(50.0))]);
        let rows = data.owned(5);
        let (halved, search, _) = run_all_ways(class, &rows, || {
            start("HalvingGridSearchCV", class, &data, &[], &tuned, &options).unwrap()
        });
        let halving = search.outcome().unwrap();
        assert_eq!(
            whole(halving, "n_resources"),
            [50, 50, 50, 50, 50, 50, 150, 150]
        );
        let (_, search, _) = run_all_ways(class, &rows, || {
            start("GridSearchCV", class, &data, &[], &tuned, &[]).unwrap()
        });
        let grid = search.outcome().unwrap();
        let column = format!("param_{name}");
        let all = number(grid, "mean_test_score");
        let places = number(grid, &column);
        for at in 6..8 {
            let value = number(halving, &column)[at];
            let place = places.iter().position(|known| *known == value).unwrap();
            assert_eq!(number(halving, "mean_test_score")[at], all[place]);
        }
        // About as many rows as were planned, and not the same scores.
        assert_ne!(number(halving, "mean_test_score")[0], all[0]);
        assert!(halved.arrays.values().all(|a| !a.data.is_empty()));
    }
}

#[test]
fn random_searches_try_some_of_the_grid() {
    let data = data("diabetes");
    let tuned = given(&[
        ("l1_ratio", list(&[0.1, 0.5, 0.9])),
        ("alpha", list(&[0.01, 0.1, 1.0, 10.0])),
    ]);
    let scores = |outcome: &Outcome| -> Vec<(String, f64)> {
        let Column::Text(params) = column(outcome, "params") else {
            panic!("params is text")
        };
        let params = params.iter().map(|p| p.clone().unwrap());
        params.zip(number(outcome, "mean_test_score")).collect()
    };
    let rows = data.owned(5);
    let (_, search, _) = run_all_ways("grid", &rows, || {
        start("GridSearchCV", "ElasticNet", &data, &[], &tuned, &[]).unwrap()
    });
    let all = scores(search.outcome().unwrap());
    assert_eq!(all[0].0, "(alpha = 0.01, l1_ratio = 0.1)");
    let options = given(&[
        ("n_iter", Value::Number(5.0)),
        ("random_state", Value::Number(3.0)),
    ]);
    let (_, search, scans) = run_all_ways("random", &rows, || {
        start(
            "RandomizedSearchCV",
            "ElasticNet",
            &data,
            &[],
            &tuned,
            &options,
        )
        .unwrap()
    });
    let some = scores(search.outcome().unwrap());
    assert_eq!((some.len(), scans), (5, 1));
    assert!(some.iter().all(|candidate| all.contains(candidate)));

    let range = Value::Map(given(&[
        ("low", Value::Number(0.01)),
        ("high", Value::Number(10.0)),
        ("log", Value::Bool(true)),
    ]));
    let tuned = given(&[("alpha", range)]);
    let (_, search, _) = run_all_ways("range", &rows, || {
        start("RandomizedSearchCV", "Lasso", &data, &[], &tuned, &options).unwrap()
    });
    let alphas = number(search.outcome().unwrap(), "param_alpha");
    assert_eq!(alphas.len(), 5);
    assert!(alphas.iter().all(|alpha| (0.01..=10.0).contains(alpha)));
}

/// Always says the same share of the mean of the target.
static SHARE: Class = Class {
    name: "Share",
    purpose: Purpose::Regression,
    about: "A share of the mean.",
    parameters: &[parameter(
        "share",
        NOT_NEGATIVE,
        Value::Number(1.0),
        "The share.",
    )],
    training: Training::Memory {
        train: |setup: &Setup, rows: &Owned| {
            let mean = rows.target.iter().sum::<f64>() / rows.count as f64;
            let value = mean * setup.parameters.number("share")?;
            if value == 0.0 {
                return Err(quern_model::Error::rows("nothing is left"));
            }
            Ok(Fitted::default().with("value", Array::scalar(value)))
        },
        rows: 1000,
        instead: "LinearRegression",
    },
    missing: false,
    predictor: |fitted, _| Ok(Box::new(Always(fitted.scalar("value")?))),
};

#[derive(Debug)]
struct Always(f64);

impl Predictor for Always {
    fn predict(&self, rows: &Rows<'_>) -> Vec<f64> {
        vec![self.0; rows.count]
    }
}

#[test]
fn classes_that_train_in_memory_are_searched_there() {
    let data = data("diabetes");
    let method = search::find("GridSearchCV").unwrap();
    let run = |options: &[(&str, Value)]| {
        let options = method.parameters(&given(options)).unwrap().0;
        let tuned = given(&[("share", list(&[0.5, 1.0, 0.0]))]);
        let setup = data.setup(&SHARE, &[]);
        let mut search = method.start(&options, &SHARE, &setup, &tuned).unwrap();
        let fitted = search.in_memory(&data.owned(4));
        fitted.map(|fitted| (fitted, search.outcome().unwrap().clone()))
    };
    let scoring = ("scoring", Value::text("neg_mean_absolute_error"));
    let cv = ("cv", Value::Number(4.0));
    let (fitted, outcome) = run(&[scoring.clone(), cv.clone()]).unwrap();
    assert_eq!(outcome.best, 1);
    let mean = data.target.iter().sum::<f64>() / data.rows() as f64;
    assert_close("mean", &fitted.arrays["value"].data, &[mean], 1e-14);
    let by_hand = (0..4).map(|fold| {
        let rows = || (0..data.rows()).filter(move |row| row % 4 == fold);
        let others = || (0..data.rows()).filter(move |row| row % 4 != fold);
        let mean = others().map(|r| data.target[r]).sum::<f64>() / others().count() as f64;
        let sizes = rows().map(|r| (data.target[r] - mean).abs());
        -sizes.sum::<f64>() / rows().count() as f64
    });
    let by_hand = by_hand.sum::<f64>() / 4.0;
    assert_close("score", &[outcome.best_score], &[by_hand], 1e-13);
    assert!(number(&outcome, "mean_test_score")[2].is_nan());
    assert_eq!(whole(&outcome, "rank_test_score"), [2, 1, 3]);
    let warning = "a candidate has no score: nothing is left (of 4 trainings)";
    assert_eq!(outcome.warnings, [warning]);
    let raised = run(&[scoring, cv, ("error_score", Value::text("raise"))]).unwrap_err();
    assert_eq!(raised.message, "nothing is left");
}
