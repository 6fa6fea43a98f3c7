//! Successive halving: how many rows each round has, and who goes on to the next. As scikit-learn's
//! `BaseSuccessiveHalving`.

use crate::error::{Error, Result};
use crate::parameter::Parameters;

/// The rows of each round.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    pub factor: f64,
    pub resources: Vec<u64>,
}

impl Schedule {
    pub fn of(
        options: &Parameters,
        candidates: usize,
        rows: u64,
        folds: u32,
        labels: usize,
    ) -> Result<Self> {
        let factor = options.number("factor")?;
        let given = |name: &str| options.get(name).as_number().map(|n| n as u64);
        let max = given("max_resources").unwrap_or(rows);
        let smallest = u64::from(folds) * 2 * labels.max(1) as u64;
        let mut min = given("min_resources").unwrap_or(smallest);
        if min > max {
            let message = format!("the first round needs {min} rows, but there are {max}");
            return Err(Error::rows(message).hint("Take fewer folds, or set min_resources."));
        }
        // Quotients of logarithms, as Python has them.
        let log = |of: f64| (of.ln() / factor.ln()).floor() as i32;
        let required = 1 + log(candidates as f64);
        if options.word("min_resources") == "exhaust" {
            let last = (max as f64 / factor.powi(required - 1)).floor() as u64;
            min = min.max(last);
        }
        let possible = 1 + log((max / min.max(1)) as f64);
        let aggressive = options.flag("aggressive_elimination");
        let rounds = if aggressive {
            required
        } else {
            possible.min(required)
        };
        let resources = (0..rounds).map(|round| {
            let power = match aggressive {
                true => (round - required + possible).max(0),
                false => round,
            };
            ((factor.powi(power) * min as f64) as u64).min(max)
        });
        Ok(Self {
            factor,
            resources: resources.collect(),
        })
    }

    /// Who goes on: places of the candidates of a round, the worst of them first.
    pub fn keep(&self, means: &[f64]) -> Vec<usize> {
        let kept = (means.len() as f64 / self.factor).ceil() as usize;
        let known = |at: &usize| {
            let mean = means[*at];
            if mean.is_nan() {
                f64::NEG_INFINITY
            } else {
                mean
            }
        };
        let mut order: Vec<usize> = (0..means.len()).collect();
        order.sort_by(|a, b| known(a).total_cmp(&known(b)));
        order.split_off(means.len().saturating_sub(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameter::Value;

    fn schedule(given: &[(&str, Value)], candidates: usize, rows: u64) -> Vec<u64> {
        let given: Vec<_> = given
            .iter()
            .map(|(k, v)| (k.to_string(), v.clone()))
            .collect();
        let method = super::super::find("HalvingGridSearchCV").unwrap();
        let options = method.parameters(&given).unwrap().0;
        Schedule::of(&options, candidates, rows, 5, 0)
            .unwrap()
            .resources
    }

    #[test]
    fn rounds_have_as_many_rows_as_those_of_scikit_learn() {
        assert_eq!(schedule(&[], 9, 442), [49, 147, 441]);
        assert_eq!(schedule(&[], 10, 100), [11, 33, 99]);
        let smallest = ("min_resources", Value::text("smallest"));
        assert_eq!(
            schedule(std::slice::from_ref(&smallest), 20, 1000),
            [10, 30, 90]
        );
        let few = [smallest, ("max_resources", Value::Number(40.0))];
        assert_eq!(schedule(&few, 20, 1000), [10, 30]);
        let hard = ("aggressive_elimination", Value::Bool(true));
        let few = [few[0].clone(), few[1].clone(), hard];
        assert_eq!(schedule(&few, 20, 1000), [10, 10, 30]);
    }
}
