//! Least squares and its kin.

use crate::common::{assert_close, data, golden, numbers, parameters, train};

#[test]
fn least_squares_are_those_of_scikit_learn() {
    for case in golden("linear").as_array().unwrap() {
        let data = data(case["data"].as_str().unwrap());
        let class = case["class"].as_str().unwrap();
        let what = format!("{class} {} {}", case["data"], case["parameters"]);
        let (fitted, predictor) = train(class, &parameters(&case["parameters"]), &data);
        let tolerance = case["tolerance"].as_f64().unwrap();
        assert_close(
            &what,
            &fitted.arrays["coef"].data,
            &numbers(&case["coef"]),
            tolerance,
        );
        assert_close(
            &what,
            &fitted.arrays["intercept"].data,
            &numbers(&case["intercept"]),
            tolerance,
        );
        let predicted = data.owned(0).view(|rows| predictor.predict(rows));
        let expected = numbers(&case["predictions"]);
        assert_close(
            &what,
            &predicted[..expected.len()],
            &expected,
            case["prediction_tolerance"].as_f64().unwrap(),
        );
        if let Some(r2) = case["r2"].as_f64() {
            assert_close(&what, &[fitted.facts.numbers["r2"]], &[r2], 1e-10);
        }
    }
}
