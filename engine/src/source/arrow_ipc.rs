//! Arrow IPC files (`ARROW1…`) and streams, read batch by batch.
//!
//! A file's footer lists its batches, so parts of it can be read in parallel; a stream has no list.
//! Arrow's reader trusts the structure of what it decodes in places, so it is guarded.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileDecoder, StreamDecoder, read_footer_length};
use arrow::ipc::{Block, MetadataVersion, convert, root_as_footer};
use datafusion::physical_plan::metrics::Count;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore};

use super::format::Compression;
use super::guard;
use super::location;
use super::stream::{self, ByteStream};
use crate::error::{Error, Kind, Result};

const MAGIC: &[u8] = b"ARROW1";
/// The length of the footer and the magic, at the very end.
const TAIL_BYTES: u64 = 10;

/// The list of a file's batches.
#[derive(Debug, Clone)]
pub struct Footer {
    schema: SchemaRef,
    version: MetadataVersion,
    dictionaries: Vec<Block>,
    batches: Vec<Block>,
}

/// The file's footer; None for a stream.
pub async fn footer(store: &Arc<dyn ObjectStore>, file: &ObjectMeta) -> Result<Option<Footer>> {
    let start = stream::window(store, &file.location, 0..file.size.min(MAGIC.len() as u64)).await?;
    if start != MAGIC {
        return Ok(None);
    }
    let damaged = || {
        damaged(
            file,
            "its footer is missing; the file is truncated or damaged",
        )
    };
    let tail_start = file.size.checked_sub(TAIL_BYTES).ok_or_else(damaged)?;
    let tail = stream::window(store, &file.location, tail_start..file.size).await?;
    let tail: [u8; TAIL_BYTES as usize] = tail.try_into().map_err(|_| damaged())?;
    let length = read_footer_length(tail).map_err(|_| damaged())?;
    let footer_start = tail_start.checked_sub(length as u64).ok_or_else(damaged)?;
    let footer = stream::window(store, &file.location, footer_start..tail_start).await?;
    guarded(file, || {
        let footer = root_as_footer(&footer).map_err(|e| ArrowError::IpcError(e.to_string()))?;
        let schema = footer
            .schema()
            .ok_or_else(|| ArrowError::IpcError("no schema".into()))?;
        Ok(Footer {
            schema: Arc::new(convert::fb_to_schema(schema)),
            version: footer.version(),
            dictionaries: footer.dictionaries().iter().flatten().copied().collect(),
            batches: footer.recordBatches().iter().flatten().copied().collect(),
        })
    })
    .map(Some)
}

impl Footer {
    /// Offsets at which batches start.
    pub fn batch_offsets(&self) -> Vec<u64> {
        self.batches
            .iter()
            .filter_map(|block| u64::try_from(block.offset()).ok())
            .collect()
    }
}

pub async fn schema(store: &Arc<dyn ObjectStore>, file: &ObjectMeta) -> Result<Schema> {
    if let Some(footer) = footer(store, file).await? {
        return Ok(footer.schema.as_ref().clone());
    }
    let mut stream = stream::open(store, &file.location, None, Compression::None, None).await?;
    let mut decoder = StreamDecoder::new();
    while let Some(piece) = stream.try_next().await? {
        let mut buffer = Buffer::from(piece);
        while !buffer.is_empty() && decoder.schema().is_none() {
            guarded(file, || decoder.decode(&mut buffer))?;
        }
        if let Some(schema) = decoder.schema() {
            return Ok(schema.as_ref().clone());
        }
    }
    Err(damaged(
        file,
        "it is neither an Arrow file nor an Arrow stream",
    ))
}

/// The batches of the file, or of those that start in the range.
pub async fn read(
    store: Arc<dyn ObjectStore>,
    file: ObjectMeta,
    range: Option<Range<u64>>,
    count: Option<Count>,
) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    match footer(&store, &file).await? {
        Some(footer) => read_blocks(store, file, footer, range, count).await,
        None => {
            let stream =
                stream::open(&store, &file.location, None, Compression::None, count).await?;
            Ok(read_stream(stream, file).boxed())
        }
    }
}

async fn read_blocks(
    store: Arc<dyn ObjectStore>,
    file: ObjectMeta,
    footer: Footer,
    range: Option<Range<u64>>,
    count: Option<Count>,
) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    let mut decoder = FileDecoder::new(Arc::clone(&footer.schema), footer.version);
    for block in &footer.dictionaries {
        let buffer = block_bytes(&store, &file, block, &count).await?;
        guarded(&file, || decoder.read_dictionary(block, &buffer))?;
    }
    let wanted = footer.batches.into_iter().filter(move |block| {
        match (&range, u64::try_from(block.offset())) {
            (Some(range), Ok(offset)) => range.contains(&offset),
            _ => true,
        }
    });
    let open = (store, file, decoder, wanted, count);
    let batches = futures::stream::try_unfold(
        open,
        |(store, file, decoder, mut wanted, count)| async move {
            let Some(block) = wanted.next() else {
                return Ok(None);
            };
            let buffer = block_bytes(&store, &file, &block, &count).await?;
            let batch = guarded(&file, || decoder.read_record_batch(&block, &buffer))?;
            Ok(Some((batch, (store, file, decoder, wanted, count))))
        },
    );
    Ok(batches
        .try_filter_map(|batch| futures::future::ready(Ok(batch)))
        .boxed())
}

async fn block_bytes(
    store: &Arc<dyn ObjectStore>,
    file: &ObjectMeta,
    block: &Block,
    count: &Option<Count>,
) -> Result<Buffer> {
    let range = u64::try_from(block.offset()).ok().and_then(|start| {
        let metadata = u64::try_from(block.metaDataLength()).ok()?;
        let body = u64::try_from(block.bodyLength()).ok()?;
        let end = start.checked_add(metadata)?.checked_add(body)?;
        (end <= file.size && start < end).then_some(start..end)
    });
    let range = range.ok_or_else(|| damaged(file, "its footer names places outside the file"))?;
    let bytes = stream::window(store, &file.location, range).await?;
    if let Some(count) = count {
        count.add(bytes.len());
    }
    Ok(Buffer::from_vec(bytes))
}

fn read_stream(
    stream: ByteStream,
    file: ObjectMeta,
) -> impl futures::Stream<Item = Result<RecordBatch>> {
    let open = (
        stream,
        file,
        StreamDecoder::new(),
        Buffer::from_vec(Vec::<u8>::new()),
    );
    futures::stream::try_unfold(
        open,
        |(mut stream, file, mut decoder, mut buffer)| async move {
            loop {
                if buffer.is_empty() {
                    match stream.try_next().await? {
                        Some(piece) => buffer = Buffer::from(piece),
                        None => {
                            guarded(&file, || decoder.finish())?;
                            return Ok(None);
                        }
                    }
                }
                if let Some(batch) = guarded(&file, || decoder.decode(&mut buffer))? {
                    return Ok(Some((batch, (stream, file, decoder, buffer))));
                }
            }
        },
    )
}

fn guarded<T>(
    file: &ObjectMeta,
    decode: impl FnOnce() -> std::result::Result<T, ArrowError>,
) -> Result<T> {
    guard::arrow(decode).map_err(|error| damaged(file, &error.to_string()))
}

fn damaged(file: &ObjectMeta, what: &str) -> Error {
    let shown = location::shown(&file.location);
    Error::new(
        Kind::BadData,
        format!("cannot read Arrow file \"{shown}\": {what}"),
    )
}
