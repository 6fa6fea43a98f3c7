//! Loss, gradient and Hessian of a generalised linear model at a point, and its loss at other points
//! of a line: what a step of Newton's method, or of a quasi-Newton one, needs of the rows.
//!
//! Features are centred and scaled first, by numbers that the trainer found in a scan of its own:
//! without that a Hessian is ill-conditioned where features have offsets, and descent ends at a wrong
//! intercept (SPARK-34448). With `z` for such a row, 1 for the intercept at its end, `w` for its weight
//! and `η = B z` for the outputs:
//!
//! | loss     | value                    | residual `r = ∂/∂η`  | curvature `h = ∂²/∂η²`     |
//! |----------|--------------------------|----------------------|----------------------------|
//! | logistic | `ln(1 + e^η) - y η`      | `p - y`              | `p (1 - p)`                |
//! | softmax  | `ln Σ e^η_k - η_y`       | `p_k - [y = k]`      | `p_k ([k = l] - p_l)`      |
//! | Poisson  | `e^η - y η`              | `e^η - y`            | `e^η`                      |
//!
//! The gradient is `Σ w r_k z`, the Hessian `Σ w h_kl z zᵀ`. The blocks of softmax with `k = l` are sums
//! of the others, so that only those with `k < l` are collected, with their sign turned.

use serde::{Deserialize, Serialize};

use super::Collect;
use crate::rows::Rows;
use crate::solve::Symmetric;
use crate::state::State;
use crate::sum::{Sum, dot, total};

mod kernel;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Loss {
    /// Of classes 0 and 1.
    Logistic,
    Softmax {
        classes: usize,
    },
    Poisson,
}

impl Loss {
    pub fn outputs(self) -> usize {
        match self {
            Loss::Softmax { classes } => classes,
            Loss::Logistic | Loss::Poisson => 1,
        }
    }

    /// Blocks of the Hessian that are collected.
    fn blocks(self) -> usize {
        match self {
            Loss::Softmax { classes } => classes * (classes - 1) / 2,
            Loss::Logistic | Loss::Poisson => 1,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Glm {
    pub loss: Loss,
    pub intercept: bool,
    /// Subtracted from each feature, which is then multiplied by its scale.
    #[serde(with = "crate::exact::list")]
    pub centres: Vec<f64>,
    #[serde(with = "crate::exact::list")]
    pub scales: Vec<f64>,
    /// How much each class counts; empty where all count alike.
    #[serde(with = "crate::exact::list")]
    pub class_weights: Vec<f64>,
    /// For each output a coefficient for each feature, then the intercept if there is one.
    #[serde(with = "crate::exact::list")]
    pub point: Vec<f64>,
    /// The direction in which the other points lie, in units of the point.
    #[serde(with = "crate::exact::list")]
    pub along: Vec<f64>,
    /// How far along each of the other points is.
    #[serde(with = "crate::exact::list")]
    pub steps: Vec<f64>,
    pub hessian: bool,
}

/// Sums before the losses at other points: weight and loss with the weights of classes, and weight,
/// loss and rows that were classified rightly without them.
const HEAD: usize = 5;

impl Glm {
    /// Unknowns of an output.
    pub fn width(&self) -> usize {
        self.centres.len() + usize::from(self.intercept)
    }

    fn gradient_at(&self) -> usize {
        HEAD + self.steps.len()
    }

    fn hessian_at(&self) -> usize {
        self.gradient_at() + self.loss.outputs() * self.width()
    }

    fn block_size(&self) -> usize {
        self.width() * (self.width() + 1) / 2
    }
}

impl Collect for Glm {
    fn start(&self) -> State {
        let hessian = match self.hessian {
            true => self.loss.blocks() * self.block_size(),
            false => 0,
        };
        State::of_sums(self.hessian_at() + hessian)
    }

    fn update(&self, state: &mut State, rows: &Rows<'_>) {
        // The block's columns fit a cache of the second level.
        let block = ((1 << 15) / (self.width() + 1)).clamp(64, 1024);
        let mut scratch = kernel::Scratch::default();
        for from in (0..rows.count).step_by(block) {
            let to = (from + block).min(rows.count);
            scratch.load(self, rows, from..to);
            self.collect(state, rows, from..to, &mut scratch);
        }
    }
}

impl Glm {
    fn collect(
        &self,
        state: &mut State,
        rows: &Rows<'_>,
        span: std::ops::Range<usize>,
        scratch: &mut kernel::Scratch,
    ) {
        let target = &rows.target[span.clone()];
        scratch.outputs(self, &self.point);
        let (line, at) = (self.gradient_at(), self.hessian_at());
        let mut add = |at: usize, value: Sum| {
            if let Some(sum) = state.sums.get_mut(at) {
                *sum = *sum + value;
            }
        };
        // The other points first: the kernel of the point itself replaces the outputs.
        if !self.steps.is_empty() {
            scratch.slopes(self, &self.along);
            for (number, step) in self.steps.iter().enumerate() {
                scratch.loss_along(self, *step, target);
                add(HEAD + number, dot(&scratch.weight, &scratch.losses));
            }
        }
        scratch.evaluate(self, target);
        add(0, total(&scratch.weight));
        add(1, dot(&scratch.weight, &scratch.losses));
        match rows.weight {
            None => {
                add(2, Sum::from(target.len() as f64));
                add(3, total(&scratch.losses));
                add(4, total(&scratch.right));
            }
            Some(weight) => {
                let weight = &weight[span];
                add(2, total(weight));
                add(3, dot(weight, &scratch.losses));
                add(4, dot(weight, &scratch.right));
            }
        }
        for (output, residual) in scratch.residuals.iter().enumerate() {
            for (column, z) in scratch.columns.iter().enumerate() {
                add(line + output * self.width() + column, dot(residual, z));
            }
        }
        if self.hessian {
            let mut at = at;
            for block in 0..self.loss.blocks() {
                scratch.curvature(self, block);
                for row in 0..self.width() {
                    scratch.times_curvature(row);
                    for column in 0..=row {
                        add(at, dot(&scratch.product, &scratch.columns[column]));
                        at += 1;
                    }
                }
            }
        }
    }
}

/// What a state says of the loss, all of it as sums over the rows.
#[derive(Debug, Clone)]
pub struct Evaluation {
    pub weight: f64,
    pub loss: f64,
    /// Of rows whose classes all count alike.
    pub plain_loss: f64,
    /// The share of the weight whose class has the highest probability.
    pub accuracy: f64,
    /// The losses at the other points.
    pub others: Vec<f64>,
    pub gradient: Vec<f64>,
    pub hessian: Option<Symmetric>,
}

impl Glm {
    /// Everything is rounded to what does not depend on the order of the rows: where the terms of the
    /// gradient cancel, that is less than the digits of `f64`.
    pub fn evaluation(&self, state: &State) -> Evaluation {
        let sums = &state.sums;
        let (line, at) = (self.gradient_at(), self.hessian_at());
        let weight = sums[0].value();
        let plain = sums[2];
        let settled = |sum: &Sum| sum.settled(weight * 65536.0).value();
        Evaluation {
            weight,
            loss: sums[1].value(),
            plain_loss: (sums[3] / plain).value(),
            accuracy: (sums[4] / plain).value(),
            others: sums[HEAD..line].iter().map(|sum| sum.value()).collect(),
            gradient: sums[line..at].iter().map(settled).collect(),
            hessian: self.hessian.then(|| self.hessian_of(&sums[at..])),
        }
    }

    fn hessian_of(&self, sums: &[Sum]) -> Symmetric {
        let rounded = |sum: &Sum| Sum::from(sum.value());
        let Loss::Softmax { classes } = self.loss else {
            return Symmetric::of(self.width(), sums.iter().map(rounded).collect());
        };
        let width = self.width();
        let mut hessian = Symmetric::zero(classes * width);
        let pairs = (0..classes).flat_map(|k| (k + 1..classes).map(move |l| (k, l)));
        for ((k, l), block) in pairs.zip(sums.chunks_exact(self.block_size().max(1))) {
            let mut values = block.iter();
            for row in 0..width {
                for column in 0..=row {
                    let value = values.next().map(rounded).unwrap_or_default();
                    for class in [k, l] {
                        let own = hessian.at_mut(class * width + row, class * width + column);
                        *own = *own + value;
                    }
                    *hessian.at_mut(l * width + row, k * width + column) = -value;
                    *hessian.at_mut(l * width + column, k * width + row) = -value;
                }
            }
        }
        hessian
    }
}
