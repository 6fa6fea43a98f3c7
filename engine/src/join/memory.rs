//! What a join may hold: build rows and their hash table, charged to the pool before they are kept.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::utils::memory::{RecordBatchMemoryCounter, estimate_memory_size};
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

/// A build side may take memory while this many times its size stays free. Making the hash table
/// copies the rows once, and whoever comes later needs some too.
const SPARE: usize = 2;

/// Share of the pool that a join can always take, so that it can go on in whatever small steps.
const FLOOR_SHARE: usize = 64;
const MIN_FLOOR_BYTES: usize = 256 << 10;
const MAX_FLOOR_BYTES: usize = 8 << 20;

/// The pool's limit, if there is one.
fn limit(pool: &Arc<dyn MemoryPool>) -> usize {
    match pool.memory_limit() {
        MemoryLimit::Finite(bytes) => bytes,
        _ => usize::MAX,
    }
}

pub(super) fn floor_bytes(pool: &Arc<dyn MemoryPool>) -> usize {
    (limit(pool) / FLOOR_SHARE).clamp(MIN_FLOOR_BYTES, MAX_FLOOR_BYTES)
}

/// A share of the pool that grows while there is room.
#[derive(Debug)]
pub(super) struct Budget {
    pool: Arc<dyn MemoryPool>,
    reservation: MemoryReservation,
}

impl Budget {
    pub fn new(pool: &Arc<dyn MemoryPool>) -> Self {
        Self {
            pool: Arc::clone(pool),
            reservation: MemoryConsumer::new("SpillingHashJoin").register(pool),
        }
    }

    /// Whether the share is now of this size; it stays as it was if not.
    pub fn try_resize(&self, bytes: usize) -> bool {
        let now = self.reservation.size();
        if bytes <= now || bytes <= floor_bytes(&self.pool) {
            self.reservation.resize(bytes);
            return true;
        }
        let others = self.pool.reserved().saturating_sub(now);
        let wanted = bytes.saturating_mul(1 + SPARE).saturating_add(others);
        wanted <= limit(&self.pool) && self.reservation.try_resize(bytes).is_ok()
    }
}

/// What the hash table over so many rows takes: an entry for each key, a link for each row.
pub(super) fn table_bytes(rows: usize) -> usize {
    let entries = estimate_memory_size::<(u32, u64)>(rows, 0).unwrap_or(usize::MAX);
    entries.saturating_add(rows.saturating_mul(size_of::<u32>()))
}

/// Build rows in memory.
#[derive(Debug)]
pub(super) struct Held {
    pub batches: Vec<RecordBatch>,
    pub budget: Budget,
    pub rows: usize,
    /// What the rows take, without their hash table.
    pub bytes: usize,
    counter: RecordBatchMemoryCounter,
}

impl Held {
    pub fn new(pool: &Arc<dyn MemoryPool>) -> Self {
        Self::of(Vec::new(), Budget::new(pool), 0, 0)
    }

    /// Rows that are accounted for already.
    pub fn of(batches: Vec<RecordBatch>, budget: Budget, rows: usize, bytes: usize) -> Self {
        Self {
            batches,
            budget,
            rows,
            bytes,
            counter: RecordBatchMemoryCounter::new(),
        }
    }

    /// Keeps the rows, or gives them back when there is no room. The first ones are always kept.
    pub fn push(&mut self, batch: RecordBatch) -> Option<RecordBatch> {
        let bytes = self.bytes + self.counter.count_batch(&batch);
        let rows = self.rows + batch.num_rows();
        let fits = self.budget.try_resize(bytes + table_bytes(rows));
        if !fits && !self.batches.is_empty() {
            return Some(batch);
        }
        (self.bytes, self.rows) = (bytes, rows);
        self.batches.push(batch);
        None
    }
}
