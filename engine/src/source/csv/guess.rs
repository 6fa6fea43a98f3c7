//! Guesses the types of a CSV file's columns from a sample of its values.
//!
//! Each column starts with every type as a candidate; each value strikes out those it is not of.
//! The narrowest that is left is the column's. A column without values is of type Null, so that
//! another file can decide. The sample is the file's start and, if the file is large and not
//! compressed, places in its middle and near its end.

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use futures::TryStreamExt;
use memchr::memchr_iter;

use super::columns::reads_as;
use super::cut::{self, Shape, Target};
use super::fault::Fault;
use super::layout::{self, Head};
use super::records::{Pass, Records, Syntax};
use super::times::Formats;
use crate::error::{Error, Result};
use crate::source::dialect::{Csv, SampleRows};
use crate::source::format::Compression;
use crate::source::stream;
use crate::source::text::{BadRows, Part, Text};

/// More bytes than this are not sampled at one place, however few rows they are.
const PLACE_BYTES: usize = 32 << 20;
/// Files below this size are sampled at their start only.
const LARGE_FILE_BYTES: u64 = 4 << 20;
const WINDOW_BYTES: u64 = 1 << 20;

/// What may still be the type of each column.
#[derive(Debug)]
pub struct Guess {
    columns: Vec<Candidates>,
    formats: Formats,
}

#[derive(Debug, Clone)]
struct Candidates {
    left: Vec<DataType>,
    seen: bool,
}

/// From narrow to wide.
fn candidates() -> Vec<DataType> {
    vec![
        DataType::Boolean,
        DataType::Int64,
        DataType::Decimal128(38, 0),
        DataType::Float64,
        DataType::Date32,
        DataType::Time64(TimeUnit::Microsecond),
        DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    ]
}

impl Guess {
    pub fn new(columns: usize, dialect: &Csv) -> Self {
        let all = Candidates {
            left: candidates(),
            seen: false,
        };
        Self {
            columns: vec![all; columns],
            formats: Formats::of(dialect),
        }
    }

    /// Strikes out what the records are not.
    fn add(&mut self, records: &Records, input: &[u8], nulls: &[String]) {
        for (column, spans) in self.columns.iter_mut().zip(&records.columns) {
            for span in spans {
                let bytes = span.bytes(input, &records.arena).unwrap_or(&[]);
                let Ok(text) = std::str::from_utf8(bytes) else {
                    column.left.clear();
                    continue;
                };
                if text.is_empty() || nulls.iter().any(|null| null == text) {
                    continue;
                }
                column.seen = true;
                column
                    .left
                    .retain(|candidate| is(candidate, text, &self.formats));
            }
        }
    }

    fn types(&self) -> impl Iterator<Item = DataType> + '_ {
        self.columns.iter().map(|column| match column.seen {
            false => DataType::Null,
            true => column.left.first().cloned().unwrap_or(DataType::Utf8View),
        })
    }
}

/// Whether a column of that type can hold the text; dates are timestamps, too.
fn is(candidate: &DataType, text: &str, formats: &Formats) -> bool {
    reads_as(candidate, text, formats)
        || matches!(candidate, DataType::Timestamp(_, None)) && formats.is_date(text)
}

/// The names and types of one file's columns; Null for a column without values.
pub async fn file_schema(part: &Part, dialect: &Csv, rows: SampleRows) -> Result<Schema> {
    if part.file.size == 0 {
        return Ok(Schema::empty());
    }
    let mut stream = part.open(None).await?;
    let (Some(head), mut input) = layout::head_of_stream(&mut stream, part, dialect).await? else {
        return Ok(Schema::empty());
    };
    let start = head.data_start.min(input.len());
    let lines = line_ends(input.get(..start).unwrap_or(&[]), head.line_end);
    input.drain(..start);
    let (max_rows, max_bytes) = match rows {
        SampleRows::Count(rows) => (usize::try_from(rows).unwrap_or(usize::MAX), PLACE_BYTES),
        SampleRows::All => (usize::MAX, usize::MAX),
    };
    let mut guess = Guess::new(head.names.len(), dialect);
    let mut place = Place::new(&mut guess, &head, dialect, &part.text);
    place.lines = lines;
    let mut ended = false;
    while place.rows < max_rows && place.bytes < max_bytes && !ended {
        let piece = stream.try_next().await?;
        ended = piece.is_none();
        input.extend_from_slice(&piece.unwrap_or_default());
        place
            .take(&mut input, ended, max_rows)
            .map_err(|fault| place.error(part, &fault, &input, &head.names))?;
        if input.len() > part.text.max_line_bytes {
            break;
        }
    }
    if !ended && part.compression == Compression::None && part.file.size > LARGE_FILE_BYTES {
        more_places(part, dialect, &head, &mut guess).await?;
    }
    let fields = head.names.iter().zip(guess.types());
    Ok(Schema::new(
        fields
            .map(|(name, data_type)| Field::new(name, data_type, true))
            .collect::<Vec<_>>(),
    ))
}

fn line_ends(bytes: &[u8], line_end: u8) -> u64 {
    memchr_iter(line_end, bytes).count() as u64
}

/// A place of the file that is being sampled.
struct Place<'a> {
    guess: &'a mut Guess,
    records: Records,
    nulls: &'a [String],
    bad_rows: BadRows,
    rows: usize,
    bytes: usize,
    lines: u64,
}

impl<'a> Place<'a> {
    fn new(guess: &'a mut Guess, head: &Head, dialect: &'a Csv, text: &Text) -> Self {
        let wanted: Vec<usize> = (0..head.names.len()).collect();
        let syntax = Syntax::new(dialect, text, head.line_end);
        Self {
            guess,
            records: Records::new(syntax, head.names.len(), &wanted),
            nulls: &dialect.null_values,
            bad_rows: text.bad_rows,
            rows: 0,
            bytes: 0,
            lines: 0,
        }
    }

    fn take(
        &mut self,
        input: &mut Vec<u8>,
        at_end: bool,
        max_rows: usize,
    ) -> std::result::Result<(), Fault> {
        const BATCH_ROWS: usize = 4096;
        loop {
            let wanted = BATCH_ROWS.min(max_rows - self.rows);
            let pass = match self.records.read(input, at_end, wanted) {
                Ok(pass) => pass,
                Err(fault) if self.bad_rows == BadRows::Error => return Err(fault),
                Err(fault) => {
                    self.records.give_up_on(&fault);
                    continue;
                }
            };
            self.guess.add(&self.records, input, self.nulls);
            let consumed = self.records.consumed.min(input.len());
            let read = input.drain(..consumed);
            self.lines += line_ends(read.as_slice(), self.records.line_end());
            drop(read);
            self.rows += self.records.rows();
            self.bytes += consumed;
            self.records.clear();
            if pass == Pass::NeedsMore || self.rows >= max_rows {
                return Ok(());
            }
        }
    }

    fn error(&self, part: &Part, fault: &Fault, input: &[u8], names: &[String]) -> Error {
        let before = input.get(..fault.record_start).unwrap_or(&[]);
        let line = self.lines + line_ends(before, self.records.line_end()) + 1;
        fault.kind.error(part, Some(line), names)
    }
}

/// Samples the middle and the end of a large file; a fault there is left for the reader to report.
async fn more_places(part: &Part, dialect: &Csv, head: &Head, guess: &mut Guess) -> Result<()> {
    if !part.encoding().await?.can_be_cut() {
        return Ok(());
    }
    let (store, path, size) = (&part.store, &part.file.location, part.file.size);
    let target = Target {
        store,
        path,
        size_bytes: size,
    };
    let shape = Shape::new(dialect, &part.text, head);
    for offset in [size / 2, size - WINDOW_BYTES] {
        let Some(start) = cut::cut(&target, &shape, offset).await? else {
            continue;
        };
        let end = start.saturating_add(WINDOW_BYTES).min(size);
        let mut input = stream::window(store, path, start..end).await?;
        let mut place = Place::new(guess, head, dialect, &part.text);
        let _ = place.take(&mut input, end == size, usize::MAX);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn guessed(values: &[&str]) -> DataType {
        let text: String = values.iter().map(|v| format!("{v},x\n")).collect();
        let syntax = Syntax::new(&Csv::default(), &Text::default(), b'\n');
        let mut records = Records::new(syntax, 2, &[0]);
        records.read(text.as_bytes(), true, 100).unwrap();
        let mut guess = Guess::new(1, &Csv::default());
        guess.add(&records, text.as_bytes(), &["NA".to_string()]);
        let first = guess.types().next();
        first.unwrap()
    }

    #[test]
    fn the_narrowest_type_wins() {
        use DataType::*;
        let us = |zone: Option<&str>| Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
        let cases: &[(&[&str], DataType)] = &[
            (&["1", "", "NA", "-3"], Int64),
            (&["01001"], Int64),
            (&["1", "2.5"], Float64),
            (&["1", "12345678901234567890"], Decimal128(38, 0)),
            (&["1.5", "12345678901234567890"], Float64),
            (&["true", "False"], Boolean),
            (&["t", "f"], Utf8View),
            (&["F", "M"], Utf8View),
            (&["1", "x"], Utf8View),
            (&["2020-01-02"], Date32),
            (&["2020-01-02", "2020-01-02 03:04:05"], us(None)),
            (&["2020-01-02T03:04:05Z"], us(Some("UTC"))),
            (&["10:20:30"], Time64(TimeUnit::Microsecond)),
            (&["01/31/2020"], Utf8View),
            (&["nan", "1"], Float64),
            (&["+5"], Utf8View),
            (&["", ""], Null),
            (&["-"], Utf8View),
            (&["20200102"], Int64),
        ];
        for (values, expected) in cases {
            assert_eq!(guessed(values), *expected, "{values:?}");
        }
    }
}
