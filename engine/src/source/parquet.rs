//! Parquet, read by DataFusion: all its pruning and its dynamic filters stay in place.

use datafusion::catalog::Session;
use datafusion::datasource::file_format::parquet::ParquetFormat;

pub(super) fn format(state: &dyn Session) -> ParquetFormat {
    ParquetFormat::default().with_options(state.default_table_options().parquet)
}
