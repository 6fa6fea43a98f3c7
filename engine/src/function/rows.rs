//! Row by row: how a function reads its arguments and writes its result.
//!
//! A row whose argument is NULL gives NULL unless the function says otherwise ([`given`]). Text that
//! a function builds is bounded per value and per batch, so that no call can exhaust memory.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BooleanArray, BooleanBuilder,
    Float64Array, Int32Array, Int64Array, IntervalMonthDayNanoArray, LargeStringArray, ListArray,
    PrimitiveArray, PrimitiveBuilder, StringArray, StringViewArray, StringViewBuilder,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Date32Type, Float64Type, Int32Type, Int64Type, IntervalMonthDayNanoType,
    Time64MicrosecondType, TimestampMicrosecondType,
};
use datafusion::common::Result;
use datafusion::common::cast::{as_list_array, as_primitive_array};
use datafusion::common::config::ConfigOptions;

use super::define::Call;
use crate::error::{Error, Kind};
use crate::settings::Limits;

/// The longest value that a function builds.
pub(crate) const MAX_VALUE_BYTES: usize = 256 << 20;
/// The most text that one call builds for one batch.
pub(crate) const MAX_BATCH_BYTES: usize = 512 << 20;

/// The value of an `Option`, or NULL for this row.
macro_rules! given {
    ($value:expr) => {
        match $value {
            Some(value) => value,
            None => return Ok(None),
        }
    };
}
pub(crate) use given;

/// Any string array.
pub(crate) enum Text<'a> {
    Small(&'a StringArray),
    Large(&'a LargeStringArray),
    View(&'a StringViewArray),
}

impl<'a> Text<'a> {
    pub(crate) fn of(array: &'a dyn Array) -> Result<Self> {
        match array.data_type() {
            DataType::Utf8 => Ok(Text::Small(array.as_string())),
            DataType::LargeUtf8 => Ok(Text::Large(array.as_string())),
            DataType::Utf8View => Ok(Text::View(array.as_string_view())),
            other => Err(Error::internal(format!("{other} where text is due")).into()),
        }
    }

    pub(crate) fn at(&self, row: usize) -> Option<&'a str> {
        match self {
            Text::Small(a) => a.is_valid(row).then(|| a.value(row)),
            Text::Large(a) => a.is_valid(row).then(|| a.value(row)),
            Text::View(a) => a.is_valid(row).then(|| a.value(row)),
        }
    }
}

/// The value at a row, or `None` for NULL.
pub(crate) trait At<T> {
    fn at(&self, row: usize) -> Option<T>;
}

impl<T: ArrowPrimitiveType> At<T::Native> for PrimitiveArray<T> {
    fn at(&self, row: usize) -> Option<T::Native> {
        self.is_valid(row).then(|| self.value(row))
    }
}

impl At<bool> for BooleanArray {
    fn at(&self, row: usize) -> Option<bool> {
        self.is_valid(row).then(|| self.value(row))
    }
}

impl At<ArrayRef> for ListArray {
    fn at(&self, row: usize) -> Option<ArrayRef> {
        self.is_valid(row).then(|| self.value(row))
    }
}

impl<'a> At<&'a [u8]> for &'a BinaryArray {
    fn at(&self, row: usize) -> Option<&'a [u8]> {
        self.is_valid(row).then(|| self.value(row))
    }
}

impl Call {
    fn arg(&self, i: usize) -> Result<&ArrayRef> {
        self.arrays.get(i).ok_or_else(|| {
            Error::internal(format!("{} has no argument {}", self.name, i + 1)).into()
        })
    }

    pub(crate) fn array(&self, i: usize) -> Result<&ArrayRef> {
        self.arg(i)
    }

    pub(crate) fn text(&self, i: usize) -> Result<Text<'_>> {
        Text::of(self.arg(i)?.as_ref())
    }

    pub(crate) fn ints(&self, i: usize) -> Result<&Int64Array> {
        as_primitive_array::<Int64Type>(self.arg(i)?)
    }

    pub(crate) fn int32s(&self, i: usize) -> Result<&Int32Array> {
        as_primitive_array::<Int32Type>(self.arg(i)?)
    }

    pub(crate) fn floats(&self, i: usize) -> Result<&Float64Array> {
        as_primitive_array::<Float64Type>(self.arg(i)?)
    }

    pub(crate) fn dates(&self, i: usize) -> Result<&PrimitiveArray<Date32Type>> {
        as_primitive_array::<Date32Type>(self.arg(i)?)
    }

    pub(crate) fn micros(&self, i: usize) -> Result<&PrimitiveArray<TimestampMicrosecondType>> {
        as_primitive_array::<TimestampMicrosecondType>(self.arg(i)?)
    }

    pub(crate) fn times(&self, i: usize) -> Result<&PrimitiveArray<Time64MicrosecondType>> {
        as_primitive_array::<Time64MicrosecondType>(self.arg(i)?)
    }

    pub(crate) fn intervals(&self, i: usize) -> Result<&IntervalMonthDayNanoArray> {
        as_primitive_array::<IntervalMonthDayNanoType>(self.arg(i)?)
    }

    pub(crate) fn bytes(&self, i: usize) -> Result<&BinaryArray> {
        datafusion::common::cast::as_binary_array(self.arg(i)?)
    }

    pub(crate) fn lists(&self, i: usize) -> Result<&ListArray> {
        as_list_array(self.arg(i)?)
    }

    /// The session's time zone.
    pub(crate) fn zone(&self) -> &str {
        self.config.execution.time_zone.as_deref().unwrap_or("UTC")
    }

    /// A primitive result, one row at a time.
    pub(crate) fn each<T: ArrowPrimitiveType>(
        &self,
        mut row: impl FnMut(usize) -> Result<Option<T::Native>>,
    ) -> Result<ArrayRef> {
        let mut out =
            PrimitiveBuilder::<T>::with_capacity(self.rows).with_data_type(self.returns.clone());
        for i in 0..self.rows {
            out.append_option(row(i)?);
        }
        Ok(Arc::new(out.finish()))
    }

    pub(crate) fn each_bool(
        &self,
        mut row: impl FnMut(usize) -> Result<Option<bool>>,
    ) -> Result<ArrayRef> {
        let mut out = BooleanBuilder::with_capacity(self.rows);
        for i in 0..self.rows {
            out.append_option(row(i)?);
        }
        Ok(Arc::new(out.finish()))
    }

    /// A text result (`Utf8View`, whose batches have no 2 GiB limit).
    pub(crate) fn each_text<S: AsRef<str>>(
        &self,
        mut row: impl FnMut(usize) -> Result<Option<S>>,
    ) -> Result<ArrayRef> {
        let mut out = StringViewBuilder::with_capacity(self.rows);
        let longest = value_limit_bytes(&self.config);
        let mut total_bytes = 0;
        for i in 0..self.rows {
            match row(i)? {
                None => out.append_null(),
                Some(value) => {
                    let value = value.as_ref();
                    if value.len() > longest {
                        return Err(too_long(self.name).into());
                    }
                    total_bytes += value.len();
                    if total_bytes > MAX_BATCH_BYTES {
                        return Err(too_long(self.name).into());
                    }
                    out.append_value(value);
                }
            }
        }
        Ok(Arc::new(out.finish()))
    }
}

/// A cast that fails where a value does not fit, instead of giving NULL.
pub(crate) fn cast_exactly(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let options = CastOptions {
        safe: false,
        ..Default::default()
    };
    Ok(cast_with_options(array, to, &options)?)
}

/// The longest value that the memory limit lets a function build.
pub(crate) fn value_limit_bytes(config: &ConfigOptions) -> usize {
    let limits = config.extensions.get::<Limits>();
    limits.map_or(MAX_VALUE_BYTES, |l| l.value_bytes.min(MAX_VALUE_BYTES))
}

/// Refuses a value before it is built.
pub(crate) fn check_value_bytes(function: &str, bytes: usize) -> Result<()> {
    match bytes > MAX_VALUE_BYTES {
        true => Err(too_long(function).into()),
        false => Ok(()),
    }
}

pub(crate) fn too_long(function: &str) -> Error {
    Error::new(
        Kind::LimitExceeded,
        format!("the result of {function} is too long"),
    )
    .hint("A value may take 1/16 of quern.memory_limit, at least 16 MiB and at most 256 MiB, and a batch of rows 512 MiB: lower quern.batch_size.")
}

/// Result types, for the `gives` of an overload.
pub(crate) mod gives {
    use super::super::define::MICROS;
    use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};

    pub(crate) fn text(_: &[DataType]) -> DataType {
        DataType::Utf8View
    }
    pub(crate) fn int(_: &[DataType]) -> DataType {
        DataType::Int64
    }
    pub(crate) fn int32(_: &[DataType]) -> DataType {
        DataType::Int32
    }
    pub(crate) fn float(_: &[DataType]) -> DataType {
        DataType::Float64
    }
    pub(crate) fn boolean(_: &[DataType]) -> DataType {
        DataType::Boolean
    }
    pub(crate) fn bytes(_: &[DataType]) -> DataType {
        DataType::Binary
    }
    pub(crate) fn date(_: &[DataType]) -> DataType {
        DataType::Date32
    }
    pub(crate) fn timestamp(_: &[DataType]) -> DataType {
        MICROS
    }
    /// The layout of DataFusion's own times: two layouts do not compare.
    pub(crate) fn time(_: &[DataType]) -> DataType {
        DataType::Time64(TimeUnit::Nanosecond)
    }
    pub(crate) fn interval(_: &[DataType]) -> DataType {
        DataType::Interval(IntervalUnit::MonthDayNano)
    }
    pub(crate) fn text_list(_: &[DataType]) -> DataType {
        DataType::new_list(DataType::Utf8View, true)
    }
    /// The type of the first argument.
    pub(crate) fn first(types: &[DataType]) -> DataType {
        types.first().cloned().unwrap_or(DataType::Null)
    }
    /// The type of the second argument.
    pub(crate) fn second(types: &[DataType]) -> DataType {
        types.get(1).cloned().unwrap_or(DataType::Null)
    }
    /// The type of the third argument.
    pub(crate) fn third(types: &[DataType]) -> DataType {
        types.get(2).cloned().unwrap_or(DataType::Null)
    }
}
