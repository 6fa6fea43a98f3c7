//! Coordinate descent for the elastic net, on products of deviations.
//!
//! Minimises ½ w'Qw - q'w + ½ y² + l1 |w|₁ + ½ l2 |w|², with Q, q and y² averages over the rows, so
//! that the penalties are scikit-learn's `alpha * l1_ratio` and `alpha * (1 - l1_ratio)`.
//!
//! It goes step by step as scikit-learn's `enet_coordinate_descent_gram` (`_cd_fast.pyx`): features
//! are left out by the gap-safe rule (Fercoq, Gramfort, Salmon 2015; Ndiaye and others 2018, eq. 11),
//! and it ends when the duality gap is at most `tol` times y². So it is as far from the optimum as
//! scikit-learn is, where `tol` is loose.

use crate::statistic::moments::Centred;

/// A problem: averages of products. The last column of the moments is the target.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Row by row.
    products: Vec<f64>,
    pub right: Vec<f64>,
    square: f64,
}

/// How to solve it.
#[derive(Debug, Clone, Copy)]
pub struct Descent {
    pub l1: f64,
    pub l2: f64,
    pub tol: f64,
    pub max_iter: usize,
    /// Whether no coefficient may be negative.
    pub positive: bool,
}

/// How it went.
#[derive(Debug, Clone, Copy)]
pub struct Descended {
    pub gap: f64,
    pub iterations: usize,
    pub converged: bool,
}

impl Problem {
    pub fn of(moments: &Centred) -> Self {
        let size = moments.means.len().saturating_sub(1);
        let mean = |row: usize, column: usize| {
            let product = moments.products.at(row, column);
            (product / moments.weight).value()
        };
        let cells = (0..size).flat_map(|row| (0..size).map(move |column| (row, column)));
        Self {
            products: cells.map(|(row, column)| mean(row, column)).collect(),
            right: (0..size).map(|column| mean(size, column)).collect(),
            square: mean(size, size),
        }
    }

    pub fn size(&self) -> usize {
        self.right.len()
    }

    fn row(&self, row: usize) -> &[f64] {
        let size = self.size();
        &self.products[row * size..][..size]
    }

    fn diagonal(&self, at: usize) -> f64 {
        self.products[at * self.size() + at]
    }
}

/// Coefficients under way, and Q times them.
struct Iterate<'a> {
    problem: &'a Problem,
    descent: Descent,
    w: &'a mut [f64],
    qw: Vec<f64>,
    /// The gradient of the smooth part, negated, as of the last gap.
    slopes: Vec<f64>,
    /// Features that may have a coefficient.
    active: Vec<usize>,
}

impl Descent {
    /// Starts from `w`, which becomes the solution.
    pub fn run(self, problem: &Problem, w: &mut [f64]) -> Descended {
        let size = problem.size();
        let mut qw = vec![0.0; size];
        for (at, value) in w.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            axpy(*value, problem.row(at), &mut qw);
        }
        let mut iterate = Iterate {
            problem,
            descent: self,
            w,
            qw,
            slopes: vec![0.0; size],
            active: (0..size)
                .filter(|at| problem.diagonal(*at) != 0.0)
                .collect(),
        };
        let enough = self.tol * problem.square;
        let (mut gap, dual) = iterate.gap();
        let done = |gap, iterations, converged| Descended {
            gap,
            iterations,
            converged,
        };
        // Rounding can make it negative.
        if (0.0..=enough).contains(&gap) {
            return done(gap, 0, true);
        }
        iterate.screen(gap, dual);
        for iteration in 1..=self.max_iter {
            let (moved, largest) = iterate.pass();
            let settled = largest == 0.0 || moved / largest <= self.tol;
            if settled || iteration == self.max_iter {
                let (found, dual) = iterate.gap();
                gap = found;
                if gap <= enough {
                    return done(gap, iteration, true);
                }
                iterate.screen(gap, dual);
            }
        }
        done(gap, self.max_iter, false)
    }
}

impl Iterate<'_> {
    /// Sets each coefficient to its best value; the largest change, and the largest coefficient.
    fn pass(&mut self) -> (f64, f64) {
        let Descent {
            l1, l2, positive, ..
        } = self.descent;
        let (mut moved, mut largest) = (0.0f64, 0.0f64);
        for at in &self.active {
            let (diagonal, old) = (self.problem.diagonal(*at), self.w[*at]);
            let slope = self.problem.right[*at] - self.qw[*at] + old * diagonal;
            let new = match slope {
                slope if (positive && slope < 0.0) || slope == 0.0 => 0.0,
                slope => slope.signum() * (slope.abs() - l1).max(0.0) / (diagonal + l2),
            };
            if new != old {
                self.w[*at] = new;
                axpy(new - old, self.problem.row(*at), &mut self.qw);
            }
            moved = moved.max((new - old).abs());
            largest = largest.max(new.abs());
        }
        (moved, largest)
    }

    /// The duality gap, and the dual norm of the slopes.
    fn gap(&mut self) -> (f64, f64) {
        let Descent { l1, l2, .. } = self.descent;
        let (right, square) = (&self.problem.right, self.problem.square);
        let norm = dot(self.w, self.w);
        let along = dot(self.w, right);
        let residual = square + dot(self.w, &self.qw) - 2.0 * along;
        let with_target = square - along;
        // Without a lasso penalty the ridge's share is not taken off.
        let share = if l1 == 0.0 { 0.0 } else { l2 };
        for (at, slope) in self.slopes.iter_mut().enumerate() {
            *slope = right[at] - self.qw[at] - share * self.w[at];
        }
        if l1 == 0.0 {
            let squares = dot(&self.slopes, &self.slopes);
            let gap = match l2 == 0.0 {
                true => squares,
                false => residual + 0.5 * l2 * norm - with_target + squares / (2.0 * l2),
            };
            return (gap, squares);
        }
        let sizes = self.slopes.iter().map(|slope| match self.descent.positive {
            true => *slope,
            false => slope.abs(),
        });
        let dual = sizes.fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = self.w.iter().map(|w| w.abs()).sum();
        let primal = 0.5 * (residual + l2 * norm) + l1 * total;
        let scale = if dual > l1 { l1 / dual } else { 1.0 };
        let dual_value = -0.5 * scale * scale * (residual + l2 * norm) + scale * with_target;
        (primal - dual_value, dual)
    }

    /// Leaves out features that cannot have a coefficient at the optimum.
    fn screen(&mut self, gap: f64, dual: f64) {
        let Descent { l1, l2, .. } = self.descent;
        if l1 == 0.0 {
            return;
        }
        let radius = (2.0 * gap.abs()).sqrt() / l1;
        let (problem, slopes) = (self.problem, &self.slopes);
        let (w, qw) = (&mut *self.w, &mut self.qw);
        self.active.retain(|at| {
            let distance =
                (1.0 - (slopes[*at] / l1.max(dual)).abs()) / (problem.diagonal(*at) + l2).sqrt();
            let stays = distance <= radius;
            if !stays && w[*at] != 0.0 {
                axpy(-w[*at], problem.row(*at), qw);
                w[*at] = 0.0;
            }
            stays
        });
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn axpy(times: f64, from: &[f64], to: &mut [f64]) {
    to.iter_mut()
        .zip(from)
        .for_each(|(to, from)| *to += times * from);
}
