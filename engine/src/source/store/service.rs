//! A service as its store sees it: paths there and here, versions of files, and requests that also
//! servers understand which know little of HTTP.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    GetOptions, GetRange, GetResult, GetResultPayload, ObjectMeta, ObjectStore, Result,
};

use super::address::{Address, Service};
use super::build::Limits;
use super::fault::{self, Telling};
use crate::error::Error;

/// What a store and the streams that it gives have in common.
pub(super) struct Core {
    pub inner: Arc<dyn ObjectStore>,
    mount: Path,
    /// `s3://bucket`.
    pub shown: String,
    is_http: bool,
    /// The server answered a request for a range with the whole file.
    gives_no_ranges: AtomicBool,
    telling: Telling,
    pub limits: Limits,
}

impl Core {
    pub fn new(
        inner: Arc<dyn ObjectStore>,
        mount: Path,
        address: &Address,
        telling: Telling,
        limits: Limits,
    ) -> Self {
        Self {
            inner,
            mount,
            shown: address.shown(),
            is_http: address.service == Service::Http,
            gives_no_ranges: AtomicBool::new(false),
            telling,
            limits,
        }
    }

    /// The path as the service knows it.
    pub fn within(&self, path: &Path) -> Result<Path> {
        match path.prefix_match(&self.mount) {
            Some(parts) => Ok(parts.collect()),
            None => Err(object_store::Error::Generic {
                store: "object store",
                source: Box::new(Error::internal("a path of another store")),
            }),
        }
    }

    pub fn prefix_within(&self, prefix: Option<&Path>) -> Result<Option<Path>> {
        match prefix {
            None => Ok(None),
            Some(prefix) => {
                let path = self.within(prefix)?;
                Ok((!path.as_ref().is_empty()).then_some(path))
            }
        }
    }

    /// The path as all of the engine knows it.
    pub fn mounted(&self, path: &Path) -> Path {
        self.mount.parts().chain(path.parts()).collect()
    }

    /// The same file as all of the engine knows it. Caches tell versions of a file by its size and
    /// time, which may be the same for two of them: the time's fraction of a second is made to differ.
    pub fn meta(&self, meta: ObjectMeta) -> ObjectMeta {
        let nothing_known = meta.e_tag.is_none() && meta.last_modified == DateTime::UNIX_EPOCH;
        let last_modified = match (&meta.e_tag, nothing_known) {
            (Some(e_tag), _) => meta.last_modified + fraction(e_tag),
            (None, true) => Utc::now(),
            (None, false) => meta.last_modified,
        };
        ObjectMeta {
            location: self.mounted(&meta.location),
            last_modified,
            ..meta
        }
    }

    pub fn place(&self, path: &Path) -> String {
        match path.as_ref() {
            "" => self.shown.clone(),
            path => format!("{}/{path}", self.shown),
        }
    }

    pub fn told(&self, error: object_store::Error, path: &Path) -> object_store::Error {
        self.telling.translated(error, &self.place(path))
    }

    /// One request with the store's own retries; also serves servers that know less than they should.
    pub async fn fetch(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
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
            Err(error) if options.head && fault::of_head_alone(&error) => self
                .head_by_get(path, whole)
                .await
                .map_err(|get| match get {
                    object_store::Error::NotFound { .. } => get,
                    _ => error,
                }),
            Ok(head) if options.head && head.meta.size == 0 => {
                match self.head_by_get(path, whole).await {
                    Err(error @ object_store::Error::NotFound { .. }) => Err(error),
                    got => Ok(got.unwrap_or(head)),
                }
            }
            other => other,
        }
    }

    /// Some servers answer GET alone, and some HEAD without the right length: a byte tells it, too.
    async fn head_by_get(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let get = GetOptions {
            head: false,
            ..options
        };
        let byte = GetOptions {
            range: Some(GetRange::Bounded(0..1)),
            ..get.clone()
        };
        match self.inner.get_opts(path, byte).await {
            Ok(result) => Ok(result),
            Err(error @ object_store::Error::NotFound { .. }) => Err(error),
            Err(_) => self.inner.get_opts(path, get).await,
        }
    }
}

/// A time below a second that goes with the text.
fn fraction(text: &str) -> TimeDelta {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    TimeDelta::nanoseconds(i64::try_from(hasher.finish() % 1_000_000_000).unwrap_or(0))
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
