//! Ridge, lasso and elastic net, and their cross-validations.

use quern_model::class::{self, Training};
use quern_model::parameter::Value;
use quern_model::train;

use crate::common::{assert_close, data, golden, numbers, parameters, scan, train_on};

#[test]
fn penalized_regressions_are_those_of_scikit_learn() {
    for case in golden("penalized").as_array().unwrap() {
        let data = data(case["data"].as_str().unwrap());
        let class = case["class"].as_str().unwrap();
        let what = format!(
            "{class} {} {} weighted {}",
            case["data"], case["parameters"], case["weighted"]
        );
        let folds = case["parameters"]["cv"].as_u64().unwrap_or(0) as u32;
        let mut rows = data.owned(folds);
        if case["weighted"] == true {
            rows.weight = Some((0..rows.count).map(|row| 0.5 + (row % 3) as f64).collect());
        }
        let given = parameters(&case["parameters"]);
        let (fitted, _) = train_on(class, &given, &data, &rows);

        let (found, expected) = (&fitted.arrays["coef"].data, numbers(&case["coef"]));
        assert_close(&what, found, &expected, 1e-8);
        let support = |values: &[f64]| values.iter().map(|v| *v != 0.0).collect::<Vec<_>>();
        assert_eq!(support(found), support(&expected), "{what}");
        let expected = numbers(&case["intercept"]);
        assert_close(&what, &fitted.arrays["intercept"].data, &expected, 1e-8);
        let expected = case["r2"].as_f64().unwrap();
        assert_close(&what, &[fitted.facts.numbers["r2"]], &[expected], 1e-10);
        for (fact, expected) in case["facts"].as_object().into_iter().flatten() {
            let found = fitted.facts.numbers[fact];
            assert_close(
                &format!("{what} {fact}"),
                &[found],
                &numbers(expected),
                1e-10,
            );
        }
        for (array, expected) in case["arrays"].as_object().into_iter().flatten() {
            let found = &fitted.arrays[array].data;
            assert_close(&format!("{what} {array}"), found, &numbers(expected), 1e-10);
        }
        let warned = !fitted.facts.warnings.is_empty();
        assert_eq!(warned, case["warned"] == true, "{what}");
    }
}

#[test]
fn what_cannot_be_trained_says_why() {
    let fails = |name: &str, given: &[(&str, Value)], rows: &[usize]| {
        let class = class::find(name).unwrap();
        let data = data("diabetes").take(rows);
        let given: Vec<_> = given
            .iter()
            .map(|(k, v)| (k.to_string(), v.clone()))
            .collect();
        let Training::Chunks(trainer) = class.training else {
            panic!("{name} trains over chunks")
        };
        let trained = trainer(&data.setup(class, &given)).and_then(|mut trainer| {
            let parts = [data.owned(trainer.folds())];
            train::run(&mut trainer, |tasks| Ok(scan(&parts, tasks)))
        });
        let error = trained.unwrap_err();
        format!("{error}\n{}", error.hint.as_deref().unwrap_or_default())
    };
    let list = |values: &[f64]| Value::List(values.iter().map(|v| Value::Number(*v)).collect());
    let ten: Vec<usize> = (0..10).collect();
    for class in ["Ridge", "Lasso", "ElasticNet", "RidgeCV"] {
        let found = fails(class, &[], &[]);
        assert_eq!(found, "there are no rows to learn from\n", "{class}");
    }
    assert_eq!(
        fails("LassoCV", &[], &ten[..3]),
        "fold 3 of 5 has no rows\n\
         Folds are numbered from 0 on; take fewer of them, or more rows."
    );
    assert_eq!(
        fails("RidgeCV", &[("alphas", list(&[1.0, 0.0]))], &ten),
        "invalid value for parameter \"alphas\" of RidgeCV: 0\nIt takes numbers above 0."
    );
    assert_eq!(
        fails("LassoCV", &[("alphas", list(&[1.0, -1.0]))], &ten),
        "invalid value for parameter \"alphas\": -1\nIt takes numbers from 0 on."
    );
    assert_eq!(
        fails("ElasticNetCV", &[("l1_ratio", list(&[0.5, 2.0]))], &ten),
        "invalid value for parameter \"l1_ratio\": 2\nIt takes numbers from 0 to 1."
    );
    assert_eq!(
        fails("RidgeCV", &[("cv", Value::Number(1e9))], &ten),
        "1000000000 folds are more than there may be, which is 1000\nFive or ten are usual."
    );
    assert_eq!(
        fails("LassoCV", &[("alphas", Value::Number(1e9))], &ten),
        "1000000000 values of alpha are more than there may be, which is 10000\n\
         A hundred are usual."
    );
    assert_eq!(
        fails("ElasticNetCV", &[("l1_ratio", Value::Number(0.0))], &ten),
        "alphas cannot be chosen for an l1_ratio of 0\n\
         Give a list: alphas = ARRAY[0.1, 1, 10]."
    );
}
