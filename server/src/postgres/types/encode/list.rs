//! Arrays: `{1,NULL,"a b"}` and their binary form, nested lists as dimensions.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use bytes::{BufMut, BytesMut};
use quern_engine::sql::pg_type;
use quern_engine::value_text::number;
use quern_engine::{Error, Kind};

use super::super::{Format, TextStyle, oid};
use super::Cells;
use super::column::{Column, integers};

/// PostgreSQL's `MAXDIM`.
const MOST_DIMENSIONS: usize = 6;

/// Where a row's items are within all items.
enum Ranges {
    Offsets(Vec<usize>),
    Views(Vec<(usize, usize)>),
    Fixed(usize),
}

impl Ranges {
    fn new(array: &ArrayRef) -> Option<(Self, ArrayRef)> {
        fn views<O: TryInto<usize> + Copy>(offsets: &[O], sizes: &[O]) -> Ranges {
            let number = |n: &O| (*n).try_into().unwrap_or(0);
            let pairs = offsets.iter().zip(sizes);
            Ranges::Views(pairs.map(|(at, size)| (number(at), number(size))).collect())
        }
        fn offsets<O: TryInto<usize> + Copy>(offsets: &[O]) -> Ranges {
            Ranges::Offsets(
                offsets
                    .iter()
                    .map(|n| (*n).try_into().unwrap_or(0))
                    .collect(),
            )
        }
        Some(match array.data_type() {
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                (offsets(list.value_offsets()), list.values().clone())
            }
            DataType::LargeList(_) => {
                let list = array.as_list::<i64>();
                (offsets(list.value_offsets()), list.values().clone())
            }
            DataType::ListView(_) => {
                let list = array.as_list_view::<i32>();
                (
                    views(list.value_offsets(), list.value_sizes()),
                    list.values().clone(),
                )
            }
            DataType::LargeListView(_) => {
                let list = array.as_list_view::<i64>();
                (
                    views(list.value_offsets(), list.value_sizes()),
                    list.values().clone(),
                )
            }
            DataType::FixedSizeList(_, length) => {
                let values = array.as_fixed_size_list().values().clone();
                (Self::Fixed(usize::try_from(*length).unwrap_or(0)), values)
            }
            _ => return None,
        })
    }

    fn of(&self, row: usize) -> Range<usize> {
        match self {
            Self::Offsets(offsets) => match offsets.get(row..row + 2) {
                Some([start, end]) => *start..*end,
                _ => 0..0,
            },
            Self::Views(views) => match views.get(row) {
                Some((start, length)) => *start..start + length,
                None => 0..0,
            },
            Self::Fixed(length) => row * length..(row + 1) * length,
        }
    }
}

/// A column of lists.
pub struct List {
    ranges: Ranges,
    items: Cells,
    /// The oid of the innermost elements.
    element: u32,
}

impl List {
    pub fn new(array: &ArrayRef, oid: u32, style: &TextStyle) -> Result<Self, Error> {
        let field = pg_type::item_of(array.data_type()).cloned();
        let (Some(field), Some((ranges, values))) = (field, Ranges::new(array)) else {
            return Err(Error::internal("a list without items"));
        };
        let element = match oid {
            oid::INT2VECTOR => oid::INT2,
            oid::OIDVECTOR => oid::OID,
            array => oid::element_of(array).unwrap_or(oid::TEXT),
        };
        let column = match oid {
            oid::INT2VECTOR | oid::OIDVECTOR => vector_items(&values, element)?,
            _ if pg_type::item_of(field.data_type()).is_some() => Column::new(&values, oid, style)?,
            _ => Column::new(&values, element, style)?,
        };
        let items = Cells {
            nulls: values
                .logical_nulls()
                .filter(|nulls| nulls.null_count() > 0),
            format: Format::Binary,
            column,
        };
        Ok(Self {
            ranges,
            items,
            element,
        })
    }

    pub fn text(&self, row: usize, style: &TextStyle, out: &mut BytesMut) -> Result<(), Error> {
        let start = out.len();
        out.put_u8(b'{');
        let mut any = false;
        let plain = self.items.column.is_plain();
        for (at, index) in self.ranges.of(row).enumerate() {
            if at > 0 {
                out.put_u8(b',');
            }
            if self.items.is_null(index) {
                out.put_slice(b"NULL");
                any = true;
                continue;
            }
            let item = out.len();
            self.items.column.text(index, style, out)?;
            any |= !matches!(self.items.column, Column::List(_)) || out[item..] != *b"{}";
            if !plain && !matches!(self.items.column, Column::List(_)) {
                quote_if(out, item, needs_quotes, |b| {
                    matches!(b, b'"' | b'\\').then_some((b'\\', b))
                });
            }
        }
        // An array without elements has no dimensions.
        if !any {
            out.truncate(start + 1);
        }
        out.put_u8(b'}');
        Ok(())
    }

    pub fn vector_text(
        &self,
        row: usize,
        style: &TextStyle,
        out: &mut BytesMut,
    ) -> Result<(), Error> {
        for (at, index) in self.ranges.of(row).enumerate() {
            if at > 0 {
                out.put_u8(b' ');
            }
            match self.items.is_null(index) {
                true => number::integer(0, out),
                false => self.items.column.text(index, style, out)?,
            }
        }
        Ok(())
    }

    /// `lower` is the index of the first element.
    pub fn binary(
        &self,
        row: usize,
        style: &TextStyle,
        out: &mut BytesMut,
        lower: i32,
    ) -> Result<(), Error> {
        let mut lengths = [0; MOST_DIMENSIONS];
        let dimensions = self.dimensions(row, &mut lengths)?;
        let lengths = lengths.get(..dimensions).unwrap_or_default();
        // A vector keeps its dimension when it is empty.
        let empty = lengths.contains(&0) && lower == 1;
        let start = out.len();
        out.put_i32(if empty { 0 } else { dimensions as i32 });
        out.put_i32(0);
        out.put_u32(self.element);
        if empty {
            return Ok(());
        }
        for length in lengths {
            out.put_i32(i32::try_from(*length).unwrap_or(i32::MAX));
            out.put_i32(lower);
        }
        if self.elements(row, style, out)? {
            out[start + 7] = 1;
        }
        Ok(())
    }

    /// Appends the innermost elements and says whether any is NULL.
    fn elements(&self, row: usize, style: &TextStyle, out: &mut BytesMut) -> Result<bool, Error> {
        let mut any_null = false;
        for index in self.ranges.of(row) {
            if let Column::List(inner) = &self.items.column {
                any_null |= inner.elements(index, style, out)?;
                continue;
            }
            any_null |= self.items.is_null(index);
            self.items.sized(index, Format::Binary, style, out)?;
        }
        Ok(any_null)
    }

    /// Fills in the length of each dimension; those of all parts must be equal.
    fn dimensions(&self, row: usize, lengths: &mut [usize]) -> Result<usize, Error> {
        let Some((own, inner)) = lengths.split_first_mut() else {
            return Err(Error::new(
                Kind::LimitExceeded,
                format!("an array has more than {MOST_DIMENSIONS} dimensions"),
            ));
        };
        let range = self.ranges.of(row);
        *own = range.len();
        let Column::List(list) = &self.items.column else {
            return Ok(1);
        };
        let mut depth = 1;
        let mut other = [0; MOST_DIMENSIONS];
        for (at, index) in range.enumerate() {
            let ragged = || {
                Error::unsupported("a list of lists of different lengths in binary form")
                    .hint("Ask for the column as text, or cast it to text.")
            };
            if self.items.is_null(index) {
                return Err(ragged());
            }
            if at == 0 {
                depth = 1 + list.dimensions(index, inner)?;
                continue;
            }
            let other = other.get_mut(..inner.len()).unwrap_or_default();
            list.dimensions(index, other)?;
            if other.get(..depth - 1) != inner.get(..depth - 1) {
                return Err(ragged());
            }
        }
        Ok(depth)
    }
}

fn vector_items(values: &ArrayRef, element: u32) -> Result<Column, Error> {
    let integers = integers(values)?;
    Ok(if element == oid::OID {
        Column::Oid(integers)
    } else {
        let short = arrow::compute::cast(&integers, &DataType::Int16)?;
        Column::Int2(short.as_primitive().clone())
    })
}

/// Whether an element would read as something else without quotes.
fn needs_quotes(item: &[u8]) -> bool {
    let special = |b: &u8| matches!(b, b'"' | b'\\' | b'{' | b'}' | b',' | 9..=13 | b' ');
    item.is_empty() || item.eq_ignore_ascii_case(b"null") || item.iter().any(special)
}

/// Puts what is from `start` on into double quotes where that is needed.
pub fn quote_if(
    out: &mut BytesMut,
    start: usize,
    needed: impl Fn(&[u8]) -> bool,
    escape: impl Fn(u8) -> Option<(u8, u8)>,
) {
    if needed(&out[start..]) {
        expand(out, start, Some(b'"'), escape);
    }
}

/// Replaces, from `start` on and in place, the bytes for which `map` gives two others, and puts
/// `around` before and after all.
pub fn expand(
    out: &mut BytesMut,
    start: usize,
    around: Option<u8>,
    map: impl Fn(u8) -> Option<(u8, u8)>,
) {
    let more = out[start..].iter().filter(|b| map(**b).is_some()).count();
    if more == 0 && around.is_none() {
        return;
    }
    let length = out.len();
    let around_bytes = if around.is_some() { 2 } else { 0 };
    out.put_bytes(around.unwrap_or_default(), more + around_bytes);
    let mut to = out.len() - around_bytes / 2;
    for from in (start..length).rev() {
        let byte = out[from];
        if let Some((first, second)) = map(byte) {
            to -= 2;
            out[to] = first;
            out[to + 1] = second;
        } else {
            to -= 1;
            out[to] = byte;
        }
    }
    if let Some(around) = around {
        out[start] = around;
        if let Some(last) = out.last_mut() {
            *last = around;
        }
    }
}
