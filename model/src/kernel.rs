//! Kernels: how alike two rows are, as a product in a space of which only the products are known
//! (Boser, Guyon, Vapnik 1992).
//!
//! A row is compared with many vectors at once. They lie in groups of [`LANES`], one feature after the
//! other, so that the processor takes the lanes of a group together:
//!
//! ```text
//! vectors 0 to 15               vectors 16 to 31
//! x0 x0 … x0 │ x1 x1 … x1 │ …   x0 x0 … x0 │ x1 x1 … x1 │ …
//! ```
//!
//! Each value is summed in the order of the features, so it is the same wherever the vector lies.

use pulp::Arch;

use crate::elementary::{exp, tanh};
use crate::error::Result;
use crate::parameter::{Domain, Parameters};
use crate::points::Points;

/// Of the vectors' features, so many lie next to each other.
const LANES: usize = 16;

pub const KERNELS: Domain = Domain::Choice(&["linear", "poly", "rbf", "sigmoid"]);

/// Names and parameters are scikit-learn's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kernel {
    /// `x·y`
    Linear,
    /// `(gamma x·y + coef0)^degree`
    Polynomial { gamma: f64, coef0: f64, degree: u64 },
    /// `e^(-gamma |x - y|²)`
    Gaussian { gamma: f64 },
    /// `tanh(gamma x·y + coef0)`, which is not always a product.
    Sigmoid { gamma: f64, coef0: f64 },
}

impl Kernel {
    /// Of the parameters `kernel`, `degree` and `coef0`.
    pub fn of(parameters: &Parameters, gamma: f64) -> Result<Self> {
        let coef0 = parameters.number("coef0")?;
        Ok(match parameters.word("kernel") {
            "linear" => Self::Linear,
            "poly" => Self::Polynomial {
                gamma,
                coef0,
                degree: parameters.number("degree")? as u64,
            },
            "sigmoid" => Self::Sigmoid { gamma, coef0 },
            _ => Self::Gaussian { gamma },
        })
    }

    /// The value where the sum over the features, of products or squared differences, is `sum`.
    #[inline(always)]
    fn value(self, sum: f64) -> f64 {
        match self {
            Self::Linear => sum,
            Self::Polynomial {
                gamma,
                coef0,
                degree,
            } => power(gamma * sum + coef0, degree),
            Self::Gaussian { gamma } => exp(-gamma * sum),
            Self::Sigmoid { gamma, coef0 } => tanh(gamma * sum + coef0),
        }
    }

    /// The kernel of a row and itself.
    pub fn of_one(self, row: &[f64]) -> f64 {
        self.value(match self {
            Self::Gaussian { .. } => 0.0,
            _ => row.iter().fold(0.0, |sum, x| product(sum, *x, *x)),
        })
    }
}

#[inline(always)]
fn product(sum: f64, a: f64, b: f64) -> f64 {
    sum + a * b
}

#[inline(always)]
fn square(sum: f64, a: f64, b: f64) -> f64 {
    sum + (a - b) * (a - b)
}

/// By squares; the platform's own may differ in the last place.
#[inline(always)]
fn power(mut base: f64, mut exponent: u64) -> f64 {
    let mut power = 1.0;
    while exponent > 0 {
        if exponent & 1 == 1 {
            power *= base;
        }
        base *= base;
        exponent >>= 1;
    }
    power
}

/// Vectors that rows are compared with.
#[derive(Debug)]
pub struct Vectors {
    kernel: Kernel,
    width: usize,
    count: usize,
    /// Filled up with zeros to whole groups.
    groups: Vec<f64>,
}

impl Vectors {
    pub fn new(kernel: Kernel, points: &Points) -> Self {
        let width = points.width.max(1);
        let mut groups = Vec::with_capacity(points.data.len().next_multiple_of(LANES * width));
        for group in points.data.chunks(LANES * width) {
            for feature in 0..width {
                let lane = |lane: usize| group.get(lane * width + feature).copied();
                groups.extend((0..LANES).map(|at| lane(at).unwrap_or(0.0)));
            }
        }
        Self {
            kernel,
            width,
            count: points.count(),
            groups,
        }
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// What comparing a row with all vectors takes, in multiplications, about.
    pub fn work(&self) -> u64 {
        (self.count as u64).saturating_mul(self.width as u64 + 10)
    }

    /// The kernel of `row` and each vector, as many as `out` takes.
    pub fn compare(&self, row: &[f64], out: &mut [f64]) {
        match self.kernel {
            Kernel::Linear => self.fill(row, out, product, |sum| sum),
            Kernel::Gaussian { gamma } => self.fill(row, out, square, |sum| exp(-gamma * sum)),
            kernel => self.fill(row, out, product, |sum| kernel.value(sum)),
        }
    }

    fn fill(
        &self,
        row: &[f64],
        out: &mut [f64],
        add: impl Fn(f64, f64, f64) -> f64 + Copy,
        value: impl Fn(f64) -> f64 + Copy,
    ) {
        Arch::new().dispatch(
            #[inline(always)]
            || {
                let groups = self.groups.chunks_exact(LANES * self.width);
                for (group, out) in groups.zip(out.chunks_mut(LANES)) {
                    let mut sums = [0.0; LANES];
                    for (column, x) in group.chunks_exact(LANES).zip(row) {
                        for (sum, y) in sums.iter_mut().zip(column) {
                            *sum = add(*sum, *x, *y);
                        }
                    }
                    for sum in &mut sums {
                        *sum = value(*sum);
                    }
                    out.copy_from_slice(&sums[..out.len()]);
                }
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{mix, unit};

    #[test]
    fn values_are_those_of_the_formulas() {
        let draw = |at: usize| 2.0 * unit(mix(at as u64)) - 1.0;
        let (gamma, coef0) = (0.3, -0.2);
        for (count, width) in [(37, 3), (16, 1), (1, 5), (0, 2)] {
            let points = Points {
                width,
                data: (0..count * width).map(draw).collect(),
            };
            let row: Vec<f64> = (0..width).map(|at| draw(1000 + at)).collect();
            let product = |y: &[f64]| row.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
            let square = |y: &[f64]| row.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum::<f64>();
            let degree = 5;
            type Formula<'a> = Box<dyn Fn(&[f64]) -> f64 + 'a>;
            let kernels: [(Kernel, Formula); 4] = [
                (Kernel::Linear, Box::new(product)),
                (
                    Kernel::Polynomial {
                        gamma,
                        coef0,
                        degree,
                    },
                    Box::new(|y| (gamma * product(y) + coef0).powi(5)),
                ),
                (
                    Kernel::Gaussian { gamma },
                    Box::new(|y| (-gamma * square(y)).exp()),
                ),
                (
                    Kernel::Sigmoid { gamma, coef0 },
                    Box::new(|y| (gamma * product(y) + coef0).tanh()),
                ),
            ];
            for (kernel, formula) in kernels {
                let vectors = Vectors::new(kernel, &points);
                let mut found = vec![0.0; vectors.count()];
                vectors.compare(&row, &mut found);
                assert_eq!(found.len(), count);
                for (found, point) in found.iter().zip(points.iter()) {
                    assert!((found - formula(point)).abs() < 1e-15, "{kernel:?}");
                    // A vector's place among the others does not show.
                    let mut same = [0.0; 1];
                    let alone = Points {
                        width,
                        data: point.to_vec(),
                    };
                    Vectors::new(kernel, &alone).compare(&row, &mut same);
                    assert_eq!(*found, same[0]);
                    Vectors::new(kernel, &alone).compare(point, &mut same);
                    assert_eq!(kernel.of_one(point), same[0]);
                }
            }
        }
        assert_eq!(power(3.0, 0), 1.0);
        assert_eq!(power(-2.0, 11), -2048.0);
        assert_eq!(power(2.0, 1 << 53), f64::INFINITY);
    }
}
