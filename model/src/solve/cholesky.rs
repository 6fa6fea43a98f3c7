//! Solutions of `A x = b` for symmetric positive definite `A`.

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};

use super::Symmetric;
use crate::sum::Sum;

/// Up to this size the factor is kept in sums as well: its cost grows with the cube.
const EXACT_SIZE: usize = 256;
/// Pivots below this share of their diagonal are noise.
const NOISE: f64 = 1e-26;

/// The solution, to full precision of `f64` for condition numbers up to about 10^14 and, for systems
/// of up to 256 unknowns, 10^24. `None` when the matrix is not positive definite.
pub fn solve_positive(matrix: &Symmetric, right: &[Sum]) -> Option<Vec<Sum>> {
    match matrix.size() <= EXACT_SIZE {
        true => solve_exact(matrix, right),
        false => solve_refined(matrix, right),
    }
}

/// By a factor in sums.
fn solve_exact(matrix: &Symmetric, right: &[Sum]) -> Option<Vec<Sum>> {
    let size = matrix.size();
    let mut factor = matrix.clone();
    for column in 0..size {
        let mut pivot = factor.at(column, column);
        for k in 0..column {
            let value = factor.at(column, k);
            pivot = pivot - value * value;
        }
        if !pivot.is_finite() || pivot.value() <= matrix.at(column, column).value() * NOISE {
            return None;
        }
        let root = pivot.sqrt();
        *factor.at_mut(column, column) = root;
        for row in column + 1..size {
            let mut value = factor.at(row, column);
            for k in 0..column {
                value = value - factor.at(row, k) * factor.at(column, k);
            }
            *factor.at_mut(row, column) = value / root;
        }
    }
    let mut x: Vec<Sum> = right.to_vec();
    for row in 0..size {
        for k in 0..row {
            x[row] = x[row] - factor.at(row, k) * x[k];
        }
        x[row] = x[row] / factor.at(row, row);
    }
    for row in (0..size).rev() {
        for k in row + 1..size {
            x[row] = x[row] - factor.at(k, row) * x[k];
        }
        x[row] = x[row] / factor.at(row, row);
    }
    Some(x)
}

/// By a factor in `f64` and corrections from residuals in sums.
pub fn solve_refined(matrix: &Symmetric, right: &[Sum]) -> Option<Vec<Sum>> {
    let size = matrix.size();
    // Scaled to a diagonal of ones, which is close to the best that scaling can do.
    let scale: Vec<f64> = (0..size)
        .map(|at| matrix.at(at, at).value().sqrt().recip())
        .collect();
    let rounded = matrix.rounded();
    let scaled = Mat::from_fn(size, size, |r, c| rounded[(r, c)] * scale[r] * scale[c]);
    let factor = scaled.llt(Side::Lower).ok()?;
    let mut x = vec![Sum::ZERO; size];
    let mut last = f64::INFINITY;
    for _ in 0..20 {
        let product = matrix.times(&x);
        let residual = Mat::from_fn(size, 1, |at, _| {
            (right[at] - product[at]).value() * scale[at]
        });
        let step = factor.solve(&residual);
        for (at, value) in x.iter_mut().enumerate() {
            value.add(step[(at, 0)] * scale[at]);
        }
        let norm = |v: f64, at: usize| (v / scale[at]).abs();
        let moved = (0..size).map(|at| step[(at, 0)].abs()).fold(0.0, f64::max);
        let whole = (0..size)
            .map(|at| norm(x[at].value(), at))
            .fold(0.0, f64::max);
        if !moved.is_finite() {
            return None;
        }
        if moved <= whole * 1e-17 || (moved >= last && moved <= whole * 1e-12) {
            return Some(x);
        }
        if moved >= last {
            return None;
        }
        last = moved;
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_agree_on_a_hilbert_matrix() {
        let size = 6;
        let values = (0..size)
            .flat_map(|r| (0..=r).map(move |c| Sum::from(1.0) / Sum::from((r + c + 1) as f64)));
        let matrix = Symmetric::of(size, values.collect());
        let truth: Vec<Sum> = (0..size).map(|at| Sum::from(at as f64 - 2.5)).collect();
        let right = matrix.times(&truth);
        for found in [solve_exact(&matrix, &right), solve_refined(&matrix, &right)] {
            for (found, truth) in found.unwrap().iter().zip(&truth) {
                assert!((found.value() - truth.value()).abs() < 1e-13, "{found:?}");
            }
        }
    }

    #[test]
    fn what_is_singular_has_no_solution() {
        let matrix = Symmetric::of(2, [1.0, 2.0, 4.0].map(Sum::from).to_vec());
        assert_eq!(
            solve_exact(&matrix, &[Sum::from(1.0), Sum::from(1.0)]),
            None
        );
    }
}
