//! Numbers as text: shortest digits that read back to the same float, decimals with all their digits.

use std::fmt::Write;

/// From which exponent on a float reads as `1e+15`: PostgreSQL's limits for its two float types.
pub const DOUBLE_DIGITS: i32 = 15;
pub const REAL_DIGITS: i32 = 6;

pub fn double(value: f64, out: &mut String) {
    match special(value) {
        Some(text) => out.push_str(text),
        None => float(&format!("{value:e}"), DOUBLE_DIGITS, out),
    }
}

pub fn real(value: f32, out: &mut String) {
    match special(f64::from(value)) {
        Some(text) => out.push_str(text),
        None => float(&format!("{value:e}"), REAL_DIGITS, out),
    }
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

/// Lays out the shortest digits, given as `-d.ddde-xx`, the way PostgreSQL does.
fn float(scientific: &str, fixed_below: i32, out: &mut String) {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    out.push_str(sign);
    if !(-4..fixed_below).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(out, "{mantissa}e{sign}{:02}", exponent.abs());
        return;
    }
    let digits = mantissa.chars().filter(|c| *c != '.');
    if exponent < 0 {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', (-exponent - 1) as usize));
        out.extend(digits);
        return;
    }
    let whole = exponent as usize + 1;
    let mut count = 0;
    for digit in digits {
        if count == whole {
            out.push('.');
        }
        out.push(digit);
        count += 1;
    }
    out.extend(std::iter::repeat_n('0', whole.saturating_sub(count)));
}

/// Puts the point into the digits of an unscaled decimal.
pub fn decimal(unscaled: &str, scale: i8, out: &mut String) {
    let (sign, digits) = match unscaled.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", unscaled),
    };
    out.push_str(sign);
    let Ok(places) = usize::try_from(scale) else {
        out.push_str(digits);
        if digits != "0" {
            out.extend(std::iter::repeat_n('0', scale.unsigned_abs() as usize));
        }
        return;
    };
    if places == 0 {
        out.push_str(digits);
        return;
    }
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(places));
    out.push_str(if whole.is_empty() { "0" } else { whole });
    out.push('.');
    out.extend(std::iter::repeat_n('0', places - fraction.len()));
    out.push_str(fraction);
}
