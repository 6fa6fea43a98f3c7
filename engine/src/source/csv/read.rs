//! A part of a CSV file as batches.
//!
//! The reader checks what the plan assumed: unless a part is the file's last, it must end where a
//! record ends. An error names the file, the line, the column, the value and the way out.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, SchemaRef};
use futures::{Stream, TryStreamExt};
use memchr::memchr_iter;

use super::columns::{self, BadValue, OnBad, Texts};
use super::fault::{Fault, FaultKind};
use super::layout;
use super::mend::Wrong;
use super::records::{Pass, Records, Syntax};
use super::times::Formats;
use crate::error::{Error, Result};
use crate::source::dialect::Csv;
use crate::source::stream::ByteStream;
use crate::source::text::{BadRows, Counters, Part, ReadBatches, batches};
use crate::sql::type_name;

/// A batch is given out once its records take this much text, even if it has few rows.
const BATCH_BYTES: usize = 16 << 20;
/// A batch of many columns has fewer rows, so that it has no more values than this.
const BATCH_VALUES: usize = 2 << 20;

/// Everything needed to read a part of a file.
pub struct ReadPlan {
    pub part: Part,
    pub dialect: Csv,
    /// The files' columns of the table.
    pub table: SchemaRef,
    /// Which of them are wanted, in that order.
    pub wanted: Vec<usize>,
    pub batch_rows: usize,
    pub counters: Counters,
}

/// The open file: the next batch comes from the records in `buffer`.
struct Reader {
    plan: ReadPlan,
    /// The columns that are made: the wanted ones or, if rows may be left out, all.
    made: SchemaRef,
    /// Per made column its place among the records' columns; None where the file lacks it.
    places: Vec<Option<usize>>,
    /// Of the file's columns.
    names: Vec<String>,
    formats: Formats,
    records: Records,
    stream: ByteStream,
    buffer: Vec<u8>,
    ended: bool,
    /// Lines of the part that end before the buffer.
    lines: u64,
}

/// What in a batch cannot be taken.
enum Bad {
    Text { at: usize },
    Value { column: usize, value: BadValue },
    Null { column: usize, row: usize },
    Missing { column: usize },
}

pub async fn read(plan: ReadPlan) -> Result<impl Stream<Item = Result<RecordBatch>>> {
    let reader = match plan.part.file.size {
        0 => None,
        _ => Some(Reader::open(plan).await?),
    };
    Ok(batches(reader))
}

impl Reader {
    async fn open(mut plan: ReadPlan) -> Result<Self> {
        let part = &plan.part;
        let mut stream = part.open(Some(plan.counters.bytes.clone())).await?;
        let (mut buffer, mut start) = (Vec::new(), 0);
        let head = if part.start() == 0 {
            let (head, read) = layout::head_of_stream(&mut stream, part, &plan.dialect).await?;
            let head = match head {
                Some(head) => head,
                // A first part of one record does not tell how lines end; the file does.
                None => layout::head_of_file(part, &plan.dialect).await?,
            };
            buffer = read;
            start = head.data_start.min(buffer.len());
            head
        } else {
            layout::head_of_file(part, &plan.dialect).await?
        };
        let lines = line_ends(buffer.get(..start), head.line_end);
        buffer.drain(..start);
        let made: Vec<usize> = match part.text.bad_rows {
            BadRows::Skip => (0..plan.table.fields().len()).collect(),
            _ => plan.wanted.clone(),
        };
        let in_file = layout::places(&plan.table, &head, &plan.dialect);
        let (places, kept) = places(&made, &in_file);
        plan.batch_rows = plan.batch_rows.min(BATCH_VALUES / kept.len().max(1)).max(1);
        let syntax = Syntax::new(&plan.dialect, &part.text, head.line_end);
        Ok(Self {
            made: Arc::new(plan.table.project(&made)?),
            places,
            records: Records::new(syntax, head.names.len(), &kept),
            names: head.names,
            formats: Formats::of(&plan.dialect),
            stream,
            buffer,
            ended: false,
            lines,
            plan,
        })
    }

    fn bad_rows(&self) -> BadRows {
        self.plan.part.text.bad_rows
    }

    /// Reads on; the longer the unfinished record is, the more.
    async fn fill(&mut self) -> Result<()> {
        if self.records.rows() == 0 {
            self.drop_consumed();
        }
        let unfinished = self.buffer.len() - self.records.consumed;
        if unfinished > self.plan.part.text.max_line_bytes {
            let fault = self.records.too_long();
            return self.recover(fault).await;
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

    /// The buffer then starts with what was not read yet.
    fn drop_consumed(&mut self) {
        let consumed = self.records.consumed.min(self.buffer.len());
        let line_end = self.records.line_end();
        self.lines += line_ends(self.buffer.get(..consumed), line_end);
        self.buffer.drain(..consumed);
        self.records.clear();
    }

    /// Goes on after a record that cannot be read, if the user wants that.
    async fn recover(&mut self, fault: Fault) -> Result<()> {
        match self.bad_rows() {
            BadRows::Error => return Err(self.fault(&fault.kind, fault.record_start).await),
            BadRows::Skip => self.plan.counters.skipped_rows.add(1),
            BadRows::Null => {
                self.plan.counters.nulled_values.add(1);
                self.records.push_nulls();
            }
        }
        self.records.give_up_on(&fault);
        Ok(())
    }

    /// The records as a batch; None if none is left.
    async fn batch(&mut self) -> Result<Option<RecordBatch>> {
        let mut wrong = Wrong::default();
        for lone in self.records.lone_returns(&self.buffer) {
            match self.bad_rows() {
                BadRows::Error => {
                    let kind = FaultKind::LoneReturn {
                        column: lone.column,
                    };
                    let start = self.start_of(lone.row);
                    return Err(self.fault(&kind, start).await);
                }
                BadRows::Skip => wrong.rows.push(lone.row),
                BadRows::Null => {
                    self.plan.counters.nulled_values.add(1);
                    self.records.nullify(lone.row);
                }
            }
        }
        if self.bad_rows() != BadRows::Error {
            let bad_rows = self.bad_rows();
            let nulls = self
                .records
                .mend_text(&mut self.buffer, bad_rows, &mut wrong);
            self.plan
                .counters
                .nulled_values
                .add(nulls + self.records.odd);
        }
        let columns = match self.columns(&mut wrong) {
            Ok(columns) => columns,
            Err(bad) => return Err(self.bad(bad).await),
        };
        let batch = self.assemble(columns, wrong)?;
        self.drop_consumed();
        Ok((batch.num_rows() > 0).then_some(batch))
    }

    fn columns(&self, wrong: &mut Wrong) -> Result<Vec<ArrayRef>, Bad> {
        let read = self.buffer.get(..self.records.consumed).unwrap_or(&[]);
        let input = std::str::from_utf8(read).map_err(|error| Bad::Text {
            at: error.valid_up_to(),
        })?;
        let arena = std::str::from_utf8(&self.records.arena).map_err(|_| Bad::Text { at: 0 })?;
        let texts = Texts {
            input,
            arena,
            nulls: &self.plan.dialect.null_values,
            formats: &self.formats,
        };
        let mut columns = Vec::with_capacity(self.places.len());
        for (column, (field, place)) in self.made.fields().iter().zip(&self.places).enumerate() {
            let spans = place.and_then(|place| self.records.columns.get(place));
            let made = match spans {
                None if !field.is_nullable() => return Err(Bad::Missing { column }),
                None => new_null_array(field.data_type(), self.records.rows()),
                Some(spans) => {
                    let mut on_bad = match self.bad_rows() {
                        BadRows::Error => OnBad::Stop,
                        _ => OnBad::Null(Vec::new()),
                    };
                    let made = columns::build(field.data_type(), spans, texts, &mut on_bad)
                        .map_err(|value| Bad::Value { column, value })?;
                    self.note(on_bad, wrong);
                    made
                }
            };
            if !field.is_nullable() && made.null_count() > 0 {
                let mut nulls = (0..made.len()).filter(|row| made.is_null(*row));
                match (self.bad_rows(), nulls.next()) {
                    (BadRows::Skip, first) => wrong.rows.extend(first.into_iter().chain(nulls)),
                    (_, Some(row)) => return Err(Bad::Null { column, row }),
                    (_, None) => {}
                }
            }
            columns.push(made);
        }
        Ok(columns)
    }

    fn note(&self, on_bad: OnBad, wrong: &mut Wrong) {
        let OnBad::Null(rows) = on_bad else { return };
        match self.bad_rows() {
            BadRows::Skip => wrong.rows.extend(rows),
            _ => self.plan.counters.nulled_values.add(rows.len()),
        }
    }

    /// The wanted columns as a batch, without the rows that are wrong.
    fn assemble(&self, mut columns: Vec<ArrayRef>, mut wrong: Wrong) -> Result<RecordBatch> {
        let mut rows = self.records.rows();
        let mut schema = Arc::clone(&self.made);
        if self.bad_rows() == BadRows::Skip {
            schema = Arc::new(self.made.project(&self.plan.wanted)?);
            let wanted = self.plan.wanted.iter();
            columns = wanted.filter_map(|at| columns.get(*at).cloned()).collect();
            if let Some(count) = wrong.count() {
                columns = wrong.leave_out(&columns, rows)?;
                rows -= count;
                self.plan.counters.skipped_rows.add(count);
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(schema, columns, &options)
            .map_err(|error| self.plan.part.error(None, &error.to_string()))
    }

    fn start_of(&self, row: usize) -> usize {
        self.records
            .starts
            .get(row)
            .map_or(0, |start| *start as usize)
    }

    async fn fault(&mut self, kind: &FaultKind, record_start: usize) -> Error {
        let line = self.line_of(record_start).await;
        kind.error(&self.plan.part, line, &self.names)
    }

    async fn bad(&mut self, bad: Bad) -> Error {
        let place = match &bad {
            Bad::Text { at } => *at,
            Bad::Value { value, .. } => self.start_of(value.row),
            Bad::Null { row, .. } => self.start_of(*row),
            Bad::Missing { .. } => 0,
        };
        let line = self.line_of(place).await;
        let part = &self.plan.part;
        match bad {
            Bad::Text { .. } => part
                .error(line, "the text is not UTF-8")
                .hint("Say how the text is stored: encoding = 'windows-1252', 'latin-1', …"),
            Bad::Missing { column } => {
                let name = self.made.field(column).name();
                let what = format!("the file has no column \"{name}\", which is NOT NULL");
                part.error(None, &what)
                    .hint("Declare the column without NOT NULL.")
            }
            Bad::Null { column, .. } => {
                let name = self.made.field(column).name();
                part.error(
                    line,
                    &format!("column \"{name}\" is NOT NULL, but the value is NULL"),
                )
                .hint(
                    "Declare the column without NOT NULL; bad_rows = 'skip' leaves such rows out.",
                )
            }
            Bad::Value { column, value } => self.bad_value(line, column, &value),
        }
    }

    fn bad_value(&self, line: Option<u64>, column: usize, value: &BadValue) -> Error {
        let field = self.made.field(column);
        let name = field.name();
        let type_name = sql_name(field.data_type());
        let shown: String = value.text.chars().take(60).collect();
        let format = match field.data_type() {
            DataType::Date32 => "; or say how dates are written: date_format = '%d.%m.%Y'",
            DataType::Timestamp(..) => {
                "; or say how they are written: timestamp_format = '%d.%m.%Y %H:%M'"
            }
            _ => "",
        };
        let what = format!("column \"{name}\" is {type_name}, but the value is \"{shown}\"");
        self.plan.part.error(line, &what).hint(format!(
            "Name the type: dtype = (\"{name}\" = 'TEXT'); or look at more rows: schema_sample_rows = 'all'; or take the value for NULL: null_values = '{}'{format}; or leave such rows out: bad_rows = 'skip'.",
            shown.replace('\'', "''")
        ))
    }

    fn wrong_cut(&self) -> Error {
        let what = "a quoted value was taken for lines of their own when the file was cut for reading in parallel";
        self.plan
            .part
            .error(None, what)
            .hint("Add the option parallel = false, which reads each file from start to end.")
    }

    /// The line of a place in the buffer, from 1.
    async fn line_of(&mut self, place: usize) -> Option<u64> {
        let line_end = self.records.line_end();
        let here = self.lines + line_ends(self.buffer.get(..place), line_end) + 1;
        let before = self.plan.part.lines_before(line_end).await?;
        Some(before + here)
    }
}

impl ReadBatches for Reader {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let at_end = self.ended && self.plan.part.is_last();
            let batch_rows = self.plan.batch_rows;
            let pass = match self.records.read(&self.buffer, at_end, batch_rows) {
                Ok(pass) => pass,
                Err(fault) => {
                    self.recover(fault).await?;
                    continue;
                }
            };
            let enough = pass == Pass::Full || self.records.consumed >= BATCH_BYTES || self.ended;
            if enough && self.records.rows() > 0 {
                match self.batch().await? {
                    None => continue,
                    batch => return Ok(batch),
                }
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
}

/// Where each made column is among the kept ones, and which of the file's columns these are.
fn places(made: &[usize], in_file: &[Option<usize>]) -> (Vec<Option<usize>>, Vec<usize>) {
    let mut kept: Vec<usize> = Vec::new();
    let mut known = std::collections::HashMap::new();
    let mut place = |column: &usize| {
        let place = in_file.get(*column).copied().flatten()?;
        Some(*known.entry(place).or_insert_with(|| {
            kept.push(place);
            kept.len() - 1
        }))
    };
    let places = made.iter().map(&mut place).collect();
    (places, kept)
}

fn line_ends(bytes: Option<&[u8]>, line_end: u8) -> u64 {
    memchr_iter(line_end, bytes.unwrap_or(&[])).count() as u64
}

/// The type as a user would write it.
fn sql_name(data_type: &DataType) -> String {
    type_name(data_type).to_uppercase()
}
