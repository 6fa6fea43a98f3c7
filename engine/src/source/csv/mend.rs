//! What the option bad_rows does to the rows of a batch, before and after columns are made of them.
//!
//! `skip` leaves out a row in which anything is wrong, whether a query asks for that column or not,
//! so that all queries see the same rows. `null` keeps every row.

use arrow::array::{ArrayRef, BooleanArray};
use arrow::compute::filter;
use arrow::error::ArrowError;
use memchr::memchr_iter;

use super::records::Records;
use super::span::Span;
use crate::source::text::BadRows;

/// The rows of a batch that are wrong.
#[derive(Debug, Default)]
pub struct Wrong {
    /// In no order; a row may come twice.
    pub rows: Vec<usize>,
}

impl Wrong {
    /// The number of the rows; None when there are none.
    pub fn count(&mut self) -> Option<usize> {
        self.rows.sort_unstable();
        self.rows.dedup();
        (!self.rows.is_empty()).then_some(self.rows.len())
    }

    /// The columns without the rows.
    pub fn leave_out(
        &self,
        columns: &[ArrayRef],
        rows: usize,
    ) -> Result<Vec<ArrayRef>, ArrowError> {
        let mut keep = vec![true; rows];
        for row in &self.rows {
            if let Some(keep) = keep.get_mut(*row) {
                *keep = false;
            }
        }
        let keep = BooleanArray::from(keep);
        columns.iter().map(|column| filter(column, &keep)).collect()
    }
}

/// A carriage return without a line feed, outside of quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoneReturn {
    pub row: usize,
    pub column: usize,
}

impl Records {
    /// The row that a place of the input belongs to; comments and what was given up are of none.
    fn row_of(&self, place: usize) -> Option<usize> {
        let after = self
            .starts
            .partition_point(|start| *start as usize <= place);
        let row = after.checked_sub(1)?;
        (place < *self.ends.get(row)? as usize).then_some(row)
    }

    /// Finds carriage returns that are neither in quotes nor before a line feed.
    pub fn lone_returns(&self, input: &[u8]) -> Vec<LoneReturn> {
        if self.syntax.line_end != b'\n' {
            return vec![];
        }
        let input = input.get(..self.consumed).unwrap_or(input);
        let mut found: Vec<LoneReturn> = Vec::new();
        for at in memchr_iter(b'\r', input) {
            let next = input.get(at + 1);
            if next == Some(&b'\n') || next.is_none() {
                continue;
            }
            let Some(row) = self.row_of(at) else {
                continue;
            };
            if found.last().is_none_or(|last| last.row != row)
                && let Some(column) = self.column_of(input, row, at)
            {
                found.push(LoneReturn { row, column });
            }
        }
        found
    }

    /// The column in whose text without quotes the place is.
    fn column_of(&self, input: &[u8], row: usize, place: usize) -> Option<usize> {
        let start = *self.starts.get(row)? as usize;
        let end = *self.ends.get(row)? as usize;
        let record = input.get(start..end)?;
        let mut alone = Records::new(self.syntax.any(), 0, &[]);
        alone.read(record, true, 1).ok()?;
        let all: Vec<usize> = (0..alone.last_fields).collect();
        let mut alone = Records::new(self.syntax.any(), all.len(), &all);
        alone.read(record, true, 1).ok()?;
        let holds = |spans: &Vec<Span>| {
            spans
                .first()
                .is_some_and(|span| span.holds(place - start) && !span.quoted)
        };
        alone.columns.iter().position(holds)
    }

    /// Makes a row one of NULLs.
    pub fn nullify(&mut self, row: usize) {
        for spans in &mut self.columns {
            if let Some(span) = spans.get_mut(row) {
                *span = Span::NULL;
            }
        }
    }

    /// Takes bytes out that are not UTF-8. Rows that have them are wrong or, if rows are kept, such
    /// values NULL; gives the number of these.
    pub fn mend_text(&mut self, input: &mut [u8], bad_rows: BadRows, wrong: &mut Wrong) -> usize {
        let mut nulls = 0;
        let mut rows = Vec::new();
        let read = self.consumed.min(input.len());
        let invalid = invalid_bytes(input.get(..read).unwrap_or(&[]));
        for place in &invalid {
            let row = self.row_of(*place);
            rows.extend(row.filter(|row| rows.last() != Some(row)));
        }
        if bad_rows == BadRows::Null {
            for row in &rows {
                nulls += self.nullify_invalid(input, *row);
            }
        } else {
            wrong.rows.extend(rows);
        }
        for place in invalid {
            if let Some(byte) = input.get_mut(place) {
                *byte = b'?';
            }
        }
        for place in invalid_bytes(&self.arena) {
            if let Some(byte) = self.arena.get_mut(place) {
                *byte = b'?';
            }
        }
        nulls
    }

    fn nullify_invalid(&mut self, input: &[u8], row: usize) -> usize {
        let mut nulls = 0;
        for spans in &mut self.columns {
            let Some(span) = spans.get_mut(row) else {
                continue;
            };
            let bytes = span.bytes(input, &self.arena).unwrap_or(&[]);
            if std::str::from_utf8(bytes).is_err() {
                *span = Span::NULL;
                nulls += 1;
            }
        }
        nulls
    }
}

/// Places of bytes that keep the text from being UTF-8.
fn invalid_bytes(text: &[u8]) -> Vec<usize> {
    let mut places = Vec::new();
    let mut from = 0;
    for chunk in text.utf8_chunks() {
        from += chunk.valid().len();
        places.extend(from..from + chunk.invalid().len());
        from += chunk.invalid().len();
    }
    places
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::source::csv::records::Syntax;
    use crate::source::dialect::Csv;
    use crate::source::text::Text;

    fn records(text: &[u8]) -> Records {
        let syntax = Syntax::new(&Csv::default(), &Text::default(), b'\n');
        let mut records = Records::new(syntax, 2, &[0, 1]);
        records.read(text, true, 100).unwrap();
        records
    }

    #[test]
    fn lone_returns_outside_of_quotes() {
        let text = b"a,b\r\n1,x\ry\n\"\r\",\"z\r\"\r\n\r1,2\n3,4\r";
        let found = records(text).lone_returns(text);
        let expected = [(1, 1), (3, 0)].map(|(row, column)| LoneReturn { row, column });
        assert_eq!(found, expected);
    }

    #[test]
    fn text_is_mended() {
        let mut text = b"a,b\nc,\xFFd\n\"\xE9\"\"\",\xC3\xA9\n".to_vec();
        let mut skipping = records(&text);
        let mut wrong = Wrong::default();
        skipping.mend_text(&mut text.clone(), BadRows::Skip, &mut wrong);
        assert_eq!(wrong.rows, [1, 2]);
        let mut nulling = records(&text);
        assert_eq!(nulling.mend_text(&mut text, BadRows::Null, &mut wrong), 2);
        assert!(std::str::from_utf8(&text).is_ok() && std::str::from_utf8(&nulling.arena).is_ok());
        assert_eq!(nulling.columns[1][1], Span::NULL);
        assert_eq!(nulling.columns[0][2], Span::NULL);
    }
}
