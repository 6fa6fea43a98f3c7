//! Rows to buckets by the hash of their keys, and buckets to files.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::interleave_record_batch;
use datafusion::common::hash_utils::{RandomState, create_hashes};
use datafusion::common::utils::memory::RecordBatchMemoryCounter;
use datafusion::common::{NullEquality, Result};
use datafusion::execution::SpillFile;
use datafusion::physical_expr::PhysicalExprRef;
use datafusion::physical_plan::SpillManager;

use super::memory::Budget;

/// Files that one side of a join has open at a time, for each partition.
pub(super) const BUCKETS: usize = 16;

/// Hashes differ from those of DataFusion's repartitioning and join, and from level to level.
const SEED: u64 = 0x5175_6572_6e4a_6f69;
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

const MAX_BLOCK_ROWS: usize = 64 << 10;

/// Collects rows into a block, so that what is written for a bucket at once is not tiny.
pub(super) struct Scatter {
    keys: Vec<PhysicalExprRef>,
    state: RandomState,
    spread_nulls: bool,
    turn: u64,
    block_bytes: usize,
    block: Vec<RecordBatch>,
    counter: RecordBatchMemoryCounter,
    places: Vec<Vec<(usize, usize)>>,
    rows: usize,
    /// What the block takes.
    _budget: Budget,
}

impl Scatter {
    pub fn new(
        keys: Vec<PhysicalExprRef>,
        nulls: NullEquality,
        level: usize,
        block_bytes: usize,
        budget: Budget,
    ) -> Self {
        Self {
            keys,
            state: RandomState::with_seed(SEED.wrapping_add(ODD.wrapping_mul(level as u64))),
            // A key with a NULL equals nothing: such rows may fall anywhere, and not all in one place.
            spread_nulls: nulls == NullEquality::NullEqualsNothing,
            turn: 0,
            block_bytes,
            block: Vec::new(),
            counter: RecordBatchMemoryCounter::new(),
            places: vec![Vec::new(); BUCKETS],
            rows: 0,
            _budget: budget,
        }
    }

    /// The bucket of each row.
    pub fn buckets(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        let rows = batch.num_rows();
        let keys = self
            .keys
            .iter()
            .map(|key| key.evaluate(batch)?.into_array(rows))
            .collect::<Result<Vec<ArrayRef>>>()?;
        let mut hashes = vec![0; rows];
        create_hashes(&keys, &self.state, &mut hashes)?;
        if self.spread_nulls {
            for nulls in keys.iter().filter_map(|key| key.logical_nulls()) {
                for (row, hash) in hashes.iter_mut().enumerate() {
                    if nulls.is_null(row) {
                        self.turn = self.turn.wrapping_add(1);
                        *hash = self.turn.wrapping_mul(ODD);
                    }
                }
            }
        }
        let bits = BUCKETS.trailing_zeros();
        let bucket = |hash: &u64| (hash.wrapping_mul(ODD) >> (u64::BITS - bits)) as u8;
        Ok(hashes.iter().map(bucket).collect())
    }

    /// Takes the rows whose bucket is wanted. Whether the block is now to be drained.
    pub fn add(
        &mut self,
        batch: RecordBatch,
        buckets: &[u8],
        wanted: impl Fn(usize) -> bool,
    ) -> bool {
        let (at, before) = (self.block.len(), self.rows);
        for (row, bucket) in buckets.iter().enumerate() {
            let bucket = usize::from(*bucket);
            if wanted(bucket) {
                self.places[bucket].push((at, row));
                self.rows += 1;
            }
        }
        if self.rows > before {
            self.counter.count_batch(&batch);
            self.block.push(batch);
        }
        let places = self.rows * size_of::<(usize, usize)>();
        self.rows >= MAX_BLOCK_ROWS || self.counter.memory_usage() + places >= self.block_bytes
    }

    /// Gives out the block, a batch for each bucket.
    pub fn drain(&mut self, mut put: impl FnMut(usize, RecordBatch) -> Result<()>) -> Result<()> {
        let block = std::mem::take(&mut self.block);
        let batches: Vec<_> = block.iter().collect();
        for (bucket, places) in self.places.iter_mut().enumerate() {
            if !places.is_empty() {
                put(bucket, interleave_record_batch(&batches, places)?)?;
                places.clear();
            }
        }
        self.rows = 0;
        self.counter = RecordBatchMemoryCounter::new();
        Ok(())
    }
}

/// One side of a bucket on disk. The file goes with the last clone.
#[derive(Clone, Default)]
pub(super) struct Stored {
    pub file: Option<Arc<dyn SpillFile>>,
    pub rows: usize,
}

/// Appends a batch to a file or, given none, finishes it.
type Writer = Box<dyn FnMut(Option<&RecordBatch>) -> Result<Option<Arc<dyn SpillFile>>> + Send>;

/// A file for each bucket that gets rows.
pub(super) struct Files {
    manager: SpillManager,
    writers: Vec<Option<Writer>>,
    rows: Vec<usize>,
}

impl Files {
    pub fn new(manager: SpillManager) -> Self {
        Self {
            manager,
            writers: (0..BUCKETS).map(|_| None).collect(),
            rows: vec![0; BUCKETS],
        }
    }

    pub fn append(&mut self, bucket: usize, batch: &RecordBatch) -> Result<()> {
        let writer = match &mut self.writers[bucket] {
            Some(writer) => writer,
            none => none.insert(open(&self.manager)?),
        };
        writer(Some(batch))?;
        self.rows[bucket] += batch.num_rows();
        Ok(())
    }

    pub fn finish(self) -> Result<Vec<Stored>> {
        let finished = |(writer, rows): (Option<Writer>, usize)| {
            let file = writer.map_or(Ok(None), |mut writer| writer(None))?;
            Ok(Stored { file, rows })
        };
        self.writers
            .into_iter()
            .zip(self.rows)
            .map(finished)
            .collect()
    }
}

fn open(manager: &SpillManager) -> Result<Writer> {
    let mut file = manager.create_in_progress_file("a hash join")?;
    Ok(Box::new(move |batch| match batch {
        Some(batch) => file.append_batch(batch).map(|_| None),
        None => file.finish(),
    }))
}
