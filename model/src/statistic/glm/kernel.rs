//! The loops over rows, by column, on blocks of rows that fit a cache.

use std::ops::Range;

use pulp::Arch;

use super::{Glm, Loss};
use crate::elementary::{exp, ln, ln_1p};
use crate::predict::{largest, softmax_of};
use crate::rows::Rows;

/// A block of rows, and what is computed of it.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Scaled features, then ones for the intercept.
    pub columns: Vec<Vec<f64>>,
    /// With the weights of classes.
    pub weight: Vec<f64>,
    pub losses: Vec<f64>,
    /// 1 where the class has the highest probability.
    pub right: Vec<f64>,
    /// Weighted, of each output.
    pub residuals: Vec<Vec<f64>>,
    /// A column times the curvature.
    pub product: Vec<f64>,
    /// At the point: outputs, then probabilities.
    outputs: Vec<Vec<f64>>,
    /// How much outputs change along the line.
    slopes: Vec<Vec<f64>>,
    moved: Vec<Vec<f64>>,
    curvature: Vec<f64>,
}

impl Scratch {
    pub fn load(&mut self, glm: &Glm, rows: &Rows<'_>, span: Range<usize>) {
        self.columns.resize(glm.width(), Vec::new());
        let scaled = glm.centres.iter().zip(&glm.scales).zip(rows.features);
        for (column, ((centre, scale), feature)) in self.columns.iter_mut().zip(scaled) {
            column.clear();
            let feature = &feature[span.clone()];
            column.extend(feature.iter().map(|x| (x - centre) * scale));
        }
        if glm.intercept
            && let Some(ones) = self.columns.last_mut()
        {
            ones.clear();
            ones.resize(span.len(), 1.0);
        }
        self.weight.clear();
        match rows.weight {
            Some(weight) => self.weight.extend_from_slice(&weight[span.clone()]),
            None => self.weight.resize(span.len(), 1.0),
        }
        if !glm.class_weights.is_empty() {
            for (weight, class) in self.weight.iter_mut().zip(&rows.target[span]) {
                *weight *= glm
                    .class_weights
                    .get(*class as usize)
                    .copied()
                    .unwrap_or(1.0);
            }
        }
    }

    pub fn outputs(&mut self, glm: &Glm, point: &[f64]) {
        linear(
            glm,
            &self.columns,
            point,
            self.weight.len(),
            &mut self.outputs,
        );
    }

    pub fn slopes(&mut self, glm: &Glm, along: &[f64]) {
        linear(
            glm,
            &self.columns,
            along,
            self.weight.len(),
            &mut self.slopes,
        );
    }

    /// The losses at another point of the line.
    pub fn loss_along(&mut self, glm: &Glm, step: f64, target: &[f64]) {
        self.moved.resize(self.outputs.len(), Vec::new());
        let lines = self.outputs.iter().zip(&self.slopes);
        for (moved, (output, slope)) in self.moved.iter_mut().zip(lines) {
            moved.clear();
            moved.extend(output.iter().zip(slope).map(|(o, s)| o + step * s));
        }
        let (moved, losses) = (&mut self.moved, &mut self.losses);
        losses.clear();
        losses.resize(target.len(), 0.0);
        Arch::new().dispatch(|| match glm.loss {
            Loss::Logistic => each(&moved[0], target, losses, |o, y| logistic(o, y).0),
            Loss::Poisson => each(&moved[0], target, losses, |o, y| poisson(o, y).0),
            Loss::Softmax { .. } => softmax(moved, target, losses),
        });
    }

    /// Losses and residuals at the point; outputs become what curvatures are made of.
    pub fn evaluate(&mut self, glm: &Glm, target: &[f64]) {
        let count = target.len();
        self.residuals.resize(self.outputs.len(), Vec::new());
        for column in self
            .residuals
            .iter_mut()
            .chain([&mut self.losses, &mut self.right])
        {
            column.clear();
            column.resize(count, 0.0);
        }
        let arch = Arch::new();
        match glm.loss {
            Loss::Logistic => {
                let hits = self.right.iter_mut().zip(&self.outputs[0]).zip(target);
                hits.for_each(|((hit, o), y)| *hit = f64::from((*o > 0.0) == (*y == 1.0)));
                arch.dispatch(|| self.single(target, logistic));
            }
            Loss::Poisson => arch.dispatch(|| self.single(target, poisson)),
            Loss::Softmax { .. } => {
                let found = largest(&self.outputs, count);
                let hits = self.right.iter_mut().zip(&found).zip(target);
                hits.for_each(|((hit, class), y)| *hit = f64::from(class == y));
                arch.dispatch(|| softmax(&mut self.outputs, target, &mut self.losses));
                for (class, probabilities) in self.outputs.iter().enumerate() {
                    let class = class as f64;
                    let rows = probabilities.iter().zip(target).zip(&self.weight);
                    for (residual, ((p, y), w)) in
                        self.residuals[class as usize].iter_mut().zip(rows)
                    {
                        *residual = w * (p - f64::from(*y == class));
                    }
                }
            }
        }
    }

    /// Of one output: its curvature takes the output's place.
    #[inline(always)]
    fn single(&mut self, target: &[f64], loss: impl Fn(f64, f64) -> (f64, f64, f64)) {
        let into = self.losses.iter_mut().zip(&mut self.residuals[0]);
        let rows = self.outputs[0].iter_mut().zip(target).zip(&self.weight);
        for ((value, residual), ((output, y), w)) in into.zip(rows) {
            let (own, slope, curvature) = loss(*output, *y);
            *value = own;
            *residual = w * slope;
            *output = curvature;
        }
    }

    /// The weighted curvature of a block of the Hessian.
    pub fn curvature(&mut self, glm: &Glm, block: usize) {
        let first = &self.outputs;
        self.curvature.clear();
        match glm.loss {
            Loss::Softmax { classes } => {
                let mut pairs = (0..classes).flat_map(|k| (k + 1..classes).map(move |l| (k, l)));
                let (k, l) = pairs.nth(block).unwrap_or_default();
                let rows = first[k].iter().zip(&first[l]).zip(&self.weight);
                self.curvature.extend(rows.map(|((p, q), w)| w * p * q));
            }
            Loss::Logistic | Loss::Poisson => {
                let rows = first[0].iter().zip(&self.weight);
                self.curvature.extend(rows.map(|(h, w)| h * w));
            }
        }
    }

    pub fn times_curvature(&mut self, column: usize) {
        self.product.clear();
        let rows = self.columns[column].iter().zip(&self.curvature);
        self.product.extend(rows.map(|(z, h)| z * h));
    }
}

fn linear(glm: &Glm, columns: &[Vec<f64>], point: &[f64], count: usize, out: &mut Vec<Vec<f64>>) {
    out.resize(glm.loss.outputs(), Vec::new());
    for out in out.iter_mut() {
        out.clear();
        out.resize(count, 0.0);
    }
    for (out, point) in out.iter_mut().zip(point.chunks_exact(glm.width().max(1))) {
        for (column, coefficient) in columns.iter().zip(point) {
            let rows = out.iter_mut().zip(column);
            rows.for_each(|(out, z)| *out += z * coefficient);
        }
    }
}

#[inline(always)]
fn each(outputs: &[f64], target: &[f64], losses: &mut [f64], loss: impl Fn(f64, f64) -> f64) {
    let rows = outputs.iter().zip(target).zip(losses);
    rows.for_each(|((output, y), into)| *into = loss(*output, *y));
}

/// Value, slope and curvature. Each keeps its digits where the probability is close to 0 or 1.
#[inline(always)]
fn logistic(output: f64, y: f64) -> (f64, f64, f64) {
    // Turned so that a positive output speaks for the row's own class.
    let sign = if y == 1.0 { 1.0 } else { -1.0 };
    let own = output * sign;
    let e = exp(-own.abs());
    let whole = 1.0 + e;
    let wrong = (if own < 0.0 { 1.0 } else { e }) / whole;
    let value = ln_1p(e) + if own < 0.0 { -own } else { 0.0 };
    (value, -sign * wrong, e / (whole * whole))
}

#[inline(always)]
fn poisson(output: f64, y: f64) -> (f64, f64, f64) {
    let mean = exp(output);
    (mean - y * output, mean - y, mean)
}

/// Outputs become probabilities.
#[inline(always)]
fn softmax(outputs: &mut [Vec<f64>], target: &[f64], losses: &mut [f64]) {
    for (class, column) in outputs.iter().enumerate() {
        let class = class as f64;
        let rows = losses.iter_mut().zip(target).zip(column);
        rows.for_each(|((own, y), output)| *own = if *y == class { *output } else { *own });
    }
    let (highest, sum) = softmax_of(outputs, target.len());
    let rows = losses.iter_mut().zip(highest.iter().zip(&sum));
    rows.for_each(|(loss, (highest, sum))| *loss = (highest - *loss) + ln(*sum));
}
