//! DataFusion's formats, set up from a definition.

use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::common::config::CsvOptions;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::file_format::avro::AvroFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;

use super::definition::Definition;
use super::dialect::SampleRows;
use super::format::{Compression, Format, Named};

pub(super) fn format(
    definition: &Definition,
    state: &dyn Session,
    rows: SampleRows,
) -> Arc<dyn FileFormat> {
    match definition.format {
        Format::Parquet => {
            let options = state.default_table_options().parquet;
            Arc::new(ParquetFormat::default().with_options(options))
        }
        Format::Csv => Arc::new(CsvFormat::default().with_options(csv(definition, rows))),
        Format::Json => {
            Arc::new(JsonFormat::default().with_file_compression_type(compression(definition)))
        }
        Format::Avro => Arc::new(AvroFormat),
        Format::Arrow => Arc::new(ArrowFormat),
    }
}

fn csv(definition: &Definition, rows: SampleRows) -> CsvOptions {
    let csv = definition.csv.clone().unwrap_or_default();
    CsvOptions {
        has_header: Some(csv.header),
        delimiter: csv.delimiter,
        quote: csv.quote.unwrap_or(0),
        escape: csv.escape,
        comment: csv.comment,
        newlines_in_values: Some(true),
        schema_infer_max_rec: Some(match rows {
            SampleRows::Count(rows) => usize::try_from(rows).unwrap_or(usize::MAX),
            SampleRows::All => usize::MAX,
        }),
        compression: compression(definition).into(),
        ..CsvOptions::default()
    }
}

fn compression(definition: &Definition) -> FileCompressionType {
    let named = definition
        .locations
        .first()
        .map(|l| Named::of(l).compression);
    match definition
        .compression
        .or(named)
        .unwrap_or(Compression::None)
    {
        Compression::None => FileCompressionType::UNCOMPRESSED,
        Compression::Gzip => FileCompressionType::GZIP,
        Compression::Bzip2 => FileCompressionType::BZIP2,
        Compression::Xz => FileCompressionType::XZ,
        Compression::Zstd => FileCompressionType::ZSTD,
    }
}
