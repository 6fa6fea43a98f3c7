//! What classes that train in memory have in common: the rows as points in an order of their own.
//!
//! Rows come in any order, and what is computed of them one after the other would show it. So they are
//! sorted by their values: equal sets of rows give equal models, to the last bit.

use std::cmp::Ordering;

use crate::error::{Error, Kind, Result};
use crate::points::Points;
use crate::rows::{Owned, Rows};
use crate::watch::{self, Watch};

/// Rows in the order of their features, then their target, then their weight.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub points: Points,
    pub target: Vec<f64>,
    pub weight: Vec<f64>,
}

impl Table {
    pub fn of(rows: &Owned, watch: &Watch) -> Result<Self> {
        if rows.count == 0 {
            return Err(Error::rows("there are no rows to learn from"));
        }
        if rows.features.is_empty() {
            return Err(Error::rows("there are no features to learn from"));
        }
        let weight = |row: usize| rows.weight.as_ref().map_or(1.0, |weight| weight[row]);
        let target = |row: usize| rows.target.get(row).copied().unwrap_or(0.0);
        // Both zeros are one value.
        let value = |column: &[f64], row: usize| column[row] + 0.0;
        let order = sorted(rows.count, watch, |a, b| {
            let mut features = rows
                .features
                .iter()
                .map(|c| value(c, a).total_cmp(&value(c, b)));
            let differs = features.find(|order| order.is_ne());
            differs
                .unwrap_or(Ordering::Equal)
                .then_with(|| target(a).total_cmp(&target(b)))
                .then_with(|| weight(a).total_cmp(&weight(b)))
        })?;
        let mut data = Vec::with_capacity(rows.count * rows.features.len());
        for (at, row) in order.iter().enumerate() {
            watch.check_at(at)?;
            data.extend(rows.features.iter().map(|column| value(column, *row)));
        }
        Ok(Self {
            points: Points {
                width: rows.features.len(),
                data,
            },
            target: order.iter().map(|row| target(*row)).collect(),
            weight: order.iter().map(|row| weight(*row)).collect(),
        })
    }

    pub fn count(&self) -> usize {
        self.target.len()
    }
}

/// The numbers below `count` in an order: runs that are sorted, then merged, so that it can be ended.
pub(super) fn sorted(
    count: usize,
    watch: &Watch,
    compare: impl Fn(usize, usize) -> Ordering,
) -> Result<Vec<usize>> {
    let mut order: Vec<usize> = (0..count).collect();
    for run in order.chunks_mut(watch::ROWS) {
        watch.check()?;
        run.sort_by(|a, b| compare(*a, *b));
    }
    let mut width = watch::ROWS;
    while width < count {
        let mut merged = Vec::with_capacity(count);
        for pair in order.chunks(2 * width) {
            let (mut left, mut right) = pair.split_at(width.min(pair.len()));
            while let ([a, after_a @ ..], [b, after_b @ ..]) = (left, right) {
                watch.check_at(merged.len())?;
                if compare(*b, *a).is_lt() {
                    merged.push(*b);
                    right = after_b;
                } else {
                    merged.push(*a);
                    left = after_a;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        order = merged;
        width *= 2;
    }
    Ok(order)
}

/// Fails where rows have weights, of which the class knows nothing.
pub(super) fn without_weights(class: &str, rows: &Owned) -> Result<()> {
    match rows.weight {
        None => Ok(()),
        Some(_) => Err(Error::new(
            Kind::Unsupported,
            format!("{class} does not take weights of rows"),
        )),
    }
}

/// Calls `with` with the number and the features of each row.
pub(super) fn each_row(rows: &Rows<'_>, mut with: impl FnMut(usize, &[f64])) {
    let mut values = vec![0.0; rows.features.len()];
    for row in 0..rows.count {
        for (value, column) in values.iter_mut().zip(rows.features) {
            *value = column[row];
        }
        with(row, &values);
    }
}

/// A number of an array that counts from 0 and stays below `bound`.
pub(super) fn index(value: f64, bound: usize, array: &str) -> Result<usize> {
    match value >= 0.0 && value.fract() == 0.0 && value < bound as f64 {
        true => Ok(value as usize),
        false => Err(Error::corrupt(format!(
            "the model's array \"{array}\" has a number out of range: {value}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::mix;

    #[test]
    fn runs_are_merged_in_order() {
        for count in [0, 1, 1000, watch::ROWS, 3 * watch::ROWS + 17] {
            // Many are equal: they keep their order.
            let key = |at: usize| mix(at as u64) % 1000;
            let found = sorted(count, &Watch::default(), |a, b| key(a).cmp(&key(b))).unwrap();
            let mut expected: Vec<usize> = (0..count).collect();
            expected.sort_by_key(|at| key(*at));
            assert_eq!(found, expected);
        }
    }
}
