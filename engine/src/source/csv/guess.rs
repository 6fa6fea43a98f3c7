//! Guesses the types of a CSV file's columns from a sample of its values.
//!
//! Each column starts with every type as a candidate; each value strikes out those it is not of.
//! The narrowest that is left is the column's. A column without values is of type Null, so that
//! another file can decide. The sample is the file's start and, if the file is large and not
//! compressed, places in its middle and near its end.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore};

use super::columns::reads_as;
use super::cut::{self, Target};
use super::layout::{self, Head};
use super::records::{Fault, FaultKind, MAX_RECORD_BYTES, Pass, Records};
use crate::error::{Error, Kind, Result};
use crate::source::dialect::{Csv, SampleRows};
use crate::source::format::Compression;
use crate::source::location;
use crate::source::stream;

/// More bytes than this are not sampled at one place, however few rows they are.
const PLACE_BYTES: usize = 32 << 20;
/// Files below this size are sampled at their start only.
const LARGE_FILE_BYTES: u64 = 4 << 20;
const WINDOW_BYTES: u64 = 1 << 20;

/// What may still be the type of each column.
#[derive(Debug)]
pub struct Guess {
    columns: Vec<Candidates>,
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
    pub fn new(columns: usize) -> Self {
        let all = Candidates {
            left: candidates(),
            seen: false,
        };
        Self {
            columns: vec![all; columns],
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
                column.left.retain(|candidate| is(candidate, text));
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
fn is(candidate: &DataType, text: &str) -> bool {
    reads_as(candidate, text)
        || matches!(candidate, DataType::Timestamp(_, None)) && reads_as(&DataType::Date32, text)
}

/// The names and types of one file's columns; Null for a column without values.
pub async fn file_schema(
    store: &Arc<dyn ObjectStore>,
    file: &ObjectMeta,
    compression: Compression,
    dialect: &Csv,
    rows: SampleRows,
) -> Result<Schema> {
    if file.size == 0 {
        return Ok(Schema::empty());
    }
    let mut stream = stream::open(store, &file.location, None, compression, None).await?;
    let Some((head, mut input)) = layout::head_of_stream(&mut stream, file, dialect, true).await?
    else {
        return Ok(Schema::empty());
    };
    let mut guess = Guess::new(head.names.len());
    input.drain(..head.data_start.min(input.len()));
    let (max_rows, max_bytes) = match rows {
        SampleRows::Count(rows) => (usize::try_from(rows).unwrap_or(usize::MAX), PLACE_BYTES),
        SampleRows::All => (usize::MAX, usize::MAX),
    };
    let mut place = Place {
        guess: &mut guess,
        records: records(&head, dialect),
        dialect,
        rows: 0,
        bytes: 0,
    };
    let mut ended = false;
    while place.rows < max_rows && place.bytes < max_bytes && !ended {
        let piece = stream.try_next().await?;
        ended = piece.is_none();
        input.extend_from_slice(&piece.unwrap_or_default());
        place
            .take(&mut input, ended, max_rows)
            .map_err(|fault| sample_error(file, &head, fault))?;
        if input.len() > MAX_RECORD_BYTES {
            break;
        }
    }
    if !ended && compression == Compression::None && file.size > LARGE_FILE_BYTES {
        more_places(store, file, dialect, &head, &mut guess).await?;
    }
    let fields = head.names.iter().zip(guess.types());
    Ok(Schema::new(
        fields
            .map(|(name, data_type)| Field::new(name, data_type, true))
            .collect::<Vec<_>>(),
    ))
}

fn records(head: &Head, dialect: &Csv) -> Records {
    let wanted: Vec<usize> = (0..head.names.len()).collect();
    Records::new(dialect, head.names.len(), &wanted)
}

/// A place of the file that is being sampled.
struct Place<'a> {
    guess: &'a mut Guess,
    records: Records,
    dialect: &'a Csv,
    rows: usize,
    bytes: usize,
}

impl Place<'_> {
    fn take(
        &mut self,
        input: &mut Vec<u8>,
        at_end: bool,
        max_rows: usize,
    ) -> std::result::Result<(), Fault> {
        const BATCH_ROWS: usize = 4096;
        loop {
            let wanted = BATCH_ROWS.min(max_rows - self.rows);
            let pass = self.records.read(input, at_end, wanted)?;
            self.guess
                .add(&self.records, input, &self.dialect.null_values);
            self.rows += self.records.rows();
            self.bytes += self.records.consumed;
            input.drain(..self.records.consumed);
            self.records.clear();
            if pass == Pass::NeedsMore || self.rows >= max_rows {
                return Ok(());
            }
        }
    }
}

/// Samples the middle and the end of a large file; a fault there is left for the reader to report.
async fn more_places(
    store: &Arc<dyn ObjectStore>,
    file: &ObjectMeta,
    dialect: &Csv,
    head: &Head,
    guess: &mut Guess,
) -> Result<()> {
    let target = Target {
        store,
        path: &file.location,
        size_bytes: file.size,
    };
    for offset in [file.size / 2, file.size - WINDOW_BYTES] {
        let Some(start) = cut::cut(&target, dialect, head.names.len(), offset).await? else {
            continue;
        };
        let end = start.saturating_add(WINDOW_BYTES).min(file.size);
        let mut input = stream::window(store, &file.location, start..end).await?;
        let mut place = Place {
            guess,
            records: records(head, dialect),
            dialect,
            rows: 0,
            bytes: 0,
        };
        let _ = place.take(&mut input, end == file.size, usize::MAX);
    }
    Ok(())
}

fn sample_error(file: &ObjectMeta, head: &Head, fault: Fault) -> Error {
    let shown = location::shown(&file.location);
    fault_error(&shown, None, &fault.kind, &head.names)
}

/// The error of bytes that are not CSV as described.
pub fn fault_error(shown: &str, line: Option<u64>, kind: &FaultKind, names: &[String]) -> Error {
    let at = line.map_or(String::new(), |line| format!(", line {line}"));
    let name = |column: &usize| {
        names
            .get(*column)
            .cloned()
            .unwrap_or_else(|| format!("column{}", column + 1))
    };
    let (what, hint) = match kind {
        FaultKind::Columns { found } => (
            format!("{found} fields where the file has {} columns", names.len()),
            "Check the options delimiter, quote, escape and comment.",
        ),
        FaultKind::AfterQuote { column } => (
            format!(
                "text after the closing quote of column \"{}\"",
                name(column)
            ),
            "A quote inside quotes is doubled, or written with the option escape; quote = '' reads quotes as text.",
        ),
        FaultKind::Unterminated { column } => (
            format!("the quote of column \"{}\" never closes", name(column)),
            "The file may be truncated; quote = '' reads quotes as text.",
        ),
    };
    Error::new(Kind::BadData, format!("file \"{shown}\"{at}: {what}")).hint(hint)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn guessed(values: &[&str]) -> DataType {
        let text: String = values.iter().map(|v| format!("{v},x\n")).collect();
        let mut records = Records::new(&Csv::default(), 2, &[0]);
        records.read(text.as_bytes(), true, 100).unwrap();
        let mut guess = Guess::new(1);
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
