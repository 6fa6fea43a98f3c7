//! Values as text, for a start: the types and the binary forms follow.
use arrow::array::{Array, RecordBatch};
use arrow::datatypes::*;
use bytes::{BufMut, BytesMut};
use datafusion::common::ScalarValue;
use quern_engine::value_text::{TextColumn, TextStyle as Inner};
use quern_engine::{Error, Kind, Result};
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Binary,
}
impl Format {
    pub fn code(self) -> i16 {
        self as i16
    }
}
pub struct PgType {
    pub oid: u32,
    pub len: i16,
    pub modifier: i32,
}
pub fn pg_type_of(f: &Field, _: &TextStyle) -> PgType {
    let (oid, len) = match f.data_type() {
        DataType::Boolean => (16, 1),
        DataType::Int16 => (21, 2),
        DataType::Int32 => (23, 4),
        DataType::Int64 => (20, 8),
        DataType::Float64 => (701, 8),
        DataType::Float32 => (700, 4),
        DataType::Date32 => (1082, 4),
        DataType::Decimal128(..) | DataType::Decimal256(..) => (1700, -1),
        _ => (25, -1),
    };
    PgType {
        oid,
        len,
        modifier: -1,
    }
}
pub fn arrow_type_of(oid: u32) -> Option<DataType> {
    Some(match oid {
        16 => DataType::Boolean,
        21 => DataType::Int16,
        23 => DataType::Int32,
        20 => DataType::Int64,
        701 => DataType::Float64,
        25 => DataType::Utf8,
        _ => return None,
    })
}
pub struct TextStyle(Inner);
impl TextStyle {
    pub fn of(s: &quern_engine::Settings) -> Self {
        Self(Inner::new(s.timezone()))
    }
}
pub struct RowEncoder(Inner);
impl RowEncoder {
    pub fn new(_: &Schema, _: &[Format], s: &TextStyle) -> Result<Self> {
        Ok(Self(s.0))
    }
    pub fn batch(&self, b: &RecordBatch) -> Result<BatchEncoder> {
        Ok(BatchEncoder(
            b.columns()
                .iter()
                .map(|c| {
                    (
                        TextColumn::new(c, &self.0),
                        *c.data_type() == DataType::Boolean,
                    )
                })
                .collect(),
        ))
    }
}
pub struct BatchEncoder(Vec<(TextColumn, bool)>);
impl BatchEncoder {
    pub fn data_row(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let at = out.len();
        out.put_u8(b'D');
        out.put_u32(0);
        out.put_i16(self.0.len() as i16);
        let mut s = String::new();
        for (c, b) in &self.0 {
            s.clear();
            if c.write(row, &mut s) {
                if *b {
                    s.truncate(1);
                }
                out.put_i32(s.len() as i32);
                out.put_slice(s.as_bytes());
            } else {
                out.put_i32(-1);
            }
        }
        let l = (out.len() - at - 1) as u32;
        out[at + 1..at + 5].copy_from_slice(&l.to_be_bytes());
        Ok(())
    }
}
pub fn parameter(
    _oid: u32,
    _f: Format,
    b: Option<&[u8]>,
    w: &DataType,
    _: &TextStyle,
) -> Result<ScalarValue> {
    match b {
        None => ScalarValue::try_from(w).map_err(Error::from),
        Some(b) => ScalarValue::try_from_string(
            String::from_utf8(b.to_vec()).map_err(|_| Error::new(Kind::InvalidText, "x"))?,
            w,
        )
        .map_err(Error::from),
    }
}
