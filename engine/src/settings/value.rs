//! The values that settings take: sizes, durations, lists; how they are read and checked.

use std::time::Duration;

use super::{Setting, ValueType};
use crate::error::{Error, Kind, Result};

/// The value as it is kept, or an error that says which values the setting takes.
pub(super) fn checked(setting: &'static Setting, value: &str) -> Result<String> {
    let value = value.trim();
    let written = match setting.value_type {
        ValueType::Switch => switch(value).map(str::to_string),
        ValueType::Choice(words) => words
            .iter()
            .find(|word| same_word(word, value))
            .map(|word| word.to_string()),
        ValueType::DateStyle => date_style(value),
        _ => return check(setting, value).map(|()| value.to_string()),
    };
    written.ok_or_else(|| {
        let allowed = match setting.value_type {
            ValueType::Choice(words) => words.join(", "),
            ValueType::DateStyle => "ISO, with MDY, DMY or YMD".to_string(),
            _ => "on or off".to_string(),
        };
        wrong(setting, value, &allowed)
    })
}

/// Words are the same whatever their case and punctuation: `utf-8` is `UTF8`.
fn same_word(word: &str, value: &str) -> bool {
    let plain = |text: &str| -> String {
        let letters = text.chars().filter(|c| c.is_alphanumeric());
        letters.map(|c| c.to_ascii_lowercase()).collect()
    };
    plain(word) == plain(value)
}

fn switch(value: &str) -> Option<&'static str> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" | "t" | "y" => Some("on"),
        "off" | "false" | "no" | "0" | "f" | "n" => Some("off"),
        _ => None,
    }
}

/// The output is always ISO; the order is kept for those who ask for it.
fn date_style(value: &str) -> Option<String> {
    let mut order = "MDY";
    for word in value.split(',').map(|w| w.trim().to_ascii_uppercase()) {
        order = match word.as_str() {
            "ISO" | "DEFAULT" => order,
            "MDY" | "US" | "NONEURO" | "NONEUROPEAN" => "MDY",
            "DMY" | "EURO" | "EUROPEAN" => "DMY",
            "YMD" => "YMD",
            _ => return None,
        };
    }
    Some(format!("ISO, {order}"))
}

/// Refuses a value that the setting cannot take, and says which it can.
fn check(setting: &'static Setting, value: &str) -> Result<()> {
    let auto = setting.default == "auto" && value.eq_ignore_ascii_case("auto");
    if let ValueType::CountTo(most) = setting.value_type {
        return match auto || value.parse().is_ok_and(|n| (1..=most).contains(&n)) {
            true => Ok(()),
            false => Err(wrong(
                setting,
                value,
                &format!("a whole number from 1 to {most}"),
            )),
        };
    }
    let (good, allowed) = match setting.value_type {
        ValueType::Bytes => (
            auto || parse_bytes(value).is_some_and(|b| b > 0),
            "a size such as 512MiB, 2GB or 1000000",
        ),
        ValueType::Count => (
            auto || value.parse::<u32>().is_ok_and(|n| n > 0),
            "a whole number of at least 1",
        ),
        ValueType::Duration => (
            parse_duration_ms(value).is_some(),
            "a duration such as 500ms, 30s, 5min or 0",
        ),
        ValueType::TimeZone => (
            value.parse::<arrow::array::timezone::Tz>().is_ok(),
            "an IANA time zone such as Europe/Berlin, or an offset such as +02:00",
        ),
        ValueType::SchemaList => (
            !schema_list(value).is_empty(),
            "one or more schema names, separated by commas",
        ),
        ValueType::Integer(least, most) => (
            value.parse().is_ok_and(|n| (least..=most).contains(&n)),
            "a whole number in PostgreSQL's range",
        ),
        _ => (true, ""),
    };
    if good {
        return Ok(());
    }
    Err(wrong(setting, value, allowed))
}

fn wrong(setting: &'static Setting, value: &str, allowed: &str) -> Error {
    let auto = if setting.default == "auto" {
        ", or auto"
    } else {
        ""
    };
    Error::new(
        Kind::InvalidParameterValue,
        format!(
            "invalid value for parameter \"{}\": \"{value}\"",
            setting.name
        ),
    )
    .hint(format!("It takes {allowed}{auto}."))
}

/// Reads `512MiB`, `2 GB`, `1.5g`, `1000`; decimal units are powers of 1000, binary ones of 1024.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text)?;
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "mb" => 1000_u64.pow(2),
        "gb" => 1000_u64.pow(3),
        "tb" => 1000_u64.pow(4),
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        _ => return None,
    };
    let bytes = number * factor as f64;
    (bytes.is_finite() && bytes >= 0.0 && bytes < u64::MAX as f64).then_some(bytes as u64)
}

/// Reads `500ms`, `30s`, `5min`, `1h`, `2d`; a plain number is milliseconds.
pub fn parse_duration_ms(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text)?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "ms" => 1.0,
        "s" => 1e3,
        "min" => 60e3,
        "h" => 3600e3,
        "d" => 86400e3,
        _ => return None,
    };
    let ms = number * factor;
    (ms.is_finite() && (0.0..1e15).contains(&ms)).then_some(ms as u64)
}

fn split_unit(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim()))
}

/// `512.0 MiB`, for people.
pub fn format_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit < UNITS.len() - 1 {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{bytes} B")
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// `4.2s`, `1m05s`, `2h03m`.
pub fn format_elapsed(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match seconds {
        0..60 => format!("{:.1}s", elapsed.as_secs_f64()),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// `1,234,567`.
pub fn format_count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Splits `a, "B c"` into names; unquoted ones fold to lower case.
pub(super) fn schema_list(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .map(
            |name| match name.strip_prefix('"').and_then(|n| n.strip_suffix('"')) {
                Some(quoted) => quoted.replace("\"\"", "\""),
                None => name.to_lowercase(),
            },
        )
        .filter(|name| !name.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_with_binary_and_decimal_units() {
        assert_eq!(parse_bytes("2GiB"), Some(2 << 30));
        assert_eq!(parse_bytes("1.5 MB"), Some(1_500_000));
        assert_eq!(parse_bytes("1000"), Some(1000));
        assert_eq!(parse_bytes("-1"), None);
        assert_eq!(parse_bytes("two"), None);
        assert_eq!(format_bytes(1536), "1.5 KiB");
    }

    #[test]
    fn durations_read_with_units() {
        assert_eq!(parse_duration_ms("1500"), Some(1500));
        assert_eq!(parse_duration_ms("5min"), Some(300_000));
        assert_eq!(parse_duration_ms("1 fortnight"), None);
    }

    #[test]
    fn schema_names_fold_unless_quoted() {
        assert_eq!(
            schema_list("Public, \"My Schema\""),
            ["public", "My Schema"]
        );
    }
}
