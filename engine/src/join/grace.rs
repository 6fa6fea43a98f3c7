//! Bucket by bucket: the probe side is split as the build side was, and each bucket is joined.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, stream};
use parking_lot::Mutex;

use super::build::{Split, fill, split};
use super::job::{Job, Out, emit};
use super::memory::Held;
use super::passes;
use super::scatter::{BUCKETS, Files, Scatter, Stored};

/// Splitting so often makes a million buckets; what is too large then is not split further.
const MAX_LEVEL: usize = 4;

/// Both sides of a bucket, on disk.
pub(super) struct Bucket {
    pub build: Stored,
    pub probe: Stored,
    level: usize,
    /// Whether it got nearly all rows of the bucket that was split: they must have the same key.
    heavy: bool,
}

/// Joins a build side that was split with its probe side.
pub(super) async fn join(
    job: &Job,
    split: Split,
    probe: SendableRecordBatchStream,
    out: &mut Out,
) -> Result<()> {
    let mut work = Vec::new();
    by_buckets(job, split, probe, 0, &mut work, out).await?;
    while let Some(bucket) = work.pop() {
        one(job, bucket, &mut work, out).await?;
    }
    Ok(())
}

async fn one(job: &Job, bucket: Bucket, work: &mut Vec<Bucket>, out: &mut Out) -> Result<()> {
    if !job.gives_rows(bucket.build.rows, bucket.probe.rows) {
        return Ok(());
    }
    if bucket.heavy || bucket.level > MAX_LEVEL {
        return passes::join(job, &bucket, out).await;
    }
    let mut rows = job.read_build(&bucket.build)?;
    let mut held = Held::new(job.pool());
    let next = fill(&mut held, &mut rows).await?;
    let probe = job.read_probe(&bucket.probe)?;
    match next {
        None => emit(job.join(held, probe)?, out).await,
        Some(next) => {
            let split = split(job, held, next, rows, bucket.level, true).await?;
            by_buckets(job, split, probe, bucket.level, work, out).await
        }
    }
}

/// Joins what is in memory while the probe rows pass by, and leaves what is on disk as work.
async fn by_buckets(
    job: &Job,
    split: Split,
    probe: SendableRecordBatchStream,
    level: usize,
    work: &mut Vec<Bucket>,
    out: &mut Out,
) -> Result<()> {
    let schema = probe.schema();
    let passing = Arc::new(Mutex::new(Passing {
        input: probe,
        scatter: job.scatter_probe(level),
        files: job.probe_files(),
        on_disk: split.on_disk,
        written: written(job, &split),
        ended: false,
    }));
    let resident_rows = || -> SendableRecordBatchStream {
        let passing = Arc::clone(&passing);
        let rows = stream::poll_fn(move |context| passing.lock().poll(context));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&schema), rows))
    };
    if let Some(held) = split.resident {
        emit(job.join(held, resident_rows())?, out).await?;
    }
    // A join that knows its answer early does not read on, but what is for the disk must get there.
    let mut rest = resident_rows();
    while rest.next().await.transpose()?.is_some() {}
    drop(rest);
    let files = std::mem::replace(&mut passing.lock().files, job.probe_files());
    let probes = files.finish()?;
    for (build, probe) in split.stored.into_iter().zip(probes) {
        work.push(Bucket {
            heavy: build.rows > split.rows / 4 * 3,
            build,
            probe,
            level: level + 1,
        });
    }
    Ok(())
}

/// The buckets whose probe rows are written: those on disk that can give rows.
fn written(job: &Job, split: &Split) -> [bool; BUCKETS] {
    std::array::from_fn(|bucket| {
        split.on_disk[bucket] && (split.stored[bucket].rows > 0 || job.gives_probe())
    })
}

/// Probe rows on their way: to the join in memory, or to disk.
struct Passing {
    input: SendableRecordBatchStream,
    scatter: Scatter,
    files: Files,
    on_disk: [bool; BUCKETS],
    written: [bool; BUCKETS],
    ended: bool,
}

impl Passing {
    /// The next rows for the join in memory.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<RecordBatch>>> {
        while !self.ended {
            match ready!(Pin::new(&mut self.input).poll_next_unpin(context)) {
                Some(Ok(batch)) => match self.route(batch) {
                    Ok(None) => {}
                    Ok(Some(rows)) => return Poll::Ready(Some(Ok(rows))),
                    Err(error) => return Poll::Ready(Some(Err(error))),
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    self.ended = true;
                    if let Err(error) = self.drain() {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
            }
        }
        Poll::Ready(None)
    }

    fn route(&mut self, batch: RecordBatch) -> Result<Option<RecordBatch>> {
        let buckets = self.scatter.buckets(&batch)?;
        let stays = |bucket: &u8| !self.on_disk[usize::from(*bucket)];
        let staying: BooleanArray = buckets.iter().map(|b| Some(stays(b))).collect();
        let resident = match staying.true_count() {
            0 => None,
            _ => Some(filter_record_batch(&batch, &staying)?),
        };
        if self
            .scatter
            .add(batch, &buckets, |bucket| self.written[bucket])
        {
            self.drain()?;
        }
        Ok(resident)
    }

    fn drain(&mut self) -> Result<()> {
        self.scatter
            .drain(|bucket, batch| self.files.append(bucket, &batch))
    }
}
