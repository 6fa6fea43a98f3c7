//! Why bytes are not CSV as described, and how to say so.

use crate::error::Error;
use crate::source::text::Part;

/// The record that starts at `record_start` is the wrong one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub record_start: usize,
    /// Where the next record starts; None when the wrong one has no certain end.
    pub next: Option<usize>,
    pub kind: FaultKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    Columns { found: usize },
    AfterQuote { column: usize },
    Unterminated { column: usize },
    LoneReturn { column: usize },
    TooLong { max_bytes: usize },
}

impl FaultKind {
    /// The error, given the names of the file's columns.
    pub fn error(&self, part: &Part, line: Option<u64>, names: &[String]) -> Error {
        let name = |column: &usize| match names.get(*column) {
            Some(name) => name.clone(),
            None => format!("column{}", column + 1),
        };
        let (what, hint) = match self {
            Self::Columns { found } if *found < names.len() => (
                format!("{found} fields where the file has {} columns", names.len()),
                "Check the options delimiter, quote, escape and comment; null_padding = true takes what a short row lacks for NULL, bad_rows = 'skip' leaves such rows out.",
            ),
            Self::Columns { found } => (
                format!("{found} fields where the file has {} columns", names.len()),
                "Check the options delimiter, quote, escape and comment; bad_rows = 'skip' leaves such rows out.",
            ),
            Self::AfterQuote { column } => (
                format!(
                    "text after the closing quote of column \"{}\"",
                    name(column)
                ),
                "A quote inside quotes is doubled, or written with the option escape; quote = '' reads quotes as text.",
            ),
            Self::Unterminated { column } => (
                format!("the quote of column \"{}\" never closes", name(column)),
                "The file may be truncated; quote = '' reads quotes as text.",
            ),
            Self::LoneReturn { column } => (
                format!(
                    "a carriage return without a line feed in column \"{}\"",
                    name(column)
                ),
                "The lines of this file end with line feeds; a carriage return in a value needs quotes around it.",
            ),
            Self::TooLong { max_bytes } => (
                format!(
                    "a record is longer than {}",
                    crate::settings::format_bytes(*max_bytes as u64)
                ),
                "A quote may be open without end; quote = '' reads quotes as text. The option max_line_size takes longer records.",
            ),
        };
        part.error(line, &what).hint(hint)
    }
}
