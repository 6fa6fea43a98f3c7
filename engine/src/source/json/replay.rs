//! Reads the text of a batch record by record: finds the one that is bad, or does without it.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use memchr::memchr;

use super::read::decoder;
use crate::source::guard;
use crate::source::text::BadRows;

pub struct Replay<'a> {
    pub schema: &'a SchemaRef,
    pub bad_rows: BadRows,
    /// Each record is a line, so that one can be left out even if it is no JSON.
    pub lines: bool,
    /// Nothing follows the text.
    pub ended: bool,
}

/// A record that cannot be read and cannot be done without.
#[derive(Debug)]
pub struct Bad {
    pub at: usize,
    pub what: Option<String>,
}

#[derive(Debug, Default)]
pub struct Replayed {
    pub batches: Vec<RecordBatch>,
    pub skipped_rows: usize,
    pub nulled_values: usize,
    /// The text up to here is done with.
    pub read: usize,
}

/// One record, or what is in its place.
enum Record {
    Row(RecordBatch),
    /// It has an end, but its values are not the table's.
    Misfit(ArrowError),
    /// It is no JSON.
    Broken(ArrowError),
    /// The text ends first.
    Open,
}

impl Replay<'_> {
    pub fn run(&self, text: &[u8]) -> Result<Replayed, Bad> {
        let mut done = Replayed::default();
        loop {
            let rest = text.get(done.read..).unwrap_or(&[]);
            let blank = rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
            done.read += blank;
            let rest = rest.get(blank..).unwrap_or(&[]);
            if rest.is_empty() {
                return Ok(done);
            }
            let (record, length) = self.record(rest).map_err(|error| bad(done.read, &error))?;
            let line = memchr(b'\n', rest).map(|end| end + 1);
            let broken = match record {
                Record::Row(batch) => {
                    done.batches.push(batch);
                    done.read += length;
                    continue;
                }
                Record::Misfit(error) => {
                    let record = rest.get(..length).unwrap_or(rest);
                    self.misfit(record, &mut done, &error)?;
                    done.read += length;
                    continue;
                }
                Record::Open if !self.ended => return Ok(done),
                Record::Open => ArrowError::JsonError("the object does not end".into()),
                Record::Broken(error) => error,
            };
            match (self.bad_rows, line, self.ended) {
                (BadRows::Error, ..) => return Err(bad(done.read, &broken)),
                _ if !self.lines => return Err(bad(done.read, &broken)),
                (_, None, false) => return Ok(done),
                (mode, line, _) => {
                    self.broken(mode, &mut done)
                        .map_err(|e| bad(done.read, &e))?;
                    done.read += line.unwrap_or(rest.len());
                }
            }
        }
    }

    fn record(&self, rest: &[u8]) -> Result<(Record, usize), ArrowError> {
        let mut decoder = decoder(self.schema, 1)?;
        let length = match guard::arrow(|| decoder.decode(rest)) {
            Ok(length) => length,
            Err(error) => return Ok((Record::Broken(error), 0)),
        };
        if decoder.has_partial_record() || decoder.is_empty() {
            return Ok((Record::Open, 0));
        }
        Ok(match guard::arrow(|| decoder.flush()) {
            Ok(Some(batch)) => (Record::Row(batch), length),
            Ok(None) => (Record::Open, 0),
            Err(error) => (Record::Misfit(error), length),
        })
    }

    /// Does without a record whose values are not the table's.
    fn misfit(&self, record: &[u8], done: &mut Replayed, error: &ArrowError) -> Result<(), Bad> {
        match self.bad_rows {
            BadRows::Error => return Err(bad(done.read, error)),
            BadRows::Skip => done.skipped_rows += 1,
            BadRows::Null => {
                let (row, nulls) = self.nulled(record).map_err(|e| bad(done.read, &e))?;
                done.batches.push(row);
                done.nulled_values += nulls;
            }
        }
        Ok(())
    }

    fn broken(&self, mode: BadRows, done: &mut Replayed) -> Result<(), ArrowError> {
        match mode {
            BadRows::Null => {
                let fields = self.schema.fields().iter();
                let columns = fields.map(|field| new_null_array(field.data_type(), 1));
                done.batches.push(self.row(columns.collect())?);
                done.nulled_values += 1;
            }
            _ => done.skipped_rows += 1,
        }
        Ok(())
    }

    /// The record with NULL for each value that is not of its column's type, and their number.
    fn nulled(&self, record: &[u8]) -> Result<(RecordBatch, usize), ArrowError> {
        let mut nulls = 0;
        let columns = self.schema.fields().iter().map(|field| {
            let alone: SchemaRef = Arc::new(Schema::new(vec![Arc::clone(field)]));
            let mut decoder = decoder(&alone, 1)?;
            let batch = guard::arrow(|| {
                decoder.decode(record)?;
                decoder.flush()
            });
            Ok(match batch {
                Ok(Some(batch)) => Arc::clone(batch.column(0)),
                _ => {
                    nulls += 1;
                    new_null_array(field.data_type(), 1)
                }
            })
        });
        let columns = columns.collect::<Result<Vec<_>, ArrowError>>()?;
        Ok((self.row(columns)?, nulls))
    }

    fn row(&self, columns: Vec<ArrayRef>) -> Result<RecordBatch, ArrowError> {
        let one = RecordBatchOptions::new().with_row_count(Some(1));
        RecordBatch::try_new_with_options(Arc::clone(self.schema), columns, &one)
    }
}

fn bad(at: usize, error: &ArrowError) -> Bad {
    Bad {
        at,
        what: Some(error.to_string()),
    }
}
