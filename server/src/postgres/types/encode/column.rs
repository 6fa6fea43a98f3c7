//! The few forms that columns are brought to before their rows are written.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, Decimal128Array,
    Decimal256Array, FixedSizeBinaryArray, Float32Array, Float64Array, Int16Array, Int32Array,
    Int64Array, IntervalMonthDayNanoArray, LargeBinaryArray, LargeStringArray, StringArray,
    StringViewArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Int64Type, IntervalMonthDayNanoType,
    IntervalUnit,
};
use quern_engine::sql::pg_type;
use quern_engine::value_text::{self, JsonColumn, TextColumn};
use quern_engine::{Error, Kind};

use super::super::{Format, TextStyle, oid};
use super::list::List;
use super::{Cells, temporal};

/// A column of a batch. Instants and times are microseconds, instants and days count from 1970.
pub enum Column {
    Bool(BooleanArray),
    Int2(Int16Array),
    Int4(Int32Array),
    Int8(Int64Array),
    Oid(Int64Array),
    Float4(Float32Array),
    Float8(Float64Array),
    Numeric(Decimal128Array, i8),
    LongNumeric(Decimal256Array, i8),
    Text(StringArray),
    LargeText(LargeStringArray),
    TextView(StringViewArray),
    /// Text that has another binary form, by its oid.
    TextOf(StringArray, u32),
    Bytes(BinaryArray),
    LargeBytes(LargeBinaryArray),
    BytesView(BinaryViewArray),
    FixedBytes(FixedSizeBinaryArray),
    Uuid(FixedSizeBinaryArray),
    Date(Int32Array),
    Time(Int64Array),
    Timestamp(Int64Array),
    TimestampTz(Int64Array),
    Interval(IntervalMonthDayNanoArray),
    /// Microseconds, as Arrow's durations last longer than its intervals can.
    Duration(Int64Array),
    List(Box<List>),
    /// Numbers with spaces between them: `int2vector`, `oidvector`.
    Vector(Box<List>),
    Record(Vec<(u32, Cells)>),
    Json(JsonColumn),
    /// The values that a dictionary refers to, and which of them is a row's.
    Dictionary(Vec<usize>, Box<Column>),
    Other(TextColumn),
}

impl Column {
    pub fn new(array: &ArrayRef, oid: u32, style: &TextStyle) -> Result<Self, Error> {
        let to = |data_type: &DataType| cast(array, data_type).map_err(Error::from);
        Ok(match array.data_type() {
            DataType::Boolean => Self::Bool(array.as_boolean().clone()),
            integer if integer.is_integer() => return Self::integer(array, oid),
            DataType::Float16 | DataType::Float32 => {
                Self::Float4(to(&DataType::Float32)?.as_primitive().clone())
            }
            DataType::Float64 => Self::Float8(array.as_primitive().clone()),
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale) => {
                let wide = to(&DataType::Decimal128(*precision, *scale))?;
                Self::Numeric(wide.as_primitive::<Decimal128Type>().clone(), *scale)
            }
            DataType::Decimal256(_, scale) => {
                Self::LongNumeric(array.as_primitive::<Decimal256Type>().clone(), *scale)
            }
            text if text.is_string() => return Self::string(array, oid),
            DataType::Binary => Self::Bytes(array.as_binary().clone()),
            DataType::LargeBinary => Self::LargeBytes(array.as_binary().clone()),
            DataType::BinaryView => Self::BytesView(array.as_binary_view().clone()),
            DataType::FixedSizeBinary(_) if oid == oid::UUID => {
                Self::Uuid(array.as_fixed_size_binary().clone())
            }
            DataType::FixedSizeBinary(_) => Self::FixedBytes(array.as_fixed_size_binary().clone()),
            temporal if temporal.is_temporal() => return Self::temporal(array),
            DataType::Dictionary(_, _) => return Self::dictionary(array, oid, style),
            DataType::RunEndEncoded(_, values) => {
                return Self::new(&to(values.data_type())?, oid, style);
            }
            list if pg_type::item_of(list).is_some() => {
                let list = Box::new(List::new(array, oid, style)?);
                match oid {
                    oid::INT2VECTOR | oid::OIDVECTOR => Self::Vector(list),
                    _ => Self::List(list),
                }
            }
            DataType::Struct(fields) if oid == oid::RECORD => {
                let columns = fields.iter().zip(array.as_struct().columns());
                let cells = columns.map(|(field, column)| {
                    let cells = Cells::new(field, column, Format::Binary, style)?;
                    Ok((oid::oid_of(field, style), cells))
                });
                Self::Record(cells.collect::<Result<_, Error>>()?)
            }
            DataType::Struct(_) | DataType::Map(_, _) => {
                Self::Json(JsonColumn::new(array, &engine_style(style)))
            }
            _ => Self::Other(TextColumn::new(array, &engine_style(style))),
        })
    }

    fn integer(array: &ArrayRef, oid: u32) -> Result<Self, Error> {
        let to = |data_type: DataType| cast(array, &data_type).map_err(Error::from);
        Ok(match oid {
            oid::INT2 => Self::Int2(to(DataType::Int16)?.as_primitive().clone()),
            oid::INT4 => Self::Int4(to(DataType::Int32)?.as_primitive().clone()),
            oid::INT8 => Self::Int8(to(DataType::Int64)?.as_primitive().clone()),
            oid::NUMERIC => {
                let wide = to(DataType::Decimal128(20, 0))?;
                Self::Numeric(wide.as_primitive().clone(), 0)
            }
            _ => Self::Oid(to(DataType::Int64)?.as_primitive().clone()),
        })
    }

    fn string(array: &ArrayRef, oid: u32) -> Result<Self, Error> {
        let vector = matches!(oid, oid::INT2VECTOR | oid::OIDVECTOR);
        if vector || matches!(oid, oid::UUID | oid::JSONB) || oid::is_oid(oid) {
            let text = cast(array, &DataType::Utf8)?;
            return Ok(Self::TextOf(text.as_string().clone(), oid));
        }
        Ok(match array.data_type() {
            DataType::Utf8View => Self::TextView(array.as_string_view().clone()),
            DataType::LargeUtf8 => Self::LargeText(array.as_string().clone()),
            _ => Self::Text(array.as_string().clone()),
        })
    }

    fn temporal(array: &ArrayRef) -> Result<Self, Error> {
        Ok(match array.data_type() {
            DataType::Date32 => Self::Date(array.as_primitive::<Date32Type>().reinterpret_cast()),
            DataType::Date64 => Self::Date(temporal::days(array)?),
            DataType::Time32(_) | DataType::Time64(_) => Self::Time(temporal::micros(array)?),
            DataType::Timestamp(_, None) => Self::Timestamp(temporal::micros(array)?),
            DataType::Timestamp(_, Some(_)) => Self::TimestampTz(temporal::micros(array)?),
            DataType::Duration(_) => Self::Duration(temporal::micros(array)?),
            DataType::Interval(IntervalUnit::MonthDayNano) => {
                Self::Interval(array.as_primitive::<IntervalMonthDayNanoType>().clone())
            }
            _ => {
                let interval = DataType::Interval(IntervalUnit::MonthDayNano);
                Self::Interval(cast(array, &interval)?.as_primitive().clone())
            }
        })
    }

    fn dictionary(array: &ArrayRef, oid: u32, style: &TextStyle) -> Result<Self, Error> {
        let dictionary = array.as_any_dictionary();
        let values: ArrayRef = Arc::clone(dictionary.values());
        let keys = if values.is_empty() {
            Vec::new()
        } else {
            dictionary.normalized_keys()
        };
        let column = Self::new(&values, oid, style)?;
        Ok(Self::Dictionary(keys, Box::new(column)))
    }
}

/// The engine's part of the style.
pub fn engine_style(style: &TextStyle) -> value_text::TextStyle {
    value_text::TextStyle {
        timezone: style.timezone,
    }
}

/// A numeric array's values as 64 bits, for the elements of vectors.
pub fn integers(array: &ArrayRef) -> Result<Int64Array, Error> {
    let wide = cast(array, &DataType::Int64)?;
    Ok(wide.as_primitive::<Int64Type>().clone())
}

/// Text with a zero byte would end early in the client.
pub fn zero_byte() -> Error {
    Error::new(Kind::BadData, "text with a zero byte cannot be sent")
        .hint("Remove it with replace(value, chr(0), '') or send the value as bytes.")
}
