//! A part of a JSON file as batches.
//!
//! Arrow's decoder takes the bytes as they come and says nothing of where an error is. So the bytes
//! of a batch are held until it is made; when it cannot be, `replay` reads them once more, record by
//! record, to name the line or to leave out what is bad.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use arrow::json::reader::Decoder;
use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use memchr::{memchr_iter, memchr2};

use super::array::Unwrap;
use super::replay::{Replay, Replayed};
use crate::error::{Error, Result};
use crate::source::dialect::JsonLayout;
use crate::source::guard;
use crate::source::stream::ByteStream;
use crate::source::text::{BadRows, Counters, Part, ReadBatches, batches};

/// A batch is given out once its objects take this much text, even if it has few rows.
const BATCH_BYTES: usize = 16 << 20;

pub struct ReadPlan {
    pub part: Part,
    pub layout: JsonLayout,
    /// The files' columns of the table.
    pub table: SchemaRef,
    /// Which of them are wanted, in that order.
    pub wanted: Vec<usize>,
    pub batch_rows: usize,
    pub counters: Counters,
}

struct Reader {
    plan: ReadPlan,
    /// The columns that are made: the wanted ones or, if rows may be left out, all.
    made: SchemaRef,
    stream: ByteStream,
    decoder: Decoder,
    unwrap: Option<Unwrap>,
    /// What the decoder has not seen yet.
    piece: Bytes,
    /// What the decoder has seen of the batch.
    held: Vec<Bytes>,
    held_bytes: usize,
    /// Bytes since the number of records last grew.
    unfinished_bytes: usize,
    /// Lines of the part that end before what is held.
    lines: u64,
    first: bool,
    ended: bool,
}

pub async fn read(plan: ReadPlan) -> Result<impl Stream<Item = Result<RecordBatch>>> {
    let reader = match plan.part.file.size {
        0 => None,
        _ => Some(Reader::open(plan).await?),
    };
    Ok(batches(reader))
}

/// A decoder of whole objects.
pub fn decoder(schema: &SchemaRef, batch_rows: usize) -> Result<Decoder, ArrowError> {
    ReaderBuilder::new(Arc::clone(schema))
        .with_batch_size(batch_rows)
        .with_coerce_primitive(true)
        .build_decoder()
}

impl Reader {
    async fn open(plan: ReadPlan) -> Result<Self> {
        let stream = plan.part.open(Some(plan.counters.bytes.clone())).await?;
        let made = match plan.part.text.bad_rows {
            BadRows::Skip => Arc::clone(&plan.table),
            _ => Arc::new(plan.table.project(&plan.wanted)?),
        };
        Ok(Self {
            decoder: decoder(&made, plan.batch_rows)?,
            made,
            stream,
            unwrap: (plan.layout == JsonLayout::Array).then(Unwrap::default),
            piece: Bytes::new(),
            held: Vec::new(),
            held_bytes: 0,
            unfinished_bytes: 0,
            lines: 0,
            first: plan.part.start() == 0,
            ended: false,
            plan,
        })
    }

    /// Gives the decoder more; true when the batch is to be made.
    fn feed(&mut self) -> Result<bool, ArrowError> {
        // A large batch ends at the next record, which needs looking for.
        let searching = self.held_bytes >= BATCH_BYTES && !self.decoder.is_empty();
        let end = match memchr2(b'}', b'\n', &self.piece) {
            Some(at) if searching => at + 1,
            _ => self.piece.len(),
        };
        let records = self.decoder.len();
        let piece = self.piece.slice(..end);
        let decoder = &mut self.decoder;
        let read = guard::arrow(|| decoder.decode(&piece))?;
        let full = read < piece.len() || read == 0 && !piece.is_empty();
        self.piece = self.piece.slice(read..);
        self.held.push(piece.slice(..read));
        self.held_bytes += read;
        self.unfinished_bytes = match self.decoder.len() > records {
            true => 0,
            false => self.unfinished_bytes + read,
        };
        let whole = searching && !self.decoder.has_partial_record();
        Ok(full || whole || self.ended && self.piece.is_empty())
    }

    fn flush(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        let decoder = &mut self.decoder;
        let batch = guard::arrow(|| decoder.flush())?;
        let line_ends = |piece: &Bytes| memchr_iter(b'\n', piece).count() as u64;
        self.lines += self.held.iter().map(line_ends).sum::<u64>();
        self.held.clear();
        self.held_bytes = 0;
        self.unfinished_bytes = 0;
        Ok(batch)
    }

    async fn fill(&mut self) -> Result<()> {
        let Some(piece) = self.stream.try_next().await? else {
            self.ended = true;
            if self.unwrap.as_ref().is_some_and(|u| !u.is_closed()) {
                return Err(self.error("the array does not end").await);
            }
            return Ok(());
        };
        self.piece = piece;
        if std::mem::take(&mut self.first) && self.piece.starts_with(b"\xEF\xBB\xBF") {
            self.piece = self.piece.slice(3..);
        }
        if let Some(unwrap) = &mut self.unwrap {
            let mut bytes = Vec::from(std::mem::take(&mut self.piece));
            let whole = unwrap.piece(&mut bytes);
            self.piece = Bytes::from(bytes);
            if whole.is_err() {
                return Err(self.error("it is not one array of objects").await);
            }
        }
        Ok(())
    }

    /// An error about what is held.
    async fn error(&mut self, what: &str) -> Error {
        let line_ends = |piece: &Bytes| memchr_iter(b'\n', piece).count() as u64;
        let held: u64 = self.held.iter().map(line_ends).sum();
        let before = self.plan.part.lines_before(b'\n').await;
        let line = before.map(|before| before + self.lines + held + 1);
        self.plan.part.error(line, what)
    }

    /// Reads what is held record by record, because something in it is bad.
    async fn replay(&mut self, failure: ArrowError) -> Result<Option<RecordBatch>> {
        let mut text: Vec<u8> = self.held.concat();
        // The decoder stopped somewhere in the piece.
        text.extend_from_slice(&self.piece);
        self.piece = Bytes::new();
        let replay = Replay {
            schema: &self.made,
            bad_rows: self.plan.part.text.bad_rows,
            lines: self.plan.layout == JsonLayout::Lines,
            ended: self.ended,
        };
        let replayed = match replay.run(&text) {
            Ok(replayed) => replayed,
            Err(bad) => {
                let before = text.get(..bad.at).unwrap_or(&[]);
                let here = self.lines + memchr_iter(b'\n', before).count() as u64 + 1;
                let line = self.plan.part.lines_before(b'\n').await;
                let line = line.map(|line| line + here);
                let what = bad.what.unwrap_or(failure.to_string());
                return Err(bad_json(&self.plan.part, line, &what));
            }
        };
        let batch = self.take(replayed, &text)?;
        if !self.piece.is_empty() && !self.ended {
            // The rest is the start of a record.
            let rest = std::mem::take(&mut self.piece);
            self.fill().await?;
            self.piece = [rest, std::mem::take(&mut self.piece)].concat().into();
        }
        Ok(batch)
    }

    fn take(&mut self, replayed: Replayed, text: &[u8]) -> Result<Option<RecordBatch>> {
        let counters = &self.plan.counters;
        counters.skipped_rows.add(replayed.skipped_rows);
        counters.nulled_values.add(replayed.nulled_values);
        let (done, rest) = text.split_at(replayed.read.min(text.len()));
        self.lines += memchr_iter(b'\n', done).count() as u64;
        self.held.clear();
        self.held_bytes = 0;
        self.unfinished_bytes = rest.len();
        self.decoder = decoder(&self.made, self.plan.batch_rows)?;
        self.piece = Bytes::copy_from_slice(rest);
        let batch = concat_batches(&self.made, &replayed.batches)?;
        Ok((batch.num_rows() > 0).then_some(batch))
    }

    fn wanted(&self, batch: RecordBatch) -> Result<RecordBatch> {
        Ok(match self.plan.part.text.bad_rows {
            BadRows::Skip => batch.project(&self.plan.wanted)?,
            _ => batch,
        })
    }
}

impl ReadBatches for Reader {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if self.piece.is_empty() && !self.ended {
                self.fill().await?;
            }
            let fed = self.feed();
            let made = match fed {
                Ok(false) if self.unfinished_bytes > self.plan.part.text.max_line_bytes => {
                    let limit = self.plan.part.text.max_line_bytes as u64;
                    let limit = crate::settings::format_bytes(limit);
                    let what = format!("an object is longer than {limit}");
                    let error = self.error(&what).await;
                    return Err(error.hint("The option max_line_size takes longer ones."));
                }
                Ok(false) => continue,
                Ok(true) => self.flush(),
                Err(error) => Err(error),
            };
            let batch = match made {
                Ok(Some(batch)) => Some(batch),
                Ok(None) if self.ended && self.piece.is_empty() => return Ok(None),
                Ok(None) => None,
                Err(error) => self.replay(error).await?,
            };
            if let Some(batch) = batch {
                return self.wanted(batch).map(Some);
            }
            if self.ended && self.piece.is_empty() && self.decoder.is_empty() {
                return Ok(None);
            }
        }
    }
}

/// The error of an object that cannot be read.
fn bad_json(part: &Part, line: Option<u64>, what: &str) -> Error {
    part.error(line, what.trim_start_matches("Json error: ")).hint(
        "Name the column's type: dtype = (column = 'TEXT'); or look at more rows: schema_sample_rows = 'all'; or leave such rows out: bad_rows = 'skip'.",
    )
}
