//! The tuples of the binary format.

use quern_engine::{Error, Kind};

use super::Rows;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Flags of which a reader must know the meaning; we know none.
const CRITICAL_FLAGS: u32 = 0xffff_0000;

/// Where in the data we are.
#[derive(Default)]
pub struct State {
    after_header: bool,
    ended: bool,
}

impl State {
    /// Reads the whole tuples at the start of `bytes` and says how long they are.
    pub fn records(&mut self, bytes: &[u8], rows: &mut Rows) -> Result<usize, Error> {
        let mut rest = bytes;
        if !self.after_header {
            match header(rest)? {
                Some(length) => rest = rest.get(length..).unwrap_or_default(),
                None => return Ok(0),
            }
            self.after_header = true;
        }
        while !self.ended {
            let Some(length) = tuple_length(rest, rows)? else {
                return Ok(bytes.len() - rest.len());
            };
            let (tuple, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            if tuple == [0xff, 0xff] {
                self.ended = true;
            } else {
                self.tuple(tuple, rows)?;
            }
            rest = after;
        }
        if !rest.is_empty() {
            return Err(bad("received copy data after EOF marker"));
        }
        Ok(bytes.len())
    }

    fn tuple(&self, tuple: &[u8], rows: &mut Rows) -> Result<(), Error> {
        rows.line += 1;
        let mut fields = tuple.get(2..).unwrap_or_default();
        let mut column = 0;
        while let Some((word, after)) = fields.split_first_chunk::<4>() {
            let length = i32::from_be_bytes(*word);
            let Ok(length) = usize::try_from(length) else {
                rows.binary(column, None)?;
                fields = after;
                column += 1;
                continue;
            };
            let (value, after) = after.split_at_checked(length).unwrap_or((after, &[]));
            rows.binary(column, Some(value))?;
            fields = after;
            column += 1;
        }
        rows.end()
    }

    pub fn finish(&self, pending: &[u8]) -> Result<(), Error> {
        if !self.after_header {
            return Err(bad("COPY file signature not recognized"));
        }
        // PostgreSQL takes data without a trailer, too.
        if !pending.is_empty() {
            return Err(bad("unexpected EOF in COPY data"));
        }
        Ok(())
    }
}

/// How long the header is; `None` while it is not all here.
fn header(bytes: &[u8]) -> Result<Option<usize>, Error> {
    let seen = bytes.len().min(SIGNATURE.len());
    if bytes.get(..seen) != SIGNATURE.get(..seen) {
        return Err(bad("COPY file signature not recognized"));
    }
    let (Some(flags), Some(extension)) = (word(bytes, 11), word(bytes, 15)) else {
        return Ok(None);
    };
    if flags as u32 & (1 << 16) != 0 {
        return Err(bad("invalid COPY file header (WITH OIDS)"));
    }
    if flags as u32 & CRITICAL_FLAGS != 0 {
        return Err(bad("unrecognized critical flags in COPY file header"));
    }
    let invalid = || bad("invalid COPY file header (wrong length)");
    let extension = usize::try_from(extension).map_err(|_| invalid())?;
    let length = 19_usize.checked_add(extension).ok_or_else(invalid)?;
    Ok((bytes.len() >= length).then_some(length))
}

/// How long the first tuple is, or the two bytes of the trailer; `None` while it is not all here.
fn tuple_length(bytes: &[u8], rows: &Rows) -> Result<Option<usize>, Error> {
    let Some(count) = bytes.first_chunk::<2>() else {
        return Ok(None);
    };
    let count = i16::from_be_bytes(*count);
    if count == -1 {
        return Ok(Some(2));
    }
    let expected = rows.builders.len();
    if usize::try_from(count) != Ok(expected) {
        return Err(rows.located(bad(format!(
            "row field count is {count}, expected {expected}"
        ))));
    }
    let mut length = 2_usize;
    for _ in 0..expected {
        let Some(field) = word(bytes, length) else {
            return Ok(None);
        };
        length += 4;
        match usize::try_from(field) {
            Ok(field) => length = length.saturating_add(field),
            Err(_) if field == -1 => {}
            Err(_) => return Err(rows.located(bad("invalid field size"))),
        }
    }
    Ok((bytes.len() >= length).then_some(length))
}

fn word(bytes: &[u8], at: usize) -> Option<i32> {
    let word = bytes.get(at..)?.first_chunk::<4>()?;
    Some(i32::from_be_bytes(*word))
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(Kind::BadData, message)
}
