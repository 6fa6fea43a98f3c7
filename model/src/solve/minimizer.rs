//! The minimum of a smooth convex function that is expensive to evaluate: each evaluation is a scan.
//!
//! Steps are Newton's where a Hessian is given, else those of L-BFGS (Nocedal, Wright, "Numerical
//! Optimization", 2006, algorithm 7.4). With each point the function is also evaluated at shorter steps
//! ([`SHORTER`]), so that a step that is too long costs one more scan, not several. A step is taken
//! where the function falls by a share of what its slope promises (Armijo), or, where it does not change
//! in its digits any more, where the gradient gets smaller. It always ends: at `max_iter`, or where
//! no step lowers the function.

use std::collections::VecDeque;

use super::{Symmetric, solve_refined};
use crate::sum::Sum;

/// Steps, relative to the full one, that an evaluation tries besides it.
const SHORTER: [f64; 6] = [0.5, 0.25, 0.1, 0.01, 1e-3, 1e-5];
/// The share of the promised fall that is enough.
const ARMIJO: f64 = 1e-4;
/// Steps that L-BFGS remembers.
const MEMORY: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// Ends where half the squared Newton decrement is below `fall`, and the next step is short; that
    /// step, which needs no scan, is still taken and doubles the digits.
    Newton { fall: f64 },
    /// Ends where no part of the gradient is above `gradient`.
    QuasiNewton { gradient: f64 },
}

/// The function at [`Minimizer::point`].
#[derive(Debug, Clone)]
pub struct Seen {
    pub value: f64,
    pub gradient: Vec<f64>,
    pub hessian: Option<Symmetric>,
    /// Its values at the other points.
    pub others: Vec<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The function must be evaluated at the next point.
    Again,
    Minimum,
    /// The iterations were not enough.
    NotYet,
    /// No step lowers the function, although its gradient is not small.
    Stuck,
}

#[derive(Debug)]
pub struct Minimizer {
    method: Method,
    max_iter: usize,
    pub iterations: usize,
    point: Vec<f64>,
    /// An upper bound of the diagonal of the Hessian, for the first step of L-BFGS.
    bound: Vec<f64>,
    from: Option<Start>,
    /// Steps and changes of the gradient, oldest first.
    memory: VecDeque<(Vec<f64>, Vec<f64>)>,
    /// The point is one of the shorter steps, of which the value is known to be low enough.
    shortened: bool,
}

/// Where a step started.
#[derive(Debug)]
struct Start {
    point: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
    direction: Vec<f64>,
    slope: f64,
}

impl Minimizer {
    pub fn new(start: Vec<f64>, bound: Vec<f64>, method: Method, max_iter: usize) -> Self {
        Self {
            method,
            max_iter,
            iterations: 0,
            point: start,
            bound,
            from: None,
            memory: VecDeque::new(),
            shortened: false,
        }
    }

    /// Where the function is to be evaluated; at the end, the minimum.
    pub fn point(&self) -> &[f64] {
        &self.point
    }

    /// The direction back to where the step started, and how far the other points are; the last are
    /// almost there.
    pub fn back(&self) -> (Vec<f64>, Vec<f64>) {
        match &self.from {
            Some(from) if !self.shortened => (
                from.direction.iter().map(|d| -d).collect(),
                SHORTER.iter().map(|step| 1.0 - step).collect(),
            ),
            _ => (Vec::new(), Vec::new()),
        }
    }

    pub fn needs_hessian(&self) -> bool {
        matches!(self.method, Method::Newton { .. })
    }

    pub fn take(&mut self, seen: Seen) -> Found {
        let finite = seen.value.is_finite() && seen.gradient.iter().all(|g| g.is_finite());
        if let Some(from) = self.from.take() {
            let falls = |step: f64, value: f64| value <= from.value + ARMIJO * step * from.slope;
            let change = (seen.value - from.value).abs();
            let level = change <= 16.0 * f64::EPSILON * from.value.abs()
                && length(&seen.gradient) < length(&from.gradient);
            if !finite || !(self.shortened || falls(1.0, seen.value) || level) {
                return self.shorten(from, &seen.others);
            }
            let step: Vec<f64> = differences(&self.point, &from.point);
            let change = differences(&seen.gradient, &from.gradient);
            if self.method_is_quasi() && dot(&step, &change) > 0.0 {
                self.memory.push_back((step, change));
                if self.memory.len() > MEMORY {
                    self.memory.pop_front();
                }
            }
        } else if !finite {
            return Found::Stuck;
        }
        self.step(seen)
    }

    fn method_is_quasi(&self) -> bool {
        matches!(self.method, Method::QuasiNewton { .. })
    }

    /// Goes on from a point that was accepted.
    fn step(&mut self, seen: Seen) -> Found {
        self.shortened = false;
        let direction = match &seen.hessian {
            Some(hessian) => newton(hessian, &seen.gradient),
            None => self.quasi_newton(&seen.gradient),
        };
        let slope = dot(&direction, &seen.gradient);
        let longest = direction.iter().fold(0.0f64, |a, d| a.max(d.abs()));
        if !slope.is_finite() || !longest.is_finite() {
            return Found::Stuck;
        }
        let size = self.point.iter().fold(1.0f64, |a, x| a.max(x.abs()));
        let at_end = match self.method {
            // Where the function falls without end, as of classes that can be separated, steps stay
            // long while the value has long reached its last digits.
            Method::Newton { fall } => {
                -slope <= 2.0 * fall && (longest <= 1e-8 * size || -slope <= 2e-4 * fall)
            }
            Method::QuasiNewton { gradient } => seen.gradient.iter().all(|g| g.abs() <= gradient),
        };
        let enough = self.iterations >= self.max_iter;
        let next: Vec<f64> = self
            .point
            .iter()
            .zip(&direction)
            .map(|(x, d)| x + d)
            .collect();
        if at_end || slope >= 0.0 || enough {
            let done = at_end || slope >= 0.0;
            if at_end && longest <= 1e-8 * size && !self.method_is_quasi() {
                self.point = next;
            }
            return if done { Found::Minimum } else { Found::NotYet };
        }
        self.iterations += 1;
        self.from = Some(Start {
            point: std::mem::replace(&mut self.point, next),
            value: seen.value,
            gradient: seen.gradient,
            direction,
            slope,
        });
        Found::Again
    }

    /// The full step was too long: the best of the others is next.
    fn shorten(&mut self, from: Start, others: &[f64]) -> Found {
        let falls = |(step, value): &(&f64, &f64)| {
            value.is_finite() && **value < from.value + ARMIJO * **step * from.slope
        };
        let tried = SHORTER.iter().zip(others);
        let best = tried.filter(falls).min_by(|a, b| a.1.total_cmp(b.1));
        let Some((step, _)) = best else {
            self.point = from.point;
            // What is promised is lost in the last digits of the value.
            return match -from.slope <= 1e-12 * from.value.abs() {
                true => Found::Minimum,
                false => Found::Stuck,
            };
        };
        let moved = from.point.iter().zip(&from.direction);
        self.point = moved.map(|(x, d)| x + step * d).collect();
        self.shortened = true;
        self.from = Some(from);
        Found::Again
    }

    fn quasi_newton(&self, gradient: &[f64]) -> Vec<f64> {
        let scaled = |v: &[f64]| -> Vec<f64> {
            let pairs = v.iter().zip(&self.bound);
            pairs.map(|(v, bound)| v / bound).collect()
        };
        let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut shares = Vec::with_capacity(self.memory.len());
        for (step, change) in self.memory.iter().rev() {
            let share = dot(step, &direction) / dot(step, change);
            add(&mut direction, change, -share);
            shares.push(share);
        }
        direction = scaled(&direction);
        if let Some((step, change)) = self.memory.back() {
            let factor = dot(step, change) / dot(change, &scaled(change));
            direction.iter_mut().for_each(|d| *d *= factor);
        }
        for ((step, change), share) in self.memory.iter().zip(shares.iter().rev()) {
            let other = dot(change, &direction) / dot(step, change);
            add(&mut direction, step, share - other);
        }
        direction
    }
}

/// `-H⁻¹ g`. A Hessian that is not positive definite gets more on its diagonal until it is: where the
/// function is flat, the step is then short.
fn newton(hessian: &Symmetric, gradient: &[f64]) -> Vec<f64> {
    let right: Vec<Sum> = gradient.iter().map(|g| Sum::from(-g)).collect();
    let size = hessian.size();
    let diagonal: f64 = (0..size).map(|at| hessian.at(at, at).value()).sum();
    let typical = diagonal / size.max(1) as f64;
    let shifts = [0.0, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1.0];
    let solved = shifts.iter().find_map(|shift| {
        let shifted = hessian.clone().shifted(shift * typical);
        solve_refined(&shifted, &right)
    });
    match solved {
        Some(step) => step.iter().map(|s| s.value()).collect(),
        None => gradient.iter().map(|g| -g / typical).collect(),
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], other: &[f64], times: f64) {
    let pairs = to.iter_mut().zip(other);
    pairs.for_each(|(to, other)| *to += times * other);
}

fn differences(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn length(a: &[f64]) -> f64 {
    a.iter().map(|a| a.abs()).sum()
}
