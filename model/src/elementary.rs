//! Exponentials and logarithms that give the same bits on every machine, and that compilers turn into
//! vector instructions.
//!
//! The platform's own differ in the last place between versions and processors, and a model must not
//! depend on which machine read a row. Both are argument reduction and a series (Muller, "Elementary
//! Functions", 2016, ch. 11); the error is about one unit in the last place.

/// ln 2 in two parts; products of the first with numbers of up to 20 bits are exact.
const LN2_HI: f64 = 6.931_471_803_691_238e-1;
const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;

/// Adding it rounds to a whole number, which is then in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// `e^x`; 0 below -708, where the result would have few digits, and infinity above 709.
#[inline(always)]
pub fn exp(x: f64) -> f64 {
    let bounded = x.clamp(-708.0, 709.0);
    let shifted = bounded * std::f64::consts::LOG2_E + ROUND;
    let power = shifted - ROUND;
    let r = (bounded - power * LN2_HI) - power * LN2_LO;
    let mut series = 1.0 / 6_227_020_800.0;
    for term in [
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
    ] {
        series = series * r + term;
    }
    let fraction = 1.0 + (r + r * r * series);
    let scale = f64::from_bits(
        shifted
            .to_bits()
            .wrapping_sub(ROUND.to_bits())
            .wrapping_add(1023)
            << 52,
    );
    let value = fraction * scale;
    if x < -708.0 {
        0.0
    } else if x > 709.0 {
        f64::INFINITY
    } else {
        value
    }
}

/// `ln(1 + u)` for `u` in `[0, 1]`.
#[inline(always)]
pub fn ln_1p(u: f64) -> f64 {
    let s = u / (2.0 + u);
    2.0 * s * atanh_series(s * s)
}

/// The natural logarithm of a positive normal number.
#[inline(always)]
pub fn ln(x: f64) -> f64 {
    // x = 2^power * m, with m from sqrt(1/2) to sqrt(2).
    let bits = x.to_bits().wrapping_add(0x0009_5f61_9980_c433);
    let power = (bits >> 52) as i32 - 1023;
    let m = f64::from_bits((bits & 0x000f_ffff_ffff_ffff).wrapping_add(0x3fe6_a09e_667f_3bcd));
    let s = (m - 1.0) / (m + 1.0);
    let power = f64::from(power);
    power * LN2_HI + (power * LN2_LO + 2.0 * s * atanh_series(s * s))
}

/// `atanh(s) / s` by the square of `s`, which is at most 1/9.
#[inline(always)]
fn atanh_series(square: f64) -> f64 {
    let mut series = 1.0 / 33.0;
    for odd in [
        31.0, 29.0, 27.0, 25.0, 23.0, 21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0,
    ] {
        series = series * square + 1.0 / odd;
    }
    series
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub fn logistic(x: f64) -> f64 {
    let e = exp(-x.abs());
    (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)
}

/// The hyperbolic tangent, within about a unit of the last place of 1.
#[inline(always)]
pub fn tanh(x: f64) -> f64 {
    let e = exp(-2.0 * x.abs());
    let size = (1.0 - e) / (1.0 + e);
    if x < 0.0 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        let ulps = (found - expected).abs() / (expected.abs() * f64::EPSILON);
        assert!(ulps <= 2.5, "{found} for {expected}: {ulps} units");
    }

    #[test]
    fn exponentials_and_logarithms_are_those_of_the_platform() {
        for at in 0..200_000u64 {
            let u = crate::rows::unit(crate::rows::mix(at));
            close(exp(u * 1410.0 - 705.0), (u * 1410.0 - 705.0).exp());
            close(exp(u - 0.5), (u - 0.5).exp());
            close(ln_1p(u), u.ln_1p());
            assert!((tanh(u * 60.0 - 30.0) - (u * 60.0 - 30.0).tanh()).abs() < 4e-16);
            close(ln_1p(u * u * 1e-9), (u * u * 1e-9).ln_1p());
            let x = 10f64.powf(u * 600.0 - 300.0);
            close(ln(x), x.ln());
            close(ln(1.0 + u * 20.0), (1.0 + u * 20.0).ln());
        }
    }

    #[test]
    fn the_ends_are_what_they_must_be() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f64::NEG_INFINITY), 0.0);
        assert_eq!(exp(f64::INFINITY), f64::INFINITY);
        assert!(exp(f64::NAN).is_nan());
        assert_eq!(ln(1.0), 0.0);
        assert_eq!(ln_1p(0.0), 0.0);
        assert_eq!(logistic(1000.0), 1.0);
        assert_eq!(logistic(-1000.0), 0.0);
    }
}
