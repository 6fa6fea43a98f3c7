//! Clusters around centres.

use quern_model::parameter::Value;
use serde_json::json;

use crate::common::{Data, assert_close, data, fails, golden, numbers, parameters, train};

/// Rows of one feature.
fn column(values: Vec<f64>) -> Data {
    Data {
        names: vec!["x0".into()],
        target: vec![0.0; values.len()],
        features: vec![values],
    }
}

#[test]
fn from_given_centers_all_is_as_in_scikit_learn() {
    let cases = golden("kmeans");
    let given = cases.as_array().unwrap().iter();
    for case in given.filter(|case| case.get("labels").is_some() && case.get("data").is_some()) {
        let what = format!("{} {}", case["data"], case["parameters"]["n_clusters"]);
        let data = data(case["data"].as_str().unwrap());
        let (fitted, predictor) = train("KMeans", &parameters(&case["parameters"]), &data);
        assert_close(
            &what,
            &fitted.arrays["cluster_centers"].data,
            &numbers(&case["cluster_centers"]),
            1e-9,
        );
        let inertia = numbers(&case["inertia"]);
        assert_close(&what, &[fitted.facts.numbers["inertia"]], &inertia, 1e-9);
        assert_eq!(
            Some(fitted.facts.numbers["n_iter"]),
            case["n_iter"].as_f64(),
            "{what}"
        );
        let labels = data.owned(0).view(|rows| predictor.predict(rows));
        let labels: String = labels.iter().map(|label| label.to_string()).collect();
        assert_eq!(labels, case["labels"].as_str().unwrap(), "{what}");
        let columns = data
            .owned(0)
            .view(|rows| predictor.transform(rows))
            .unwrap();
        let rows = case["distances"].as_array().unwrap().len();
        let distances = (0..rows).flat_map(|row| columns.iter().map(move |column| column[row]));
        assert_close(
            &what,
            &distances.collect::<Vec<_>>(),
            &numbers(&case["distances"]),
            1e-9,
        );
    }
}

#[test]
fn own_starts_are_as_good_as_the_best_of_ten() {
    let cases = golden("kmeans");
    for case in cases.as_array().unwrap() {
        let Some(best) = case["best"].as_f64() else {
            continue;
        };
        let data = data(case["data"].as_str().unwrap());
        let random = case["worst_random"].as_f64().unwrap();
        for (init, seed, bound) in [
            ("k-means++", 0, 1.05 * best),
            ("k-means++", 1, 1.05 * best),
            ("k-means++", 2, 1.05 * best),
            ("random", 0, (1.0 + 1e-9) * random),
        ] {
            let mut given = parameters(&case["parameters"]);
            given.push(("init".into(), Value::text(init)));
            given.push(("random_state".into(), Value::Number(f64::from(seed))));
            let (fitted, _) = train("KMeans", &given, &data);
            let inertia = fitted.facts.numbers["inertia"];
            assert!(
                inertia <= bound,
                "{} {} {init} {seed}: {inertia} for {bound}",
                case["data"],
                case["parameters"]
            );
        }
    }
}

#[test]
fn centers_without_rows_move_to_the_farthest_rows() {
    let cases = golden("kmeans");
    let case = cases.as_array().unwrap().last().unwrap();
    let rows = numbers(&case["rows"]);
    // More of them: the tests' cuts need rows.
    let more = rows.iter().flat_map(|row| [*row, row + 0.25, row - 0.25]);
    let more = column(more.collect());
    let (fitted, _) = train("KMeans", &parameters(&case["parameters"]), &more);
    assert_eq!(fitted.facts.warnings, Vec::<String>::new());
    let few = crate::common::train_once("KMeans", &parameters(&case["parameters"]), &column(rows));
    assert_close(
        "centers",
        &few.arrays["cluster_centers"].data,
        &numbers(&case["cluster_centers"]),
        1e-12,
    );
    assert_close(
        "inertia",
        &[few.facts.numbers["inertia"]],
        &numbers(&case["inertia"]),
        1e-12,
    );
}

#[test]
fn several_starts_are_not_worse_than_one() {
    let data = data("digits");
    let inertia = |starts: f64| {
        let given = json!({"n_clusters": 10, "n_init": starts, "init": "random"});
        train("KMeans", &parameters(&given), &data).0.facts.numbers["inertia"]
    };
    assert!(inertia(5.0) <= inertia(1.0));
}

#[test]
fn fewer_different_rows_than_clusters_are_a_warning() {
    let data = column([1.0, 2.0].repeat(10));
    for init in [json!("k-means++"), json!("random"), json!([[0], [5], [6]])] {
        let given = json!({"n_clusters": 3, "init": init});
        let (fitted, _) = train("KMeans", &parameters(&given), &data);
        assert_eq!(
            fitted.facts.warnings,
            ["only 2 of 3 clusters have rows: there may be fewer different rows"]
        );
        assert_eq!(fitted.facts.numbers["inertia"], 0.0);
    }
}

#[test]
fn passes_can_be_too_few() {
    let given = json!({"n_clusters": 10, "max_iter": 1, "tol": 0});
    let (fitted, _) = train("KMeans", &parameters(&given), &data("digits"));
    assert_eq!(
        fitted.facts.warnings,
        ["the centers still moved after max_iter = 1 passes"]
    );
}

#[test]
fn what_cannot_be_clustered() {
    let iris = data("iris");
    for (given, message) in [
        (
            json!({"n_clusters": 151}),
            "151 clusters need at least as many rows, and there are 150",
        ),
        (
            json!({"init": "best"}),
            "invalid value for parameter \"init\" of KMeans: 'best'",
        ),
        (
            json!({"n_clusters": 2, "init": [[1, 2, 3, 4], [1, 2]]}),
            "invalid value for parameter \"init\" of KMeans: ARRAY[ARRAY[1, 2, 3, 4], ARRAY[1, 2]]",
        ),
        (
            json!({"n_clusters": 2, "init": [[1, 2], [1, 2]]}),
            "init has 2 centers of 2 numbers, and there are 2 clusters of 4 features",
        ),
        (
            json!({"n_clusters": 0}),
            "invalid value for parameter \"n_clusters\" of KMeans: 0",
        ),
        (
            json!({"n_init": 1001}),
            "KMeans takes at most 1000 starts, not 1001",
        ),
    ] {
        assert_eq!(fails("KMeans", &parameters(&given), &iris), message);
    }
    assert_eq!(
        fails("KMeans", &[], &iris.take(&[])),
        "8 clusters need at least as many rows, and there are 0"
    );
}
