//! First and second moments of the features and the target: all that a quadratic loss needs.

use serde::{Deserialize, Serialize};

use super::Collect;
use crate::rows::Rows;
use crate::solve::Symmetric;
use crate::state::State;
use crate::sum::{Sum, Weighted, dot, total};

/// Sums of weights, of values, and of products of values. The target counts as the last column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    pub features: usize,
    pub target: bool,
}

impl Moments {
    pub fn columns(&self) -> usize {
        self.features + usize::from(self.target)
    }
}

impl Collect for Moments {
    fn start(&self) -> State {
        let columns = self.columns();
        State::of_sums(1 + columns + columns * (columns + 1) / 2)
    }

    fn update(&self, state: &mut State, rows: &Rows<'_>) {
        let target = self.target.then_some(rows.target);
        let columns: Vec<&[f64]> = rows.features.iter().copied().chain(target).collect();
        let weighted: Option<Vec<Weighted>> = rows.weight.map(|weight| {
            let columns = columns.iter();
            columns.map(|column| Weighted::of(column, weight)).collect()
        });

        let mut sums = state.sums.iter_mut();
        let mut add = |value: Sum| {
            if let Some(sum) = sums.next() {
                *sum = *sum + value;
            }
        };
        add(rows.weight.map_or(Sum::from(rows.count as f64), total));
        let total_of = |at: usize| match &weighted {
            None => total(columns[at]),
            Some(weighted) => weighted[at].total(),
        };
        let product = |row: usize, column: &[f64]| match &weighted {
            None => dot(columns[row], column),
            Some(weighted) => weighted[row].dot(column),
        };
        (0..columns.len()).for_each(|at| add(total_of(at)));
        for row in 0..columns.len() {
            let pairs = columns.iter().take(row + 1);
            pairs.for_each(|column| add(product(row, column)));
        }
    }
}

/// What the sums say: means, and products of deviations from them.
#[derive(Debug, Clone)]
pub struct Centred {
    pub rows: u64,
    pub weight: Sum,
    pub means: Vec<Sum>,
    /// Sums of products of deviations; where `about` is zero, of the values themselves.
    pub products: Symmetric,
}

impl Centred {
    /// Deviations from the means, or from zero.
    pub fn of(state: &State, about_mean: bool) -> Self {
        // n sums and n (n + 1) / 2 products behind the sum of weights.
        let products_and_sums = 2 * state.sums.len().saturating_sub(1);
        let columns = ((((9 + 4 * products_and_sums) as f64).sqrt() - 3.0) / 2.0).round() as usize;
        let weight = state.sums.first().copied().unwrap_or_default();
        let (sums, products) = state.sums[1..].split_at(columns);
        let means: Vec<Sum> = sums.iter().map(|sum| *sum / weight).collect();
        let mut products = Symmetric::of(columns, products.to_vec());
        if about_mean {
            for (row, sum) in sums.iter().enumerate() {
                for (column, mean) in means.iter().enumerate().take(row + 1) {
                    let at = products.at_mut(row, column);
                    *at = (*at - *sum * *mean).settled(at.hi);
                }
            }
        }
        Self {
            rows: state.rows,
            weight,
            means,
            products,
        }
    }

    /// The sum of squared deviations of a column, not below zero.
    pub fn square(&self, column: usize) -> f64 {
        self.products.at(column, column).value().max(0.0)
    }
}
