//! Metrics beside scikit-learn's, over rows that are cut in several ways.

use crate::common::{assert_close, golden, numbers, shuffled};
use quern_model::metric::{Accumulator, Argument, METRICS, Metric, find};

/// Over parts of the rows, merged backwards.
fn over(
    metric: &Metric,
    columns: &[Vec<f64>],
    weight: Option<&[f64]>,
    cuts: &[usize],
) -> Option<f64> {
    let mut whole = metric.start();
    for cut in cuts.windows(2).rev() {
        let rows = cut[0]..cut[1];
        let columns: Vec<&[f64]> = columns.iter().map(|c| &c[rows.clone()]).collect();
        let mut part = metric.start();
        metric
            .update(&mut part, &columns, weight.map(|w| &w[rows]))
            .unwrap();
        whole
            .merge(&Accumulator::from_bytes(&part.to_bytes()).unwrap())
            .unwrap();
    }
    metric.finish(&mut whole).unwrap()
}

#[test]
fn metrics_are_those_of_scikit_learn() {
    let mut seen = std::collections::BTreeSet::new();
    for case in golden("metrics").as_array().unwrap() {
        let columns = [numbers(&case["truth"]), numbers(&case["found"])];
        let weight = (!case["weight"].is_null()).then(|| numbers(&case["weight"]));
        let rows = columns[0].len();
        let order = shuffled(rows, 3);
        let mixed = |column: &Vec<f64>| order.iter().map(|at| column[*at]).collect::<Vec<f64>>();
        for (name, expected) in case["metrics"].as_object().unwrap() {
            let metric = find(name, 2).unwrap_or_else(|| panic!("there is no {name}"));
            seen.insert(metric.name);
            let found = over(metric, &columns, weight.as_deref(), &[0, rows]);
            let cuts = [0, rows / 3, rows / 3, rows / 2, rows];
            let shuffled_weight = weight.as_ref().map(mixed);
            let cut = over(
                metric,
                &[mixed(&columns[0]), mixed(&columns[1])],
                shuffled_weight.as_deref(),
                &cuts,
            );
            assert_eq!(found, cut, "{name} depends on how rows are cut");
            let what = format!("{name} of {rows} rows, weighted: {}", weight.is_some());
            match (found, expected.as_f64()) {
                (Some(found), Some(0.0)) => {
                    assert!(found.abs() < 1e-12, "{what}: {found}");
                }
                (Some(found), Some(expected)) => {
                    assert_close(&what, &[found], &[expected], 1e-12);
                }
                (found, expected) => assert_eq!(found, expected, "{what}"),
            }
        }
    }
    let all = METRICS.iter().map(|metric| metric.name);
    assert!(
        seen.into_iter()
            .eq(all.collect::<std::collections::BTreeSet<_>>())
    );
}

fn of(name: &str, truth: &[f64], found: &[f64]) -> Result<Option<f64>, String> {
    let metric = find(name, 2).unwrap();
    let mut whole = metric.start();
    metric
        .update(&mut whole, &[truth, found], None)
        .and_then(|()| metric.finish(&mut whole))
        .map_err(|error| error.message)
}

#[test]
fn without_rows_there_is_no_value() {
    for metric in METRICS {
        let mut empty = metric.start();
        assert_eq!(metric.finish(&mut empty).unwrap(), None, "{}", metric.name);
    }
}

#[test]
fn text_labels_are_counted_by_pair() {
    let metric = find("precision_score", 2).unwrap();
    assert!(metric.is_of_labels());
    let mut whole = metric.start();
    for (label, predicted, weight) in [
        ("no", "no", 5.0),
        ("no", "yes", 1.0),
        ("yes", "yes", 3.0),
        ("yes", "no", 2.0),
    ] {
        whole.add_pair(label, predicted, weight.into()).unwrap();
    }
    assert_eq!(metric.finish(&mut whole).unwrap(), Some(0.75));
    whole.add_pair("maybe", "no", 1.0.into()).unwrap();
    let error = metric.finish(&mut whole).unwrap_err();
    assert_eq!(
        error.message,
        "precision_score needs two labels; there are 3"
    );
    assert_eq!(
        error.hint.as_deref(),
        Some("Of more labels, take precision_macro, precision_micro or precision_weighted.")
    );
}

#[test]
fn the_probability_of_the_own_label_is_enough_for_log_loss() {
    let metric = find("log_loss", 1).unwrap();
    assert_eq!(metric.arguments, [Argument::OwnProbability]);
    let mut whole = metric.start();
    metric
        .update(&mut whole, &[&[0.5, 0.25]], Some(&[1.0, 3.0]))
        .unwrap();
    let found = metric.finish(&mut whole).unwrap().unwrap();
    assert_close("log_loss", &[found], &[7.0 * 2f64.ln() / 4.0], 1e-15);
}

#[test]
fn what_a_metric_cannot_take_is_said() {
    for (name, truth, found, message) in [
        (
            "mean_squared_log_error",
            -1.5,
            2.0,
            "mean_squared_log_error needs values above -1; a row has -1.5 and 2",
        ),
        (
            "log_loss",
            1.0,
            1.25,
            "log_loss needs 0 or 1, and a probability; a row has 1 and 1.25",
        ),
        (
            "brier_score",
            2.0,
            0.5,
            "brier_score_loss needs 0 or 1, and a probability; a row has 2 and 0.5",
        ),
        (
            "roc_auc",
            3.0,
            0.5,
            "roc_auc_score needs 0 or 1, and a score; a row has 3 and 0.5",
        ),
    ] {
        assert_eq!(of(name, &[truth], &[found]).unwrap_err(), message);
    }
    let many: Vec<f64> = (0..1001).map(f64::from).collect();
    assert_eq!(
        of("accuracy", &many, &many).unwrap_err(),
        "there are more than 1000 labels"
    );
}

#[test]
fn damaged_states_are_refused() {
    for metric in METRICS {
        let mut state = metric.start();
        let columns: Vec<&[f64]> = metric.arguments.iter().map(|_| &[1.0, 0.0][..]).collect();
        metric.update(&mut state, &columns, None).unwrap();
        let bytes = state.to_bytes();
        assert_eq!(Accumulator::from_bytes(&bytes).unwrap(), state);
        for length in 0..bytes.len() {
            assert!(
                Accumulator::from_bytes(&bytes[..length]).is_err(),
                "{length}"
            );
        }
    }
}
