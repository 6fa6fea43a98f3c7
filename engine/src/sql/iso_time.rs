//! Dates and timestamps as PostgreSQL reads them, in the one form that Arrow reads.

use std::borrow::Cow;

/// `2024/1/2 9:30` as `2024-01-02 09:30:00`. What is no date in this order of its parts stays as it is,
/// and so does all behind the time.
pub fn iso_time(text: &str) -> Cow<'_, str> {
    let trimmed = text.trim_ascii();
    match is_iso(trimmed.as_bytes()) {
        true => Cow::Borrowed(trimmed),
        false => written_anew(trimmed).map_or(Cow::Borrowed(trimmed), Cow::Owned),
    }
}

/// Whether it begins with `0000-00-00 00:00:00`, or is a date alone.
fn is_iso(text: &[u8]) -> bool {
    const FORM: &[u8] = b"0000-00-00 00:00:00";
    let fits = |(given, form): (&u8, &u8)| match form {
        b'0' => given.is_ascii_digit(),
        b' ' => matches!(given, b' ' | b'T' | b't'),
        other => given == other,
    };
    (text.len() == 10 || text.len() >= FORM.len()) && text.iter().zip(FORM).all(fits)
}

fn written_anew(text: &str) -> Option<String> {
    let (year, rest) = digits(text)?;
    let (year, month, day, rest) = match (year.len(), rest.chars().next()) {
        (8, _) => (year.get(..4)?, year.get(4..6)?, year.get(6..)?, rest),
        (4, Some(separator @ ('-' | '/'))) => {
            let (month, rest) = digits(rest.strip_prefix(separator)?)?;
            let (day, rest) = digits(rest.strip_prefix(separator)?)?;
            (year, month, day, rest)
        }
        _ => return None,
    };
    if month.len() > 2 || day.len() > 2 {
        return None;
    }
    let date = format!("{year}-{month:0>2}-{day:0>2}");
    if rest.is_empty() {
        return Some(date);
    }
    let time = rest.strip_prefix(['T', 't', ' '])?.trim_ascii_start();
    let (hour, rest) = digits(time)?;
    let (minute, rest) = digits(rest.strip_prefix(':')?)?;
    let (second, rest) = match rest.strip_prefix(':') {
        Some(rest) => digits(rest)?,
        None => ("00", rest),
    };
    if hour.len() > 2 || minute.len() != 2 || second.len() > 2 {
        return None;
    }
    Some(format!("{date} {hour:0>2}:{minute}:{second:0>2}{rest}"))
}

/// The digits at the start, at least one, and what follows.
fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::iso_time;

    #[test]
    fn forms_of_postgres_are_read() {
        for (given, expected) in [
            ("2024-01-02 10:00:00", "2024-01-02 10:00:00"),
            ("2024-01-02T10:00:00.5+02", "2024-01-02T10:00:00.5+02"),
            ("2024-01-02", "2024-01-02"),
            (" 2024-01-02 ", "2024-01-02"),
            ("2024-1-2", "2024-01-02"),
            ("2024/01/02", "2024-01-02"),
            ("20240102", "2024-01-02"),
            ("20240102 1030", "20240102 1030"),
            ("2024-01-02 10:30", "2024-01-02 10:30:00"),
            ("2024-01-02T9:30Z", "2024-01-02 09:30:00Z"),
            (
                "2024/1/2   9:30:5.25 Europe/Berlin",
                "2024-01-02 09:30:05.25 Europe/Berlin",
            ),
            ("2024-1-2 10:30+02:00", "2024-01-02 10:30:00+02:00"),
            // No forms of ours.
            ("", ""),
            ("tomorrow", "tomorrow"),
            ("02/01/2024", "02/01/2024"),
            ("2024-001-02", "2024-001-02"),
            ("2024-01-02 10", "2024-01-02 10"),
            ("2024-01-02 10:3", "2024-01-02 10:3"),
            ("2024-01-02é", "2024-01-02é"),
        ] {
            assert_eq!(iso_time(given), expected, "{given}");
        }
    }
}
