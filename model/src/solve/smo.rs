//! Sequential minimal optimization: the quadratic problems of support vector machines, two variables
//! at a time (Platt 1998).
//!
//! It minimises ½ w'Kw - l'w over `low ≤ w ≤ high`, while the sum of w stays what it was at the start.
//! K is a kernel matrix; there may be several variables for each of its rows, one after the other:
//!
//! ```text
//! variable   0 1 2 … n-1 │ n n+1 n+2 … 2n-1
//! row of K   0 1 2 … n-1 │ 0  1   2  …  n-1
//! ```
//!
//! With `w = y α` these are the problems of LIBSVM (Chang, Lin 2011, section 2 and 4), and a step is
//! theirs: the first variable is the one whose rise lowers the function fastest, the second the one
//! whose fall promises most in second order (Fan, Chen, Lin 2005). It ends where no rise and fall lower
//! the function by more than `tol` for each unit, at `max_iter`, or where the work is used up.
//!
//! Values of K are kept in 64 bits, LIBSVM's in 32. Variables at a bound are not set aside: where that
//! ends does not differ, and the rows of a training are bounded.

use super::RowCache;
use crate::error::Result;
use crate::watch::Watch;

/// What of the matrix is kept: scikit-learn's default.
const CACHE_BYTES: usize = 200 << 20;
/// The curvature that is taken where there is none: as LIBSVM's.
const FLAT: f64 = 1e-12;
/// What a step takes for each variable, besides the rows, in multiplications, about.
const STEP: u64 = 6;

/// A matrix of kernels, whose rows are costly.
pub trait Gram {
    fn size(&self) -> usize;
    fn diagonal(&self, row: usize) -> f64;
    /// Fails where a value is not finite.
    fn row(&self, row: usize, out: &mut [f64]) -> Result<()>;
    /// What a row takes, in multiplications, about.
    fn work(&self) -> u64;
}

/// A problem; all have the same length, a multiple of the size of the matrix.
#[derive(Debug, Clone)]
pub struct Quadratic {
    pub linear: Vec<f64>,
    pub low: Vec<f64>,
    pub high: Vec<f64>,
    pub start: Vec<f64>,
}

/// How long it may take.
#[derive(Debug, Clone)]
pub struct Effort {
    pub tol: f64,
    pub max_iter: Option<usize>,
    /// Multiplications that are left, about.
    pub work: u64,
    pub watch: Watch,
}

/// The minimum, or as near as it came.
#[derive(Debug, Clone)]
pub struct Minimum {
    /// Of each row, the sum of its variables.
    pub weights: Vec<f64>,
    /// What the slopes of variables between their bounds have in common: the function that is learned
    /// is `Kw` and this.
    pub intercept: f64,
    pub steps: usize,
    /// How much a unit of rise and fall still lowers the function.
    pub gap: f64,
    pub converged: bool,
}

impl Effort {
    pub fn minimize(&mut self, gram: &dyn Gram, problem: Quadratic) -> Result<Minimum> {
        let mut iterate = Iterate::start(gram, problem, self)?;
        let mut steps = 0;
        let (gap, converged) = loop {
            self.watch.check()?;
            let Some((first, highest, lowest)) = iterate.first() else {
                break (0.0, true);
            };
            let gap = highest - lowest;
            if gap < self.tol || gap.is_nan() {
                break (gap, gap < self.tol);
            }
            if self.max_iter.is_some_and(|most| steps >= most) || self.work == 0 {
                break (gap, false);
            }
            if !iterate.step(first, highest, self)? {
                break (gap, false);
            }
            steps += 1;
        };
        Ok(Minimum {
            intercept: iterate.intercept(),
            weights: iterate.of_rows(),
            steps,
            gap: gap.max(0.0),
            converged,
        })
    }

    fn spend(&mut self, work: u64) {
        self.work = self.work.saturating_sub(work);
    }
}

struct Iterate<'a> {
    gram: &'a dyn Gram,
    cache: RowCache,
    diagonal: Vec<f64>,
    weights: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
    /// `l - Kw`: how fast the function falls where a variable rises.
    slopes: Vec<f64>,
}

impl<'a> Iterate<'a> {
    fn start(gram: &'a dyn Gram, problem: Quadratic, effort: &mut Effort) -> Result<Self> {
        let size = gram.size();
        let mut iterate = Self {
            gram,
            cache: RowCache::new(size, CACHE_BYTES),
            diagonal: (0..size).map(|row| gram.diagonal(row)).collect(),
            weights: problem.start,
            low: problem.low,
            high: problem.high,
            slopes: problem.linear,
        };
        for variable in 0..iterate.weights.len() {
            let weight = iterate.weights[variable];
            if weight != 0.0 {
                effort.watch.check()?;
                let place = iterate.place(variable, effort)?;
                let row = iterate.cache.at(place);
                for slopes in iterate.slopes.chunks_exact_mut(size) {
                    let pairs = slopes.iter_mut().zip(row);
                    pairs.for_each(|(slope, value)| *slope -= weight * value);
                }
            }
        }
        Ok(iterate)
    }

    /// Where the cache has the row of a variable.
    fn place(&mut self, variable: usize, effort: &mut Effort) -> Result<usize> {
        let gram = self.gram;
        let row = variable % gram.size().max(1);
        self.cache.place(row, |values| {
            effort.spend(gram.work());
            gram.row(row, values)
        })
    }

    /// The variable whose rise lowers the function fastest, its slope, and the least slope of those
    /// that can fall.
    fn first(&self) -> Option<(usize, f64, f64)> {
        let (mut first, mut highest, mut lowest) = (None, f64::NEG_INFINITY, f64::INFINITY);
        for (variable, slope) in self.slopes.iter().enumerate() {
            let weight = self.weights[variable];
            if weight < self.high[variable] && *slope > highest {
                (first, highest) = (Some(variable), *slope);
            }
            if weight > self.low[variable] && *slope < lowest {
                lowest = *slope;
            }
        }
        first.map(|first| (first, highest, lowest))
    }

    /// The variable whose fall, with the rise of the first, promises most.
    fn second(&self, first: usize, highest: f64, row: &[f64]) -> Option<usize> {
        let size = row.len();
        let own = self.diagonal[first % size];
        let (mut second, mut most) = (None, 0.0);
        for (copy, slopes) in self.slopes.chunks_exact(size).enumerate() {
            let variables = copy * size..(copy + 1) * size;
            let bounded = self.weights[variables.clone()]
                .iter()
                .zip(&self.low[variables.clone()]);
            let values = slopes.iter().zip(row).zip(&self.diagonal);
            for (at, (((slope, value), diagonal), (weight, low))) in values.zip(bounded).enumerate()
            {
                let fall = highest - slope;
                let promised = fall * fall / curvature(own, *diagonal, *value);
                if weight > low && fall > 0.0 && promised > most {
                    (second, most) = (Some(variables.start + at), promised);
                }
            }
        }
        second
    }

    /// Moves two variables; false where no digit of them changes.
    fn step(&mut self, first: usize, highest: f64, effort: &mut Effort) -> Result<bool> {
        let size = self.gram.size();
        effort.spend(STEP.saturating_mul(self.slopes.len() as u64));
        let raised = self.place(first, effort)?;
        let Some(second) = self.second(first, highest, self.cache.at(raised)) else {
            return Ok(false);
        };
        let lowered = self.place(second, effort)?;
        let (raised, lowered) = (self.cache.at(raised), self.cache.at(lowered));
        let (a, b) = (first % size, second % size);
        let curvature = curvature(self.diagonal[a], self.diagonal[b], raised[b]);
        let best = (highest - self.slopes[second]) / curvature;
        let (up, down) = (
            self.high[first] - self.weights[first],
            self.weights[second] - self.low[second],
        );
        let step = best.min(up).min(down);
        let before = (self.weights[first], self.weights[second]);
        // A bound is met to the last digit.
        self.weights[first] = match step == up {
            true => self.high[first],
            false => before.0 + step,
        };
        self.weights[second] = match step == down {
            true => self.low[second],
            false => before.1 - step,
        };
        for slopes in self.slopes.chunks_exact_mut(size) {
            let values = raised.iter().zip(lowered);
            for (slope, (raised, lowered)) in slopes.iter_mut().zip(values) {
                *slope -= step * (raised - lowered);
            }
        }
        Ok(before != (self.weights[first], self.weights[second]))
    }

    /// The mean slope of variables between their bounds; without any, the middle of what the others
    /// allow.
    fn intercept(&self) -> f64 {
        let (mut sum, mut free) = (0.0, 0.0);
        let (mut least, mut greatest) = (f64::NEG_INFINITY, f64::INFINITY);
        for (variable, slope) in self.slopes.iter().enumerate() {
            let weight = self.weights[variable];
            match (weight > self.low[variable], weight < self.high[variable]) {
                (true, true) => {
                    sum += slope;
                    free += 1.0;
                }
                (false, true) => least = least.max(*slope),
                (true, false) => greatest = greatest.min(*slope),
                (false, false) => {}
            }
        }
        match (free > 0.0, least.is_finite(), greatest.is_finite()) {
            (true, ..) => sum / free,
            (false, true, true) => (least + greatest) / 2.0,
            (false, true, false) => least,
            (false, false, true) => greatest,
            (false, false, false) => 0.0,
        }
    }

    fn of_rows(&self) -> Vec<f64> {
        let size = self.gram.size();
        let mut weights = vec![0.0; size];
        for copy in self.weights.chunks_exact(size.max(1)) {
            let pairs = weights.iter_mut().zip(copy);
            pairs.for_each(|(sum, weight)| *sum += weight);
        }
        weights
    }
}

/// Of the function along the rise of one variable and the fall of another.
#[inline(always)]
fn curvature(a: f64, b: f64, between: f64) -> f64 {
    let found = a + b - 2.0 * between;
    if found > 0.0 { found } else { FLAT }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use proptest::prelude::*;

    /// A matrix that is there.
    struct Dense(Vec<Vec<f64>>);

    impl Gram for Dense {
        fn size(&self) -> usize {
            self.0.len()
        }

        fn diagonal(&self, row: usize) -> f64 {
            self.0[row][row]
        }

        fn row(&self, row: usize, out: &mut [f64]) -> Result<()> {
            out.copy_from_slice(&self.0[row]);
            match out.iter().all(|value| value.is_finite()) {
                true => Ok(()),
                false => Err(Error::rows("not finite")),
            }
        }

        fn work(&self) -> u64 {
            self.size() as u64
        }
    }

    fn effort() -> Effort {
        Effort {
            tol: 1e-9,
            max_iter: None,
            work: 100_000_000,
            watch: Watch::default(),
        }
    }

    fn classification(sides: &[f64], c: f64) -> Quadratic {
        let bound = |wanted: f64| sides.iter().map(move |side| c * f64::from(*side == wanted));
        Quadratic {
            linear: sides.to_vec(),
            low: bound(-1.0).map(|bound| -bound).collect(),
            high: bound(1.0).collect(),
            start: vec![0.0; sides.len()],
        }
    }

    #[test]
    fn two_points_have_the_margin_between_them() {
        // Points 1 and -3 on a line: the function is (x + 1) / 2.
        let gram = Dense(vec![vec![1.0, -3.0], vec![-3.0, 9.0]]);
        let found = effort()
            .minimize(&gram, classification(&[1.0, -1.0], 10.0))
            .unwrap();
        assert_eq!(found.weights, [0.125, -0.125]);
        assert_eq!((found.intercept, found.steps), (0.5, 1));
        assert!(found.converged);
        // A small bound is met exactly.
        let found = effort()
            .minimize(&gram, classification(&[1.0, -1.0], 0.1))
            .unwrap();
        assert_eq!(found.weights, [0.1, -0.1]);
    }

    #[test]
    fn it_ends_in_any_case() {
        let sides = [1.0, -1.0, 1.0, -1.0];
        // No minimum of second order: not a matrix of products.
        let bad = Dense(
            (0..4)
                .map(|row| {
                    (0..4)
                        .map(|column| f64::from(row != column) * 3.0)
                        .collect()
                })
                .collect(),
        );
        let found = effort()
            .minimize(&bad, classification(&sides, 1.0))
            .unwrap();
        assert!(found.weights.iter().all(|w| w.abs() <= 1.0));
        for wrong in [f64::NAN, f64::INFINITY] {
            let gram = Dense(vec![vec![wrong; 4]; 4]);
            assert!(
                effort()
                    .minimize(&gram, classification(&sides, 1.0))
                    .is_err()
            );
        }
        let huge = Dense(vec![vec![1e308; 4]; 4]);
        effort()
            .minimize(&huge, classification(&sides, 1e300))
            .unwrap();
        let mut none = Effort {
            work: 0,
            ..effort()
        };
        let found = none.minimize(&bad, classification(&sides, 1.0)).unwrap();
        assert_eq!((found.converged, found.steps), (false, 0));
        let empty = classification(&[], 1.0);
        assert!(
            effort()
                .minimize(&Dense(Vec::new()), empty)
                .unwrap()
                .weights
                .is_empty()
        );
    }

    proptest! {
        /// Weights within their bounds whose sum is that of the start, and no rise with a fall that
        /// lowers the function.
        #[test]
        fn conditions_of_a_minimum_hold(
            points in prop::collection::vec((-3i8..=3, -3i8..=3, -9i8..=9), 1..24),
            tenths in 0u8..30,
            width in 0u8..3,
        ) {
            let (c, epsilon) = (f64::from(tenths) / 10.0, f64::from(width));
            let product = |a: &(i8, i8, i8), b: &(i8, i8, i8)| {
                f64::from(a.0) * f64::from(b.0) + f64::from(a.1) * f64::from(b.1)
            };
            let row = |a| points.iter().map(|b| product(a, b)).collect::<Vec<_>>();
            let gram = Dense(points.iter().map(row).collect());
            let shifted = |by: f64| points.iter().map(move |p| f64::from(p.2) + by);
            let all = |low: f64, high: f64| [vec![low; points.len()], vec![high; points.len()]].concat();
            let found = effort().minimize(&gram, Quadratic {
                linear: shifted(-epsilon).chain(shifted(epsilon)).collect(),
                low: all(0.0, -c),
                high: all(c, 0.0),
                start: all(0.0, 0.0),
            }).unwrap();
            prop_assert!(found.converged);
            prop_assert!(found.weights.iter().sum::<f64>().abs() < 1e-9);
            for (point, weight) in points.iter().zip(&found.weights) {
                prop_assert!(weight.abs() <= c);
                let products = points.iter().zip(&found.weights).map(|(p, w)| w * product(point, p));
                let error = f64::from(point.2) - products.sum::<f64>() - found.intercept;
                // Outside of the tube weights are at their bounds, inside of it there are none.
                if error.abs() > epsilon + 1e-7 {
                    prop_assert!((weight - c * error.signum()).abs() < 1e-7);
                }
                if error.abs() < epsilon - 1e-7 {
                    prop_assert!(weight.abs() < 1e-7);
                }
            }
        }
    }
}
