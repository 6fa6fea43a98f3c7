//! Errors of ridge regressions on rows that were left out, without training again for each row.
//!
//! With V and l the eigenvectors and values of the features' centred products and z = V'(x - mean), the
//! residual of a row is y - mean - Σ z c / (l + alpha), where c = V'X'y, and its leverage is
//! Σ z² / (l + alpha). Left out, its error is the residual over 1 - w (leverage + 1/W).

use serde::{Deserialize, Serialize};

use super::Collect;
use super::moments::Centred;
use crate::error::Result;
use crate::rows::Rows;
use crate::state::State;
use crate::sum::{Sum, dot};

/// For each penalty, the weighted sum of squared errors of rows that were left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeaveOneOut {
    means: Vec<f64>,
    target_mean: f64,
    /// 1/W, what the mean takes of a row's weight; 0 without an intercept.
    share: f64,
    vectors: Vec<Vec<f64>>,
    penalties: Vec<Penalty>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Penalty {
    /// 1 / (l + alpha) of each direction.
    shrink: Vec<f64>,
    /// The coefficient of each direction.
    slopes: Vec<f64>,
}

impl LeaveOneOut {
    pub fn of(moments: &Centred, alphas: &[f64], intercept: bool) -> Result<Self> {
        let size = moments.means.len().saturating_sub(1);
        let eigen = moments.products.leading(size).eigen()?;
        let right = moments.products.row(size, size);
        let along = |vector: &Vec<f64>| {
            let terms = vector.iter().zip(&right);
            terms
                .fold(Sum::ZERO, |sum, (v, r)| sum + Sum::from(*v) * *r)
                .value()
        };
        let along: Vec<f64> = eigen.vectors.iter().map(along).collect();
        let penalty = |alpha: &f64| {
            let shrink = eigen.values.iter().map(|l| 1.0 / (l.max(0.0) + alpha));
            let shrink: Vec<f64> = shrink.collect();
            let slopes = along.iter().zip(&shrink).map(|(c, s)| c * s).collect();
            Penalty { shrink, slopes }
        };
        let mean = |at: usize| match intercept {
            true => moments.means[at].value(),
            false => 0.0,
        };
        Ok(Self {
            means: (0..size).map(mean).collect(),
            target_mean: mean(size),
            share: if intercept {
                1.0 / moments.weight.value()
            } else {
                0.0
            },
            penalties: alphas.iter().map(penalty).collect(),
            vectors: eigen.vectors,
        })
    }

    /// The rows from `from` on, at most as many as `block` has room for.
    fn block(&self, state: &mut State, rows: &Rows<'_>, from: usize, block: &mut Block) {
        let count = (rows.count - from).min(BLOCK);
        let Block {
            centred,
            turned,
            errors,
            leverage,
        } = block;
        centred.resize(self.means.len() * BLOCK, 0.0);
        turned.resize(self.means.len() * BLOCK, 0.0);
        for ((column, mean), out) in rows
            .features
            .iter()
            .zip(&self.means)
            .zip(centred.chunks_mut(BLOCK))
        {
            let values = column[from..from + count].iter();
            out.iter_mut()
                .zip(values)
                .for_each(|(out, x)| *out = x - mean);
        }
        for (vector, out) in self.vectors.iter().zip(turned.chunks_mut(BLOCK)) {
            out.fill(0.0);
            for (v, column) in vector.iter().zip(centred.chunks(BLOCK)) {
                out.iter_mut()
                    .zip(column)
                    .for_each(|(out, x)| *out += v * x);
            }
        }
        let target = &rows.target[from..from + count];
        for (penalty, sum) in self.penalties.iter().zip(&mut state.sums) {
            errors.clear();
            errors.extend(target.iter().map(|y| y - self.target_mean));
            leverage.clear();
            leverage.resize(count, self.share);
            for ((z, slope), shrink) in turned
                .chunks(BLOCK)
                .zip(&penalty.slopes)
                .zip(&penalty.shrink)
            {
                errors.iter_mut().zip(z).for_each(|(e, z)| *e -= z * slope);
                leverage
                    .iter_mut()
                    .zip(z)
                    .for_each(|(l, z)| *l += z * z * shrink);
            }
            let found = match rows.weight {
                None => {
                    let each = errors.iter_mut().zip(leverage.iter());
                    each.for_each(|(error, leverage)| *error /= 1.0 - leverage);
                    dot(errors, errors)
                }
                Some(weight) => {
                    let weight = &weight[from..from + count];
                    let each = errors.iter_mut().zip(leverage.iter_mut()).zip(weight);
                    each.for_each(|((error, leverage), w)| {
                        *error /= 1.0 - w * *leverage;
                        *leverage = *error * w;
                    });
                    dot(errors, leverage)
                }
            };
            *sum = *sum + found;
        }
    }
}

/// Rows at a time.
const BLOCK: usize = 256;

/// Columns of a block of rows.
#[derive(Default)]
struct Block {
    centred: Vec<f64>,
    turned: Vec<f64>,
    errors: Vec<f64>,
    leverage: Vec<f64>,
}

impl Collect for LeaveOneOut {
    fn start(&self) -> State {
        State::of_sums(self.penalties.len())
    }

    fn update(&self, state: &mut State, rows: &Rows<'_>) {
        let mut block = Block::default();
        for from in (0..rows.count).step_by(BLOCK) {
            self.block(state, rows, from, &mut block);
        }
    }
}
