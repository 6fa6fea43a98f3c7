//! Intervals with a time of day in them, such as `1 day 02:03:04`: the planner reads words only.

use datafusion::sql::sqlparser::ast::{Expr, Value};

/// Puts words for the times in the text of an interval.
pub(super) fn spell_out(expr: &mut Expr) {
    match expr {
        Expr::Nested(inner) => spell_out(inner),
        Expr::Value(value) => {
            if let Value::SingleQuotedString(text) = &mut value.value
                && text.contains(':')
            {
                let words: Vec<_> = text.split_whitespace().map(words).collect();
                *text = words.join(" ");
            }
        }
        _ => {}
    }
}

/// `-01:30` is `-1 hours -30 minutes`; what is no time stays.
fn words(word: &str) -> String {
    let (sign, digits) = match word.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", word.strip_prefix('+').unwrap_or(word)),
    };
    let parts: Vec<&str> = digits.split(':').collect();
    let whole = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let seconds = |part: &str| match part.split_once('.') {
        Some((whole_part, fraction)) => whole(whole_part) && whole(fraction),
        None => whole(part),
    };
    match parts.as_slice() {
        [hours, minutes] if whole(hours) && whole(minutes) => {
            format!("{sign}{hours} hours {sign}{minutes} minutes")
        }
        [hours, minutes, rest] if whole(hours) && whole(minutes) && seconds(rest) => {
            format!("{sign}{hours} hours {sign}{minutes} minutes {sign}{rest} seconds")
        }
        _ => word.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn times_become_words() {
        assert_eq!(words("02:03"), "02 hours 03 minutes");
        assert_eq!(words("-1:02:03.5"), "-1 hours -02 minutes -03.5 seconds");
        for other in ["1", "day", "1:x", ":", "1:2:3:4", "1:2:.5"] {
            assert_eq!(words(other), other);
        }
    }
}
