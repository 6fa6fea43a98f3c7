//! PostgreSQL's binary `numeric`: digits to the base 10000, a weight, a sign and a display scale.

use arrow::datatypes::i256;
use bytes::{BufMut, BytesMut};

/// 10^76 has 20 such digits; one more for the alignment to the point, three for a group's rest.
const MOST_GROUPS: usize = 24;

/// The digits of a number, lowest first.
struct Groups {
    digits: [u16; MOST_GROUPS],
    count: usize,
}

impl Groups {
    fn push(&mut self, digit: u64) {
        if let Some(place) = self.digits.get_mut(self.count) {
            *place = digit as u16;
            self.count += 1;
        }
    }

    fn push_four(&mut self, mut digits: u64) {
        for _ in 0..4 {
            self.push(digits % 10_000);
            digits /= 10_000;
        }
    }

    fn push_rest(&mut self, mut rest: u64) {
        while rest != 0 {
            self.push(rest % 10_000);
            rest /= 10_000;
        }
    }
}

const FOUR_GROUPS: u64 = 10_000_000_000_000_000;

pub fn write128(unscaled: i128, scale: i8, out: &mut BytesMut) {
    write(unscaled < 0, unscaled.unsigned_abs(), scale, out);
}

pub fn write256(unscaled: i256, scale: i8, out: &mut BytesMut) {
    if let Some(short) = unscaled.to_i128() {
        return write128(short, scale, out);
    }
    let four_groups = i256::from_i128(i128::from(FOUR_GROUPS));
    let (shift, low_unit) = alignment(scale);
    let mut groups = Groups {
        digits: [0; MOST_GROUPS],
        count: 0,
    };
    // Remainders have the sign of the number.
    let part = |number: i256, unit: i256| {
        let rest = number.wrapping_rem(unit).to_i128().unwrap_or_default();
        (number.wrapping_div(unit), rest.unsigned_abs() as u64)
    };
    let (mut rest, low) = part(unscaled, i256::from_i128(i128::from(low_unit)));
    groups.push(low * (10_000 / low_unit));
    while rest != i256::ZERO {
        let (above, four) = part(rest, four_groups);
        groups.push_four(four);
        rest = above;
    }
    finish(unscaled < i256::ZERO, &groups, shift, scale, out);
}

/// Where the lowest base-10000 digit stands, and how many units of the unscaled value it takes.
fn alignment(scale: i8) -> (i32, u64) {
    let exponent = -i32::from(scale);
    let unit = 10_u64.pow(4 - exponent.rem_euclid(4) as u32);
    (exponent.div_euclid(4), unit)
}

fn write(negative: bool, unscaled: u128, scale: i8, out: &mut BytesMut) {
    let (shift, low_unit) = alignment(scale);
    let mut groups = Groups {
        digits: [0; MOST_GROUPS],
        count: 0,
    };
    let mut rest = match u64::try_from(unscaled) {
        Ok(short) => {
            groups.push(short % low_unit * (10_000 / low_unit));
            groups.push_rest(short / low_unit);
            0
        }
        Err(_) => {
            let low_unit = u128::from(low_unit);
            groups.push((unscaled % low_unit * (10_000 / low_unit)) as u64);
            unscaled / low_unit
        }
    };
    while u64::try_from(rest).is_err() {
        groups.push_four((rest % u128::from(FOUR_GROUPS)) as u64);
        rest /= u128::from(FOUR_GROUPS);
    }
    groups.push_rest(rest as u64);
    finish(negative, &groups, shift, scale, out);
}

fn finish(negative: bool, groups: &Groups, shift: i32, scale: i8, out: &mut BytesMut) {
    let digits = groups.digits.get(..groups.count).unwrap_or_default();
    let top = digits.iter().rposition(|digit| *digit != 0);
    let low = digits.iter().position(|digit| *digit != 0);
    let display_scale = u16::from(scale.max(0) as u8);
    let (Some(top), Some(low)) = (top, low) else {
        return out.put_slice(&[0, 0, 0, 0, 0, 0, 0, display_scale as u8]);
    };
    let mut bytes = [0_u8; 8 + 2 * MOST_GROUPS];
    let header = [
        (top - low + 1) as u16,
        (shift + top as i32) as u16,
        if negative { 0x4000 } else { 0 },
        display_scale,
    ];
    let words = header.iter().chain(digits[low..=top].iter().rev());
    let mut length = 0;
    for (place, word) in bytes.chunks_exact_mut(2).zip(words) {
        place.copy_from_slice(&word.to_be_bytes());
        length += 2;
    }
    out.put_slice(&bytes[..length]);
}

/// A number as its decimal digits: the first stands at `10^exponent`.
pub struct Digits<I> {
    pub negative: bool,
    pub exponent: i64,
    pub digits: I,
}

impl<I: Iterator<Item = u8>> Digits<I> {
    /// The unscaled value at a scale, rounded half away from zero; `None` if it is too large.
    pub fn unscaled(self, scale: i8) -> Option<i256> {
        // Most fit into 128 bits, where arithmetic is much faster.
        let ten = i256::from_i128(10);
        let (mut short, mut long) = (0_i128, None::<i256>);
        let lowest = -i64::from(scale);
        let mut next = self.exponent;
        let mut round_up = false;
        for digit in self.digits {
            if next < lowest {
                round_up = next == lowest - 1 && digit >= 5;
                next = lowest - 1;
                break;
            }
            next -= 1;
            match &mut long {
                None => match short
                    .checked_mul(10)
                    .and_then(|v| v.checked_add(digit.into()))
                {
                    Some(sum) => short = sum,
                    None => {
                        let wide = i256::from_i128(short).checked_mul(ten)?;
                        long = Some(wide.checked_add(i256::from_i128(digit.into()))?);
                    }
                },
                Some(value) => {
                    let wide = value.checked_mul(ten)?;
                    *value = wide.checked_add(i256::from_i128(digit.into()))?;
                }
            }
        }
        let mut value = long.unwrap_or(i256::from_i128(short));
        if round_up {
            value = value.checked_add(i256::ONE)?;
        } else if next >= lowest && value != i256::ZERO {
            let missing = u32::try_from(next + 1 - lowest).ok()?;
            // 10^77 is past every decimal type.
            (missing <= 77).then_some(())?;
            value = value.checked_mul(ten.checked_pow(missing)?)?;
        }
        if self.negative {
            value = value.checked_neg()?;
        }
        Some(value)
    }
}

/// Why bytes are not a number that we can hold.
pub enum Fault {
    /// They are not a `numeric`.
    Malformed,
    /// NaN or an infinity.
    NotFinite,
}

/// The digits of a binary `numeric`, and how many it shows after the point.
pub fn read(bytes: &[u8]) -> Result<(Digits<impl Iterator<Item = u8> + '_>, u16), Fault> {
    let word = |at: usize| {
        let pair = bytes.get(at..at + 2)?;
        Some(u16::from_be_bytes([pair[0], pair[1]]))
    };
    let header = (word(0), word(2), word(4), word(6));
    let (Some(count), Some(weight), Some(sign), Some(scale)) = header else {
        return Err(Fault::Malformed);
    };
    let groups = bytes.get(8..).unwrap_or_default();
    match sign {
        0 | 0x4000 => {}
        0xC000 | 0xD000 | 0xF000 => return Err(Fault::NotFinite),
        _ => return Err(Fault::Malformed),
    }
    let pairs = || {
        groups
            .chunks_exact(2)
            .map(|p| u16::from_be_bytes([p[0], p[1]]))
    };
    if groups.len() != 2 * usize::from(count) || scale > 0x3fff || pairs().any(|d| d > 9999) {
        return Err(Fault::Malformed);
    }
    let digits = pairs().flat_map(|group| {
        let digit = move |unit: u16| (group / unit % 10) as u8;
        [digit(1000), digit(100), digit(10), digit(1)]
    });
    let digits = Digits {
        negative: sign == 0x4000,
        exponent: i64::from(weight as i16) * 4 + 3,
        digits,
    };
    Ok((digits, scale))
}
