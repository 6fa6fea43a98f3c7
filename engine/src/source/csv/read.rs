//! A CSV file, or an exact byte range of it, as a stream of batches.
//!
//! The reader checks what the plan assumed: unless a range is the file's last, it must end where a
//! record ends. An error names the file, the line, the column, the value and the way out.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::physical_plan::metrics::Count;
use futures::TryStreamExt;
use memchr::memchr_iter;
use object_store::{ObjectMeta, ObjectStore};

use super::columns::{self, BadValue, Texts};
use super::guess::fault_error;
use super::layout::{self, Head};
use super::records::{Fault, MAX_RECORD_BYTES, Pass, Records};
use crate::error::{Error, Kind, Result};
use crate::source::dialect::Csv;
use crate::source::format::Compression;
use crate::source::location;
use crate::source::stream::{self, ByteStream};

/// A batch is given out once its records take this much text, even if it has few rows.
const BATCH_BYTES: usize = 16 << 20;
/// Lines before a range are counted for an error's sake only in so many bytes.
const COUNTED_BYTES: u64 = 4 << 30;

/// Everything needed to read a piece of a file.
pub struct ReadPlan {
    pub store: Arc<dyn ObjectStore>,
    pub file: ObjectMeta,
    /// None: the whole file.
    pub range: Option<Range<u64>>,
    pub compression: Compression,
    pub dialect: Arc<Csv>,
    /// The files' columns of the table.
    pub table: SchemaRef,
    /// Which of them are wanted, in that order.
    pub wanted: Vec<usize>,
    pub batch_rows: usize,
    pub count: Option<Count>,
}

/// The open file: the next batch comes from the records in `buffer`.
struct Reader {
    plan: ReadPlan,
    schema: SchemaRef,
    /// Per wanted column its place among the records' columns; None where the file lacks it.
    places: Vec<Option<usize>>,
    names: Vec<String>,
    records: Records,
    stream: ByteStream,
    buffer: Vec<u8>,
    ended: bool,
    /// Where in the (decompressed) file the buffer starts, and its line; for errors.
    offset: u64,
    lines: u64,
}

pub async fn read(plan: ReadPlan) -> Result<impl futures::Stream<Item = Result<RecordBatch>>> {
    let reader = match plan.file.size {
        0 => None,
        _ => Some(Reader::open(plan).await?),
    };
    Ok(futures::stream::try_unfold(reader, |reader| async move {
        let Some(mut reader) = reader else {
            return Ok(None);
        };
        let batch = reader.next().await?;
        Ok(batch.map(|batch| (batch, Some(reader))))
    }))
}

impl Reader {
    async fn open(plan: ReadPlan) -> Result<Self> {
        let start = plan.range.as_ref().map_or(0, |range| range.start);
        let range = plan.range.clone();
        let opened = stream::open(
            &plan.store,
            &plan.file.location,
            range,
            plan.compression,
            plan.count.clone(),
        );
        let mut stream = opened.await?;
        let mut buffer = Vec::new();
        let (mut offset, mut lines) = (start, 0);
        let head = if start == 0 {
            let whole = plan
                .range
                .as_ref()
                .is_none_or(|range| range.end >= plan.file.size);
            match layout::head_of_stream(&mut stream, &plan.file, &plan.dialect, whole).await? {
                Some((head, read)) => {
                    buffer = read;
                    lines = line_ends(buffer.get(..head.data_start));
                    offset = head.data_start as u64;
                    buffer.drain(..head.data_start.min(buffer.len()));
                    head
                }
                None => Head {
                    names: vec![],
                    data_start: 0,
                },
            }
        } else {
            layout::head_of_file(&plan.store, &plan.file, plan.compression, &plan.dialect).await?
        };
        let in_file = layout::places(&plan.table, &head, &plan.dialect);
        let mut kept: Vec<usize> = Vec::new();
        let places = plan.wanted.iter().map(|column| {
            let place = in_file.get(*column).copied().flatten()?;
            let known = kept.iter().position(|kept| *kept == place);
            Some(known.unwrap_or_else(|| {
                kept.push(place);
                kept.len() - 1
            }))
        });
        let places = places.collect();
        Ok(Self {
            schema: Arc::new(plan.table.project(&plan.wanted)?),
            places,
            records: Records::new(&plan.dialect, head.names.len(), &kept),
            names: head.names,
            stream,
            buffer,
            ended: false,
            offset,
            lines,
            plan,
        })
    }

    fn is_last(&self) -> bool {
        self.plan
            .range
            .as_ref()
            .is_none_or(|range| range.end >= self.plan.file.size)
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let at_end = self.ended && self.is_last();
            let pass = match self
                .records
                .read(&self.buffer, at_end, self.plan.batch_rows)
            {
                Ok(pass) => pass,
                Err(fault) => return Err(self.fault(fault).await),
            };
            let enough = pass == Pass::Full || self.records.consumed >= BATCH_BYTES || self.ended;
            if enough && self.records.rows() > 0 {
                return self.batch().await.map(Some);
            }
            if self.ended {
                return match self.records.consumed == self.buffer.len() {
                    true => Ok(None),
                    false => Err(self.wrong_cut()),
                };
            }
            self.fill().await?;
        }
    }

    /// Reads on; the longer the unfinished record is, the more.
    async fn fill(&mut self) -> Result<()> {
        let unfinished = self.buffer.len() - self.records.consumed;
        if unfinished > MAX_RECORD_BYTES {
            let line = self.line_of(self.records.consumed).await;
            return Err(self
                .at(line, "a record is longer than 64 MiB")
                .hint("A quote may be open without end; quote = '' reads quotes as text."));
        }
        let goal = self.buffer.len() + unfinished.max(1);
        while self.buffer.len() < goal {
            match self.stream.try_next().await? {
                Some(piece) => self.buffer.extend_from_slice(&piece),
                None => {
                    self.ended = true;
                    break;
                }
            }
        }
        Ok(())
    }

    /// The records as a batch; the buffer then starts after them.
    async fn batch(&mut self) -> Result<RecordBatch> {
        let rows = self.records.rows();
        let columns = match self.build(rows) {
            Ok(columns) => columns,
            Err(bad) => return Err(self.bad(bad).await),
        };
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|error| self.at(None, &error.to_string()))?;
        let consumed = self.records.consumed;
        self.lines += line_ends(self.buffer.get(..consumed));
        self.offset += consumed as u64;
        self.buffer.drain(..consumed.min(self.buffer.len()));
        self.records.clear();
        Ok(batch)
    }

    fn build(&self, rows: usize) -> Result<Vec<ArrayRef>, Bad> {
        let read = self.buffer.get(..self.records.consumed).unwrap_or(&[]);
        let input = std::str::from_utf8(read).map_err(|error| Bad::Text {
            at: error.valid_up_to(),
        })?;
        let arena = std::str::from_utf8(&self.records.arena).map_err(|_| Bad::Text { at: 0 })?;
        let texts = Texts {
            input,
            arena,
            nulls: &self.plan.dialect.null_values,
        };
        let mut columns = Vec::with_capacity(self.places.len());
        for (column, (field, place)) in self.schema.fields().iter().zip(&self.places).enumerate() {
            let spans = place.and_then(|place| self.records.columns.get(place));
            columns.push(match spans {
                Some(spans) => columns::build(field.data_type(), spans, texts)
                    .map_err(|value| Bad::Value { column, value })?,
                None => new_null_array(field.data_type(), rows),
            });
        }
        Ok(columns)
    }

    async fn fault(&mut self, fault: Fault) -> Error {
        let line = self.line_of(fault.record_start).await;
        fault_error(
            &location::shown(&self.plan.file.location),
            line,
            &fault.kind,
            &self.names,
        )
    }

    async fn bad(&mut self, bad: Bad) -> Error {
        let (column, value) = match bad {
            Bad::Text { at } => {
                let line = self.line_of(at).await;
                return self
                    .at(line, "the text is not UTF-8")
                    .hint("Convert the file to UTF-8, for instance with iconv.");
            }
            Bad::Value { column, value } => (column, value),
        };
        let start = self
            .records
            .starts
            .get(value.row)
            .map_or(0, |start| *start as usize);
        let line = self.line_of(start).await;
        let field = self.schema.field(column);
        let name = field.name();
        let type_name = sql_name(field.data_type());
        let shown: String = value.text.chars().take(60).collect();
        self.at(line, &format!("column \"{name}\" is {type_name}, but the value is \"{shown}\""))
            .hint(format!(
                "Name the type: dtype = (\"{name}\" = 'TEXT'); or look at more rows: schema_sample_rows = 'all'; or take the value for NULL: null_values = '{}'.",
                shown.replace('\'', "''")
            ))
    }

    fn wrong_cut(&self) -> Error {
        self.at(None, "a quoted value was taken for lines of their own when the file was cut for reading in parallel")
            .hint("Add the option parallel = false, which reads each file from start to end.")
    }

    fn at(&self, line: Option<u64>, what: &str) -> Error {
        let at = line.map_or(String::new(), |line| format!(", line {line}"));
        let shown = location::shown(&self.plan.file.location);
        Error::new(Kind::BadData, format!("file \"{shown}\"{at}: {what}"))
    }

    /// The line of a place in the buffer, from 1; a range counts what is before it.
    async fn line_of(&mut self, place: usize) -> Option<u64> {
        let here = self.lines + line_ends(self.buffer.get(..place)) + 1;
        let start = self.plan.range.as_ref().map_or(0, |range| range.start);
        if start == 0 {
            return Some(here);
        }
        if start > COUNTED_BYTES {
            return None;
        }
        let plan = &self.plan;
        let opened = stream::open(
            &plan.store,
            &plan.file.location,
            Some(0..start),
            plan.compression,
            None,
        );
        let mut before = opened.await.ok()?;
        let mut lines = 0;
        while let Some(piece) = before.try_next().await.ok()? {
            lines += line_ends(Some(&piece));
        }
        Some(lines + here)
    }
}

/// What in a batch cannot be taken.
enum Bad {
    Text { at: usize },
    Value { column: usize, value: BadValue },
}

fn line_ends(bytes: Option<&[u8]>) -> u64 {
    memchr_iter(b'\n', bytes.unwrap_or(&[])).count() as u64
}

/// The type as a user would write it.
fn sql_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Int16 => "SMALLINT".into(),
        DataType::Int32 => "INTEGER".into(),
        DataType::Int64 => "BIGINT".into(),
        DataType::Float32 => "REAL".into(),
        DataType::Float64 => "DOUBLE".into(),
        DataType::Boolean => "BOOLEAN".into(),
        DataType::Date32 => "DATE".into(),
        DataType::Timestamp(_, None) => "TIMESTAMP".into(),
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE".into(),
        DataType::Time64(_) => "TIME".into(),
        DataType::Decimal128(precision, scale) => format!("DECIMAL({precision}, {scale})"),
        other => other.to_string(),
    }
}
