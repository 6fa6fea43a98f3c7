//! How many bytes a plan's scans will read, and how many they have read: the progress of a query.
//! The scans count themselves, in a metric.

use datafusion::common::stats::Precision;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::ExecutionPlan;

use super::format::Format;
use super::scan::{NULLED_VALUES, SKIPPED_ROWS};

/// The metric in which every file scan counts what it reads.
const SCANNED: &str = "bytes_scanned";

/// Bytes that the scans of a plan are going to read; an estimate for Parquet, of which only the
/// wanted columns are read.
pub fn scan_totals(plan: &dyn ExecutionPlan) -> u64 {
    let own = plan
        .downcast_ref::<DataSourceExec>()
        .and_then(|scan| scan.data_source().downcast_ref::<FileScanConfig>())
        .map_or(0, config_total);
    let children = plan.children();
    own + children
        .into_iter()
        .map(|child| scan_totals(child.as_ref()))
        .sum::<u64>()
}

/// Bytes that the scans of a plan have read so far.
pub fn scanned_bytes(plan: &dyn ExecutionPlan) -> u64 {
    let is_scan = plan.downcast_ref::<DataSourceExec>().is_some();
    let own = plan
        .metrics()
        .filter(|_| is_scan)
        .and_then(|metrics| metrics.sum_by_name(SCANNED));
    let own = own.map_or(0, |sum| sum.as_usize() as u64);
    let children = plan.children();
    own + children
        .into_iter()
        .map(|child| scanned_bytes(child.as_ref()))
        .sum::<u64>()
}

/// What the option bad_rows made of the rows of a plan's scans so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct BadRowCounts {
    /// Rows that were left out.
    pub skipped_rows: u64,
    /// Values, and rows that could not be read at all, that became NULL.
    pub nulled_values: u64,
}

impl BadRowCounts {
    pub fn of(plan: &dyn ExecutionPlan) -> Self {
        let mut counts = Self::default();
        counts.add(plan);
        counts
    }

    pub fn add_counts(&mut self, other: Self) {
        self.skipped_rows += other.skipped_rows;
        self.nulled_values += other.nulled_values;
    }

    fn add(&mut self, plan: &dyn ExecutionPlan) {
        if plan.downcast_ref::<DataSourceExec>().is_some()
            && let Some(metrics) = plan.metrics()
        {
            let sum = |name| {
                metrics
                    .sum_by_name(name)
                    .map_or(0, |sum| sum.as_usize() as u64)
            };
            self.skipped_rows += sum(SKIPPED_ROWS);
            self.nulled_values += sum(NULLED_VALUES);
        }
        for child in plan.children() {
            self.add(child.as_ref());
        }
    }

    /// What a user should know; nothing if all rows were good.
    pub fn warnings(&self) -> Vec<String> {
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        let mut warnings = Vec::new();
        if self.skipped_rows > 0 {
            let (rows, s) = (self.skipped_rows, plural(self.skipped_rows));
            warnings.push(format!("{rows} bad row{s} left out (bad_rows = 'skip')"));
        }
        if self.nulled_values > 0 {
            let (values, s) = (self.nulled_values, plural(self.nulled_values));
            warnings.push(format!(
                "{values} bad value{s} read as NULL (bad_rows = 'null')"
            ));
        }
        warnings
    }
}

fn config_total(config: &FileScanConfig) -> u64 {
    let files = config.file_groups.iter().flat_map(|group| group.iter());
    let bytes: u64 = files.map(PartitionedFile::effective_size).sum();
    match config.file_source().file_type() == Format::Parquet.name() {
        true => (bytes as f64 * wanted_share(config)) as u64,
        false => bytes,
    }
}

/// Which part of the files' bytes the wanted columns take; by their number if sizes are not known.
fn wanted_share(config: &FileScanConfig) -> f64 {
    let source = config.file_source();
    let columns = source.table_schema().file_schema().fields().len();
    let mut wanted = source
        .projection()
        .map_or_else(|| (0..columns).collect(), |p| p.column_indices());
    if let Some(filter) = source.filter() {
        let filtered = datafusion::physical_expr::utils::collect_columns(&filter);
        wanted.extend(filtered.iter().map(|column| column.index()));
    }
    wanted.sort_unstable();
    wanted.dedup();
    wanted.retain(|column| *column < columns);
    let statistics = config.statistics();
    let size = |column: usize| match statistics.column_statistics.get(column)?.byte_size {
        Precision::Exact(bytes) | Precision::Inexact(bytes) => Some(bytes as f64),
        Precision::Absent => None,
    };
    let all: Option<f64> = (0..columns).map(size).sum();
    let some: Option<f64> = wanted.iter().copied().map(size).sum();
    match (some, all) {
        (Some(some), Some(all)) if all > 0.0 => some / all,
        _ => wanted.len() as f64 / columns.max(1) as f64,
    }
}
