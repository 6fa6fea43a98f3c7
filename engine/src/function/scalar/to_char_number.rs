//! `to_char` and `to_number` with numbers: patterns such as `FM999,990.00`, `S9999`, `RN`.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Decimal128Type};
use datafusion::common::Result;

use super::pattern::{Case, check_length};
use super::to_char::{cased, ordinal_suffix};
use crate::error::{Error, Kind};
use crate::function::define::{Arg, Call, Scalar, takes};
use crate::function::rows::{At, given};

pub(crate) static FUNCTIONS: &[Scalar] = &[Scalar::new(
    "Math Functions",
    "to_number",
    "to_number(text, pattern)",
    "Reads a number by a pattern such as '99G999D9S'.",
    &[takes(
        &[Arg::Text, Arg::Text],
        |_| DataType::Decimal128(38, 10),
        |call| {
            let (texts, patterns) = (call.text(0)?, call.text(1)?);
            let scale = match call.returns {
                DataType::Decimal128(_, scale) => usize::from(scale.unsigned_abs()),
                _ => 0,
            };
            call.each::<Decimal128Type>(|row| {
                let (text, pattern) = (given!(texts.at(row)), given!(patterns.at(row)));
                read(text, &parse(pattern)?, scale).map(Some)
            })
        },
    )],
)
// A constant pattern says how many digits there are after the point.
.typed_by(|args| {
    let pattern = args.get(1).copied().flatten()?.try_as_str().flatten()?;
    let scale = i8::try_from(parse(pattern).ok()?.fraction).ok()?.min(20);
    Some(DataType::Decimal128(38, scale))
})];

/// One place of a pattern.
#[derive(Debug, Clone, PartialEq)]
enum Place {
    Nine,
    Zero,
    Point,
    Group,
    /// `S`
    Sign,
    Minus,
    Plus,
    /// `SG`
    PlusOrMinus,
    Ordinal(Case),
    Text(String),
}

#[derive(Debug, Default)]
struct Pattern {
    places: Vec<Place>,
    bare: bool,
    brackets: bool,
    roman: Option<Case>,
    exponent: bool,
    /// Digits after `V`: the number is multiplied by a power of ten.
    shift: Option<u32>,
    whole: usize,
    fraction: usize,
}

fn refuse(message: &str) -> datafusion::common::DataFusionError {
    Error::new(Kind::InvalidParameterValue, message).into()
}

fn parse(pattern: &str) -> Result<Pattern> {
    check_length(pattern)?;
    let (mut out, mut rest) = (Pattern::default(), pattern);
    let mut point = false;
    while let Some(c) = rest.chars().next() {
        let word = |n: usize| rest.get(..n).unwrap_or("").to_ascii_uppercase();
        let (place, length) = match (word(4).as_str(), word(2).as_str(), c.to_ascii_uppercase()) {
            ("EEEE", ..) => {
                out.exponent = true;
                (None, 4)
            }
            (_, "FM", _) => {
                out.bare = true;
                (None, 2)
            }
            (_, "PR", _) => {
                out.brackets = true;
                (None, 2)
            }
            (_, "RN", _) => {
                out.roman = Some(if c == 'r' { Case::Lower } else { Case::Upper });
                (None, 2)
            }
            (_, "TH", _) => {
                let case = if c == 't' { Case::Lower } else { Case::Upper };
                (Some(Place::Ordinal(case)), 2)
            }
            (_, "MI", _) => (Some(Place::Minus), 2),
            (_, "PL", _) => (Some(Place::Plus), 2),
            (_, "SG", _) => (Some(Place::PlusOrMinus), 2),
            (_, _, 'V') => {
                out.shift = Some(0);
                (None, 1)
            }
            (_, _, 'S') => (Some(Place::Sign), 1),
            (_, _, '.' | 'D') if point => return Err(refuse("multiple decimal points")),
            (_, _, '.' | 'D') => {
                point = true;
                (Some(Place::Point), 1)
            }
            (_, _, ',' | 'G') => (Some(Place::Group), 1),
            (_, _, 'L') => (Some(Place::Text(" ".to_string())), 1),
            (_, _, '9' | '0') => {
                match (&mut out.shift, point) {
                    (_, true) => out.fraction += 1,
                    (shift, false) => {
                        out.whole += 1;
                        if let Some(digits) = shift {
                            *digits += 1;
                        }
                    }
                }
                (Some(if c == '9' { Place::Nine } else { Place::Zero }), 1)
            }
            (_, _, '"') => {
                let end = rest[1..].find('"').map_or(rest.len() - 1, |end| end + 1);
                let text = rest[1..end.max(1)].to_string();
                (Some(Place::Text(text)), (end + 1).min(rest.len()))
            }
            _ => (Some(Place::Text(c.to_string())), c.len_utf8()),
        };
        out.places.extend(place);
        rest = &rest[length..];
    }
    if out.whole + out.fraction > 1000 {
        return Err(refuse("the pattern has too many digits"));
    }
    Ok(out)
}

/// A number in decimal digits: sign, digits before and after the point.
struct Digits {
    negative: bool,
    whole: String,
    fraction: String,
}

impl Digits {
    fn of(text: &str) -> Self {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        Self {
            negative: negative && text.contains(|c: char| c.is_ascii_digit() && c != '0'),
            whole: whole.trim_start_matches('0').to_string(),
            fraction: fraction.to_string(),
        }
    }
}

/// An exact number rounded to some digits after the point, halves away from zero.
fn round(digits: i128, scale: i8, places: usize) -> String {
    let scale = usize::from(scale.max(0).unsigned_abs());
    let negative = digits < 0;
    let mut text = format!("{:0>width$}", digits.unsigned_abs(), width = scale + 1);
    if scale > places {
        let cut = text.len() - (scale - places);
        let up = text.as_bytes().get(cut).is_some_and(|d| *d >= b'5');
        text.truncate(cut);
        let kept: u128 = text.parse().unwrap_or(0);
        let width = places + 1;
        text = format!("{:0>width$}", kept + u128::from(up));
    } else {
        text.push_str(&"0".repeat(places - scale));
    }
    let point = text.len() - places;
    let (whole, fraction) = text.split_at(point);
    let sign = if negative { "-" } else { "" };
    match fraction.is_empty() {
        true => format!("{sign}{whole}"),
        false => format!("{sign}{whole}.{fraction}"),
    }
}

pub(super) fn integers(call: &Call) -> Result<ArrayRef> {
    let values = call.ints(0)?;
    print_each(call, |row| values.at(row).map(|v| Exact(i128::from(v), 0)))
}

pub(super) fn decimals(call: &Call) -> Result<ArrayRef> {
    let values = call.array(0)?.as_primitive::<Decimal128Type>();
    print_each(call, |row| values.at(row).map(|v| Exact(v, values.scale())))
}

pub(super) fn floats(call: &Call) -> Result<ArrayRef> {
    let values = call.floats(0)?;
    print_each(call, |row| values.at(row).map(Double))
}

use Value::{Double, Exact};

#[derive(Clone, Copy)]
enum Value {
    Exact(i128, i8),
    Double(f64),
}

impl Value {
    fn as_f64(self) -> f64 {
        match self {
            Exact(digits, scale) => digits as f64 / 10_f64.powi(i32::from(scale)),
            Double(value) => value,
        }
    }

    fn rounded(self, shift: u32, places: usize) -> String {
        match self {
            Exact(digits, scale) => {
                let shifted = scale.saturating_sub(i8::try_from(shift).unwrap_or(i8::MAX));
                match shifted < 0 {
                    true => {
                        let more = u32::from(shifted.unsigned_abs());
                        let factor = 10_i128.checked_pow(more).unwrap_or(i128::MAX);
                        round(digits.saturating_mul(factor), 0, places)
                    }
                    false => round(digits, shifted, places),
                }
            }
            Double(value) => {
                let value = value * 10_f64.powi(i32::try_from(shift).unwrap_or(i32::MAX));
                // A double has 15 digits that mean something.
                let whole = format!("{:.0}", value.abs().trunc()).len();
                let kept = places.min(15_usize.saturating_sub(whole));
                let zeros = "0".repeat(places - kept);
                let point = if kept == 0 && places > 0 { "." } else { "" };
                format!("{value:.kept$}{point}{zeros}")
            }
        }
    }
}

fn print_each(call: &Call, value: impl Fn(usize) -> Option<Value>) -> Result<ArrayRef> {
    let patterns = call.text(1)?;
    let mut last: Option<(String, Pattern)> = None;
    call.each_text(|row| {
        let (value, text) = (given!(value(row)), given!(patterns.at(row)));
        let pattern = match last.take() {
            Some((known, pattern)) if known == text => pattern,
            _ => parse(text)?,
        };
        let shown = print(value, &pattern)?;
        last = Some((text.to_string(), pattern));
        Ok(Some(shown))
    })
}

fn print(value: Value, pattern: &Pattern) -> Result<String> {
    if let Some(case) = pattern.roman {
        return Ok(roman(value, case, pattern.bare));
    }
    if let Double(v) = value
        && !v.is_finite()
    {
        return Ok(" ".to_string() + &"#".repeat(pattern.whole));
    }
    if pattern.exponent {
        return Ok(scientific(value, pattern));
    }
    let text = value.rounded(pattern.shift.unwrap_or(0), pattern.fraction);
    Ok(Printer::new(pattern, Digits::of(&text)).print())
}

fn scientific(value: Value, pattern: &Pattern) -> String {
    let places = pattern.fraction;
    let text = format!("{:.places$e}", value.as_f64());
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    let sign = if power < 0 { '-' } else { '+' };
    let lead = if mantissa.starts_with('-') || pattern.bare {
        ""
    } else {
        " "
    };
    format!("{lead}{mantissa}e{sign}{:02}", power.abs())
}

fn roman(value: Value, case: Case, bare: bool) -> String {
    const NUMERALS: [(i64, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let mut rest = value.as_f64().round() as i64;
    if !(1..=3999).contains(&rest) {
        return "#".repeat(15);
    }
    let mut out = String::new();
    for (worth, numeral) in NUMERALS {
        while rest >= worth {
            out.push_str(numeral);
            rest -= worth;
        }
    }
    let width = if bare { 0 } else { 15 };
    format!("{:>width$}", cased(&out, case))
}

/// Walks a pattern and puts digits into its places.
struct Printer<'a> {
    pattern: &'a Pattern,
    digits: Digits,
    out: String,
    /// Where the sign goes once the first digit is known.
    sign_at: Option<usize>,
    overflow: bool,
}

impl<'a> Printer<'a> {
    fn new(pattern: &'a Pattern, digits: Digits) -> Self {
        Self {
            overflow: digits.whole.len() > pattern.whole,
            pattern,
            digits,
            out: String::new(),
            sign_at: None,
        }
    }

    fn print(mut self) -> String {
        let explicit = |p: &Place| matches!(p, Place::Sign | Place::Minus | Place::PlusOrMinus);
        let digit = |p: &Place| matches!(p, Place::Nine | Place::Zero | Place::Point);
        let implicit = !self.pattern.places.iter().any(explicit);
        let first_digit = self.pattern.places.iter().position(digit);
        let first_zero = self.pattern.places.iter().position(|p| *p == Place::Zero);
        let point = self.pattern.places.iter().position(|p| *p == Place::Point);
        let sign_place = self.pattern.places.iter().position(|p| *p == Place::Sign);
        let leading_sign = sign_place.is_some_and(|s| first_digit.is_none_or(|d| s < d));
        let mut whole_seen = 0;
        let mut fraction_seen = 0;
        let mut started = false;
        for (at, place) in self.pattern.places.iter().enumerate() {
            let after_point = point.is_some_and(|p| at > p);
            if Some(at) == first_digit && (implicit || leading_sign) {
                self.sign_at = Some(self.out.len());
            }
            match place {
                Place::Nine | Place::Zero if after_point => {
                    self.fraction_digit(at, fraction_seen);
                    fraction_seen += 1;
                }
                Place::Nine | Place::Zero => {
                    let from_right = self.pattern.whole - whole_seen;
                    whole_seen += 1;
                    let zero = first_zero.is_some_and(|z| z <= at);
                    started |= self.whole_digit(from_right, zero);
                }
                Place::Point => {
                    started = true;
                    self.out.push('.');
                }
                Place::Group if started => self.out.push(','),
                Place::Group if self.pattern.bare => {}
                Place::Group => self.out.push(' '),
                Place::Sign if leading_sign => {}
                Place::Sign | Place::PlusOrMinus => {
                    self.out.push(if self.digits.negative { '-' } else { '+' });
                }
                Place::Minus if self.digits.negative => self.out.push('-'),
                Place::Plus if !self.digits.negative => self.out.push('+'),
                Place::Minus | Place::Plus if self.pattern.bare => {}
                Place::Minus | Place::Plus => self.out.push(' '),
                Place::Ordinal(case) => {
                    if !self.digits.negative && self.pattern.fraction == 0 {
                        let suffix = cased(ordinal_suffix(&self.digits.whole), *case);
                        self.out.push_str(&suffix);
                    }
                }
                Place::Text(text) => self.out.push_str(text),
            }
        }
        self.put_sign(implicit);
        self.out
    }

    /// Returns whether a digit stands here.
    fn whole_digit(&mut self, from_right: usize, zero: bool) -> bool {
        let whole = &self.digits.whole;
        // A zero before the point is only shown where nothing follows or a 0 asks for it.
        let nothing = self.pattern.fraction == 0
            || (self.pattern.bare && self.digits.fraction.chars().all(|c| c == '0'));
        let lone_zero = from_right == 1 && whole.is_empty() && nothing;
        let index = whole.len().checked_sub(from_right);
        let digit = match index.and_then(|i| whole[i..].chars().next()) {
            _ if self.overflow => Some('#'),
            Some(digit) => Some(digit),
            None if zero || lone_zero => Some('0'),
            None => None,
        };
        match digit {
            Some(digit) => self.out.push(digit),
            None if self.pattern.bare => {}
            None => {
                self.out.push(' ');
                // The sign stands next to the first digit.
                if self.sign_at.is_some_and(|at| at + 1 == self.out.len()) {
                    self.sign_at = Some(self.out.len());
                }
            }
        }
        digit.is_some()
    }

    fn fraction_digit(&mut self, at: usize, index: usize) {
        let digits = &self.digits.fraction;
        let digit = match self.overflow {
            true => '#',
            false => digits[index..].chars().next().unwrap_or('0'),
        };
        // FM drops trailing zeros, but for the places of a 0.
        let last_zero = self.pattern.places.iter().rposition(|p| *p == Place::Zero);
        let kept = last_zero.is_some_and(|z| z >= at);
        let rest_is_zero = digits[index..].chars().all(|c| c == '0');
        if self.pattern.bare && rest_is_zero && !kept && !self.overflow {
            return;
        }
        self.out.push(digit);
    }

    fn put_sign(&mut self, implicit: bool) {
        let Some(at) = self.sign_at else { return };
        let negative = self.digits.negative;
        let sign = match (self.pattern.brackets, implicit, negative) {
            (true, _, true) => {
                self.out.push('>');
                "<"
            }
            (true, _, false) if self.pattern.bare => "",
            (true, _, false) => {
                self.out.push(' ');
                " "
            }
            (false, _, true) => "-",
            (false, false, false) => "+",
            (false, true, false) if self.pattern.bare => "",
            (false, true, false) => " ",
        };
        self.out.insert_str(at, sign);
    }
}

/// Reads what the places of a pattern allow; everything else is skipped.
fn read(text: &str, pattern: &Pattern, scale: usize) -> Result<i128> {
    let negative = text.contains('-') || (pattern.brackets && text.contains('<'));
    let point = match pattern.places.contains(&Place::Point) {
        true => text.find('.'),
        false => None,
    };
    let (whole, fraction) = match point {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    };
    let digits = |part: &str, count: usize| -> String {
        part.chars()
            .filter(char::is_ascii_digit)
            .take(count)
            .collect()
    };
    let whole = digits(whole, pattern.whole);
    let mut fraction = digits(fraction, pattern.fraction);
    if whole.is_empty() && fraction.is_empty() {
        let message = format!("invalid input syntax for type numeric: \"{text}\"");
        return Err(Error::new(Kind::InvalidText, message).into());
    }
    fraction.truncate(scale);
    let padded = format!("{whole}{fraction:0<scale$}");
    let value: i128 = padded
        .parse()
        .map_err(|_| Error::new(Kind::OutOfRange, "numeric out of range"))?;
    let value = match pattern.shift {
        Some(shift) => value / 10_i128.checked_pow(shift).unwrap_or(i128::MAX),
        None => value,
    };
    Ok(if negative { -value } else { value })
}
