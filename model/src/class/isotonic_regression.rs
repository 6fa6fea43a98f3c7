//! `IsotonicRegression`: a function of one feature that never falls (or never rises), nearest to the
//! targets in squares.
//!
//! Pool adjacent violators (Best and Chakravarti 1990): rows in the order of the feature, rows of the same
//! value as one; blocks whose means fall are joined until none do. In between, the function is linear.
//! Sums are kept in twice the precision of `f64`.
//!
//! linfa-linear's takes the largest feature of a block from the unsorted rows and ignores the order when
//! values repeat, so this is our own.

use std::cmp::Ordering;

use super::in_memory::{Table, sorted};
use super::{Class, Purpose, Training};
use crate::error::{Error, Kind, Result};
use crate::fitted::{Array, Fitted};
use crate::parameter::{Domain, Parameter, Value, parameter};
use crate::predict::Predictor;
use crate::rows::{Owned, Rows};
use crate::sum::Sum;
use crate::train::Setup;
use crate::watch::Watch;

pub static CLASS: Class = Class {
    name: "IsotonicRegression",
    purpose: Purpose::Regression,
    about: "A function of one feature that never falls.",
    parameters: PARAMETERS,
    training: Training::Memory {
        train,
        rows: 10_000_000,
        instead: "LinearRegression",
    },
    missing: false,
    predictor,
};

static PARAMETERS: &[Parameter] = &[
    parameter(
        "y_min",
        FINITE,
        Value::Null,
        "The least value of the function; NULL is none.",
    ),
    parameter(
        "y_max",
        FINITE,
        Value::Null,
        "The greatest value of the function; NULL is none.",
    ),
    parameter(
        "increasing",
        Domain::Either(&[Domain::Bool, Domain::Choice(&["auto"])]),
        Value::Bool(true),
        "Whether the function never falls, or never rises; 'auto' asks the correlation of ranks.",
    ),
    parameter(
        "out_of_bounds",
        Domain::Choice(&["nan", "clip"]),
        Value::text("nan"),
        "What rows outside of those learned from get: NaN, or the value at the nearest end.",
    ),
];

const FINITE: Domain = Domain::Number {
    min: f64::MIN,
    max: f64::MAX,
    open: false,
};

fn train(setup: &Setup, rows: &Owned) -> Result<Fitted> {
    let features = rows.features.len();
    if features != 1 {
        return Err(Error::new(
            Kind::Limit,
            format!("IsotonicRegression takes one feature, and there are {features}"),
        ));
    }
    let parameters = &setup.parameters;
    let low = parameters.get("y_min").as_number();
    let high = parameters.get("y_max").as_number();
    if let (Some(low), Some(high)) = (low, high)
        && low > high
    {
        return Err(Error::parameter(format!(
            "y_min of IsotonicRegression is above y_max: {low} and {high}"
        )));
    }
    let table = Table::of(rows, &setup.watch)?;
    let mut fitted = Fitted::default();
    let increasing = match parameters.get("increasing") {
        Value::Bool(word) => *word,
        _ => {
            let correlation = rank_correlation(&table.points.data, &table.target, &setup.watch)?;
            if uncertain(correlation, table.count()) {
                fitted = fitted.warn(
                    "the confidence interval of the rank correlation spans zero: whether the \
                     function rises or falls may be wrong",
                );
            }
            correlation >= 0.0
        }
    };
    let (x, mut y) = isotonic(&table, increasing, &setup.watch)?;
    if x.is_empty() {
        return Err(Error::rows("all rows have a weight of 0"));
    }
    for value in &mut y {
        *value = value.max(low.unwrap_or(f64::NEG_INFINITY));
        *value = value.min(high.unwrap_or(f64::INFINITY));
    }
    // Within a level only its ends count.
    let last = x.len() - 1;
    let counts =
        |at: &usize| *at == 0 || *at == last || y[*at] != y[*at - 1] || y[*at] != y[*at + 1];
    let kept: Vec<usize> = (0..x.len()).filter(counts).collect();
    let pick = |of: &[f64]| Array::vector(kept.iter().map(|at| of[*at]).collect());
    Ok(fitted
        .with("X_thresholds", pick(&x))
        .with("y_thresholds", pick(&y))
        .with_fact("increasing", f64::from(u8::from(increasing))))
}

/// Rows of one level: how many different values, their weight, and the weighted sum of targets.
struct Block {
    values: usize,
    weight: Sum,
    sum: Sum,
}

impl Block {
    fn mean(&self) -> f64 {
        (self.sum / self.weight).value()
    }
}

/// The different values of the feature, and the level of each.
fn isotonic(table: &Table, increasing: bool, watch: &Watch) -> Result<(Vec<f64>, Vec<f64>)> {
    let mut x: Vec<f64> = Vec::new();
    let mut groups: Vec<Block> = Vec::new();
    let rows = table
        .points
        .data
        .iter()
        .zip(&table.target)
        .zip(&table.weight);
    for (row, ((value, target), weight)) in rows.enumerate() {
        watch.check_at(row)?;
        if *weight <= 0.0 {
            continue;
        }
        if x.last() != Some(value) {
            x.push(*value);
            groups.push(Block {
                values: 1,
                weight: Sum::ZERO,
                sum: Sum::ZERO,
            });
        }
        if let Some(group) = groups.last_mut() {
            group.weight.add(*weight);
            group.sum.add_product(*target, *weight);
        }
    }
    if !increasing {
        groups.reverse();
    }
    let mut blocks: Vec<Block> = Vec::with_capacity(groups.len());
    for (at, mut block) in groups.into_iter().enumerate() {
        watch.check_at(at)?;
        while let Some(before) = blocks.pop_if(|before| before.mean() >= block.mean()) {
            block.values += before.values;
            block.weight = block.weight + before.weight;
            block.sum = block.sum + before.sum;
        }
        blocks.push(block);
    }
    let level = |block: &Block| std::iter::repeat_n(block.mean(), block.values);
    let mut y: Vec<f64> = blocks.iter().flat_map(level).collect();
    if !increasing {
        y.reverse();
    }
    Ok((x, y))
}

/// Spearman's correlation: Pearson's of the ranks, where equal values share the mean of theirs.
fn rank_correlation(x: &[f64], y: &[f64], watch: &Watch) -> Result<f64> {
    let (x, y) = (ranks(x, watch)?, ranks(y, watch)?);
    let mean = (x.len() as f64 + 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| {
        let pairs = a.iter().zip(b);
        pairs.map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>()
    };
    let scale = (product(&x, &x) * product(&y, &y)).sqrt();
    Ok(match scale > 0.0 {
        true => product(&x, &y) / scale,
        false => 0.0,
    })
}

fn ranks(values: &[f64], watch: &Watch) -> Result<Vec<f64>> {
    let compare = |a: usize, b: usize| values[a].total_cmp(&values[b]);
    let order = sorted(values.len(), watch, compare)?;
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for alike in order.chunk_by(|a, b| compare(*a, *b) == Ordering::Equal) {
        let rank = before as f64 + (alike.len() as f64 + 1.0) / 2.0;
        alike.iter().for_each(|row| ranks[*row] = rank);
        before += alike.len();
    }
    Ok(ranks)
}

/// Whether Fisher's interval of 95 % around a correlation has zero inside, as scikit-learn warns of.
fn uncertain(correlation: f64, rows: usize) -> bool {
    if correlation.abs() >= 1.0 || rows <= 3 {
        return false;
    }
    let middle = 0.5 * ((1.0 + correlation) / (1.0 - correlation)).ln();
    middle.abs() < 1.96 / (rows as f64 - 3.0).sqrt()
}

#[derive(Debug)]
struct Levels {
    x: Vec<f64>,
    y: Vec<f64>,
    clip: bool,
}

fn predictor(fitted: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    let x = fitted.vector("X_thresholds", None)?;
    let y = fitted.vector("y_thresholds", Some(x.len()))?;
    if x.is_empty() || !x.is_sorted_by(|a, b| a < b) || setup.features.len() != 1 {
        return Err(Error::corrupt("the model's thresholds are not in order"));
    }
    let clip = setup.parameters.word("out_of_bounds") == "clip";
    Ok(Box::new(Levels { x, y, clip }))
}

impl Levels {
    fn at(&self, value: f64) -> f64 {
        let after = self.x.partition_point(|x| *x < value);
        let end = |at: Option<&f64>| match self.clip {
            true => at.copied().unwrap_or(f64::NAN),
            false => f64::NAN,
        };
        match (self.x.get(after), self.y.get(after)) {
            (Some(x), Some(y)) if *x == value => *y,
            (Some(x), Some(y)) if after > 0 => {
                let (x0, y0) = (self.x[after - 1], self.y[after - 1]);
                y0 + (y - y0) / (x - x0) * (value - x0)
            }
            (Some(_), _) => end(self.y.first()),
            _ => end(self.y.last()),
        }
    }
}

impl Predictor for Levels {
    fn predict(&self, rows: &Rows<'_>) -> Vec<f64> {
        let column = rows.features.first().copied().unwrap_or_default();
        column.iter().map(|value| self.at(*value)).collect()
    }
}
