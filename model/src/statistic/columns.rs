//! What there is to know of each feature by itself: how many values, their mean, their spread, their
//! extremes. Gaps (NaN) do not count, so each feature has its own weight.

use pulp::Arch;
use serde::{Deserialize, Serialize};

use super::Collect;
use crate::rows::Rows;
use crate::state::State;
use crate::sum::{Sum, Weighted, dot, total};

/// Four sums for each feature: values, weights, weighted values, weighted squares; and its extremes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Columns {
    pub features: usize,
}

const SUMS: usize = 4;

impl Collect for Columns {
    fn start(&self) -> State {
        State::of_sums(SUMS * self.features).with_extremes(self.features)
    }

    fn update(&self, state: &mut State, rows: &Rows<'_>) {
        let mut present = Present::default();
        let sums = state.sums.chunks_exact_mut(SUMS);
        let extremes = state.lows.iter_mut().zip(&mut state.highs);
        for ((feature, sums), (lowest, highest)) in rows.features.iter().zip(sums).zip(extremes) {
            let (values, weight) = present.of(feature, rows.weight);
            let (low, high) = extremes_of(values);
            *lowest = lowest.min(low);
            *highest = highest.max(high);
            let found = match weight {
                None => [
                    Sum::from(values.len() as f64),
                    total(values),
                    dot(values, values),
                ],
                Some(weight) => {
                    let weighted = Weighted::of(values, weight);
                    [total(weight), weighted.total(), weighted.dot(values)]
                }
            };
            let counted = [Sum::from(values.len() as f64)];
            for (sum, more) in sums.iter_mut().zip(counted.into_iter().chain(found)) {
                *sum = *sum + more;
            }
        }
    }
}

/// The values of a column that are not missing.
#[derive(Default)]
struct Present {
    values: Vec<f64>,
    weight: Vec<f64>,
}

impl Present {
    /// They and their weights; copied only where some are missing.
    fn of<'a>(
        &'a mut self,
        column: &'a [f64],
        weight: Option<&'a [f64]>,
    ) -> (&'a [f64], Option<&'a [f64]>) {
        if !column.iter().any(|value| value.is_nan()) {
            return (column, weight);
        }
        self.values.clear();
        self.values
            .extend(column.iter().copied().filter(|value| !value.is_nan()));
        let weight = weight.map(|weight| {
            let there = column.iter().zip(weight).filter(|(x, _)| !x.is_nan());
            self.weight.clear();
            self.weight.extend(there.map(|(_, w)| *w));
            self.weight.as_slice()
        });
        (&self.values, weight)
    }
}

/// The smallest and the largest of the values, none of which is NaN. Zero has no sign, because which
/// of its two forms is met first depends on the order.
pub fn extremes_of(values: &[f64]) -> (f64, f64) {
    const LANES: usize = 16;
    Arch::new().dispatch(
        #[inline(always)]
        || {
            let mut lows = [f64::INFINITY; LANES];
            let mut highs = [f64::NEG_INFINITY; LANES];
            let (blocks, rest) = values.as_chunks::<LANES>();
            for block in blocks {
                for lane in 0..LANES {
                    let value = block[lane];
                    lows[lane] = if value < lows[lane] {
                        value
                    } else {
                        lows[lane]
                    };
                    highs[lane] = if value > highs[lane] {
                        value
                    } else {
                        highs[lane]
                    };
                }
            }
            let low = lows
                .iter()
                .chain(rest)
                .copied()
                .fold(f64::INFINITY, f64::min);
            let highs = highs.iter().chain(rest).copied();
            let high = highs.fold(f64::NEG_INFINITY, f64::max);
            (low + 0.0, high + 0.0)
        },
    )
}

/// What the sums say of a feature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    /// Values that are not missing.
    pub count: u64,
    /// The sum of their weights.
    pub weight: f64,
    /// Of the values times their weights.
    pub total: f64,
    pub mean: f64,
    /// The mean of squared deviations from the mean.
    pub variance: f64,
    pub low: f64,
    pub high: f64,
}

impl Column {
    /// Of each feature. Where all values are missing, mean and variance are not numbers.
    pub fn all(state: &State) -> Vec<Self> {
        let extremes = state.lows.iter().zip(&state.highs);
        let columns = state.sums.chunks_exact(SUMS).zip(extremes);
        columns
            .map(|(sums, (low, high))| {
                let (weight, sum, squares) = (sums[1], sums[2], sums[3]);
                let mean = sum / weight;
                let deviations = (squares - sum * mean).settled(squares.hi);
                Self {
                    count: sums[0].value() as u64,
                    weight: weight.value(),
                    total: sum.value(),
                    mean: mean.value(),
                    variance: (deviations / weight).value().max(0.0),
                    low: *low,
                    high: *high,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(features: &[&[f64]], weight: Option<&[f64]>) -> Vec<Column> {
        let statistic = Columns {
            features: features.len(),
        };
        let mut state = statistic.start();
        let rows = Rows {
            weight,
            ..Rows::of(features, features[0].len())
        };
        statistic.update(&mut state, &rows);
        Column::all(&state)
    }

    #[test]
    fn gaps_do_not_count() {
        let found = columns(&[&[1.0, f64::NAN, 3.0, -0.0], &[2.0; 4]], None);
        assert_eq!(found[0].count, 3);
        assert_eq!(found[0].mean, 4.0 / 3.0);
        assert_eq!((found[0].low, found[0].high), (0.0, 3.0));
        assert_eq!((found[1].count, found[1].variance), (4, 0.0));
    }

    #[test]
    fn weights_count_as_rows_do() {
        let found = columns(&[&[1.0, f64::NAN, 3.0]], Some(&[1.0, 5.0, 3.0]));
        let same = columns(&[&[1.0, 3.0, 3.0, 3.0]], None);
        assert_eq!(found[0].weight, 4.0);
        assert_eq!(
            (found[0].mean, found[0].variance),
            (same[0].mean, same[0].variance)
        );
    }

    #[test]
    fn an_offset_takes_nothing_from_the_variance() {
        let near = columns(&[&[0.0, 1.0, 2.0, 3.0]], None);
        let far: &[f64] = &[1e9, 1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0];
        assert_eq!(near[0].variance, columns(&[far], None)[0].variance);
        // Products with such weights have more digits than there are.
        let weighted = columns(&[far], Some(&[0.1; 4]));
        assert!((near[0].variance - weighted[0].variance).abs() < 1e-15);
    }
}
