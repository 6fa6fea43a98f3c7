//! How our Parquet files are made: zstd, page index, row groups that fit for pruning.

use arrow::datatypes::Schema;
use datafusion::execution::memory_pool::{MemoryLimit, MemoryPool};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

/// Rows of a row group at most: small enough that a range of a sorted column skips most of them.
const ROW_GROUP_ROWS: usize = 1 << 18;

/// Encoded bytes of a row group at most, when memory is plenty.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// Encoded bytes of a row group that the writer does not go below for want of memory.
const SMALLEST_ROW_GROUP_BYTES: usize = 4 << 20;

/// Bytes of text that bounds keep; known divisions need keys in full.
const BOUND_BYTES: usize = 256;

pub(super) fn properties(
    row_group_bytes: usize,
    bloom_filters: &[String],
    schema: &Schema,
) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_created_by(format!("quern {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(row_group_bytes))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_statistics_truncate_length(Some(BOUND_BYTES));
    // Parquet's bounds leave NaN out, and NaN is greater than every number.
    for field in schema
        .fields()
        .iter()
        .filter(|f| f.data_type().is_floating())
    {
        let path = ColumnPath::new(vec![field.name().clone()]);
        properties = properties.set_column_statistics_enabled(path, EnabledStatistics::None);
    }
    for column in bloom_filters {
        let path = ColumnPath::new(vec![column.clone()]);
        properties = properties.set_column_bloom_filter_enabled(path, true);
    }
    properties.build()
}

/// How large a row group may grow when `writers` write at a time: each holds one.
pub(super) fn row_group_bytes(pool: &dyn MemoryPool, writers: usize) -> usize {
    let share = match pool.memory_limit() {
        MemoryLimit::Finite(bytes) => bytes / (8 * writers.max(1)),
        _ => ROW_GROUP_BYTES,
    };
    share.clamp(SMALLEST_ROW_GROUP_BYTES, ROW_GROUP_BYTES)
}
