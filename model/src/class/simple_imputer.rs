//! `SimpleImputer`: missing values become the mean, the median or the most frequent value of their
//! feature, or a constant.
//!
//! One scan for means and constants, two for the most frequent value (the distinct values, then their
//! counts; the smallest of those that are equally frequent), a few for medians. Outputs are named like
//! the features with the suffix `_imputed`. A feature without any value is an error where
//! scikit-learn leaves it out with a warning; with `keep_empty_features` it becomes 0.

use super::quantiles::ByQuantiles;
use super::scaling::OneScan;
use super::{Class, Purpose, Training};
use crate::error::{Error, Kind, Result};
use crate::fitted::{Array, Fitted};
use crate::parameter::{Domain, Parameter, Value, parameter};
use crate::predict::Predictor;
use crate::rows::Rows;
use crate::statistic::columns::Column;
use crate::statistic::{Collected, Counts, Distinct, Statistic, Task};
use crate::train::{Setup, Step, Trainer};

pub static CLASS: Class = Class {
    name: "SimpleImputer",
    purpose: Purpose::Transformation,
    about: "Values in place of NULLs; the outputs are named like the features with `_imputed` behind.",
    parameters: PARAMETERS,
    training: Training::Chunks(|setup| {
        let setup = setup.clone();
        Ok(match setup.parameters.word("strategy") {
            "median" => Box::new(ByQuantiles::new(
                &setup,
                &[0.5],
                |setup, columns, medians| statistics(setup, columns, |at| medians[at][0]),
            )),
            "most_frequent" => Box::new(MostFrequent {
                setup,
                values: None,
            }),
            "constant" => Box::new(OneScan {
                setup,
                fit: |setup, columns| {
                    let fill = setup.parameters.get("fill_value").as_number();
                    statistics(setup, columns, |_| fill.unwrap_or(0.0))
                },
            }),
            _ => Box::new(OneScan {
                setup,
                fit: |setup, columns| statistics(setup, columns, |at| columns[at].mean),
            }),
        })
    }),
    missing: true,
    predictor,
};

static PARAMETERS: &[Parameter] = &[
    parameter(
        "strategy",
        Domain::Choice(&["mean", "median", "most_frequent", "constant"]),
        Value::text("mean"),
        "What stands in for missing values.",
    ),
    parameter(
        "fill_value",
        Domain::Number {
            min: f64::MIN,
            max: f64::MAX,
            open: false,
        },
        Value::Null,
        "The value of strategy = 'constant'; NULL is 0.",
    ),
    parameter(
        "add_indicator",
        Domain::Only(false),
        Value::Bool(false),
        "Whether there are outputs that say what was missing.",
    ),
    parameter(
        "keep_empty_features",
        Domain::Bool,
        Value::Bool(false),
        "Whether a feature without any value is no error.",
    ),
];

/// The model that imputes `value` of each feature.
fn statistics(setup: &Setup, columns: &[Column], value: impl Fn(usize) -> f64) -> Result<Fitted> {
    let constant = setup.parameters.word("strategy") == "constant";
    let values = columns
        .iter()
        .enumerate()
        .map(|(at, column)| match column.count {
            0 if !setup.parameters.flag("keep_empty_features") => Err(empty(setup, at)),
            0 if !constant => Ok(0.0),
            _ => Ok(value(at)),
        });
    let values = values.collect::<Result<_>>()?;
    Ok(Fitted::default().with("statistics", Array::vector(values)))
}

fn name(setup: &Setup, feature: usize) -> &str {
    setup.features.get(feature).map_or("", String::as_str)
}

fn empty(setup: &Setup, feature: usize) -> Error {
    Error::rows(format!(
        "the feature \"{}\" has no value from which others could be imputed",
        name(setup, feature)
    ))
    .hint("Leave it out, or let it become a constant with keep_empty_features = true.")
}

/// Distinct values of a feature that are counted.
const DISTINCT: u32 = 10_000;

struct MostFrequent {
    setup: Setup,
    /// The distinct values of each feature in ascending order, once they are known.
    values: Option<Vec<Vec<f64>>>,
}

impl Trainer for MostFrequent {
    fn tasks(&mut self) -> Vec<Task> {
        let statistic = |feature: usize| match &self.values {
            // One more than may be, to see whether there are more.
            None => Statistic::Distinct(Distinct {
                feature,
                limit: DISTINCT + 1,
            }),
            Some(values) => Statistic::Counts(Counts {
                feature,
                values: values.get(feature).cloned().unwrap_or_default(),
            }),
        };
        let features = 0..self.setup.features.len();
        features.map(|at| Task::of_all(statistic(at))).collect()
    }

    fn take(&mut self, collected: Collected) -> Result<Step> {
        let Some(values) = &self.values else {
            self.values = Some(self.distinct(collected)?);
            return Ok(Step::again("the ranks of values"));
        };
        let most = collected.0.iter().zip(values).map(|(state, values)| {
            let counted = state.sums.iter().map(|sum| sum.value()).zip(values);
            // The first of the most frequent ones: values ascend.
            let best = counted.reduce(|best, next| if next.0 > best.0 { next } else { best });
            best.map_or(0.0, |(_, value)| *value)
        });
        let most = most.collect();
        Step::done(Fitted::default().with("statistics", Array::vector(most)))
    }
}

impl MostFrequent {
    fn distinct(&self, collected: Collected) -> Result<Vec<Vec<f64>>> {
        let features = collected.0.into_iter().enumerate();
        let values = features.map(|(at, mut state)| {
            if state.rows == 0 {
                return Err(Error::rows("there are no rows to learn from"));
            }
            state.settle();
            match state.picked.len() {
                0 if !self.setup.parameters.flag("keep_empty_features") => {
                    return Err(empty(&self.setup, at));
                }
                more if more > DISTINCT as usize => {
                    return Err(Error::new(
                        Kind::Limit,
                        format!(
                            "the feature \"{}\" has more than {DISTINCT} distinct values",
                            name(&self.setup, at)
                        ),
                    )
                    .hint("strategy = 'most_frequent' counts each of them: try 'median'."));
                }
                _ => {}
            }
            let mut values: Vec<f64> = state.picked.into_iter().flat_map(|p| p.values).collect();
            values.sort_by(f64::total_cmp);
            Ok(values)
        });
        values.collect()
    }
}

fn predictor(fitted: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    let features = setup.features.len();
    Ok(Box::new(Imputed(
        fitted.vector("statistics", Some(features))?,
    )))
}

/// What stands in for missing values of each feature.
#[derive(Debug)]
struct Imputed(Vec<f64>);

impl Predictor for Imputed {
    fn transform(&self, rows: &Rows<'_>) -> Option<Vec<Vec<f64>>> {
        let filled = rows.features.iter().zip(&self.0).map(|(column, fill)| {
            let values = column.iter();
            values
                .map(|v| if v.is_nan() { *fill } else { *v })
                .collect()
        });
        Some(filled.collect())
    }

    fn outputs(&self, features: &[String]) -> Vec<String> {
        let names = features.iter();
        names.map(|name| format!("{name}_imputed")).collect()
    }
}
