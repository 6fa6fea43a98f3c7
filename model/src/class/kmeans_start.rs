//! Where `KMeans` starts: centres that are given, or chosen among weighted points that fit in memory.
//!
//! Greedy k-means++ (Arthur and Vassilvitskii 2007, with scikit-learn's number of trials for each
//! centre), then Lloyd's algorithm over the points; the best of several such runs.

use crate::error::{Error, Result};
use crate::parameter::Value;
use crate::points::Points;
use crate::rows::{Rows, mix, unit};

/// Points that stand for rows, and for how many.
#[derive(Debug, Default)]
pub(super) struct Weighted {
    pub columns: Vec<Vec<f64>>,
    pub weights: Vec<f64>,
}

/// Passes of Lloyd's algorithm over the points, at most.
const PASSES: usize = 30;
/// Products of points, centres and features that all runs together may take.
const EFFORT: usize = 1 << 30;
const RUNS: usize = 10;

impl Weighted {
    pub fn push(&mut self, point: impl Iterator<Item = f64>, weight: f64) {
        for (at, value) in point.enumerate() {
            if self.columns.len() == at {
                self.columns.push(Vec::new());
            }
            self.columns[at].push(value);
        }
        self.weights.push(weight);
    }

    fn count(&self) -> usize {
        self.weights.len()
    }

    fn point(&self, at: usize) -> Vec<f64> {
        self.columns.iter().map(|column| column[at]).collect()
    }

    fn view<T>(&self, with: impl FnOnce(&Rows<'_>) -> T) -> T {
        let columns: Vec<&[f64]> = self.columns.iter().map(Vec::as_slice).collect();
        with(&Rows::of(&columns, self.count()))
    }

    /// `count` centres of the points, or all points where there are fewer.
    pub fn centers(&self, count: usize, seed: u64) -> Points {
        let each = self.count() * count.max(1) * self.columns.len().max(1);
        let runs = (EFFORT / each.saturating_mul(PASSES).max(1)).clamp(1, RUNS);
        let found = (0..runs as u64).map(|run| {
            let mut chance = Chance(mix(seed ^ mix(run)));
            let mut centers = self.spread(count, &mut chance);
            let inertia = self.settle(&mut centers);
            (inertia, centers)
        });
        let best = found.reduce(|best, next| if next.0 < best.0 { next } else { best });
        best.map(|(_, centers)| centers).unwrap_or_default()
    }

    /// Greedy k-means++.
    fn spread(&self, count: usize, chance: &mut Chance) -> Points {
        let mut centers = Points {
            width: self.columns.len(),
            data: Vec::new(),
        };
        if self.count() == 0 {
            return centers;
        }
        let trials = 2 + (count as f64).ln() as usize;
        let first = self.point(chance.pick(&self.weights));
        let mut squares = self.squares(&first);
        centers.push(&first);
        while centers.count() < count.min(self.count()) {
            let rates: Vec<f64> = squares
                .iter()
                .zip(&self.weights)
                .map(|(s, w)| s * w)
                .collect();
            if rates.iter().all(|rate| *rate <= 0.0) {
                break;
            }
            let tried = (0..trials).map(|_| {
                let point = self.point(chance.pick(&rates));
                let nearer = self.squares(&point).into_iter().zip(&squares);
                let nearer: Vec<f64> = nearer.map(|(new, old)| new.min(*old)).collect();
                (self.weigh(&nearer), point, nearer)
            });
            let best = tried.reduce(|best, next| if next.0 < best.0 { next } else { best });
            if let Some((_, point, nearer)) = best {
                centers.push(&point);
                squares = nearer;
            }
        }
        centers
    }

    fn squares(&self, point: &[f64]) -> Vec<f64> {
        let point = Points {
            width: point.len(),
            data: point.to_vec(),
        };
        self.view(|rows| point.nearest(rows).squares)
    }

    fn weigh(&self, squares: &[f64]) -> f64 {
        squares.iter().zip(&self.weights).map(|(s, w)| s * w).sum()
    }

    /// Lloyd's algorithm; centres without points stay where they are. Gives the inertia.
    fn settle(&self, centers: &mut Points) -> f64 {
        let mut inertia = f64::INFINITY;
        for _ in 0..PASSES {
            let nearest = self.view(|rows| centers.nearest(rows));
            let now = self.weigh(&nearest.squares);
            if now >= inertia {
                break;
            }
            inertia = now;
            let mut weights = vec![0.0; centers.count()];
            let mut sums = vec![0.0; centers.data.len()];
            for (at, (center, weight)) in nearest.points.iter().zip(&self.weights).enumerate() {
                let center = *center as usize;
                weights[center] += weight;
                for (feature, column) in self.columns.iter().enumerate() {
                    sums[center * centers.width + feature] += column[at] * weight;
                }
            }
            for (at, value) in centers.data.iter_mut().enumerate() {
                let weight = weights[at / self.columns.len().max(1)];
                if weight > 0.0 {
                    *value = sums[at] / weight;
                }
            }
        }
        inertia
    }
}

pub(super) fn invalid(init: &Value) -> Error {
    Error::parameter(format!(
        "invalid value for parameter \"init\" of KMeans: {init}"
    ))
    .hint("It takes 'k-means++', 'random', or an array of centers with a number for each feature.")
}

/// Centres that were given as an array of arrays.
pub(super) fn centers(init: &Value, clusters: usize, features: usize) -> Result<Points> {
    let Value::List(list) = init else {
        return Err(invalid(init));
    };
    let rows: Option<Vec<Vec<f64>>> = list.iter().map(Value::numbers).collect();
    let rows = rows.ok_or_else(|| invalid(init))?;
    let width = rows.first().map_or(0, Vec::len);
    if rows
        .iter()
        .any(|row| row.len() != width || !row.iter().all(|v| v.is_finite()))
    {
        return Err(invalid(init));
    }
    if rows.len() != clusters || width != features {
        return Err(Error::parameter(format!(
            "init has {} centers of {width} numbers, and there are {clusters} clusters of {features} features",
            rows.len()
        )));
    }
    Ok(Points {
        width,
        data: rows.concat(),
    })
}

/// A stream of numbers that looks like chance.
struct Chance(u64);

impl Chance {
    /// A place, with probabilities in proportion to `rates`.
    fn pick(&mut self, rates: &[f64]) -> usize {
        self.0 = mix(self.0);
        let mut left = unit(self.0) * rates.iter().sum::<f64>();
        let found = rates.iter().position(|rate| {
            left -= rate;
            left < 0.0
        });
        let last = || rates.iter().rposition(|rate| *rate > 0.0);
        found.or_else(last).unwrap_or(0)
    }
}
