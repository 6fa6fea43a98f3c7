//! The rows of `COPY … TO STDOUT`: text, CSV and binary.

use bytes::{BufMut, BytesMut};
use quern_engine::{Error, Kind};

use super::super::Format;
use super::BatchEncoder;
use super::list::expand;

/// The options of the text format.
#[derive(Debug, Clone)]
pub struct CopyText {
    pub delimiter: u8,
    pub null: String,
}

impl Default for CopyText {
    fn default() -> Self {
        Self {
            delimiter: b'\t',
            null: "\\N".to_owned(),
        }
    }
}

/// The options of the CSV format.
#[derive(Debug, Clone)]
pub struct CopyCsv {
    pub delimiter: u8,
    pub null: String,
    pub quote: u8,
    pub escape: u8,
    /// The columns whose values are quoted even where that is not needed.
    pub force_quote: Vec<usize>,
}

impl Default for CopyCsv {
    fn default() -> Self {
        Self {
            delimiter: b',',
            null: String::new(),
            quote: b'"',
            escape: b'"',
            force_quote: Vec::new(),
        }
    }
}

/// What stands before the rows of a binary COPY.
pub fn copy_binary_header(out: &mut BytesMut) {
    out.put_slice(b"PGCOPY\n\xff\r\n\0");
    // No flags, no header extension.
    out.put_slice(&[0; 8]);
}

/// What stands after them.
pub fn copy_binary_trailer(out: &mut BytesMut) {
    out.put_i16(-1);
}

impl CopyText {
    /// The line of column names of `HEADER`.
    pub fn header<'a>(&self, names: impl IntoIterator<Item = &'a str>, out: &mut BytesMut) {
        for (at, name) in names.into_iter().enumerate() {
            if at > 0 {
                out.put_u8(self.delimiter);
            }
            let start = out.len();
            out.put_slice(name.as_bytes());
            self.escape(out, start);
        }
        out.put_u8(b'\n');
    }

    fn escape(&self, out: &mut BytesMut, start: usize) {
        expand(out, start, None, |byte| {
            let letter = match byte {
                b'\\' => b'\\',
                8 => b'b',
                9 => b't',
                10 => b'n',
                11 => b'v',
                12 => b'f',
                13 => b'r',
                byte if byte == self.delimiter => byte,
                _ => return None,
            };
            Some((b'\\', letter))
        });
    }
}

impl CopyCsv {
    /// The line of column names of `HEADER`.
    pub fn header<'a>(&self, names: impl IntoIterator<Item = &'a str>, out: &mut BytesMut) {
        let names: Vec<_> = names.into_iter().collect();
        for (at, name) in names.iter().enumerate() {
            if at > 0 {
                out.put_u8(self.delimiter);
            }
            let start = out.len();
            out.put_slice(name.as_bytes());
            self.quote(out, start, names.len() == 1, false);
        }
        out.put_u8(b'\n');
    }

    /// `alone` is the value of a row of one column, which must not read as the end marker.
    fn quote(&self, out: &mut BytesMut, start: usize, alone: bool, force: bool) {
        let value = &out[start..];
        let special =
            |b: &u8| *b == self.delimiter || *b == self.quote || matches!(b, b'\n' | b'\r');
        if force || (alone && value == b"\\.") || value.iter().any(special) {
            expand(out, start, Some(self.quote), |byte| {
                (byte == self.quote || byte == self.escape).then_some((self.escape, byte))
            });
        }
    }
}

impl BatchEncoder {
    /// Appends one line, with its line end.
    pub fn copy_text_row(
        &self,
        row: usize,
        options: &CopyText,
        out: &mut BytesMut,
    ) -> Result<(), Error> {
        for (at, cells) in self.columns.iter().enumerate() {
            if at > 0 {
                out.put_u8(options.delimiter);
            }
            if cells.is_null(row) {
                out.put_slice(options.null.as_bytes());
                continue;
            }
            let start = out.len();
            cells.column.text(row, &self.style, out)?;
            // Numbers hold nothing to escape but, perhaps, a strange delimiter.
            if !cells.column.is_plain() || options.delimiter != b'\t' {
                options.escape(out, start);
            }
        }
        out.put_u8(b'\n');
        Ok(())
    }

    /// Appends one record, with its line end.
    pub fn copy_csv_row(
        &self,
        row: usize,
        options: &CopyCsv,
        out: &mut BytesMut,
    ) -> Result<(), Error> {
        for (at, cells) in self.columns.iter().enumerate() {
            if at > 0 {
                out.put_u8(options.delimiter);
            }
            if cells.is_null(row) {
                out.put_slice(options.null.as_bytes());
                continue;
            }
            let start = out.len();
            cells.column.text(row, &self.style, out)?;
            let force =
                options.force_quote.contains(&at) || out[start..] == *options.null.as_bytes();
            options.quote(out, start, self.columns.len() == 1, force);
        }
        out.put_u8(b'\n');
        Ok(())
    }

    /// Appends one tuple of the binary format.
    pub fn copy_binary_row(&self, row: usize, out: &mut BytesMut) -> Result<(), Error> {
        let columns = i16::try_from(self.columns.len())
            .map_err(|_| Error::new(Kind::TooManyColumns, "too many columns for COPY"))?;
        out.put_i16(columns);
        for cells in &self.columns {
            cells.sized(row, Format::Binary, &self.style, out)?;
        }
        Ok(())
    }
}
