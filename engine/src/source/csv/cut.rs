//! Finds starts of records in the middle of a CSV file, so that its parts can be read in parallel.
//!
//! A line end is either the end of a record or text inside quotes; which, only the file's start
//! tells for certain. Here both are tried on a window after the line end: the wrong one soon gives
//! records of wrong length, or text after a closing quote. What fits both is a record start in
//! either case. If the window does not tell, there is no cut. The reader verifies: each range must
//! end where a record does, and so, by induction from the file's start, every cut was right, or
//! the query fails.

use std::sync::Arc;

use memchr::memchr;
use object_store::ObjectStore;
use object_store::path::Path;

use super::fault::FaultKind;
use super::layout::Head;
use super::records::{Pass, Records, Syntax};
use crate::error::Result;
use crate::source::dialect::Csv;
use crate::source::stream;
use crate::source::text::{BadRows, Text};

const WINDOWS_BYTES: [u64; 3] = [64 << 10, 256 << 10, 1 << 20];
/// Whole records that must fit before a guess is believed.
const CONVINCING_RECORDS: usize = 3;

/// A file to cut.
pub struct Target<'a> {
    pub store: &'a Arc<dyn ObjectStore>,
    pub path: &'a Path,
    pub size_bytes: u64,
}

/// What records of the file look like.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    syntax: Syntax,
    columns: usize,
}

impl Shape {
    pub fn new(dialect: &Csv, text: &Text, head: &Head) -> Self {
        let syntax = Syntax::new(dialect, text, head.line_end);
        Self {
            // Rows that are left out may have any number of fields.
            syntax: match text.bad_rows {
                BadRows::Skip => syntax.any(),
                _ => syntax,
            },
            columns: head.names.len(),
        }
    }

    /// Records of any number of fields.
    fn any(&self) -> Records {
        Records::new(self.syntax.any(), 0, &[])
    }
}

/// The first certain record start at or after the offset, close to it.
pub async fn cut(target: &Target<'_>, shape: &Shape, offset: u64) -> Result<Option<u64>> {
    for window_bytes in WINDOWS_BYTES {
        let end = offset.saturating_add(window_bytes).min(target.size_bytes);
        let window = stream::window(target.store, target.path, offset..end).await?;
        let at_end = end == target.size_bytes;
        if let Some(at) = record_start(&window, at_end, shape) {
            return Ok(Some(offset + at as u64));
        }
        if at_end {
            break;
        }
    }
    Ok(None)
}

/// The first line start after the offset, for formats in which no record spans lines.
pub async fn cut_lines(target: &Target<'_>, offset: u64) -> Result<Option<u64>> {
    let mut from = offset;
    while from < target.size_bytes {
        let end = from.saturating_add(1 << 20).min(target.size_bytes);
        let window = stream::window(target.store, target.path, from..end).await?;
        if let Some(at) = memchr(b'\n', &window) {
            return Ok(Some(from + at as u64 + 1));
        }
        from = end;
    }
    Ok(None)
}

/// What a reading of the window found.
enum Reading {
    /// It contradicts itself.
    Wrong,
    /// It fits; records start at these places.
    Fits(Vec<usize>),
    /// It fits as long as the quote stays open beyond the window.
    Open,
}

fn record_start(window: &[u8], at_end: bool, shape: &Shape) -> Option<usize> {
    let line = memchr(shape.syntax.line_end, window)? + 1;
    let Some(quote) = shape.syntax.quote else {
        return Some(line);
    };
    let rest = window.get(line..)?;
    let outside = outside(rest, at_end, shape);
    let inside = inside(rest, at_end, shape, quote);
    let found = match (outside, inside) {
        (Reading::Fits(starts), Reading::Wrong | Reading::Open) => starts.first().copied(),
        (Reading::Wrong, Reading::Fits(starts)) => starts.first().copied(),
        (Reading::Fits(a), Reading::Fits(b)) => a
            .iter()
            .find(|start| b.binary_search(start).is_ok())
            .copied(),
        _ => None,
    };
    found.map(|at| line + at)
}

/// Reads on as if the line end was the end of a record.
fn outside(rest: &[u8], at_end: bool, shape: &Shape) -> Reading {
    follow(rest, 0, at_end, shape)
}

/// Reads on as if the line end was text inside quotes.
fn inside(rest: &[u8], at_end: bool, shape: &Shape, quote: u8) -> Reading {
    let mut text = Vec::with_capacity(rest.len() + 1);
    text.push(quote);
    text.extend_from_slice(rest);
    let mut first = shape.any();
    match first.read(&text, at_end, 1) {
        Ok(_) if first.rows() == 1 => match follow(&text, first.consumed, at_end, shape) {
            Reading::Fits(starts) => {
                Reading::Fits(starts.iter().map(|s| s.saturating_sub(1)).collect())
            }
            other => other,
        },
        Ok(_) => Reading::Open,
        Err(fault) => match fault.kind {
            FaultKind::TooLong { .. } => Reading::Open,
            _ => Reading::Wrong,
        },
    }
}

/// Reads records from a place that would be the start of one.
fn follow(text: &[u8], from: usize, at_end: bool, shape: &Shape) -> Reading {
    let mut records = Records::new(shape.syntax, shape.columns, &[]);
    let rest = text.get(from..).unwrap_or(&[]);
    match records.read(rest, at_end, usize::MAX) {
        Err(_) => Reading::Wrong,
        Ok(Pass::Full | Pass::NeedsMore) => {
            let starts: Vec<usize> = records.starts.iter().map(|s| from + *s as usize).collect();
            match starts.len() >= CONVINCING_RECORDS || at_end {
                true => Reading::Fits(starts),
                false => Reading::Open,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(dialect: &Csv, columns: usize, line_end: u8) -> Shape {
        Shape {
            syntax: Syntax::new(dialect, &Text::default(), line_end),
            columns,
        }
    }

    fn start(window: &str, columns: usize) -> Option<usize> {
        let shape = shape(&Csv::default(), columns, b'\n');
        record_start(window.as_bytes(), true, &shape)
    }

    #[test]
    fn plain_lines_cut_after_the_first_line_end() {
        assert_eq!(start("b,c\n1,2\n3,4\n5,6\n", 2), Some(4));
        assert_eq!(start("no line end", 2), None);
    }

    #[test]
    fn a_window_inside_quotes_is_recognized() {
        let text = "is text\nmore text\",x\n1,2\n3,4\n5,6\n";
        assert_eq!(start(text, 2), text.find("1,2"));
    }

    #[test]
    fn quotes_around_everything() {
        let text = "b\",\"c\"\n\"1\",\"2\"\n\"3\",\"x\ny\"\n";
        assert_eq!(start(text, 2), text.find("\"1\""));
    }

    #[test]
    fn without_quotes_any_line_end_is_good() {
        let dialect = Csv {
            quote: None,
            ..Csv::default()
        };
        let shape = shape(&dialect, 5, b'\n');
        assert_eq!(record_start(b"x\"\ny", false, &shape), Some(3));
    }

    #[test]
    fn lone_returns_end_lines() {
        let shape = shape(&Csv::default(), 2, b'\r');
        assert_eq!(record_start(b"b,c\r1,2\r3,4\r", true, &shape), Some(4));
    }
}
