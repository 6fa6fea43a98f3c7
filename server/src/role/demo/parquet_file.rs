//! Writes batches as one Parquet file with several row groups.

use std::fs::File;
use std::io;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::work::Watch;

/// Rows of a row group: small enough that a file of a million rows has several chunks.
const ROW_GROUP_ROWS: usize = 250_000;

pub fn write(
    file: File,
    schema: &SchemaRef,
    batches: impl Iterator<Item = io::Result<RecordBatch>>,
    watch: &Watch,
) -> io::Result<()> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_created_by("quern demo".to_string())
        .build();
    let mut writer = ArrowWriter::try_new(file, SchemaRef::clone(schema), Some(properties))?;
    for batch in batches {
        let batch = batch?;
        writer.write(&batch)?;
        watch.add(batch.num_rows())?;
    }
    writer.close()?;
    Ok(())
}
