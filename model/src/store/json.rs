//! JSON whose numbers read back to the same bits.
//!
//! `serde_json` may be off by a unit in the last place when it reads a number, so numbers that are not
//! whole are read by the standard library. For that the text is rewritten first: such a number becomes
//! a string with `#` in front, and every string gets a `$` in front; what was read is changed back.

use serde_json::{Map, Number, Value};

use super::damaged;
use crate::error::Result;

/// More values than these are refused, because each takes far more memory than text.
const VALUES: usize = 1 << 20;

pub fn parse(text: &str) -> Result<Value> {
    let marked = marked(text)?;
    let value = serde_json::from_str(&marked);
    restored(value.map_err(|_| damaged("its header is not JSON"))?)
}

fn marked(text: &str) -> Result<String> {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut values = 0;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string(rest),
            '-' | '0'..='9' => number(rest),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        match first {
            '"' => {
                out.push_str("\"$");
                out.push_str(&token[1..]);
                continue;
            }
            '-' | '0'..='9' if token.contains(['.', 'e', 'E']) => {
                out.push_str("\"#");
                out.push_str(token);
                out.push('"');
                continue;
            }
            ',' | ':' | '[' | '{' => values += 1,
            _ => {}
        }
        if values > VALUES {
            return Err(damaged("its header has too many values"));
        }
        out.push_str(token);
    }
    Ok(out)
}

/// The length of the string that the text starts with.
fn string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

/// The length of the number that the text starts with.
fn number(text: &str) -> usize {
    let of_number = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
    text.find(|c| !of_number(c)).unwrap_or(text.len())
}

fn restored(value: Value) -> Result<Value> {
    Ok(match value {
        Value::String(text) => match text.split_at_checked(1) {
            Some(("$", text)) => Value::String(text.to_string()),
            Some(("#", number)) => {
                let number = number.parse().ok().and_then(Number::from_f64);
                Value::Number(number.ok_or_else(|| damaged("a number in its header is none"))?)
            }
            _ => return Err(damaged("its header is not JSON")),
        },
        Value::Array(values) => {
            Value::Array(values.into_iter().map(restored).collect::<Result<_>>()?)
        }
        Value::Object(entries) => {
            let entries = entries.into_iter().map(|(key, value)| {
                let key = key.strip_prefix('$').map(str::to_string);
                Ok((
                    key.ok_or_else(|| damaged("its header is not JSON"))?,
                    restored(value)?,
                ))
            });
            Value::Object(entries.collect::<Result<Map<_, _>>>()?)
        }
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::mix;

    #[test]
    fn numbers_read_back_to_the_same_bits() {
        let numbers = (0..20_000).map(|at| f64::from_bits(mix(at)));
        let numbers: Vec<f64> = numbers.filter(|n| n.is_finite()).collect();
        let text = serde_json::to_string(&numbers).unwrap();
        let back: Vec<f64> = serde_json::from_value(parse(&text).unwrap()).unwrap();
        assert!(
            back.iter()
                .zip(&numbers)
                .all(|(a, b)| a.to_bits() == b.to_bits())
        );
    }

    #[test]
    fn all_else_is_as_it_is() {
        let text = r##" {"a\"1.5": ["#1.5", "$", "", "\\", "ä 1e5 \u00e4"], "b": [null, true, -7,
            18446744073709551615, {}], "c": -1.5e-3} "##;
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(parse(text).unwrap(), expected);
        for wrong in [
            "{1.5: 2}",
            "1.5.5",
            "[1.5",
            "\"a",
            "1e999",
            "--1.0",
            "[1.5\"a\"]",
            "é",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
