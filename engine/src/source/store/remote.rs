//! A store behind a network: its paths mounted where no other store's are, its files read through
//! broken connections, its errors told in our words.
//!
//! A store's own retries end with the head of an answer, or, for the body, with the time since the
//! request began; a slow reader outlives that. So here the body goes on from where it broke, as
//! often as it makes progress, provided that the file is still the same one.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    UploadPart,
};

use super::address::{Address, Service};
use super::build::Limits;
use super::fault::{self, Telling};
use super::transport::count_retry;
use crate::error::{Error, Kind};

/// The first pause before a broken body is asked for again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// So much of a file between two failures, and the second one counts as the first.
const PROGRESS_BYTES: usize = 256 << 10;

pub(super) struct Remote {
    core: Arc<Core>,
}

/// What streams keep when the store is let go.
struct Core {
    inner: Arc<dyn ObjectStore>,
    mount: Path,
    /// `s3://bucket`.
    shown: String,
    is_http: bool,
    /// The server answered a request for a range with the whole file.
    gives_no_ranges: AtomicBool,
    telling: Telling,
    limits: Limits,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.core.shown)
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.core.shown)
    }
}

impl Remote {
    pub fn new(
        inner: Arc<dyn ObjectStore>,
        mount: Path,
        address: &Address,
        telling: Telling,
        limits: Limits,
    ) -> Self {
        let core = Core {
            inner,
            mount,
            shown: address.shown(),
            is_http: address.service == Service::Http,
            gives_no_ranges: AtomicBool::new(false),
            telling,
            limits,
        };
        Self {
            core: Arc::new(core),
        }
    }
}

impl Core {
    /// The path as the service knows it.
    fn within(&self, path: &Path) -> Result<Path> {
        match path.prefix_match(&self.mount) {
            Some(parts) => Ok(parts.collect()),
            None => Err(object_store::Error::Generic {
                store: "object store",
                source: Box::new(Error::internal("a path of another store")),
            }),
        }
    }

    fn prefix_within(&self, prefix: Option<&Path>) -> Result<Option<Path>> {
        match prefix {
            None => Ok(None),
            Some(prefix) => {
                let path = self.within(prefix)?;
                Ok((!path.as_ref().is_empty()).then_some(path))
            }
        }
    }

    /// The path as all of the engine knows it.
    fn mounted(&self, path: &Path) -> Path {
        self.mount.parts().chain(path.parts()).collect()
    }

    fn meta(&self, meta: ObjectMeta) -> ObjectMeta {
        ObjectMeta {
            location: self.mounted(&meta.location),
            ..meta
        }
    }

    fn place(&self, path: &Path) -> String {
        match path.as_ref() {
            "" => self.shown.clone(),
            path => format!("{}/{path}", self.shown),
        }
    }

    fn told(&self, error: object_store::Error, path: &Path) -> object_store::Error {
        self.telling.translated(error, &self.place(path))
    }

    /// One request with the store's own retries; also serves servers that know less than they should.
    async fn fetch(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        if !self.is_http {
            return self.inner.get_opts(path, options).await;
        }
        let whole = GetOptions {
            range: None,
            ..options.clone()
        };
        if options.range.is_some() && self.gives_no_ranges.load(Ordering::Relaxed) {
            return cut_out(self.inner.get_opts(path, whole).await?, options.range);
        }
        match self.inner.get_opts(path, options.clone()).await {
            Err(object_store::Error::NotSupported { .. }) if options.range.is_some() => {
                self.gives_no_ranges.store(true, Ordering::Relaxed);
                cut_out(self.inner.get_opts(path, whole).await?, options.range)
            }
            // Some servers answer GET alone, and some HEAD without a length: a byte tells it, too.
            Err(error) if options.head && fault::of_head_alone(&error) => {
                let byte = GetOptions {
                    range: Some(GetRange::Bounded(0..1)),
                    head: false,
                    ..options.clone()
                };
                let get = GetOptions {
                    head: false,
                    ..whole
                };
                match self.inner.get_opts(path, byte).await {
                    Ok(result) => Ok(result),
                    Err(object_store::Error::NotFound { .. }) => Err(error),
                    Err(_) => self.inner.get_opts(path, get).await.map_err(|_| error),
                }
            }
            other => other,
        }
    }
}

/// The wanted part of a whole file.
fn cut_out(result: GetResult, range: Option<GetRange>) -> Result<GetResult> {
    let size = result.meta.size;
    let range = match range {
        Some(GetRange::Bounded(range)) => range.start.min(size)..range.end.min(size),
        Some(GetRange::Offset(start)) => start.min(size)..size,
        Some(GetRange::Suffix(length)) => size.saturating_sub(length)..size,
        None => 0..size,
    };
    let (meta, attributes) = (result.meta.clone(), result.attributes.clone());
    let wanted = range.clone();
    let pieces = futures::stream::try_unfold(
        (result.into_stream(), 0_u64),
        move |(mut stream, mut at)| {
            let wanted = wanted.clone();
            async move {
                while at < wanted.end {
                    let Some(piece) = stream.try_next().await? else {
                        break;
                    };
                    let before = at;
                    at += piece.len() as u64;
                    let place = |offset: u64| {
                        usize::try_from(offset.clamp(before, at) - before).unwrap_or(usize::MAX)
                    };
                    let part = piece.slice(place(wanted.start)..place(wanted.end));
                    if !part.is_empty() {
                        return Ok(Some((part, (stream, at))));
                    }
                }
                Ok(None)
            }
        },
    );
    Ok(GetResult {
        payload: GetResultPayload::Stream(pieces.boxed()),
        meta,
        range,
        attributes,
    })
}

/// The body of a file that is being read.
struct Body {
    core: Arc<Core>,
    path: Path,
    options: GetOptions,
    /// The file as it was when reading began.
    meta: ObjectMeta,
    /// What is still to come.
    rest: Range<u64>,
    stream: BoxStream<'static, Result<Bytes>>,
    failing: Option<Failing>,
}

/// One failure after the other, with no progress to speak of between them.
struct Failing {
    since: Instant,
    pause: Duration,
    got_bytes: usize,
}

impl Body {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>> {
        loop {
            if self.rest.is_empty() {
                return Ok(None);
            }
            let limit = self.core.limits.answer;
            let failure = match tokio::time::timeout(limit, self.stream.next()).await {
                Ok(Some(Ok(piece))) if piece.is_empty() => continue,
                Ok(Some(Ok(mut piece))) => {
                    let wanted = self.rest.end - self.rest.start;
                    piece.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
                    self.rest.start += piece.len() as u64;
                    self.progress(piece.len());
                    return Ok(Some((piece, self)));
                }
                Ok(Some(Err(error))) => error,
                Ok(None) => broken("the connection was closed before the end of the file"),
                Err(_) => broken(&format!("no data for {limit:?}")),
            };
            self.resume(failure).await?;
        }
    }

    /// Enough of the file makes the failures before it forgotten.
    fn progress(&mut self, bytes: usize) {
        if let Some(failing) = &mut self.failing {
            failing.got_bytes += bytes;
            if failing.got_bytes >= PROGRESS_BYTES {
                self.failing = None;
            }
        }
    }

    /// Opens the rest of the file anew, or gives up.
    async fn resume(&mut self, failure: object_store::Error) -> Result<()> {
        count_retry();
        let failing = self.failing.get_or_insert_with(|| Failing {
            since: Instant::now(),
            pause: FIRST_PAUSE,
            got_bytes: 0,
        });
        let limits = self.core.limits;
        if failing.since.elapsed() + failing.pause >= limits.retry {
            return Err(self.core.told(failure, &self.path));
        }
        let pause = failing.pause;
        failing.pause = (pause * 2).min(LONGEST_PAUSE);
        tracing::info!(
            file = self.core.place(&self.path),
            "reading goes on after a broken connection"
        );
        tokio::time::sleep(pause).await;
        let options = GetOptions {
            range: Some(GetRange::Bounded(self.rest.clone())),
            ..self.options.clone()
        };
        let result = self
            .core
            .fetch(&self.path, options)
            .await
            .map_err(|error| self.core.told(error, &self.path))?;
        let same = result.meta.e_tag == self.meta.e_tag
            && result.meta.size == self.meta.size
            && result.meta.last_modified == self.meta.last_modified;
        if !same {
            return Err(self.changed());
        }
        self.stream = result.into_stream();
        Ok(())
    }

    fn changed(&self) -> object_store::Error {
        let place = crate::sql::without_secrets(&self.core.place(&self.path));
        let error = Error::new(
            Kind::Io,
            format!("file \"{place}\" was changed while it was read"),
        )
        .hint("Run the query again.");
        object_store::Error::Generic {
            store: "object store",
            source: Box::new(error),
        }
    }
}

fn broken(what: &str) -> object_store::Error {
    object_store::Error::Generic {
        store: "object store",
        source: what.into(),
    }
}

#[async_trait]
impl ObjectStore for Remote {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let path = self.core.within(location)?;
        let put = self.core.inner.put_opts(&path, payload, options).await;
        put.map_err(|error| self.core.told(error, &path))
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let path = self.core.within(location)?;
        let upload = self.core.inner.put_multipart_opts(&path, options).await;
        let inner = upload.map_err(|error| self.core.told(error, &path))?;
        let core = Arc::clone(&self.core);
        Ok(Box::new(Upload { core, path, inner }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let path = self.core.within(location)?;
        let result = self
            .core
            .fetch(&path, options.clone())
            .await
            .map_err(|error| self.core.told(error, &path))?;
        let (meta, range, attributes) = (
            result.meta.clone(),
            result.range.clone(),
            result.attributes.clone(),
        );
        let rest = match options.head {
            true => 0..0,
            false => range.clone(),
        };
        let body = Body {
            core: Arc::clone(&self.core),
            path,
            options,
            meta: meta.clone(),
            rest,
            stream: result.into_stream(),
            failing: None,
        };
        Ok(GetResult {
            payload: GetResultPayload::Stream(
                futures::stream::try_unfold(body, Body::next).boxed(),
            ),
            meta: self.core.meta(meta),
            range,
            attributes,
        })
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let (core, told) = (Arc::clone(&self.core), Arc::clone(&self.core));
        let within = locations.map(move |path| core.within(&path?)).boxed();
        self.core
            .inner
            .delete_stream(within)
            .map(move |deleted| match deleted {
                Ok(path) => Ok(told.mounted(&path)),
                Err(error) => Err(told.told(error, &Path::default())),
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let core = Arc::clone(&self.core);
        match self.core.prefix_within(prefix) {
            Ok(prefix) => {
                let place = prefix.clone().unwrap_or_default();
                self.core
                    .inner
                    .list(prefix.as_ref())
                    .map(move |listed| match listed {
                        Ok(meta) => Ok(core.meta(meta)),
                        Err(error) => Err(core.told(error, &place)),
                    })
                    .boxed()
            }
            Err(error) => futures::stream::once(async { Err(error) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let prefix = self.core.prefix_within(prefix)?;
        let listed = self.core.inner.list_with_delimiter(prefix.as_ref()).await;
        let listed =
            listed.map_err(|error| self.core.told(error, &prefix.clone().unwrap_or_default()))?;
        Ok(ListResult {
            common_prefixes: listed
                .common_prefixes
                .iter()
                .map(|path| self.core.mounted(path))
                .collect(),
            objects: listed
                .objects
                .into_iter()
                .map(|meta| self.core.meta(meta))
                .collect(),
        })
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let (from, to) = (self.core.within(from)?, self.core.within(to)?);
        let copied = self.core.inner.copy_opts(&from, &to, options).await;
        copied.map_err(|error| self.core.told(error, &to))
    }
}

/// A file that is being written in parts.
struct Upload {
    core: Arc<Core>,
    path: Path,
    inner: Box<dyn MultipartUpload>,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.core.place(&self.path))
    }
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (core, path) = (Arc::clone(&self.core), self.path.clone());
        let part = self.inner.put_part(data);
        Box::pin(async move { part.await.map_err(|error| core.told(error, &path)) })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let done = self.inner.complete().await;
        done.map_err(|error| self.core.told(error, &self.path))
    }

    async fn abort(&mut self) -> Result<()> {
        let done = self.inner.abort().await;
        done.map_err(|error| self.core.told(error, &self.path))
    }
}
