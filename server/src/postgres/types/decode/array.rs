//! Arrays from `{1,NULL,"a b"}` and from their binary form, as lists as deep as the target's type.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray, NullBufferBuilder};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{Field, FieldRef};
use quern_engine::sql::pg_type;
use quern_engine::{Error, Kind};

use super::super::{TextStyle, oid};
use super::build::Builder;
use super::{binary_fault, shortened};

/// `_text`: any array has the same name in messages.
const ARRAY: u32 = 1009;

pub struct Lists {
    /// The elements; builders of lists themselves where the array has more dimensions.
    items: Builder,
    field: FieldRef,
    lengths: Vec<usize>,
    nulls: NullBufferBuilder,
    /// The array type on the wire.
    oid: u32,
    in_list: usize,
}

impl Lists {
    pub fn new(item: &Field, oid: u32, style: &TextStyle) -> Result<Self, Error> {
        let element = match oid {
            oid::INT2VECTOR => oid::INT2,
            oid::OIDVECTOR => oid::OID,
            oid => oid::element_of(oid).unwrap_or(oid::TEXT),
        };
        let nested = pg_type::item_of(item.data_type()).is_some();
        let items = Builder::new(item.data_type(), if nested { oid } else { element }, style)?;
        Ok(Self {
            items,
            field: Arc::new(item.clone().with_nullable(true)),
            lengths: Vec::new(),
            nulls: NullBufferBuilder::new(0),
            oid,
            in_list: 0,
        })
    }

    pub fn null(&mut self) {
        self.lengths.push(0);
        self.nulls.append_null();
    }

    fn end(&mut self) {
        self.lengths.push(std::mem::take(&mut self.in_list));
        self.nulls.append_non_null();
    }

    /// The array so far.
    pub fn finish(&mut self) -> Result<ArrayRef, Error> {
        let values = self.items.finish()?;
        let total = self.lengths.iter().try_fold(0_i32, |sum, length| {
            sum.checked_add(i32::try_from(*length).ok()?)
        });
        if total.is_none() {
            return Err(Error::new(Kind::LimitExceeded, "too many array elements"));
        }
        let offsets = OffsetBuffer::from_lengths(self.lengths.drain(..));
        let field = Arc::new(
            Field::new(self.field.name(), values.data_type().clone(), true)
                .with_metadata(self.field.metadata().clone()),
        );
        let nulls = self.nulls.finish();
        Ok(Arc::new(ListArray::try_new(field, offsets, values, nulls)?))
    }

    pub fn text(&mut self, text: &str) -> Result<(), Error> {
        if matches!(self.oid, oid::INT2VECTOR | oid::OIDVECTOR) {
            for item in text.split_ascii_whitespace() {
                self.items.text(item)?;
                self.in_list += 1;
            }
            self.end();
            return Ok(());
        }
        let malformed = || {
            let shown = shortened(text);
            Error::new(
                Kind::InvalidText,
                format!("malformed array literal: \"{shown}\""),
            )
        };
        let mut rest = text.trim_ascii();
        if rest.starts_with('[') {
            // Lower bounds, which lists have not.
            rest = rest
                .split_once('=')
                .ok_or_else(malformed)?
                .1
                .trim_ascii_start();
        }
        let mut reader = Reader {
            rest,
            item: String::new(),
        };
        match self.read(&mut reader)? {
            true if reader.rest.trim_ascii().is_empty() => Ok(()),
            _ => Err(malformed()),
        }
    }

    /// Reads one array of this depth; false when it is malformed.
    fn read(&mut self, reader: &mut Reader) -> Result<bool, Error> {
        if !reader.skip('{') {
            return Ok(false);
        }
        if reader.skip('}') {
            self.end();
            return Ok(true);
        }
        loop {
            if let Some(inner) = self.items.lists() {
                if !inner.read(reader)? {
                    return Ok(false);
                }
            } else {
                match reader.item() {
                    Item::Malformed => return Ok(false),
                    Item::Null => self.items.null(),
                    Item::Text => self.items.text(&reader.item)?,
                }
            }
            self.in_list += 1;
            if reader.skip('}') {
                self.end();
                return Ok(true);
            }
            if !reader.skip(',') {
                return Ok(false);
            }
        }
    }

    fn depth(&mut self) -> usize {
        1 + self.items.lists().map_or(0, Lists::depth)
    }

    pub fn binary(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let fault = || binary_fault(ARRAY);
        let mut rest = bytes;
        let dimensions = take_i32(&mut rest).ok_or_else(fault)?;
        let _has_null = take_i32(&mut rest).ok_or_else(fault)?;
        let element = take_i32(&mut rest).ok_or_else(fault)? as u32;
        let expected = match self.oid {
            oid::INT2VECTOR => oid::INT2,
            oid::OIDVECTOR => oid::OID,
            oid => oid::element_of(oid).unwrap_or(oid::TEXT),
        };
        if element != expected {
            let (given, expected) = (oid::sql_name(element), oid::sql_name(expected));
            return Err(Error::new(
                Kind::InvalidBinary,
                format!(
                    "binary data has array element type {given} instead of expected {expected}"
                ),
            ));
        }
        if dimensions == 0 && rest.is_empty() {
            self.end();
            return Ok(());
        }
        let dimensions = usize::try_from(dimensions).map_err(|_| fault())?;
        if dimensions != self.depth() {
            return Err(Error::new(
                Kind::InvalidBinary,
                format!(
                    "an array of {dimensions} dimensions for a type of {}",
                    self.depth()
                ),
            ));
        }
        let mut lengths = [0; 8];
        let lengths = lengths.get_mut(..dimensions).ok_or_else(fault)?;
        let mut total = 1_usize;
        for length in lengths.iter_mut() {
            let given = take_i32(&mut rest).ok_or_else(fault)?;
            take_i32(&mut rest).ok_or_else(fault)?;
            *length = usize::try_from(given).map_err(|_| fault())?;
            total = total.checked_mul(*length).ok_or_else(fault)?;
        }
        // Each element has at least its length, so that a header cannot ask for what is not there.
        if total > rest.len() / 4 || (total == 0 && dimensions > 1) {
            return Err(fault());
        }
        self.elements(lengths, &mut rest)?;
        if rest.is_empty() {
            Ok(())
        } else {
            Err(fault())
        }
    }

    fn elements(&mut self, lengths: &[usize], rest: &mut &[u8]) -> Result<(), Error> {
        let fault = || binary_fault(ARRAY);
        let (own, inner_lengths) = lengths.split_first().ok_or_else(fault)?;
        for _ in 0..*own {
            self.in_list += 1;
            if let Some(inner) = self.items.lists() {
                inner.elements(inner_lengths, rest)?;
                continue;
            }
            let length = take_i32(rest).ok_or_else(fault)?;
            if length == -1 {
                self.items.null();
                continue;
            }
            let length = usize::try_from(length).map_err(|_| fault())?;
            let (value, after) = rest.split_at_checked(length).ok_or_else(fault)?;
            *rest = after;
            self.items.binary(value)?;
        }
        self.end();
        Ok(())
    }
}

fn take_i32(rest: &mut &[u8]) -> Option<i32> {
    let (word, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    Some(i32::from_be_bytes(*word))
}

enum Item {
    Malformed,
    Null,
    /// The text is in the reader.
    Text,
}

struct Reader<'a> {
    rest: &'a str,
    item: String,
}

impl Reader<'_> {
    /// Takes the character if it is next, spaces aside.
    fn skip(&mut self, c: char) -> bool {
        let rest = self.rest.trim_ascii_start();
        match rest.strip_prefix(c) {
            Some(after) => {
                self.rest = after;
                true
            }
            None => false,
        }
    }

    fn item(&mut self) -> Item {
        self.item.clear();
        if self.skip('"') {
            return self.quoted();
        }
        let mut escaped = false;
        self.rest = self.rest.trim_ascii_start();
        let mut chars = self.rest.char_indices();
        let mut end = self.rest.len();
        // What spaces at the end are cut from must not reach into what was escaped.
        let mut kept = 0;
        while let Some((at, c)) = chars.next() {
            match c {
                ',' | '}' => {
                    end = at;
                    break;
                }
                '{' | '"' => return Item::Malformed,
                '\\' => match chars.next() {
                    Some((_, c)) => {
                        escaped = true;
                        self.item.push(c);
                        kept = self.item.len();
                    }
                    None => return Item::Malformed,
                },
                c => {
                    self.item.push(c);
                    if !c.is_ascii_whitespace() {
                        kept = self.item.len();
                    }
                }
            }
        }
        self.rest = self.rest.get(end..).unwrap_or_default();
        self.item.truncate(kept);
        match self.item.as_str() {
            "" => Item::Malformed,
            word if !escaped && word.eq_ignore_ascii_case("null") => Item::Null,
            _ => Item::Text,
        }
    }

    fn quoted(&mut self) -> Item {
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = self.rest.get(at + 1..).unwrap_or_default();
                    return Item::Text;
                }
                '\\' => match chars.next() {
                    Some((_, c)) => self.item.push(c),
                    None => return Item::Malformed,
                },
                c => self.item.push(c),
            }
        }
        Item::Malformed
    }
}
