//! What is said of a search that cannot be made.

use quern_model::parameter::Value;

use crate::common::{Data, data};
use crate::search::{given, list, start};

const GRID: &str = "GridSearchCV";

fn fails(
    method: &str,
    class: &str,
    data: &Data,
    tuned: &[(&str, Value)],
    options: &[(&str, Value)],
) -> String {
    let error = start(method, class, data, &[], &given(tuned), &given(options));
    let error = error.err().unwrap();
    format!("{error}\n{}", error.hint.as_deref().unwrap_or_default())
}

fn alpha() -> (&'static str, Value) {
    ("alpha", list(&[0.1, 1.0]))
}

#[test]
fn names_and_values_are_checked() {
    let regression = data("diabetes");
    let numbers = list(&[0.1, 1.0]);
    let cases = [
        (
            fails("GridSearchCw", "Ridge", &regression, &[], &[]),
            "there is no experiment class \"GridSearchCw\"\nDid you mean \"GridSearchCV\"? There are: \
             GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV.",
        ),
        (
            fails(GRID, "Ridge", &regression, &[], &[]),
            "GridSearchCV has no parameters to search\nName them with their values: tune_parameters = \
             (alpha = ARRAY[0.1, 1, 10]).",
        ),
        (
            fails(
                GRID,
                "Ridge",
                &regression,
                &[("alhpa", numbers.clone())],
                &[],
            ),
            "Ridge has no parameter \"alhpa\"\nDid you mean \"alpha\"? It has: alpha, fit_intercept, \
             max_iter, positive, random_state, solver, tol.",
        ),
        (
            fails(GRID, "Ridge", &regression, &[("tol", numbers.clone())], &[]),
            "the parameter \"tol\" of Ridge has no effect\nThere is nothing to search.",
        ),
        (
            fails(
                GRID,
                "Ridge",
                &regression,
                &[alpha(), ("ALPHA", numbers.clone())],
                &[],
            ),
            "the parameter \"alpha\" is searched twice\n",
        ),
        (
            fails(
                GRID,
                "Ridge",
                &regression,
                &[("alpha", list(&[1.0, -1.0]))],
                &[],
            ),
            "invalid value for parameter \"alpha\" of Ridge: -1\nIt takes a number of at least 0.",
        ),
        (
            fails(GRID, "Ridge", &regression, &[("alpha", list(&[]))], &[]),
            "there are no values of \"alpha\" to search\n",
        ),
        (
            fails(
                GRID,
                "LassoCV",
                &regression,
                &[("eps", numbers.clone())],
                &[],
            ),
            "LassoCV has folds of its own\nSearch Lasso instead.",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

#[test]
fn methods_scores_and_ranges_are_checked() {
    let regression = data("diabetes");
    let iris = data("iris");
    let numbers = list(&[0.1, 1.0]);
    let cases = [
        (
            fails(
                GRID,
                "Ridge",
                &regression,
                &[alpha()],
                &[("scoring", Value::text("f1"))],
            ),
            "\"f1\" does not score Ridge\nIt takes one of r2, explained_variance, \
             neg_mean_squared_error, neg_root_mean_squared_error, neg_mean_absolute_error.",
        ),
        (
            fails(
                GRID,
                "GaussianNB",
                &iris,
                &[("var_smoothing", numbers.clone())],
                &[("scoring", Value::text("f1"))],
            ),
            "\"f1\" needs a target with two labels, not 3\nOf more labels, take accuracy, \
             balanced_accuracy, f1_macro or f1_weighted.",
        ),
        (
            fails(
                GRID,
                "Ridge",
                &regression,
                &[("alpha", Value::Map(Vec::new()))],
                &[],
            ),
            "GridSearchCV takes values of \"alpha\", not a range\nRandomizedSearchCV takes ranges.",
        ),
        (
            fails(
                "RandomizedSearchCV",
                "Ridge",
                &regression,
                &[("alpha", Value::Map(given(&[("low", Value::Number(1.0))])))],
                &[],
            ),
            "invalid range of parameter \"alpha\": low and high must be numbers\nA range is (low = \
             0.01, high = 100), or (low = 0.01, high = 100, log = true) for an even spread of its \
             logarithm.",
        ),
        (
            fails(
                GRID,
                "Ridge",
                &regression,
                &[alpha()],
                &[("cv", Value::Number(1.0))],
            ),
            "invalid value for parameter \"cv\" of GridSearchCV: 1\nIt takes a whole number of at \
             least 2.",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

#[test]
fn folds_need_rows_and_labels() {
    let regression = data("diabetes");
    let iris = data("iris");
    let numbers = list(&[0.1, 1.0]);
    let fails = |class: &str, data: &Data, tuned: &str, folds: u32, rows: &[usize]| {
        let tuned = given(&[(tuned, numbers.clone())]);
        let mut search = start(GRID, class, data, &[], &tuned, &[]).unwrap();
        let part = [data.take(rows).owned(folds)];
        let scan = |tasks: &[_]| Ok(crate::common::scan(&part, tasks));
        quern_model::train::run(&mut search, scan)
            .unwrap_err()
            .message
    };
    let few: Vec<usize> = (0..40).collect();
    assert_eq!(
        fails("Ridge", &regression, "alpha", 4, &few),
        "fold 4 of 5 has no rows"
    );
    assert_eq!(
        fails("GaussianNB", &iris, "var_smoothing", 5, &few),
        "no row outside fold 0 has the label '1'"
    );
}
