//! Numbers as text: shortest digits that read back to the same float, decimals with all their digits.
//!
//! These write into whatever takes text and allocate nothing: the wire protocols call them too.

use std::fmt::Write;

/// Below which a float reads as `100000` and not as `1e+15`: PostgreSQL's limits for its two types.
const DOUBLE_FIXED: std::ops::Range<f64> = 1e-4..1e15;
const REAL_FIXED: std::ops::Range<f32> = 1e-4..1e6;

pub fn integer<W: Write>(value: i64, out: &mut W) {
    let _ = out.write_str(itoa::Buffer::new().format(value));
}

pub fn double<W: Write>(value: f64, out: &mut W) {
    let text = match special(value) {
        Some(text) => text,
        None if value == 0.0 || DOUBLE_FIXED.contains(&value.abs()) => {
            let mut buffer = zmij::Buffer::new();
            let text = buffer.format_finite(value);
            let _ = out.write_str(text.strip_suffix(".0").unwrap_or(text));
            return;
        }
        None => return exponential(Shortest::of_double(value), out),
    };
    let _ = out.write_str(text);
}

pub fn real<W: Write>(value: f32, out: &mut W) {
    let text = match special(f64::from(value)) {
        Some(text) => text,
        None if value == 0.0 || REAL_FIXED.contains(&value.abs()) => {
            let mut buffer = zmij::Buffer::new();
            let text = buffer.format_finite(value);
            let _ = out.write_str(text.strip_suffix(".0").unwrap_or(text));
            return;
        }
        None => return exponential(Shortest::of_real(value), out),
    };
    let _ = out.write_str(text);
}

fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value.is_infinite() {
        Some(if value > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        None
    }
}

/// A float as `digits * 10^exponent`, with as few digits as read back to it.
#[derive(Clone, Copy)]
struct Shortest {
    negative: bool,
    digits: u64,
    exponent: i32,
}

impl Shortest {
    fn of_double(value: f64) -> Self {
        let found = Self::read(zmij::Buffer::new().format_finite(value));
        let bits = value.to_bits();
        let (fraction, power) = (bits & ((1 << 52) - 1), (bits >> 52 & 0x7ff) as i32);
        // Below that every midpoint has more digits than a shortest form.
        if value.abs() < (1_u64 << 52) as f64
            || !found.lies_between(fraction | 1 << 52, power - 1075)
        {
            return found;
        }
        (1..17)
            .map(|places| Self::read(&format!("{value:.places$e}")))
            .find(|closer| {
                closer.value() == Some(value)
                    && !closer.lies_between(fraction | 1 << 52, power - 1075)
            })
            .unwrap_or(found)
    }

    fn of_real(value: f32) -> Self {
        let found = Self::read(zmij::Buffer::new().format_finite(value));
        let bits = u64::from(value.to_bits());
        let (fraction, power) = (bits & ((1 << 23) - 1), (bits >> 23 & 0xff) as i32);
        if value.abs() < (1_u32 << 23) as f32
            || !found.lies_between(fraction | 1 << 23, power - 150)
        {
            return found;
        }
        (1..9)
            .map(|places| Self::read(&format!("{value:.places$e}")))
            .find(|closer| {
                closer.value::<f32>() == Some(value)
                    && !closer.lies_between(fraction | 1 << 23, power - 150)
            })
            .unwrap_or(found)
    }

    fn value<F: std::str::FromStr>(self) -> Option<F> {
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}{}e{}", self.digits, self.exponent)
            .parse()
            .ok()
    }

    /// Whether the digits are exactly the middle between the float `mantissa * 2^power` and one of
    /// its neighbours. They read back only where ties go to the even mantissa, so PostgreSQL does
    /// not write them.
    fn lies_between(self, mantissa: u64, power: i32) -> bool {
        if mantissa % 2 == 1 || !(-1..=27).contains(&self.exponent) {
            return false;
        }
        let fives = 5_u128.pow(self.exponent.max(0) as u32);
        let digits = normal(u128::from(self.digits) * fives, self.exponent);
        let tenths = if self.exponent < 0 { 5 } else { 1 };
        // Below a power of two the neighbour is only half as far.
        let below = if mantissa.is_power_of_two() { 1 } else { 2 };
        [4 * mantissa + 2, 4 * mantissa - below]
            .into_iter()
            .any(|middle| normal(u128::from(middle) * tenths, power - 2) == digits)
    }

    /// Reads `-1.25e-7` or `1250.0`.
    fn read(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let mut exponent: i32 = exponent.parse().unwrap_or(0);
        let mut digits = 0_u64;
        let mut after_point = false;
        for byte in mantissa.bytes() {
            match byte {
                b'.' => after_point = true,
                b'0'..=b'9' => {
                    digits = digits.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
                    exponent -= i32::from(after_point);
                }
                _ => {}
            }
        }
        while digits != 0 && digits.is_multiple_of(10) {
            digits /= 10;
            exponent += 1;
        }
        Self {
            negative: text.starts_with('-'),
            digits,
            exponent,
        }
    }
}

/// The same number with an odd first part.
fn normal(number: u128, power: i32) -> (u128, i32) {
    let zeros = number.trailing_zeros() % u128::BITS;
    (number >> zeros, power + zeros as i32)
}

/// Writes `-d.ddde-xx`.
fn exponential<W: Write>(number: Shortest, out: &mut W) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(number.digits);
    let exponent = number.exponent + digits.len() as i32 - 1;
    let (first, rest) = digits.split_at(1);
    let sign = if number.negative { "-" } else { "" };
    let point = if rest.is_empty() { "" } else { "." };
    let plus = if exponent < 0 { '-' } else { '+' };
    let _ = write!(
        out,
        "{sign}{first}{point}{rest}e{plus}{:02}",
        exponent.abs()
    );
}

/// A decimal of up to 38 digits, from its unscaled value.
pub fn decimal128<W: Write>(unscaled: i128, scale: i8, out: &mut W) {
    match i64::try_from(unscaled) {
        Ok(short) => decimal(itoa::Buffer::new().format(short), scale, out),
        Err(_) => decimal(itoa::Buffer::new().format(unscaled), scale, out),
    }
}

/// Puts the point into the digits of an unscaled decimal.
pub fn decimal<W: Write>(unscaled: &str, scale: i8, out: &mut W) {
    let (sign, digits) = match unscaled.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", unscaled),
    };
    let Ok(places) = usize::try_from(scale) else {
        let _ = out.write_str(unscaled);
        if digits != "0" {
            zeros(usize::from(scale.unsigned_abs()), out);
        }
        return;
    };
    if places == 0 {
        let _ = out.write_str(unscaled);
        return;
    }
    if digits.len() > places {
        let (whole, fraction) = unscaled.split_at(unscaled.len() - places);
        let _ = out.write_str(whole);
        let _ = out.write_str(".");
        let _ = out.write_str(fraction);
        return;
    }
    let _ = out.write_str(if sign.is_empty() { "0." } else { "-0." });
    zeros(places - digits.len(), out);
    let _ = out.write_str(digits);
}

fn zeros<W: Write>(count: usize, out: &mut W) {
    const ZEROS: &str = "0000000000000000000000000000000000000000";
    let mut left = count;
    while left > 0 {
        let part = left.min(ZEROS.len());
        let _ = out.write_str(&ZEROS[..part]);
        left -= part;
    }
}
