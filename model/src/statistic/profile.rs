//! What is known of the columns before, or instead of, a model of them together: for each class of the
//! target the weight of its rows, and the sums of the features and of their squares.

use serde::{Deserialize, Serialize};

use super::Collect;
use crate::elementary;
use crate::rows::Rows;
use crate::state::State;
use crate::sum::{Sum, dot, total};

/// The target is the number of a class, or, where there are no `classes`, a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    pub features: usize,
    pub classes: usize,
}

impl Profile {
    fn groups(&self) -> usize {
        self.classes.max(1)
    }
}

impl Collect for Profile {
    /// Sums of a class: weight, then each feature, then its square. Behind those, of a target that is
    /// a value: `y` and `y ln y`, and its extremes.
    fn start(&self) -> State {
        let sums = self.groups() * (1 + 2 * self.features);
        match self.classes {
            0 => State::of_sums(sums + 2).with_extremes(1),
            _ => State::of_sums(sums),
        }
    }

    fn update(&self, state: &mut State, rows: &Rows<'_>) {
        // Rows in the order of their classes, so that each class is a slice of every column.
        let mut order: Vec<u32> = (0..rows.count as u32).collect();
        let class = |row: u32| rows.target.get(row as usize).map_or(0, |c| *c as usize);
        let mut ends = vec![rows.count; self.groups()];
        if self.classes > 0 {
            order.sort_by_key(|row| class(*row));
            for (at, end) in ends.iter_mut().enumerate() {
                *end = order.partition_point(|row| class(*row) <= at);
            }
        }
        let gather = |column: &[f64], into: &mut Vec<f64>| {
            into.clear();
            into.extend(order.iter().map(|row| column[*row as usize]));
        };
        let weight = rows.weight.map(|weight| {
            let mut gathered = Vec::with_capacity(rows.count);
            gather(weight, &mut gathered);
            gathered
        });
        let each = 1 + 2 * self.features;
        let spans: Vec<_> = std::iter::once(0).chain(ends.iter().copied()).collect();
        let spans = || spans.windows(2).map(|w| w[0]..w[1]).enumerate();
        let mut add = |at: usize, value: Sum| {
            if let Some(sum) = state.sums.get_mut(at) {
                *sum = *sum + value;
            }
        };
        for (group, span) in spans() {
            let weight = weight.as_ref().map(|w| total(&w[span.clone()]));
            add(group * each, weight.unwrap_or(Sum::from(span.len() as f64)));
        }
        let (mut column, mut weighted) = (Vec::new(), Vec::new());
        for (at, feature) in rows.features.iter().enumerate().take(self.features) {
            gather(feature, &mut column);
            for (group, span) in spans() {
                let values = &column[span.clone()];
                let first = group * each + 1 + at;
                match &weight {
                    None => {
                        add(first, total(values));
                        add(first + self.features, dot(values, values));
                    }
                    Some(weight) => {
                        weighted.clear();
                        let pairs = values.iter().zip(&weight[span.clone()]);
                        weighted.extend(pairs.map(|(value, weight)| value * weight));
                        add(first, dot(values, &weight[span]));
                        add(first + self.features, dot(values, &weighted));
                    }
                }
            }
        }
        if self.classes == 0 {
            self.of_target(state, rows);
        }
    }
}

impl Profile {
    fn of_target(&self, state: &mut State, rows: &Rows<'_>) {
        let entropy = |y: &f64| match *y > f64::MIN_POSITIVE {
            true => y * elementary::ln(*y),
            false => 0.0,
        };
        let entropies: Vec<f64> = rows.target.iter().map(entropy).collect();
        let at = self.groups() * (1 + 2 * self.features);
        for (at, values) in [(at, rows.target), (at + 1, &entropies)] {
            let sum = rows
                .weight
                .map_or_else(|| total(values), |w| dot(w, values));
            state.sums[at] = state.sums[at] + sum;
        }
        for value in rows.target {
            state.lows[0] = state.lows[0].min(*value);
            state.highs[0] = state.highs[0].max(*value);
        }
    }

    /// What the sums say of each class.
    pub fn groups_of(&self, state: &State) -> Vec<Group> {
        let sums = state.sums.chunks_exact(1 + 2 * self.features);
        let groups = sums.take(self.groups()).map(|sums| Group {
            weight: sums[0],
            sums: sums[1..=self.features].to_vec(),
            squares: sums[1 + self.features..].to_vec(),
        });
        groups.collect()
    }
}

/// Rows of a class, or of several.
#[derive(Debug, Clone)]
pub struct Group {
    pub weight: Sum,
    pub sums: Vec<Sum>,
    pub squares: Vec<Sum>,
}

impl Group {
    /// All rows of all groups.
    pub fn all(groups: &[Group]) -> Group {
        let add = |a: &[Sum], b: &[Sum]| a.iter().zip(b).map(|(a, b)| *a + *b).collect();
        let mut groups = groups.iter().cloned();
        let first = groups.next().unwrap_or(Group {
            weight: Sum::ZERO,
            sums: Vec::new(),
            squares: Vec::new(),
        });
        groups.fold(first, |all, group| Group {
            weight: all.weight + group.weight,
            sums: add(&all.sums, &group.sums),
            squares: add(&all.squares, &group.squares),
        })
    }

    pub fn means(&self) -> Vec<f64> {
        let means = self.sums.iter().map(|sum| (*sum / self.weight).value());
        means.collect()
    }

    /// Divided by the weight, as NumPy's; 0 for columns of one value.
    pub fn variances(&self) -> Vec<f64> {
        let columns = self.sums.iter().zip(&self.squares);
        let variance = columns.map(|(sum, square)| {
            let about_mean = *square - *sum * *sum / self.weight;
            let settled = about_mean.settled(square.hi);
            (settled / self.weight).value().max(0.0)
        });
        variance.collect()
    }

    /// The means of the squares.
    pub fn mean_squares(&self) -> Vec<f64> {
        let squares = self.squares.iter().map(|s| (*s / self.weight).value());
        squares.collect()
    }
}
