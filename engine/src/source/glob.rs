//! Glob patterns over one path segment: `*`, `?`, `[a-z]`, `[!a]`; `{a,b}` is expanded before.
//!
//! `**` stands for a whole segment and is handled where folders are walked.

use crate::error::{Error, Kind, Result};

/// Patterns that braces may stand for.
const MAX_PATTERNS: usize = 10_000;

/// Text that is written while braces are expanded, which bounds the time as well.
const MAX_WRITTEN_BYTES: usize = 16 << 20;

/// Whether the text has any character that is special in a pattern.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// Expands the braces: `a{b,c{d,e}}` → `ab`, `acd`, `ace`. An unclosed brace stands for itself.
/// 54000 for more patterns, or more text on the way to them, than anybody wants: a typing error.
pub fn expand_braces(pattern: &str) -> Result<Vec<String>> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_string()];
    let mut written_bytes = pattern.len();
    while let Some(next) = open.pop() {
        let Some((start, end)) = first_brace(&next) else {
            done.push(next);
            continue;
        };
        let (head, rest) = next.split_at(start);
        let body = rest.get(1..end - start).unwrap_or("");
        let tail = rest.get(end - start + 1..).unwrap_or("");
        let choices = split_choices(body);
        written_bytes += body.len() + choices.len() * (head.len() + tail.len());
        let patterns = done.len() + open.len() + choices.len();
        if patterns > MAX_PATTERNS || written_bytes > MAX_WRITTEN_BYTES {
            return Err(Error::new(
                Kind::LimitExceeded,
                "the braces of the path stand for too many paths",
            )
            .hint("Name a folder, or use * and ? instead."));
        }
        let written = choices.iter().rev();
        open.extend(written.map(|choice| format!("{head}{choice}{tail}")));
    }
    Ok(done)
}

/// Byte positions of the first `{` that closes, and of its `}`.
fn first_brace(pattern: &str) -> Option<(usize, usize)> {
    let start = pattern.find('{')?;
    let mut depth = 0_usize;
    for (at, c) in pattern.char_indices().skip_while(|(at, _)| *at < start) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return Some((start, at));
        }
    }
    None
}

/// Splits at the commas that are not inside inner braces.
fn split_choices(body: &str) -> Vec<&str> {
    let mut choices = Vec::new();
    let (mut depth, mut from) = (0_usize, 0);
    for (at, c) in body.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                choices.push(body.get(from..at).unwrap_or(""));
                from = at + 1;
            }
            _ => {}
        }
    }
    choices.push(body.get(from..).unwrap_or(""));
    choices
}

/// Whether one path segment fits one segment of a pattern without braces.
///
/// As in a shell, a name that starts with `.` or `_` is found only by a pattern that starts so.
pub fn matches(pattern: &str, name: &str) -> bool {
    let hidden = name.chars().next().filter(|c| matches!(c, '.' | '_'));
    if hidden.is_some() && pattern.chars().next() != hidden {
        return false;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() || p < pattern.len() {
        if pattern.get(p) == Some(&'*') {
            retry = Some((p, n));
            p += 1;
            continue;
        }
        if let Some(&c) = name.get(n)
            && let Some(length) = fits(pattern.get(p..).unwrap_or(&[]), c)
        {
            p += length;
            n += 1;
            continue;
        }
        match retry {
            Some((star, from)) if from < name.len() => {
                retry = Some((star, from + 1));
                p = star + 1;
                n = from + 1;
            }
            _ => return false,
        }
    }
    true
}

/// The length of the pattern's first item if it fits the character.
fn fits(pattern: &[char], c: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '[' => match class(pattern) {
            Some((negated, items, length)) => {
                let inside = items.iter().any(|(from, to)| (*from..=*to).contains(&c));
                (inside != negated).then_some(length)
            }
            None => (c == '[').then_some(1),
        },
        literal => (*literal == c).then_some(1),
    }
}

type Ranges = Vec<(char, char)>;

/// A class `[…]`: whether negated, its ranges, its length. None when it does not close.
fn class(pattern: &[char]) -> Option<(bool, Ranges, usize)> {
    let negated = matches!(pattern.get(1), Some('!' | '^'));
    let mut at = if negated { 2 } else { 1 };
    let first = at;
    let mut items = Vec::new();
    loop {
        let c = *pattern.get(at)?;
        if c == ']' && at > first {
            return Some((negated, items, at + 1));
        }
        match (pattern.get(at + 1), pattern.get(at + 2)) {
            (Some('-'), Some(&to)) if to != ']' => {
                items.push((c, to));
                at += 3;
            }
            _ => {
                items.push((c, c));
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn segments_match() {
        for (pattern, name) in [
            ("*.csv", "a.csv"),
            ("a*b*c", "aXbYbc"),
            ("?[0-9]", "x7"),
            ("[!a]x", "bx"),
            ("[]]", "]"),
            ("*", "x"),
            ("_*", "_x"),
            ("[a", "[a"),
            ("**", "x"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*.csv", "a.csv.gz"),
            ("*", ".hidden"),
            ("*", "_SUCCESS"),
            ("[!a]x", "ax"),
            ("?", ""),
            ("a", "ab"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn braces_expand() {
        let expanded = |pattern| expand_braces(pattern).unwrap();
        assert_eq!(expanded("a{b,c{d,e}}f"), ["abf", "acdf", "acef"]);
        assert_eq!(expanded("a{b"), ["a{b"]);
        assert_eq!(expanded("x"), ["x"]);
        assert_eq!(expanded(&"{a,b}".repeat(13)).len(), 8192);
    }

    #[test]
    fn neither_many_nor_long_patterns_are_written() {
        for pattern in [
            "{a,b}".repeat(14),
            format!("{}/{}", "{a,b}".repeat(12), "x".repeat(10_000)),
            format!("{}{}", "{a,b}".repeat(12), "{a}".repeat(3_000)),
            format!("{{{}}}", ",".repeat(20_000)),
        ] {
            let error = expand_braces(&pattern).unwrap_err();
            assert_eq!(error.kind, Kind::LimitExceeded);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_pattern_is_safe(pattern in "[a-c*?\\[\\]{},!_.-]{0,12}", name in "[a-c_.]{0,8}") {
            for expanded in expand_braces(&pattern).unwrap() {
                matches(&expanded, &name);
            }
        }
    }
}
