//! The part of a text file that one stream of batches comes from, and the frame of that stream.
//!
//! An error of a reader names the file and the line. A part in the middle of a file does not know
//! how many lines are before it; they are counted when an error needs them.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::physical_plan::metrics::Count;
use futures::{Stream, TryStreamExt};
use memchr::memchr_iter;
use object_store::{ObjectMeta, ObjectStore};

use super::Text;
use super::encoding::{self, Encoding, Place};
use crate::error::{Error, Kind, Result};
use crate::source::format::Compression;
use crate::source::location;
use crate::source::stream::{self, ByteStream};

/// Lines before a part are counted for an error's sake only in so many bytes.
const COUNTED_BYTES: u64 = 4 << 30;

/// What readers count; each may be watched from elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    pub bytes: Count,
    /// Rows that were left out because they were bad.
    pub skipped_rows: Count,
    /// Values and whole rows that became NULL because they were bad.
    pub nulled_values: Count,
}

#[derive(Debug, Clone)]
pub struct Part {
    pub store: Arc<dyn ObjectStore>,
    pub file: ObjectMeta,
    /// None: the whole file.
    pub range: Option<Range<u64>>,
    pub compression: Compression,
    pub text: Text,
}

impl Part {
    pub fn start(&self) -> u64 {
        self.range.as_ref().map_or(0, |range| range.start)
    }

    /// Whether the file ends where the part does.
    pub fn is_last(&self) -> bool {
        self.range
            .as_ref()
            .is_none_or(|range| range.end >= self.file.size)
    }

    pub fn shown(&self) -> String {
        location::shown(&self.file.location)
    }

    /// The part's text as UTF-8.
    pub async fn open(&self, count: Option<Count>) -> Result<ByteStream> {
        let (path, range) = (&self.file.location, self.range.clone());
        let stored = stream::open(&self.store, path, range, self.compression, count).await?;
        let place = Place {
            at_start: self.start() == 0,
            at_end: self.is_last(),
            shown: self.shown(),
        };
        encoding::decoded(stored, self.text.encoding, place).await
    }

    /// How the file's text is stored, which its first bytes may say.
    pub async fn encoding(&self) -> Result<Encoding> {
        let start = 0..self.file.size.min(4);
        let start = match self.compression {
            Compression::None => stream::window(&self.store, &self.file.location, start).await?,
            _ => vec![],
        };
        Ok(self.text.encoding.of_start(&start))
    }

    /// An error at a line of the file, if it is known.
    pub fn error(&self, line: Option<u64>, what: &str) -> Error {
        let at = line.map_or(String::new(), |line| format!(", line {line}"));
        Error::new(
            Kind::BadData,
            format!("file \"{}\"{at}: {what}", self.shown()),
        )
    }

    /// Lines that end before the part; None when that takes too long.
    pub async fn lines_before(&self, line_end: u8) -> Option<u64> {
        let start = self.start();
        if start == 0 {
            return Some(0);
        }
        if start > COUNTED_BYTES {
            return None;
        }
        let path = &self.file.location;
        let opened = stream::open(&self.store, path, Some(0..start), self.compression, None);
        let mut before = opened.await.ok()?;
        let mut lines = 0;
        while let Some(piece) = before.try_next().await.ok()? {
            lines += memchr_iter(line_end, &piece).count() as u64;
        }
        Some(lines)
    }
}

/// A reader of a part: batches until there are no more.
pub trait ReadBatches: Sized + Send {
    fn next(&mut self) -> impl Future<Output = Result<Option<RecordBatch>>> + Send;
}

/// The reader as a stream; an empty file has no reader.
pub fn batches<R: ReadBatches>(reader: Option<R>) -> impl Stream<Item = Result<RecordBatch>> {
    futures::stream::try_unfold(reader, |reader| async move {
        let Some(mut reader) = reader else {
            return Ok(None);
        };
        let batch = reader.next().await?;
        Ok(batch.map(|batch| (batch, Some(reader))))
    })
}
