//! Lines of the text and CSV formats: where they end, and their fields.

use quern_engine::{Error, Kind};

use super::{CopyFormat, CopyHeader, CopyOptions, Rows};

/// What has been seen of the data so far.
#[derive(Default)]
pub struct Lines {
    /// Lines before which all is done.
    count: u64,
    /// Whether lines end with CRLF, from the first on.
    crlf: Option<bool>,
    /// After `\.`, whatever comes is ignored.
    ended: bool,
    /// How much of an unfinished record has been searched for its end, and whether that is within
    /// quotes.
    searched: usize,
    quoted: bool,
    /// A field without its escapes.
    field: Vec<u8>,
}

impl Lines {
    /// Reads the whole records at the start of `bytes` and says how long they are.
    pub fn records(
        &mut self,
        bytes: &[u8],
        options: &CopyOptions,
        rows: &mut Rows,
    ) -> Result<usize, Error> {
        let mut start = 0;
        while !self.ended {
            let rest = bytes.get(start..).unwrap_or_default();
            let Some(end) = self.end_of_record(rest, options) else {
                return Ok(start);
            };
            self.record(rest.get(..end).unwrap_or_default(), options, rows)?;
            start += end + 1;
        }
        Ok(bytes.len())
    }

    pub fn finish(
        &mut self,
        bytes: &[u8],
        options: &CopyOptions,
        rows: &mut Rows,
    ) -> Result<(), Error> {
        if self.ended || bytes.is_empty() {
            return Ok(());
        }
        if self.quoted {
            rows.line = self.count + 1;
            return Err(rows.located(Error::new(Kind::BadData, "unterminated CSV quoted field")));
        }
        self.record(bytes, options, rows)
    }

    /// Where the line feed is that ends the first record.
    fn end_of_record(&mut self, bytes: &[u8], options: &CopyOptions) -> Option<usize> {
        let mut at = self.searched;
        let end = if options.format == CopyFormat::Csv {
            self.end_of_csv(bytes, &mut at, options)
        } else {
            loop {
                let rest = bytes.get(at..).unwrap_or_default();
                match memchr::memchr2(b'\n', b'\\', rest) {
                    None => {
                        at = bytes.len();
                        break None;
                    }
                    Some(found) if rest[found] == b'\n' => break Some(at + found),
                    // What a backslash stands before ends no line.
                    Some(found) if at + found + 1 < bytes.len() => at += found + 2,
                    Some(found) => {
                        at += found;
                        break None;
                    }
                }
            }
        };
        self.searched = if end.is_some() { 0 } else { at };
        end
    }

    fn end_of_csv(&mut self, bytes: &[u8], at: &mut usize, options: &CopyOptions) -> Option<usize> {
        loop {
            let rest = bytes.get(*at..).unwrap_or_default();
            let found = match self.quoted {
                true => memchr::memchr2(options.quote, options.escape, rest),
                false => memchr::memchr2(options.quote, b'\n', rest),
            };
            let Some(found) = found else {
                *at = bytes.len();
                return None;
            };
            let byte = rest[found];
            if !self.quoted && byte == b'\n' {
                return Some(*at + found);
            }
            let escapes = self.quoted && byte == options.escape && byte != options.quote;
            if escapes && found + 1 >= rest.len() {
                *at += found;
                return None;
            }
            if escapes {
                let next = rest[found + 1];
                let taken = next == options.quote || next == options.escape;
                *at += found + 1 + usize::from(taken);
                continue;
            }
            // A doubled quote leaves and enters again, which comes to the same.
            self.quoted = !self.quoted;
            *at += found + 1;
        }
    }

    fn record(
        &mut self,
        bytes: &[u8],
        options: &CopyOptions,
        rows: &mut Rows,
    ) -> Result<(), Error> {
        self.count += 1;
        rows.line = self.count;
        let crlf = *self.crlf.get_or_insert(bytes.ends_with(b"\r"));
        let line = match bytes.strip_suffix(b"\r") {
            Some(line) if crlf => line,
            _ => bytes,
        };
        if line == b"\\." {
            self.ended = true;
            return Ok(());
        }
        let csv = options.format == CopyFormat::Csv;
        if self.count == 1 && options.header != CopyHeader::None {
            return match options.header {
                CopyHeader::Match if csv => self.csv(line, options, &mut Header { rows }),
                CopyHeader::Match => self.text(line, options, &mut Header { rows }),
                _ => Ok(()),
            };
        }
        if csv {
            self.csv(line, options, rows)?;
            self.count += line.iter().filter(|b| **b == b'\n').count() as u64;
        } else {
            self.text(line, options, rows)?;
        }
        rows.end()
    }

    /// Fields between delimiters, with backslashes before what is special.
    fn text(
        &mut self,
        line: &[u8],
        options: &CopyOptions,
        fields: &mut impl Fields,
    ) -> Result<(), Error> {
        if fields.count() == 0 && line.is_empty() {
            return Ok(());
        }
        let (mut column, mut start) = (0, 0);
        loop {
            let mut at = start;
            let mut escaped = false;
            let end = loop {
                let rest = line.get(at..).unwrap_or_default();
                match memchr::memchr2(options.delimiter, b'\\', rest) {
                    None => break line.len(),
                    Some(found) if rest[found] == b'\\' => {
                        escaped = true;
                        at += found + 2;
                    }
                    Some(found) => break at + found,
                }
            };
            let raw = line.get(start..end).unwrap_or_default();
            if raw == options.null.as_bytes() {
                fields.field(column, None)?;
            } else if escaped {
                self.field.clear();
                unescape(raw, &mut self.field);
                fields.field(column, Some(&self.field))?;
            } else {
                fields.field(column, Some(raw))?;
            }
            column += 1;
            if end >= line.len() {
                break;
            }
            start = end + 1;
        }
        fields.end(column)
    }

    /// Fields between delimiters, or within quotes.
    fn csv(
        &mut self,
        line: &[u8],
        options: &CopyOptions,
        fields: &mut impl Fields,
    ) -> Result<(), Error> {
        if fields.count() == 0 && line.is_empty() {
            return Ok(());
        }
        let is = |flags: &[bool], column: usize| flags.get(column).copied().unwrap_or(false);
        let (mut column, mut start) = (0, 0);
        loop {
            let rest = line.get(start..).unwrap_or_default();
            let end = memchr::memchr2(options.delimiter, options.quote, rest);
            let quoted = end.is_some_and(|at| rest[at] == options.quote);
            let null = options.null.as_bytes();
            let length = if quoted {
                self.field.clear();
                let length = unquote(rest, options, &mut self.field);
                let is_null = is(&options.force_null, column) && self.field == null;
                fields.field(column, (!is_null).then_some(&self.field))?;
                length
            } else {
                let length = end.unwrap_or(rest.len());
                let raw = rest.get(..length).unwrap_or_default();
                let is_null = raw == null && !is(&options.force_not_null, column);
                fields.field(column, (!is_null).then_some(raw))?;
                length
            };
            column += 1;
            start += length;
            if start >= line.len() {
                break;
            }
            start += 1;
        }
        fields.end(column)
    }
}

/// Takes a field with quotes in it and says how long it was. Quotes may open within a field, too.
fn unquote(bytes: &[u8], options: &CopyOptions, out: &mut Vec<u8>) -> usize {
    let mut quoted = false;
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        let next = bytes.get(at + 1).copied();
        if quoted
            && byte == options.escape
            && let Some(next) = next.filter(|n| *n == options.quote || *n == options.escape)
        {
            out.push(next);
            at += 2;
            continue;
        }
        if byte == options.quote {
            quoted = !quoted;
        } else if !quoted && byte == options.delimiter {
            return at;
        } else {
            out.push(byte);
        }
        at += 1;
    }
    at
}

/// Resolves `\n`, `\x41`, `\101` and backslashes before anything else.
fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (before, from) = rest.split_at(at);
        out.extend_from_slice(before);
        rest = from.get(1..).unwrap_or_default();
        let Some((letter, after)) = rest.split_first() else {
            // A backslash at the very end stands for itself.
            out.push(b'\\');
            return;
        };
        rest = after;
        let digits = |rest: &mut &[u8], most: usize, base: u32| {
            let is = |b: &&u8| char::from(**b).is_digit(base);
            let count = rest.iter().take(most).take_while(is).count();
            let (digits, after) = rest.split_at(count);
            *rest = after;
            let value = |b: &u8| char::from(*b).to_digit(base).unwrap_or_default();
            digits.iter().fold(0, |sum, b| sum * base + value(b))
        };
        match letter {
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(11),
            b'x' if rest.first().is_some_and(u8::is_ascii_hexdigit) => {
                out.push(digits(&mut rest, 2, 16) as u8);
            }
            b'0'..=b'7' => {
                let first = u32::from(letter - b'0');
                let before = rest.len();
                let more = digits(&mut rest, 2, 8);
                let count = (before - rest.len()) as u32;
                out.push((first * 8_u32.pow(count) + more) as u8);
            }
            other => out.push(*other),
        }
    }
    out.extend_from_slice(rest);
}

/// Where the fields of a line go.
trait Fields {
    fn count(&self) -> usize;
    fn field(&mut self, column: usize, value: Option<&[u8]>) -> Result<(), Error>;
    /// After the last field.
    fn end(&mut self, columns: usize) -> Result<(), Error>;
}

impl Fields for Rows {
    fn count(&self) -> usize {
        self.builders.len()
    }

    #[inline]
    fn field(&mut self, column: usize, value: Option<&[u8]>) -> Result<(), Error> {
        self.text(column, value)
    }

    fn end(&mut self, columns: usize) -> Result<(), Error> {
        if columns < self.builders.len() {
            return Err(self.missing(columns));
        }
        Ok(())
    }
}

/// The line of names, which have to be the columns'.
struct Header<'a> {
    rows: &'a mut Rows,
}

impl Fields for Header<'_> {
    fn count(&self) -> usize {
        self.rows.builders.len()
    }

    fn field(&mut self, column: usize, value: Option<&[u8]>) -> Result<(), Error> {
        let (expected, number) = (self.rows.name(column), column + 1);
        let found = value.map(String::from_utf8_lossy);
        if column < self.rows.builders.len() && found.as_deref() == Some(expected) {
            return Ok(());
        }
        let got = found.map_or("null value".to_owned(), |found| format!("\"{found}\""));
        let message = if column < self.rows.builders.len() {
            format!(
                "column name mismatch in header line field {number}: got {got}, expected \"{expected}\""
            )
        } else {
            let count = self.rows.builders.len();
            format!("wrong number of fields in header line: field {number}, expected {count}")
        };
        Err(self.rows.located(Error::new(Kind::BadData, message)))
    }

    fn end(&mut self, columns: usize) -> Result<(), Error> {
        let expected = self.rows.builders.len();
        if columns != expected {
            return Err(self.rows.located(Error::new(
                Kind::BadData,
                format!(
                    "wrong number of fields in header line: got {columns}, expected {expected}"
                ),
            )));
        }
        Ok(())
    }
}
