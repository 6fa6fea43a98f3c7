//! Avro object container files, decoded on a thread of their own, because Avro's reader pulls.

use std::io::{BufReader, Read};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use bytes::{Buf, Bytes};
use datafusion::arrow_avro::reader::{Reader, ReaderBuilder};
use datafusion::common::runtime::SpawnedTask;
use datafusion::physical_plan::metrics::Count;
use futures::StreamExt;
use object_store::{ObjectMeta, ObjectStore};
use tokio::sync::{mpsc, oneshot};

use super::format::Compression;
use super::guard;
use super::location;
use super::stream::{self, ByteStream};
use crate::error::{Error, Kind, Result};

const WAITING: usize = 2;
/// What stands at the end of the header and of each block.
const MARKER_BYTES: usize = 16;
/// The schema stands in the header, which is rarely longer.
const HEADER_BYTES: u64 = 1 << 20;

pub async fn schema(store: &Arc<dyn ObjectStore>, file: &ObjectMeta) -> Result<Schema> {
    let header = stream::window(store, &file.location, 0..file.size.min(HEADER_BYTES)).await?;
    let schema = guard::arrow(|| Ok(open(header.as_slice(), 1)?.schema().as_ref().clone()));
    schema.map_err(|error| unreadable(file, &error))
}

/// All batches of a file, with all its columns.
pub async fn read(
    store: Arc<dyn ObjectStore>,
    file: ObjectMeta,
    batch_rows: usize,
    count: Option<Count>,
) -> Result<impl futures::Stream<Item = Result<RecordBatch>>> {
    let stream = stream::open(&store, &file.location, None, Compression::None, count).await?;
    let (to_reader, pieces) = mpsc::channel(WAITING);
    let (to_query, batches) = mpsc::channel(WAITING);
    let (tell_tail, tail) = oneshot::channel();
    let feed = SpawnedTask::spawn(feed(stream, to_reader, tell_tail));
    let decode = SpawnedTask::spawn_blocking(move || {
        let source = BufReader::new(Pieces {
            pieces,
            piece: Bytes::new(),
        });
        let reader = guard::arrow(|| open(source, batch_rows));
        let decoded = reader.and_then(|mut reader| {
            while let Some(batch) = guard::arrow(|| reader.next().transpose())? {
                // Nobody listens any more: the query is over.
                if to_query.blocking_send(Ok(batch)).is_err() {
                    return Ok(());
                }
            }
            check_end(
                reader.avro_header().sync(),
                &tail.blocking_recv().unwrap_or_default(),
            )
        });
        if let Err(error) = decoded {
            let _ = to_query.blocking_send(Err(unreadable(&file, &error)));
        }
    });
    Ok(futures::stream::unfold(
        (batches, feed, decode),
        |(mut batches, feed, decode)| async move {
            let batch = batches.recv().await?;
            Some((batch, (batches, feed, decode)))
        },
    ))
}

fn open<R: std::io::BufRead>(
    source: R,
    batch_rows: usize,
) -> std::result::Result<Reader<R>, ArrowError> {
    ReaderBuilder::new()
        .with_batch_size(batch_rows)
        .build(source)
}

async fn feed(
    mut stream: ByteStream,
    to_reader: mpsc::Sender<Result<Bytes>>,
    tell_tail: oneshot::Sender<Vec<u8>>,
) {
    let mut tail = Vec::new();
    while let Some(piece) = stream.next().await {
        if let Ok(piece) = &piece {
            let last = piece.len().saturating_sub(MARKER_BYTES);
            tail.extend_from_slice(piece.get(last..).unwrap_or(piece));
            tail.drain(..tail.len().saturating_sub(MARKER_BYTES));
        }
        if to_reader.send(piece).await.is_err() {
            return;
        }
    }
    let _ = tell_tail.send(tail);
}

/// Arrow's reader takes a file that ends within a block for one without that block.
fn check_end(marker: [u8; MARKER_BYTES], tail: &[u8]) -> std::result::Result<(), ArrowError> {
    match tail == marker {
        true => Ok(()),
        false => Err(ArrowError::ParseError("it ends within a block".into())),
    }
}

/// The pieces of a stream for a reader that waits for them.
struct Pieces {
    pieces: mpsc::Receiver<Result<Bytes>>,
    piece: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(error)) => return Err(std::io::Error::other(error)),
                None => return Ok(0),
            }
        }
        let length = to.len().min(self.piece.len());
        self.piece
            .copy_to_slice(to.get_mut(..length).unwrap_or(&mut []));
        Ok(length)
    }
}

fn unreadable(file: &ObjectMeta, error: &ArrowError) -> Error {
    if let ArrowError::IoError(_, io) = error
        && let Some(ours) = io.get_ref().and_then(|inner| inner.downcast_ref::<Error>())
    {
        return ours.clone();
    }
    let shown = location::shown(&file.location);
    Error::new(
        Kind::BadData,
        format!("cannot read Avro file \"{shown}\": {error}"),
    )
    .hint("The file is truncated or damaged, or it is not an Avro object container file.")
}
