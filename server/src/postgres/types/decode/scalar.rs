//! Numbers, truth values, bytes and UUIDs from text.

use arrow::datatypes::i256;
use quern_engine::{Error, Kind};

use super::super::numeric::Digits;
use super::super::oid;
use super::{range, syntax};

pub fn boolean(text: &str) -> Result<bool, Error> {
    let word = text.trim_ascii();
    let is = |full: &str, least: usize| {
        word.len() >= least
            && full
                .get(..word.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    if word == "1" || is("true", 1) || is("yes", 1) || is("on", 2) {
        return Ok(true);
    }
    if word == "0" || is("false", 1) || is("no", 1) || is("off", 2) {
        return Ok(false);
    }
    Err(syntax(oid::BOOL, text))
}

pub fn integer(text: &str, oid: u32, least: i64, most: i64) -> Result<i64, Error> {
    let digits = text.trim_ascii();
    let value = digits.parse::<i128>().map_err(|_| {
        let unsigned = digits.strip_prefix(['-', '+']).unwrap_or(digits);
        let number = !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit());
        if number {
            range(oid, text)
        } else {
            syntax(oid, text)
        }
    })?;
    match i64::try_from(value) {
        Ok(value) if (least..=most).contains(&value) => Ok(value),
        _ => Err(range(oid, text)),
    }
}

pub fn real(text: &str) -> Result<f32, Error> {
    let number = float_text(text, oid::FLOAT4)?;
    let value: f32 = number.parse().map_err(|_| syntax(oid::FLOAT4, text))?;
    finite(value.is_infinite(), number, oid::FLOAT4)?;
    Ok(value)
}

pub fn double(text: &str) -> Result<f64, Error> {
    let number = float_text(text, oid::FLOAT8)?;
    let value: f64 = number.parse().map_err(|_| syntax(oid::FLOAT8, text))?;
    finite(value.is_infinite(), number, oid::FLOAT8)?;
    Ok(value)
}

fn float_text(text: &str, oid: u32) -> Result<&str, Error> {
    let number = text.trim_ascii();
    if number.is_empty() {
        return Err(syntax(oid, text));
    }
    Ok(number)
}

fn finite(infinite: bool, number: &str, oid: u32) -> Result<(), Error> {
    if infinite && !number.bytes().any(|b| b.eq_ignore_ascii_case(&b'n')) {
        let name = oid::sql_name(oid);
        return Err(Error::new(
            Kind::OutOfRange,
            format!(
                "\"{}\" is out of range for type {name}",
                super::shortened(number)
            ),
        ));
    }
    Ok(())
}

/// The unscaled value of `-12.5e3` at a scale.
pub fn decimal(text: &str, scale: i8) -> Result<i256, Error> {
    let (negative, mantissa, exponent) = parts(text).ok_or_else(|| {
        let word = text.trim_ascii().trim_start_matches(['+', '-']);
        let special = ["nan", "inf", "infinity"];
        if special.iter().any(|known| word.eq_ignore_ascii_case(known)) {
            return not_finite();
        }
        syntax(oid::NUMERIC, text)
    })?;
    let whole = mantissa.find('.').unwrap_or(mantissa.len()) as i64;
    let digits = Digits {
        negative,
        exponent: exponent + whole - 1,
        digits: mantissa.bytes().filter(|b| *b != b'.').map(|b| b - b'0'),
    };
    digits.unscaled(scale).ok_or_else(overflow)
}

pub fn not_finite() -> Error {
    Error::new(Kind::OutOfRange, "numeric field overflow")
        .detail("A decimal holds neither NaN nor an infinity.")
        .hint("Use double precision.")
}

pub fn overflow() -> Error {
    Error::new(Kind::OutOfRange, "numeric field overflow")
}

/// How many digits the number has after its point.
pub fn places(text: &str) -> i64 {
    let Some((_, mantissa, exponent)) = parts(text) else {
        return 0;
    };
    let fraction = mantissa.find('.').map_or(0, |at| mantissa.len() - at - 1);
    fraction as i64 - exponent
}

/// Sign, digits with perhaps a point among them, exponent.
fn parts(text: &str) -> Option<(bool, &str, i64)> {
    let number = text.trim_ascii();
    let (mantissa, exponent) = match number.find(['e', 'E']) {
        Some(at) => {
            let exponent: i32 = number.get(at + 1..)?.parse().ok()?;
            (number.get(..at)?, i64::from(exponent))
        }
        None => (number, 0),
    };
    let negative = mantissa.starts_with('-');
    let mantissa = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let points = mantissa.bytes().filter(|b| *b == b'.').count();
    let valid = digits > 0 && points <= 1 && digits + points == mantissa.len();
    valid.then_some((negative, mantissa, exponent))
}

/// Bytes from `\x00ff` or from the escape form, appended to `out`.
pub fn bytea(text: &str, out: &mut Vec<u8>) -> Result<(), Error> {
    let bytes = text.as_bytes();
    if let Some(digits) = bytes.strip_prefix(b"\\x") {
        let mut high = None;
        for digit in digits.iter().filter(|b| !b.is_ascii_whitespace()) {
            let value = hex(*digit).ok_or_else(|| {
                let shown = text
                    .chars()
                    .find(|c| !c.is_ascii_hexdigit() && *c != '\\' && *c != 'x');
                let shown = shown.map_or(String::new(), String::from);
                Error::new(
                    Kind::InvalidText,
                    format!("invalid hexadecimal digit: \"{shown}\""),
                )
            })?;
            match high.take() {
                None => high = Some(value),
                Some(high) => out.push(high << 4 | value),
            }
        }
        return match high {
            None => Ok(()),
            Some(_) => Err(Error::new(
                Kind::InvalidText,
                "invalid hexadecimal data: odd number of digits",
            )),
        };
    }
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        match rest {
            [b'\\', after @ ..] => {
                out.push(b'\\');
                rest = after;
            }
            [
                a @ b'0'..=b'3',
                b @ b'0'..=b'7',
                c @ b'0'..=b'7',
                after @ ..,
            ] => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            _ => return Err(syntax(oid::BYTEA, text)),
        }
    }
    Ok(())
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|value| value as u8)
}

/// A UUID from 32 hexadecimal digits, with hyphens after groups of four and braces around allowed.
pub fn uuid(text: &str) -> Result<[u8; 16], Error> {
    let fault = || syntax(oid::UUID, text);
    let inner = text.trim_ascii();
    let inner = match inner.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}').ok_or_else(fault)?,
        None => inner,
    };
    let mut bytes = [0_u8; 16];
    let mut count = 0;
    let mut after_hyphen = true;
    for byte in inner.bytes() {
        if byte == b'-' {
            if after_hyphen || count % 4 != 0 || count == 32 {
                return Err(fault());
            }
            after_hyphen = true;
            continue;
        }
        after_hyphen = false;
        let digit = hex(byte).ok_or_else(fault)?;
        let place = bytes.get_mut(count / 2).ok_or_else(fault)?;
        *place = *place << 4 | digit;
        count += 1;
    }
    if count != 32 {
        return Err(fault());
    }
    Ok(bytes)
}
