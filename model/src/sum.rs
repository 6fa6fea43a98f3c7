//! Sums in twice the precision of `f64`: the unevaluated sum of two of them.
//!
//! An addition loses about 2^-105 of the sum (Knuth's two-sum; a product is exact by a fused
//! multiply-add), so a sum of 10^9 rows still has more digits than `f64` when it is rounded. That is
//! why the order of rows and chunks does not show in a model, and why raw moments suffice where
//! centred ones would be needed in plain `f64`.

use pulp::{Arch, Simd, WithSimd};
use serde::{Deserialize, Serialize};

/// `hi + lo`, where `|lo|` is at most half of the last place of `hi`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Sum {
    #[serde(with = "crate::exact")]
    pub hi: f64,
    #[serde(with = "crate::exact")]
    pub lo: f64,
}

impl Sum {
    pub const ZERO: Self = Self { hi: 0.0, lo: 0.0 };

    /// The sum, rounded.
    pub fn value(self) -> f64 {
        self.hi + self.lo
    }

    pub fn is_finite(self) -> bool {
        self.hi.is_finite() && self.lo.is_finite()
    }

    pub fn add(&mut self, value: f64) {
        let (hi, err) = two_sum(self.hi, value);
        *self = fast_two_sum(hi, self.lo + err);
    }

    /// Adds the product of two numbers, which is not rounded.
    pub fn add_product(&mut self, a: f64, b: f64) {
        let product = a * b;
        let rest = a.mul_add(b, -product);
        let (hi, err) = two_sum(self.hi, product);
        *self = fast_two_sum(hi, self.lo + (err + rest));
    }
}

impl From<f64> for Sum {
    fn from(hi: f64) -> Self {
        Self { hi, lo: 0.0 }
    }
}

impl std::ops::Add for Sum {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (hi, err) = two_sum(self.hi, other.hi);
        let (lo, low_err) = two_sum(self.lo, other.lo);
        let Sum { hi, lo } = fast_two_sum(hi, err + lo);
        fast_two_sum(hi, lo + low_err)
    }
}

impl std::ops::Neg for Sum {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            hi: -self.hi,
            lo: -self.lo,
        }
    }
}

impl std::ops::Sub for Sum {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl std::ops::Mul for Sum {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let product = self.hi * other.hi;
        let rest = self.hi.mul_add(other.hi, -product);
        let cross = self.hi.mul_add(other.lo, self.lo * other.hi);
        fast_two_sum(product, rest + cross)
    }
}

impl std::ops::Div for Sum {
    type Output = Self;

    /// By long division, a digit of 53 bits at a time.
    fn div(self, other: Self) -> Self {
        let first = self.hi / other.hi;
        if !first.is_finite() {
            return Self::from(first);
        }
        let rest = self - other * Self::from(first);
        let second = rest.hi / other.hi;
        let rest = rest - other * Self::from(second);
        let third = rest.hi / other.hi;
        fast_two_sum(first, second) + Self::from(third)
    }
}

impl Sum {
    /// Without digits below 2^-88 of `magnitude`: after a difference of sums of that size, what is
    /// left there depends on the order in which they were made.
    pub fn settled(self, magnitude: f64) -> Self {
        let unit = magnitude.abs().max(f64::MIN_POSITIVE / f64::EPSILON) * 2f64.powi(-88);
        // The power of two at or below it.
        let unit = f64::from_bits(unit.to_bits() & 0x7ff0_0000_0000_0000);
        if unit == 0.0 || !self.is_finite() || !unit.is_finite() {
            return self;
        }
        let round = |value: f64| {
            let units = value / unit;
            // Larger ones are whole.
            if units.abs() < 9e15 {
                units.round() * unit
            } else {
                value
            }
        };
        let hi = round(self.hi);
        fast_two_sum(hi, round((self.hi - hi) + self.lo))
    }

    pub fn sqrt(self) -> Self {
        if self.hi <= 0.0 {
            return Self::from(if self.hi == 0.0 { 0.0 } else { f64::NAN });
        }
        // One step of Newton's method doubles the digits.
        let root = self.hi.sqrt();
        let rest = self - Self::from(root) * Self::from(root);
        fast_two_sum(root, rest.value() / (2.0 * root))
    }
}

fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

/// For `|a| >= |b|`.
fn fast_two_sum(a: f64, b: f64) -> Sum {
    let hi = a + b;
    Sum {
        hi,
        lo: b - (hi - a),
    }
}

/// The sum of the values.
pub fn total(values: &[f64]) -> Sum {
    Arch::new().dispatch(Total(values))
}

/// The sum of the products of two columns of the same length.
pub fn dot(a: &[f64], b: &[f64]) -> Sum {
    Arch::new().dispatch(Dot(a, b))
}

/// A column times the weights of its rows. The products are not rounded: what `f64` has no digits for
/// is kept beside them, so that an offset of the column takes nothing from its variance.
pub struct Weighted {
    products: Vec<f64>,
    /// Empty where there are none, as of small whole numbers.
    rests: Vec<f64>,
}

impl Weighted {
    pub fn of(column: &[f64], weight: &[f64]) -> Self {
        let pairs = || column.iter().zip(weight);
        let products: Vec<f64> = pairs().map(|(x, w)| x * w).collect();
        let rest = |((x, w), product): ((&f64, &f64), &f64)| x.mul_add(*w, -product);
        let rests: Vec<f64> = pairs().zip(&products).map(rest).collect();
        let exact = rests.iter().all(|rest| *rest == 0.0);
        Self {
            products,
            rests: if exact { Vec::new() } else { rests },
        }
    }

    pub fn total(&self) -> Sum {
        total(&self.products) + total(&self.rests)
    }

    /// The sum of the products with another column.
    pub fn dot(&self, column: &[f64]) -> Sum {
        let sum = dot(&self.products, column);
        match self.rests.is_empty() {
            true => sum,
            false => sum + dot(&self.rests, column),
        }
    }
}

struct Total<'a>(&'a [f64]);

impl WithSimd for Total<'_> {
    type Output = Sum;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Sum {
        let (head, tail) = S::as_simd_f64s(self.0);
        let mut lanes = Lanes::<S>::new(simd);
        for values in head {
            lanes.add(simd, *values, simd.splat_f64s(0.0));
        }
        tail.iter().fold(lanes.sum(), |mut sum, value| {
            sum.add(*value);
            sum
        })
    }
}

struct Dot<'a>(&'a [f64], &'a [f64]);

impl WithSimd for Dot<'_> {
    type Output = Sum;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Sum {
        let (a, a_tail) = S::as_simd_f64s(self.0);
        let (b, b_tail) = S::as_simd_f64s(self.1);
        // Two independent chains hide the latency of the additions.
        let mut lanes = [Lanes::<S>::new(simd), Lanes::<S>::new(simd)];
        for (at, (a, b)) in a.iter().zip(b).enumerate() {
            let product = simd.mul_f64s(*a, *b);
            let rest = simd.mul_add_f64s(*a, *b, simd.neg_f64s(product));
            lanes[at % 2].add(simd, product, rest);
        }
        let [even, odd] = lanes;
        let tail = a_tail.iter().zip(b_tail);
        tail.fold(even.sum() + odd.sum(), |mut sum, (a, b)| {
            sum.add_product(*a, *b);
            sum
        })
    }
}

/// A sum for each lane of a vector register.
struct Lanes<S: Simd> {
    hi: S::f64s,
    lo: S::f64s,
}

impl<S: Simd> Lanes<S> {
    #[inline(always)]
    fn new(simd: S) -> Self {
        Self {
            hi: simd.splat_f64s(0.0),
            lo: simd.splat_f64s(0.0),
        }
    }

    /// Adds `value + rest`. `lo` is not carried into `hi` in between: it stays far smaller.
    #[inline(always)]
    fn add(&mut self, simd: S, value: S::f64s, rest: S::f64s) {
        let sum = simd.add_f64s(self.hi, value);
        let part = simd.sub_f64s(sum, self.hi);
        let err = simd.add_f64s(
            simd.sub_f64s(self.hi, simd.sub_f64s(sum, part)),
            simd.sub_f64s(value, part),
        );
        self.hi = sum;
        self.lo = simd.add_f64s(self.lo, simd.add_f64s(err, rest));
    }

    #[inline(always)]
    fn sum(self) -> Sum {
        let (his, los) = (
            pulp::bytemuck::cast_slice::<_, f64>(std::slice::from_ref(&self.hi)),
            pulp::bytemuck::cast_slice::<_, f64>(std::slice::from_ref(&self.lo)),
        );
        let lanes = his.iter().zip(los);
        lanes.fold(Sum::ZERO, |sum, (hi, lo)| sum + fast_two_sum(*hi, *lo))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize) -> Vec<f64> {
        let draws = (0..count as u64).map(crate::rows::mix);
        draws
            .map(|d| (crate::rows::unit(d) - 0.5) * 10f64.powi((d % 17) as i32))
            .collect()
    }

    #[test]
    fn the_order_does_not_show() {
        let (a, b) = (values(10_007), values(20_014).split_off(10_007));
        let whole = dot(&a, &b);
        let mut pairs: Vec<_> = a.iter().copied().zip(b.iter().copied()).collect();
        pairs.sort_by(|x, y| x.0.total_cmp(&y.0));
        let (a, b): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let parts = [0, 1, 13, 13, 4001, 10_007];
        let cut = parts
            .windows(2)
            .map(|w| dot(&a[w[0]..w[1]], &b[w[0]..w[1]]));
        let merged = cut.rev().fold(Sum::ZERO, |sum, part| sum + part);
        assert_eq!(merged.value().to_bits(), whole.value().to_bits());
    }

    #[test]
    fn small_terms_survive_large_ones() {
        let mut sum = Sum::ZERO;
        for value in [1e16, 1.0, -1e16, 1e-10] {
            sum.add(value);
        }
        assert_eq!(sum.value(), 1.0 + 1e-10);
        assert_eq!(
            total(&[1e16, 1.0, -1e16, 0.0, 0.0, 0.0, 0.0, 1.0]).value(),
            2.0
        );
    }

    #[test]
    fn quotients_and_roots_have_twice_the_digits() {
        let third = Sum::from(1.0) / Sum::from(3.0);
        let back = third * Sum::from(3.0) - Sum::from(1.0);
        assert!(back.value().abs() < 1e-30);
        let root = Sum::from(2.0).sqrt();
        assert!((root * root - Sum::from(2.0)).value().abs() < 1e-30);
    }
}
