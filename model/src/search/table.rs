//! The table of results: scikit-learn's `cv_results_`.

use super::Column;
use super::candidate::Candidate;
use crate::parameter::Value;

/// A candidate and how it did in each fold.
#[derive(Debug, Clone)]
pub struct Tried {
    pub candidate: Candidate,
    pub scores: Vec<f64>,
    /// Of a halving search: the round, and the rows that it had.
    pub round: Option<(usize, u64)>,
}

impl Tried {
    pub fn mean(&self) -> f64 {
        self.scores.iter().sum::<f64>() / self.scores.len() as f64
    }

    fn deviation(&self) -> f64 {
        let mean = self.mean();
        let squares = self.scores.iter().map(|score| (score - mean).powi(2));
        (squares.sum::<f64>() / self.scores.len() as f64).sqrt()
    }
}

/// The place of each mean, from 1; equal ones share the smallest, unknown ones the last.
pub fn ranks(means: &[f64]) -> Vec<i64> {
    let known = |mean: f64| {
        if mean.is_nan() {
            f64::NEG_INFINITY
        } else {
            mean
        }
    };
    let better = |mean: f64| {
        means
            .iter()
            .filter(|other| known(**other) > known(mean))
            .count()
    };
    means.iter().map(|mean| better(*mean) as i64 + 1).collect()
}

pub fn columns(tried: &[Tried]) -> Vec<(String, Column)> {
    let mut columns = Vec::new();
    let rounds: Option<Vec<(usize, u64)>> = tried.iter().map(|row| row.round).collect();
    if let Some(rounds) = rounds {
        let iter = rounds.iter().map(|(round, _)| *round as i64).collect();
        let resources = rounds.iter().map(|(_, rows)| *rows as i64).collect();
        columns.push(("iter".to_string(), Column::Whole(iter)));
        columns.push(("n_resources".to_string(), Column::Whole(resources)));
    }
    let names = tried.first().map(|row| row.candidate.values.iter());
    for (at, (name, _)) in names.into_iter().flatten().enumerate() {
        let values = tried.iter().map(|row| &row.candidate.values[at].1);
        columns.push((format!("param_{name}"), column(&values.collect::<Vec<_>>())));
    }
    let params = tried
        .iter()
        .map(|row| Some(Value::Map(row.candidate.values.clone()).to_string()));
    columns.push(("params".to_string(), Column::Text(params.collect())));
    let mut number = |name: String, of: &dyn Fn(&Tried) -> f64| {
        let values = tried.iter().map(|row| Some(of(row))).collect();
        columns.push((name, Column::Number(values)));
    };
    let folds = tried.first().map_or(0, |row| row.scores.len());
    for fold in 0..folds {
        number(format!("split{fold}_test_score"), &|row| {
            row.scores.get(fold).copied().unwrap_or(f64::NAN)
        });
    }
    number("mean_test_score".to_string(), &Tried::mean);
    number("std_test_score".to_string(), &Tried::deviation);
    let means: Vec<f64> = tried.iter().map(Tried::mean).collect();
    columns.push(("rank_test_score".to_string(), Column::Whole(ranks(&means))));
    columns
}

/// Values as a column of the type that they share, or as text.
fn column(values: &[&Value]) -> Column {
    let all = |is: fn(&Value) -> bool| values.iter().all(|v| **v == Value::Null || is(v));
    if all(|v| matches!(v, Value::Number(_))) {
        return Column::Number(values.iter().map(|v| v.as_number()).collect());
    }
    if all(|v| matches!(v, Value::Bool(_))) {
        let flag = |v: &&Value| match v {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        };
        return Column::Flag(values.iter().map(flag).collect());
    }
    let text = |v: &&Value| match v {
        Value::Null => None,
        Value::Text(text) => Some(text.to_string()),
        value => Some(value.to_string()),
    };
    Column::Text(values.iter().map(text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_means_share_the_smaller_rank_and_unknown_ones_are_last() {
        assert_eq!(ranks(&[0.5, 0.9, 0.5, f64::NAN, 0.1]), [2, 1, 2, 5, 4]);
        assert_eq!(ranks(&[f64::NAN, f64::NAN]), [1, 1]);
    }

    #[test]
    fn columns_have_the_type_of_their_values() {
        let (one, word, null) = (Value::Number(1.0), Value::text("l1"), Value::Null);
        assert_eq!(
            column(&[&one, &null]),
            Column::Number(vec![Some(1.0), None])
        );
        assert_eq!(
            column(&[&one, &word]),
            Column::Text(vec![Some("1".to_string()), Some("l1".to_string())])
        );
    }
}
