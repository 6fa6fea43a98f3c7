//! How far a query is: what its operators have counted so far.

use std::time::Duration;

use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::MetricValue;

use super::QueryState;
use crate::source::BadRowCounts;

#[derive(Debug, Clone)]
pub struct Progress {
    pub state: QueryState,
    pub elapsed: Duration,
    /// Rows that the client has got.
    pub rows: u64,
    /// Rows that the scans have given.
    pub rows_scanned: u64,
    pub bytes_read: u64,
    /// An estimate of what the scans will read; 0 when nothing is scanned.
    pub bytes_total: u64,
    /// What the statement is at, where it runs one plan after the other: `pass 3, loss 0.125000`. Rows and
    /// bytes are then those of the last plan.
    pub doing: String,
    /// The most memory that the query's operators held at once.
    pub memory_bytes: u64,
    pub spilled_bytes: u64,
    /// What tasks on the cluster wrote for tasks of other stages.
    pub shuffled_bytes: u64,
    /// What was wrong with the files' rows and passed over as the tables' options say.
    pub bad_rows: BadRowCounts,
    /// Tasks on the cluster that are done, and that are known so far.
    pub tasks_done: u64,
    pub tasks_total: u64,
    /// How often the query began anew for want of memory.
    pub retries: u64,
}

impl Progress {
    /// Between 0 and 1; `None` when there is nothing to go by.
    pub fn fraction(&self) -> Option<f64> {
        if self.tasks_total > 0 {
            return Some(self.tasks_done as f64 / self.tasks_total as f64);
        }
        let total = self.bytes_total.max(self.bytes_read);
        (total > 0).then(|| self.bytes_read as f64 / total as f64)
    }

    /// Time left at the speed so far; unknown where other plans may follow.
    pub fn remaining(&self) -> Option<Duration> {
        if !self.doing.is_empty() {
            return None;
        }
        let done = self.fraction().filter(|f| *f > 0.01)?;
        Some(self.elapsed.mul_f64((1.0 - done) / done))
    }
}

/// Sums over the operators of a plan.
#[derive(Debug, Default, Clone, Copy)]
pub struct OperatorMetrics {
    pub rows_scanned: u64,
    pub spilled_bytes: u64,
    pub spilled_rows: u64,
    pub spill_files: u64,
}

pub fn operator_metrics(plan: &dyn ExecutionPlan) -> OperatorMetrics {
    let mut sums = OperatorMetrics::default();
    add(plan, &mut sums);
    sums
}

fn add(plan: &dyn ExecutionPlan, sums: &mut OperatorMetrics) {
    if let Some(metrics) = plan.metrics() {
        for metric in metrics.iter() {
            match metric.value() {
                MetricValue::OutputRows(count) if plan.children().is_empty() => {
                    sums.rows_scanned += count.value() as u64;
                }
                MetricValue::SpilledBytes(count) => sums.spilled_bytes += count.value() as u64,
                MetricValue::SpilledRows(count) => sums.spilled_rows += count.value() as u64,
                MetricValue::SpillCount(count) => sums.spill_files += count.value() as u64,
                _ => {}
            }
        }
    }
    plan.children()
        .into_iter()
        .for_each(|child| add(child.as_ref(), sums));
}
