//! The build side: into memory while it fits, else to buckets, of which as many stay in memory as fit.

use arrow::array::{
    Array, ArrayRef, BinaryViewArray, RecordBatch, RecordBatchOptions, StringViewArray,
};
use datafusion::common::Result;
use datafusion::common::utils::memory::get_record_batch_memory_size;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use std::sync::Arc;

use super::job::Job;
use super::memory::{Budget, Held, table_bytes};
use super::scatter::{BUCKETS, Files, Scatter, Stored};

/// Reads until the rows end or do not fit; then the batch that did not.
pub(super) async fn fill(
    held: &mut Held,
    rows: &mut SendableRecordBatchStream,
) -> Result<Option<RecordBatch>> {
    while let Some(batch) = rows.next().await.transpose()? {
        if batch.num_rows() == 0 {
            continue;
        }
        if let Some(batch) = held.push(batch) {
            return Ok(Some(batch));
        }
    }
    Ok(None)
}

/// A build side by buckets.
pub(super) struct Split {
    /// The rows of all buckets that are not on disk; `None` when all are.
    pub resident: Option<Held>,
    pub on_disk: [bool; BUCKETS],
    pub stored: Vec<Stored>,
    pub rows: usize,
}

/// Splits what is held and what is left. Unless some buckets are to `stay`, all go to disk.
pub(super) async fn split(
    job: &Job,
    held: Held,
    next: RecordBatch,
    mut rest: SendableRecordBatchStream,
    level: usize,
    stay: bool,
) -> Result<Split> {
    let mut parts = Parts {
        scatter: job.scatter_build(level),
        files: job.build_files(),
        kept: (0..BUCKETS).map(|_| Kept::default()).collect(),
        on_disk: [!stay; BUCKETS],
        unsplit_bytes: held.bytes,
        budget: held.budget,
        rows: 0,
    };
    let each = held.bytes / held.batches.len().max(1);
    for batch in held.batches {
        parts.add(batch)?;
        parts.unsplit_bytes = parts.unsplit_bytes.saturating_sub(each);
        tokio::task::consume_budget().await;
    }
    parts.unsplit_bytes = 0;
    parts.add(next)?;
    while let Some(batch) = rest.next().await.transpose()? {
        parts.add(batch)?;
    }
    parts.finish()
}

/// The rows of one bucket in memory.
#[derive(Default)]
struct Kept {
    batches: Vec<RecordBatch>,
    bytes: usize,
    rows: usize,
}

struct Parts {
    scatter: Scatter,
    files: Files,
    kept: Vec<Kept>,
    on_disk: [bool; BUCKETS],
    unsplit_bytes: usize,
    budget: Budget,
    rows: usize,
}

impl Parts {
    fn add(&mut self, batch: RecordBatch) -> Result<()> {
        self.rows += batch.num_rows();
        let buckets = self.scatter.buckets(&batch)?;
        if self.scatter.add(batch, &buckets, |_| true) {
            self.drain()?;
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<()> {
        let mut block = Vec::with_capacity(BUCKETS);
        self.scatter.drain(|bucket, batch| {
            if self.on_disk[bucket] {
                return self.files.append(bucket, &batch);
            }
            block.push((bucket, compact(&batch)?));
            Ok(())
        })?;
        block
            .into_iter()
            .try_for_each(|(bucket, batch)| self.keep(bucket, batch))
    }

    fn keep(&mut self, bucket: usize, batch: RecordBatch) -> Result<()> {
        if self.on_disk[bucket] {
            return self.files.append(bucket, &batch);
        }
        let kept = &mut self.kept[bucket];
        kept.bytes += get_record_batch_memory_size(&batch);
        kept.rows += batch.num_rows();
        kept.batches.push(batch);
        while !self
            .budget
            .try_resize(self.unsplit_bytes + self.kept_bytes())
        {
            let largest = (0..BUCKETS).max_by_key(|at| self.kept[*at].bytes);
            match largest {
                Some(at) if self.kept[at].bytes > 0 => self.evict(at)?,
                _ => break,
            }
        }
        Ok(())
    }

    fn kept_bytes(&self) -> usize {
        let bytes: usize = self.kept.iter().map(|kept| kept.bytes).sum();
        bytes + table_bytes(self.kept.iter().map(|kept| kept.rows).sum())
    }

    fn evict(&mut self, bucket: usize) -> Result<()> {
        self.on_disk[bucket] = true;
        for batch in std::mem::take(&mut self.kept[bucket]).batches {
            self.files.append(bucket, &batch)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Split> {
        self.drain()?;
        let resident = (!self.on_disk.iter().all(|on_disk| *on_disk)).then(|| {
            let rows = self.kept.iter().map(|kept| kept.rows).sum();
            let bytes = self.kept.iter().map(|kept| kept.bytes).sum();
            self.budget.try_resize(bytes + table_bytes(rows));
            let batches = self.kept.into_iter().flat_map(|kept| kept.batches);
            Held::of(batches.collect(), self.budget, rows, bytes)
        });
        Ok(Split {
            resident,
            on_disk: self.on_disk,
            stored: self.files.finish()?,
            rows: self.rows,
        })
    }
}

/// The rows without the buffers of those that they were taken from.
fn compact(batch: &RecordBatch) -> Result<RecordBatch> {
    let compacted = |column: &ArrayRef| -> ArrayRef {
        let any = column.as_any();
        if let Some(texts) = any.downcast_ref::<StringViewArray>() {
            return Arc::new(texts.gc());
        }
        match any.downcast_ref::<BinaryViewArray>() {
            Some(bytes) => Arc::new(bytes.gc()),
            None => Arc::clone(column),
        }
    };
    let columns = batch.columns().iter().map(compacted).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(
        batch.schema(),
        columns,
        &options,
    )?)
}
