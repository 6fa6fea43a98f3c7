//! The data of `COPY … FROM STDIN`: bytes as they come, record batches as they fill.
//!
//! Bytes may be cut anywhere. What does not yet make a whole record is kept until the rest comes; a
//! record longer than [`MOST_RECORD_BYTES`] is refused, as nothing else would bound that.
//!
//! Lines end with LF or CRLF, as the first one does. `\.` on a line of its own ends the data.

mod binary;
mod lines;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use quern_engine::{Error, Kind};

use super::decode::{Builder, shortened, utf8};
use super::{TextStyle, oid};

/// Rows of a batch, unless its bytes come first.
const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: usize = 16 << 20;
const MOST_RECORD_BYTES: usize = 256 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFormat {
    Text,
    Csv,
    Binary,
}

/// `HEADER`: whether the first line is one of names, and whether they have to be the columns'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyHeader {
    None,
    Skip,
    Match,
}

/// The options of COPY FROM.
#[derive(Debug, Clone)]
pub struct CopyOptions {
    pub format: CopyFormat,
    pub delimiter: u8,
    pub null: String,
    pub header: CopyHeader,
    pub quote: u8,
    pub escape: u8,
    /// Per column: an unquoted null string is a value (`FORCE_NOT_NULL`).
    pub force_not_null: Vec<bool>,
    /// Per column: a quoted null string is NULL (`FORCE_NULL`).
    pub force_null: Vec<bool>,
    /// The table's name, for messages.
    pub table: String,
}

impl CopyOptions {
    /// PostgreSQL's defaults for the format.
    pub fn new(format: CopyFormat, table: &str) -> Self {
        let csv = format == CopyFormat::Csv;
        Self {
            format,
            delimiter: if csv { b',' } else { b'\t' },
            null: if csv { "" } else { "\\N" }.to_owned(),
            header: CopyHeader::None,
            quote: b'"',
            escape: b'"',
            force_not_null: Vec::new(),
            force_null: Vec::new(),
            table: table.to_owned(),
        }
    }
}

/// The reader of one COPY. An error ends it.
pub struct CopyDecoder {
    rows: Rows,
    options: CopyOptions,
    /// Bytes that do not make a whole record yet.
    pending: Vec<u8>,
    lines: lines::Lines,
    binary: binary::State,
}

impl CopyDecoder {
    /// `schema` has the columns that the data has, in its order.
    pub fn new(options: CopyOptions, schema: SchemaRef, style: &TextStyle) -> Result<Self, Error> {
        let builders = schema
            .fields()
            .iter()
            .map(|field| Builder::new(field.data_type(), oid::oid_of(field, style), style));
        Ok(Self {
            rows: Rows {
                builders: builders.collect::<Result<_, _>>()?,
                schema,
                table: options.table.clone(),
                count: 0,
                bytes: 0,
                line: 0,
                full: Vec::new(),
            },
            options,
            pending: Vec::new(),
            lines: lines::Lines::default(),
            binary: binary::State::default(),
        })
    }

    /// Takes the next bytes and gives the batches that they fill.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<RecordBatch>, Error> {
        // Whole records are read where they are; only a cut one is copied.
        let mut rest = bytes;
        if self.pending.is_empty() {
            let used = self.records(rest)?;
            rest = rest.get(used..).unwrap_or_default();
            self.pending.extend_from_slice(rest);
        } else {
            let mut pending = std::mem::take(&mut self.pending);
            pending.extend_from_slice(rest);
            let used = self.records(&pending)?;
            pending.drain(..used);
            self.pending = pending;
        }
        if self.pending.len() > MOST_RECORD_BYTES {
            let limit = MOST_RECORD_BYTES >> 20;
            return Err(Error::new(
                Kind::LimitExceeded,
                format!("a record of COPY is longer than {limit} MiB"),
            ));
        }
        Ok(std::mem::take(&mut self.rows.full))
    }

    fn records(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        match self.options.format {
            CopyFormat::Binary => self.binary.records(bytes, &mut self.rows),
            _ => self.lines.records(bytes, &self.options, &mut self.rows),
        }
    }

    /// The rows that are left, after the last bytes. A last line needs no end.
    pub fn finish(&mut self) -> Result<Option<RecordBatch>, Error> {
        let pending = std::mem::take(&mut self.pending);
        match self.options.format {
            CopyFormat::Binary => self.binary.finish(&pending)?,
            _ => self.lines.finish(&pending, &self.options, &mut self.rows)?,
        }
        self.rows.flush()?;
        Ok(self.rows.full.pop())
    }
}

/// The rows under construction.
struct Rows {
    builders: Vec<Builder>,
    schema: SchemaRef,
    table: String,
    count: usize,
    bytes: usize,
    /// The line (or tuple) that is being read, from 1.
    line: u64,
    full: Vec<RecordBatch>,
}

impl Rows {
    /// Appends a field; says what is wrong as PostgreSQL's context lines do.
    fn text(&mut self, column: usize, value: Option<&[u8]>) -> Result<(), Error> {
        let Some(builder) = self.builders.get_mut(column) else {
            return Err(self.located(Error::new(
                Kind::BadData,
                "extra data after last expected column",
            )));
        };
        let Some(value) = value else {
            builder.null();
            return Ok(());
        };
        self.bytes += value.len();
        let read = utf8(value).and_then(|text| builder.text(text));
        read.map_err(|error| {
            let value = String::from_utf8_lossy(value);
            self.at_column(error, column, Some(&value))
        })
    }

    fn binary(&mut self, column: usize, value: Option<&[u8]>) -> Result<(), Error> {
        let Some(builder) = self.builders.get_mut(column) else {
            return Err(Error::internal("a field without a column"));
        };
        let Some(value) = value else {
            builder.null();
            return Ok(());
        };
        self.bytes += value.len();
        let read = builder.binary(value);
        read.map_err(|error| self.at_column(error, column, None))
    }

    fn name(&self, column: usize) -> &str {
        self.schema
            .fields()
            .get(column)
            .map_or("", |field| field.name())
    }

    fn missing(&self, column: usize) -> Error {
        let name = self.name(column);
        self.located(Error::new(
            Kind::BadData,
            format!("missing data for column \"{name}\""),
        ))
    }

    fn at_column(&self, error: Error, column: usize, value: Option<&str>) -> Error {
        let (name, line, table) = (self.name(column), self.line, &self.table);
        let value = value.map_or(String::new(), |v| format!(": \"{}\"", shortened(v)));
        with_place(
            error,
            format!("COPY {table}, line {line}, column {name}{value}"),
        )
    }

    fn located(&self, error: Error) -> Error {
        with_place(error, format!("COPY {}, line {}", self.table, self.line))
    }

    /// Ends a row; full batches go out.
    fn end(&mut self) -> Result<(), Error> {
        self.count += 1;
        if self.count >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.count == 0 {
            return Ok(());
        }
        let columns: Result<Vec<ArrayRef>, Error> =
            self.builders.iter_mut().map(Builder::finish).collect();
        let rows = RecordBatchOptions::new().with_row_count(Some(self.count));
        let schema = Arc::clone(&self.schema);
        // NULL in a column that is NOT NULL is for the table to refuse, with its own message.
        let batch = RecordBatch::try_new_with_options(nullable(&schema), columns?, &rows)?;
        self.full.push(batch);
        (self.count, self.bytes) = (0, 0);
        Ok(())
    }
}

/// The schema with all columns nullable.
fn nullable(schema: &SchemaRef) -> SchemaRef {
    if schema.fields().iter().all(|field| field.is_nullable()) {
        return Arc::clone(schema);
    }
    let fields = schema.fields().iter();
    let fields: Vec<_> = fields
        .map(|field| field.as_ref().clone().with_nullable(true))
        .collect();
    Arc::new(arrow::datatypes::Schema::new_with_metadata(
        fields,
        schema.metadata().clone(),
    ))
}

fn with_place(error: Error, place: String) -> Error {
    match &error.detail {
        Some(detail) => {
            let detail = format!("{detail} {place}");
            error.detail(detail)
        }
        None => error.detail(place),
    }
}
