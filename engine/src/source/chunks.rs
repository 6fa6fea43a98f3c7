//! Cuts a table's files into chunks.
//!
//! Text files are cut at record starts near multiples of the block size, Arrow files at batches,
//! Parquet files at row groups; other files are one chunk each. Where a file is cut depends on the
//! file and the definition alone.

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::FileGroup;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use super::csv::{Shape, Target, cut, cut_lines, head_of_file};
use super::dialect::JsonLayout;
use super::format::{Compression, Format};
use super::scan::Reading;
use super::text::BadRows;
use super::{arrow_ipc, guard, infer, location};
use crate::chunk::Chunk;
use crate::error::Result;

/// Files, and cuts within a file, that are looked at at a time.
const CONCURRENT: usize = 16;
/// Pieces per partition when a table has fewer chunks than would keep all threads busy.
const PIECES_PER_PARTITION: u64 = 4;
const SMALLEST_PIECE_BYTES: u64 = 4 << 20;

/// A file's part, with what the chunk list says of it.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub file: PartitionedFile,
    pub chunk: Chunk,
}

/// The block size of a scan: the table's, or less so that every thread has work.
pub(super) fn scan_blocksize(blocksize_bytes: u64, total_bytes: u64, partitions: usize) -> u64 {
    let wanted = total_bytes / (partitions as u64 * PIECES_PER_PARTITION).max(1);
    match blocksize_bytes {
        0 => 0,
        block => block.min(wanted.max(SMALLEST_PIECE_BYTES)),
    }
}

/// The pieces of all files, in the order of the files.
pub(super) async fn pieces(
    state: &dyn Session,
    store: &Arc<dyn ObjectStore>,
    reading: &Reading,
    schema: &SchemaRef,
    files: &[PartitionedFile],
    blocksize_bytes: u64,
) -> Result<Vec<Piece>> {
    let pieces: Vec<Vec<Piece>> = futures::stream::iter(files.to_vec())
        .map(|file| async move {
            match reading.format {
                Format::Parquet => row_groups(state, store, schema, &file).await,
                _ => ranges(store, reading, &file, blocksize_bytes).await,
            }
        })
        .buffered(CONCURRENT)
        .try_collect()
        .await?;
    Ok(pieces.into_iter().flatten().collect())
}

async fn ranges(
    store: &Arc<dyn ObjectStore>,
    reading: &Reading,
    file: &PartitionedFile,
    blocksize_bytes: u64,
) -> Result<Vec<Piece>> {
    let meta = &file.object_meta;
    let cuts = match blocksize_bytes > 0 && meta.size > blocksize_bytes {
        true => cuts(store, reading, meta, blocksize_bytes).await?,
        false => vec![],
    };
    if cuts.is_empty() {
        return Ok(vec![piece(file.clone(), 0..meta.size)]);
    }
    let starts = std::iter::once(0).chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain(std::iter::once(meta.size));
    Ok(starts
        .zip(ends)
        .map(|(start, end)| piece(with_range(file, &(start..end)), start..end))
        .collect())
}

fn piece(file: PartitionedFile, range: Range<u64>) -> Piece {
    let chunk = Chunk {
        location: location::shown(&file.object_meta.location),
        offset_bytes: range.start,
        length_bytes: range.end - range.start,
        row_groups: None,
        rows: None,
        statistics: None,
    };
    Piece { file, chunk }
}

fn with_range(file: &PartitionedFile, range: &Range<u64>) -> PartitionedFile {
    let offset = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    file.clone()
        .with_range(offset(range.start), offset(range.end))
}

/// Where to cut the file, in order, all inside it.
async fn cuts(
    store: &Arc<dyn ObjectStore>,
    reading: &Reading,
    file: &ObjectMeta,
    blocksize_bytes: u64,
) -> Result<Vec<u64>> {
    let target = Target {
        store,
        path: &file.location,
        size_bytes: file.size,
    };
    let nominal = (1..)
        .map(|n: u64| n.saturating_mul(blocksize_bytes))
        .take_while(|n| *n < file.size);
    let part = reading.part(store, file, None);
    let plain = part.compression == Compression::None
        && (!reading.format.is_text() || part.encoding().await?.can_be_cut());
    let mut found: Vec<u64> = match (reading.format, reading.json) {
        // Where a bad row ends, only the file's start tells for certain.
        (Format::Csv, _) if plain && reading.text.bad_rows == BadRows::Error => {
            let dialect = reading.csv.clone().unwrap_or_default();
            let head = head_of_file(&part, &dialect).await?;
            let shape = Shape::new(&dialect, &part.text, &head);
            let (target, shape) = (&target, &shape);
            futures::stream::iter(nominal.filter(|n| *n > head.data_start as u64))
                .map(|offset| cut(target, shape, offset))
                .buffered(CONCURRENT)
                .try_filter_map(|at| futures::future::ready(Ok(at)))
                .try_collect()
                .await?
        }
        (Format::Json, Some(JsonLayout::Lines)) if plain => {
            let target = &target;
            futures::stream::iter(nominal)
                .map(|offset| cut_lines(target, offset))
                .buffered(CONCURRENT)
                .try_filter_map(|at| futures::future::ready(Ok(at)))
                .try_collect()
                .await?
        }
        (Format::Arrow, _) => {
            let offsets = match arrow_ipc::footer(store, file).await? {
                Some(footer) => footer.batch_offsets(),
                None => vec![],
            };
            nominal
                .filter_map(|n| offsets.iter().copied().filter(|offset| *offset >= n).min())
                .collect()
        }
        _ => vec![],
    };
    found.retain(|cut| *cut > 0 && *cut < file.size);
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// A piece for each row group of a Parquet file.
async fn row_groups(
    state: &dyn Session,
    store: &Arc<dyn ObjectStore>,
    schema: &SchemaRef,
    file: &PartitionedFile,
) -> Result<Vec<Piece>> {
    let meta = &file.object_meta;
    let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
    let footer = DFParquetMetadata::new(store.as_ref(), meta).with_file_metadata_cache(Some(cache));
    let footer = guard::future(footer.fetch_metadata())
        .await
        .map_err(|error| infer::unreadable(meta, error.into()))?;
    let starts: Vec<u64> = footer.row_groups().iter().map(start_of).collect();
    let mut pieces = Vec::with_capacity(starts.len());
    for (at, (group, start)) in footer.row_groups().iter().zip(&starts).enumerate() {
        let next = starts.iter().copied().filter(|other| other > start).min();
        let alone = ParquetMetaData::new(footer.file_metadata().clone(), vec![group.clone()]);
        let statistics = DFParquetMetadata::statistics_from_parquet_metadata(&alone, schema);
        pieces.push(Piece {
            file: with_range(file, &(*start..next.unwrap_or(meta.size))),
            chunk: Chunk {
                location: location::shown(&meta.location),
                offset_bytes: *start,
                length_bytes: u64::try_from(group.compressed_size()).unwrap_or(0),
                row_groups: Some(at..at + 1),
                rows: u64::try_from(group.num_rows()).ok(),
                statistics: statistics.ok(),
            },
        });
    }
    Ok(pieces)
}

/// Where a row group's first page is, which is how DataFusion tells the range it belongs to.
fn start_of(group: &RowGroupMetaData) -> u64 {
    let Some(column) = group.columns().first() else {
        return 0;
    };
    let offset = column
        .dictionary_page_offset()
        .unwrap_or_else(|| column.data_page_offset());
    u64::try_from(offset).unwrap_or(0)
}

/// Deals the pieces, in order, into at most so many groups of about the same size.
pub(super) fn balanced(files: Vec<PartitionedFile>, groups: usize) -> Vec<FileGroup> {
    let total: u64 = files.iter().map(PartitionedFile::effective_size).sum();
    let share = (total / groups.max(1) as u64).max(1);
    let mut dealt: Vec<Vec<PartitionedFile>> = Vec::new();
    let mut before = 0_u64;
    for file in files {
        let middle = before + file.effective_size() / 2;
        let wanted = usize::try_from(middle / share)
            .unwrap_or(0)
            .min(groups.saturating_sub(1));
        before += file.effective_size();
        if dealt.is_empty() || wanted >= dealt.len() {
            dealt.push(Vec::new());
        }
        if let Some(last) = dealt.last_mut() {
            last.push(file);
        }
    }
    dealt.into_iter().map(FileGroup::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_balanced() {
        let files = |sizes: &[u64]| {
            sizes
                .iter()
                .map(|s| PartitionedFile::new("f", *s))
                .collect::<Vec<_>>()
        };
        let sizes = |groups: Vec<FileGroup>| -> Vec<u64> {
            groups
                .iter()
                .map(|g| g.iter().map(PartitionedFile::effective_size).sum())
                .collect()
        };
        assert_eq!(sizes(balanced(files(&[1; 10]), 2)), [5, 5]);
        assert_eq!(sizes(balanced(files(&[6, 2, 2, 2]), 2)), [6, 6]);
        assert_eq!(sizes(balanced(files(&[5]), 4)), [5]);
        assert_eq!(
            balanced(files(&[0, 0, 0]), 2)
                .iter()
                .map(FileGroup::len)
                .sum::<usize>(),
            3
        );
        assert_eq!(balanced(vec![], 2).len(), 0);
    }

    #[test]
    fn blocks_shrink_for_idle_threads() {
        const MB: u64 = 1 << 20;
        assert_eq!(scan_blocksize(64 * MB, 8000 * MB, 2), 64 * MB);
        assert_eq!(scan_blocksize(64 * MB, 80 * MB, 2), 10 * MB);
        assert_eq!(scan_blocksize(64 * MB, MB, 2), 4 * MB);
        assert_eq!(scan_blocksize(0, 80 * MB, 2), 0);
        assert_eq!(scan_blocksize(100, MB, 2), 100);
    }
}
