//! The date patterns of `to_char`, `to_date` and `to_timestamp` (`YYYY-MM-DD HH24:MI:SS`) as tokens.

use datafusion::common::Result;

use crate::error::{Error, Kind};

/// What a token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Hour12,
    Hour24,
    Minute,
    Second,
    Millis,
    Micros,
    /// `FF1` to `FF6`
    Fraction(u8),
    SecondsOfDay,
    HalfDay {
        dots: bool,
    },
    YearComma,
    /// The last digits of the year, all for 4
    Year(u8),
    IsoYear(u8),
    Era {
        dots: bool,
    },
    MonthName,
    MonthShort,
    Month,
    DayName,
    DayShort,
    DayOfYear,
    IsoDayOfYear,
    Day,
    DayOfWeek,
    IsoDayOfWeek,
    WeekOfMonth,
    WeekOfYear,
    IsoWeek,
    Century,
    Julian,
    Quarter,
    RomanMonth,
    ZoneName,
    ZoneHours,
    ZoneMinutes,
    Offset,
}

/// How letters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Upper,
    Title,
    Lower,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Field {
        what: What,
        case: Case,
        /// `FM`: no padding
        bare: bool,
        /// `TH` or `th`
        ordinal: Option<Case>,
    },
    Text(String),
}

/// Longest names first: `DDD` before `DD` before `D`.
const NAMES: &[(&str, What)] = &[
    ("SSSSS", What::SecondsOfDay),
    ("SSSS", What::SecondsOfDay),
    ("Y,YYY", What::YearComma),
    ("MONTH", What::MonthName),
    ("HH24", What::Hour24),
    ("HH12", What::Hour12),
    ("IYYY", What::IsoYear(4)),
    ("IDDD", What::IsoDayOfYear),
    ("YYYY", What::Year(4)),
    ("A.M.", What::HalfDay { dots: true }),
    ("P.M.", What::HalfDay { dots: true }),
    ("A.D.", What::Era { dots: true }),
    ("B.C.", What::Era { dots: true }),
    ("IYY", What::IsoYear(3)),
    ("YYY", What::Year(3)),
    ("MON", What::MonthShort),
    ("DAY", What::DayName),
    ("DDD", What::DayOfYear),
    ("TZH", What::ZoneHours),
    ("TZM", What::ZoneMinutes),
    ("FF1", What::Fraction(1)),
    ("FF2", What::Fraction(2)),
    ("FF3", What::Fraction(3)),
    ("FF4", What::Fraction(4)),
    ("FF5", What::Fraction(5)),
    ("FF6", What::Fraction(6)),
    ("HH", What::Hour12),
    ("MI", What::Minute),
    ("SS", What::Second),
    ("MS", What::Millis),
    ("US", What::Micros),
    ("AM", What::HalfDay { dots: false }),
    ("PM", What::HalfDay { dots: false }),
    ("AD", What::Era { dots: false }),
    ("BC", What::Era { dots: false }),
    ("IY", What::IsoYear(2)),
    ("YY", What::Year(2)),
    ("MM", What::Month),
    ("DY", What::DayShort),
    ("DD", What::Day),
    ("ID", What::IsoDayOfWeek),
    ("IW", What::IsoWeek),
    ("WW", What::WeekOfYear),
    ("CC", What::Century),
    ("RM", What::RomanMonth),
    ("TZ", What::ZoneName),
    ("OF", What::Offset),
    ("I", What::IsoYear(1)),
    ("Y", What::Year(1)),
    ("D", What::DayOfWeek),
    ("W", What::WeekOfMonth),
    ("J", What::Julian),
    ("Q", What::Quarter),
];

/// Longer patterns are no patterns.
const MAX_PATTERN_BYTES: usize = 64 << 10;

/// 54000 for a pattern that would take long to read.
pub(super) fn check_length(pattern: &str) -> Result<()> {
    match pattern.len() > MAX_PATTERN_BYTES {
        true => Err(Error::new(Kind::LimitExceeded, "the pattern is too long").into()),
        false => Ok(()),
    }
}

/// Whether `text` begins with an ASCII word, in any case.
fn starts(text: &str, word: &str) -> bool {
    text.get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
}

fn case_of(word: &str) -> Case {
    let mut letters = word.chars().filter(char::is_ascii_alphabetic);
    match (letters.next(), letters.next()) {
        (Some(first), _) if first.is_ascii_lowercase() => Case::Lower,
        (Some(_), Some(second)) if second.is_ascii_lowercase() => Case::Title,
        _ => Case::Upper,
    }
}

pub(super) fn tokens(pattern: &str) -> Vec<Token> {
    let mut out: Vec<Token> = vec![];
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let mut after = rest;
        let mut bare = false;
        while let Some(modifier) = ["FM", "TM", "FX"].iter().find(|m| starts(after, m)) {
            bare |= *modifier == "FM";
            after = &after[2..];
        }
        if let Some((name, what)) = NAMES.iter().find(|(name, _)| starts(after, name)) {
            let (word, mut tail) = after.split_at(name.len());
            let mut ordinal = None;
            if let Some(suffix) = tail.get(..2).filter(|s| s.eq_ignore_ascii_case("th")) {
                ordinal = Some(case_of(suffix));
                tail = &tail[2..];
            }
            out.push(Token::Field {
                what: *what,
                case: case_of(word),
                bare,
                ordinal,
            });
            rest = tail;
            continue;
        }
        if after.len() < rest.len() {
            rest = after;
            continue;
        }
        let (text, tail) = literal(rest, first);
        match out.last_mut() {
            Some(Token::Text(last)) => last.push_str(&text),
            _ => out.push(Token::Text(text)),
        }
        rest = tail;
    }
    out
}

/// One literal character, or a text in double quotes.
fn literal(rest: &str, first: char) -> (String, &str) {
    let tail = &rest[first.len_utf8()..];
    if first == '"' {
        let mut text = String::new();
        let mut chars = tail.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => return (text, chars.as_str()),
                '\\' => text.extend(chars.next()),
                c => text.push(c),
            }
        }
        return (text, "");
    }
    if let Some(escaped) = tail.strip_prefix('"').filter(|_| first == '\\') {
        return ("\"".to_string(), escaped);
    }
    (first.to_string(), tail)
}
