//! Rows of a result as messages and as lines of COPY.
//!
//! A [`RowEncoder`] belongs to a result, a [`BatchEncoder`] to one of its batches: there every column
//! is brought to one of few forms ([`column::Column`]) at once, so that a row only writes bytes.

mod column;
mod copy;
mod list;
mod temporal;
mod value;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{Field, Schema};
use bytes::{BufMut, BytesMut};
use quern_engine::{Error, Kind};

use super::{Format, TextStyle, oid};
use column::Column;
pub use copy::{CopyCsv, CopyText, copy_binary_header, copy_binary_trailer};

/// The encoder of one result.
pub struct RowEncoder {
    columns: Vec<(Field, Format)>,
    style: TextStyle,
}

impl RowEncoder {
    /// `formats` has one entry per column.
    pub fn new(schema: &Schema, formats: &[Format], style: &TextStyle) -> Result<Self, Error> {
        if formats.len() != schema.fields().len() {
            let (given, columns) = (formats.len(), schema.fields().len());
            return Err(Error::new(
                Kind::ProtocolViolation,
                format!("the result has {columns} columns but {given} formats"),
            ));
        }
        let columns = schema.fields().iter().zip(formats);
        Ok(Self {
            columns: columns
                .map(|(f, format)| (f.as_ref().clone(), *format))
                .collect(),
            style: *style,
        })
    }

    /// Prepares the rows of a batch.
    pub fn batch(&self, batch: &RecordBatch) -> Result<BatchEncoder, Error> {
        if batch.num_columns() != self.columns.len() {
            return Err(Error::internal("a batch has other columns than its result"));
        }
        let columns = self.columns.iter().zip(batch.columns());
        let columns = columns
            .map(|((field, format), array)| Cells::new(field, array, *format, &self.style))
            .collect::<Result<_, _>>()?;
        Ok(BatchEncoder {
            columns,
            style: self.style,
        })
    }
}

/// The values of a column and which of them are NULL.
pub(super) struct Cells {
    nulls: Option<NullBuffer>,
    format: Format,
    column: Column,
}

impl Cells {
    fn new(
        field: &Field,
        array: &ArrayRef,
        format: Format,
        style: &TextStyle,
    ) -> Result<Self, Error> {
        let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        Ok(Self {
            nulls,
            format,
            column: Column::new(array, oid::oid_of(field, style), style)?,
        })
    }

    #[inline]
    fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// The value with its length before it, as DataRow, binary arrays and binary COPY have it.
    #[inline]
    fn sized(
        &self,
        row: usize,
        format: Format,
        style: &TextStyle,
        out: &mut BytesMut,
    ) -> Result<(), Error> {
        if self.is_null(row) {
            out.put_i32(-1);
            return Ok(());
        }
        let start = out.len();
        match format {
            Format::Binary if self.column.fixed(row, out) => return Ok(()),
            Format::Binary => {
                out.put_i32(0);
                self.column.binary(row, style, out)?;
            }
            Format::Text => {
                out.put_i32(0);
                self.column.text(row, style, out)?;
            }
        }
        set_length(out, start, out.len() - start - 4)
    }
}

/// Fills in a length that was left open.
fn set_length(out: &mut BytesMut, at: usize, length: usize) -> Result<(), Error> {
    let length = i32::try_from(length).map_err(|_| {
        Error::new(
            Kind::LimitExceeded,
            "a value or row is too large for the protocol",
        )
        .hint("One message holds at most 2 GiB.")
    })?;
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

/// The rows of one batch. Row numbers are those of the batch.
pub struct BatchEncoder {
    columns: Vec<Cells>,
    style: TextStyle,
}

impl BatchEncoder {
    /// Appends a whole DataRow message; nothing is appended when it fails.
    pub fn data_row(&self, row: usize, out: &mut BytesMut) -> Result<(), Error> {
        let start = out.len();
        let columns = self.columns.len() as u16;
        let [high, low] = columns.to_be_bytes();
        out.put_slice(&[b'D', 0, 0, 0, 0, high, low]);
        let written = self
            .columns
            .iter()
            .try_for_each(|cells| cells.sized(row, cells.format, &self.style, out))
            .and_then(|()| set_length(out, start + 1, out.len() - start - 1));
        if written.is_err() {
            out.truncate(start);
        }
        written
    }
}
