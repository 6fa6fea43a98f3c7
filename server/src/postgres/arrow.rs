//! Rows as Arrow, for the shell: every type arrives as it is, which PostgreSQL's types cannot do.
//!
//! A client that begins with the option [`ROWS_OPTION`](super::startup::ROWS_OPTION) gets the rows
//! of a Query as an Arrow IPC stream within the messages of COPY, and all else as ever:
//!
//! ```text
//!  → Query   ← CopyOutResponse (format 2), CopyData…, CopyDone, CommandComplete | error
//! ```
//!
//! Pieces of the stream end anywhere. One batch is held encoded at a time, of some megabytes at most
//! unless one row is larger.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use futures::StreamExt;
use pgwire::messages::PgWireBackendMessage as Reply;
use pgwire::messages::copy::{CopyDone, CopyOutResponse};
use quern_engine::{Result, Rows};
use tokio::io::AsyncWrite;

use super::connection::Connection;
use super::output::Sent;

/// The format of a CopyOutResponse; PostgreSQL's own are 0 for text and 1 for binary.
pub const ARROW_STREAM: i8 = 2;

/// Bytes of values that are encoded at once.
const SLICE_BYTES: usize = 8 << 20;
const PIECE_BYTES: usize = 64 << 10;

impl<W: AsyncWrite + Unpin + Send> Connection<W> {
    /// Sends all rows of a statement.
    pub(super) async fn send_arrow(&mut self, mut rows: Rows, tag: &str) -> Sent<Result<()>> {
        let mut writer = match StreamWriter::try_new(Vec::new(), &rows.schema()) {
            Ok(writer) => writer,
            Err(error) => return Ok(Err(error.into())),
        };
        let response = CopyOutResponse::new(ARROW_STREAM, 0, Vec::new());
        self.output.put(Reply::CopyOutResponse(response));
        let mut sent_rows = 0;
        while let Some(batch) = self.telling(rows.next()).await? {
            let slices = match batch.and_then(|batch| slices(&batch)) {
                Ok(slices) => slices,
                Err(error) => return Ok(Err(error)),
            };
            for slice in slices {
                if let Err(error) = writer.write(&slice) {
                    return Ok(Err(error.into()));
                }
                sent_rows += slice.num_rows() as u64;
                self.send_pieces(std::mem::take(writer.get_mut())).await?;
            }
        }
        if let Err(error) = writer.finish() {
            return Ok(Err(error.into()));
        }
        self.send_pieces(std::mem::take(writer.get_mut())).await?;
        self.output.put(Reply::CopyDone(CopyDone::new()));
        self.finish(&rows, tag, sent_rows);
        Ok(Ok(()))
    }

    async fn send_pieces(&mut self, bytes: Vec<u8>) -> Sent {
        for piece in bytes.chunks(PIECE_BYTES) {
            self.copy_data(piece);
            self.output.make_room().await?;
        }
        Ok(())
    }
}

/// A batch in parts that are small enough to be encoded; most are one part.
fn slices(batch: &RecordBatch) -> Result<Vec<RecordBatch>> {
    let rows = batch.num_rows();
    let bytes = batch.columns().iter().map(shown_bytes);
    let parts = bytes.sum::<Result<usize, ArrowError>>()? / SLICE_BYTES + 1;
    let most = rows.div_ceil(parts).max(1);
    let starts = (0..rows.max(1)).step_by(most);
    let slices = starts.map(|at| {
        let slice = batch.slice(at, most.min(rows - at));
        let columns = slice.columns().iter().map(without_unused).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(slice.num_rows()));
        RecordBatch::try_new_with_options(slice.schema(), columns, &options)
    });
    Ok(slices.collect::<Result<_, _>>()?)
}

/// Bytes of what a column's rows show, whatever else its buffers hold.
fn shown_bytes(array: &ArrayRef) -> Result<usize, ArrowError> {
    let used = match array.data_type() {
        DataType::Utf8View => array.as_string_view().total_buffer_bytes_used(),
        DataType::BinaryView => array.as_binary_view().total_buffer_bytes_used(),
        _ => 0,
    };
    Ok(used + array.to_data().get_slice_memory_size()?)
}

/// Views without the bytes that none of them shows: the writer would send those too.
fn without_unused(array: &ArrayRef) -> ArrayRef {
    macro_rules! collected {
        ($views:expr) => {{
            let views = $views;
            let held: usize = views.data_buffers().iter().map(|b| b.len()).sum();
            match held > 2 * views.total_buffer_bytes_used() {
                true => Arc::new(views.gc()),
                false => Arc::clone(array),
            }
        }};
    }
    match array.data_type() {
        DataType::Utf8View => collected!(array.as_string_view()),
        DataType::BinaryView => collected!(array.as_binary_view()),
        _ => Arc::clone(array),
    }
}
