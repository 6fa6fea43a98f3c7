//! The bytes of a file as a stream: all or a range, decompressed, counted, in pieces.
//!
//! A local file is read where it is consumed, without a hop to another thread for each piece;
//! decompression runs in a task of its own, so that it overlaps with parsing.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use async_compression::tokio::bufread::{BzDecoder, GzipDecoder, XzDecoder, ZstdDecoder};
use bytes::Bytes;
use datafusion::common::runtime::SpawnedTask;
use datafusion::physical_plan::metrics::Count;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetResult, GetResultPayload, ObjectStore};
use tokio::io::AsyncRead;
use tokio_util::io::{ReaderStream, StreamReader};

use super::format::Compression;
use super::location;
use crate::error::{Error, Kind, Result};

pub type ByteStream = BoxStream<'static, Result<Bytes>>;

const PIECE_BYTES: usize = 256 << 10;
/// Decompressed pieces that may wait for the parser.
const WAITING_PIECES: usize = 4;

/// Opens a file, or the given bytes of it; `count` learns how many bytes are read from the store.
pub async fn open(
    store: &Arc<dyn ObjectStore>,
    path: &Path,
    range: Option<Range<u64>>,
    compression: Compression,
    count: Option<Count>,
) -> Result<ByteStream> {
    let options = GetOptions {
        range: range.map(Into::into),
        ..GetOptions::default()
    };
    let result = store
        .get_opts(path, options)
        .await
        .map_err(location::object_error)?;
    let shown = location::shown(path);
    let stored = pieces(result)
        .map_err(move |error| read_error(&shown, error))
        .inspect_ok(move |piece| {
            if let Some(count) = &count {
                count.add(piece.len());
            }
        });
    Ok(decompress(
        stored.boxed(),
        compression,
        location::shown(path),
    ))
}

/// The content of a store's answer, in large pieces.
pub fn pieces(result: GetResult) -> BoxStream<'static, object_store::Result<Bytes>> {
    match result.payload {
        GetResultPayload::File(file, _) => local(file, result.range).boxed(),
        GetResultPayload::Stream(stream) => stream,
    }
}

fn local(
    file: std::fs::File,
    range: Range<u64>,
) -> impl Stream<Item = object_store::Result<Bytes>> {
    let generic = |error: std::io::Error| object_store::Error::Generic {
        store: "local",
        source: Box::new(error),
    };
    futures::stream::try_unfold(
        (file, range, false),
        move |(mut file, range, placed)| async move {
            if range.is_empty() {
                return Ok(None);
            }
            if !placed {
                file.seek(SeekFrom::Start(range.start)).map_err(generic)?;
            }
            let length = usize::try_from(range.end - range.start)
                .unwrap_or(usize::MAX)
                .min(PIECE_BYTES);
            let mut piece = vec![0; length];
            let read = file.read(&mut piece).map_err(generic)?;
            if read == 0 {
                // The file has become shorter since it was listed.
                return Err(generic(std::io::ErrorKind::UnexpectedEof.into()));
            }
            piece.truncate(read);
            let rest = range.start + read as u64..range.end;
            Ok(Some((Bytes::from(piece), (file, rest, true))))
        },
    )
}

fn read_error(shown: &str, error: object_store::Error) -> Error {
    if let Some(ours) = Error::within(&error) {
        return ours;
    }
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    match cause
        .downcast_ref::<std::io::Error>()
        .map(std::io::Error::kind)
    {
        Some(std::io::ErrorKind::UnexpectedEof) => Error::new(
            Kind::Io,
            format!("file \"{shown}\" became shorter while it was read"),
        )
        .hint("Run the query again when the file is complete."),
        _ => Error::new(Kind::Io, format!("cannot read file \"{shown}\": {cause}")),
    }
}

fn decompress(stored: ByteStream, compression: Compression, shown: String) -> ByteStream {
    if compression == Compression::None {
        return stored;
    }
    let source = StreamReader::new(stored.map_err(std::io::Error::other));
    let decoder: Box<dyn AsyncRead + Send + Unpin> = match compression {
        Compression::None => Box::new(source),
        Compression::Gzip => {
            let mut decoder = GzipDecoder::new(source);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
        Compression::Bzip2 => {
            let mut decoder = BzDecoder::new(source);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
        Compression::Xz => {
            let mut decoder = XzDecoder::new(source);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
        Compression::Zstd => {
            let mut decoder = ZstdDecoder::new(source);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
    };
    let pieces = ReaderStream::with_capacity(decoder, PIECE_BYTES)
        .map_err(move |error| decompress_error(error, compression, &shown));
    ahead(pieces.boxed())
}

fn decompress_error(error: std::io::Error, compression: Compression, shown: &str) -> Error {
    let truncated = error.kind() == std::io::ErrorKind::UnexpectedEof;
    if let Some(inner) = error.into_inner()
        && let Ok(ours) = inner.downcast::<Error>()
    {
        return *ours;
    }
    let what = match truncated {
        true => format!("ends before its {} data does", compression.name()),
        false => format!("is not whole {} data", compression.name()),
    };
    Error::new(Kind::BadData, format!("file \"{shown}\" {what}")).hint(
        "The file is truncated or damaged, or its name ends wrongly: see the option compression.",
    )
}

/// Runs the stream in a task of its own, a few pieces ahead of its consumer.
fn ahead(mut pieces: ByteStream) -> ByteStream {
    let (sender, receiver) = tokio::sync::mpsc::channel(WAITING_PIECES);
    let task = SpawnedTask::spawn(async move {
        while let Some(piece) = pieces.next().await {
            if sender.send(piece).await.is_err() {
                break;
            }
            // Reading and decompressing never wait: let other tasks have the thread now and then.
            tokio::task::consume_budget().await;
        }
    });
    futures::stream::unfold((receiver, task), |(mut receiver, task)| async move {
        let piece = receiver.recv().await?;
        Some((piece, (receiver, task)))
    })
    .boxed()
}

/// Reads a small part of a file at once; shorter than asked for only at the file's end.
pub async fn window(
    store: &Arc<dyn ObjectStore>,
    path: &Path,
    range: Range<u64>,
) -> Result<Vec<u8>> {
    let mut stream = open(store, path, Some(range), Compression::None, None).await?;
    let mut bytes = Vec::new();
    while let Some(piece) = stream.try_next().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}
