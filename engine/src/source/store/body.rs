//! The body of a file, read on from where it broke.
//!
//! A store's own retries end with the head of an answer, or, for the body, with the time since the
//! request began; a slow reader outlives that. So here the body goes on from where it broke, as
//! often as it makes progress, provided that the file is still the same one.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResult, ObjectMeta, Result};

use super::service::Core;
use super::transport::count_retry;
use crate::error::{Error, Kind};
use crate::sql::without_secrets;

/// The first pause before a broken body is asked for again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// So much of a file between two failures, and the second one counts as the first.
const PROGRESS_BYTES: usize = 256 << 10;

/// The bytes of an answer, and of those that follow when it breaks.
pub(super) fn stream(
    core: &Arc<Core>,
    path: Path,
    options: GetOptions,
    result: GetResult,
) -> BoxStream<'static, Result<Bytes>> {
    let body = Body {
        core: Arc::clone(core),
        path,
        meta: result.meta.clone(),
        rest: match options.head {
            true => 0..0,
            false => result.range.clone(),
        },
        options,
        stream: result.into_stream(),
        failing: None,
    };
    futures::stream::try_unfold(body, Body::next).boxed()
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
        let place = without_secrets(&self.core.place(&self.path));
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
