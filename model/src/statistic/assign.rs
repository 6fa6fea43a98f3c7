//! Rows by the nearest of some points: a pass of Lloyd's algorithm.

use serde::{Deserialize, Serialize};

use super::Collect;
use crate::points::Points;
use crate::rows::Rows;
use crate::state::{Picked, State};
use crate::sum::{Sum, dot, total};

/// For each point, of the rows that are nearest to it: the sum of weights and of each feature. Behind
/// all points the weighted sum of squared distances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assign {
    pub points: Points,
    /// How many rows to pick that are farthest from their point. Behind their features come the
    /// number of the point and the weight.
    pub farthest: u32,
}

impl Collect for Assign {
    fn start(&self) -> State {
        let sums = self.points.count() * (self.points.width + 1) + 1;
        State::of_sums(sums).with_picks(self.farthest)
    }

    fn update(&self, state: &mut State, rows: &Rows<'_>) {
        let nearest = self.points.nearest(rows);
        if let Some(inertia) = state.sums.last_mut() {
            *inertia = *inertia
                + match rows.weight {
                    None => total(&nearest.squares),
                    Some(weight) => dot(&nearest.squares, weight),
                };
        }
        let groups = Groups::of(&nearest.points, self.points.count());
        let each = self.points.width + 1;
        let mut values = vec![0.0; rows.count];
        for column in 0..each {
            match (column.checked_sub(1), rows.weight) {
                (None, None) => {
                    for (group, range) in groups.ranges() {
                        let sum = &mut state.sums[group * each];
                        *sum = *sum + Sum::from(range.len() as f64);
                    }
                    continue;
                }
                (None, Some(weight)) => groups.gather(&mut values, |row| weight[row]),
                (Some(at), None) => groups.gather(&mut values, |row| rows.features[at][row]),
                (Some(at), Some(weight)) => {
                    groups.gather(&mut values, |row| rows.features[at][row] * weight[row]);
                }
            }
            for (group, range) in groups.ranges() {
                let sum = &mut state.sums[group * each + column];
                *sum = *sum + total(&values[range]);
            }
        }
        if self.farthest > 0 {
            self.pick(state, rows, &nearest);
        }
    }
}

impl Assign {
    fn pick(&self, state: &mut State, rows: &Rows<'_>, nearest: &crate::points::Nearest) {
        // Larger squares have larger bits, and picked are those with the smallest draws.
        let draw = |row: usize| !nearest.squares[row].to_bits();
        let there = (0..rows.count).filter(|row| rows.weight_of(*row) > 0.0);
        for row in smallest(there, self.farthest as usize, draw, |_, _| false) {
            let features = rows.features.iter().map(|feature| feature[row]);
            state.pick(Picked {
                draw: draw(row),
                values: features
                    .chain([nearest.points[row], rows.weight_of(row)])
                    .collect(),
            });
        }
        state.settle();
    }
}

/// The `limit` rows with the smallest draws, and all whose draws equal the largest of these; of rows
/// that are alike one.
pub(super) fn smallest(
    rows: impl Iterator<Item = usize>,
    limit: usize,
    draw: impl Fn(usize) -> u64,
    alike: impl Fn(usize, usize) -> bool,
) -> Vec<usize> {
    let mut rows: Vec<(u64, usize)> = rows.map(|row| (draw(row), row)).collect();
    rows.sort_unstable();
    rows.dedup_by(|next, last| next.0 == last.0 && alike(next.1, last.1));
    let last = limit.checked_sub(1).and_then(|last| rows.get(last));
    let bound = last.map_or(u64::MAX, |(draw, _)| *draw);
    let within = rows.into_iter().take_while(|(draw, _)| *draw <= bound);
    within.map(|(_, row)| row).collect()
}

/// Rows in the order of their groups.
struct Groups {
    order: Vec<u32>,
    /// Where each group ends.
    ends: Vec<usize>,
}

impl Groups {
    fn of(groups: &[f64], count: usize) -> Self {
        let mut ends = vec![0; count];
        groups.iter().for_each(|group| ends[*group as usize] += 1);
        let mut so_far = 0;
        for end in &mut ends {
            so_far += std::mem::replace(end, so_far);
        }
        // Each is now where its group starts, and moves to where it ends.
        let mut order = vec![0; groups.len()];
        for (row, group) in groups.iter().enumerate() {
            let place = &mut ends[*group as usize];
            order[*place] = row as u32;
            *place += 1;
        }
        Self { order, ends }
    }

    fn gather(&self, into: &mut [f64], value: impl Fn(usize) -> f64) {
        let pairs = into.iter_mut().zip(&self.order);
        pairs.for_each(|(into, row)| *into = value(*row as usize));
    }

    /// The groups that have rows.
    fn ranges(&self) -> impl Iterator<Item = (usize, std::ops::Range<usize>)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let ranges = starts.zip(&self.ends).map(|(start, end)| start..*end);
        ranges.enumerate().filter(|(_, range)| !range.is_empty())
    }
}

/// What a pass says of a point.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub weight: Sum,
    pub sums: Vec<Sum>,
}

impl Cluster {
    /// The clusters of a pass, and the sum of squared distances.
    pub fn all(state: &State, width: usize) -> (Vec<Self>, Sum) {
        let clusters = state.sums.chunks_exact(width + 1).map(|sums| Self {
            weight: sums[0],
            sums: sums[1..].to_vec(),
        });
        let inertia = state.sums.last().copied().unwrap_or_default();
        (clusters.collect(), inertia)
    }

    pub fn is_empty(&self) -> bool {
        self.weight.value() <= 0.0
    }

    pub fn mean(&self) -> impl Iterator<Item = f64> {
        self.sums.iter().map(|sum| (*sum / self.weight).value())
    }
}
