//! How many bytes a row of a function's result may take at most, told from its arguments.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit};
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::rows::Text;

/// The shapes of growth. Bounds may be larger than the result, never smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Growth {
    /// All arguments, one after the other.
    Sum,
    /// All but the first, with the first between them.
    Separated,
    /// The first, as often as the second says.
    Repeat,
    /// The first, brought to a length in characters with the third.
    Pad,
    /// Each occurrence of the second in the first becomes the third.
    Replace,
    /// The same with a pattern.
    Pattern,
    /// An array of the first, as often as the second says.
    ArrayRepeat,
    /// An array brought to a length with the third.
    ArrayResize,
    /// The elements of an array with text between them.
    Joined,
    /// Numbers or times from the first to the second by steps of the third.
    Series,
}

const NUMBER_BYTES: u128 = 16;
const DAY_NS: i128 = 86_400_000_000_000;

/// The arguments of one call, constants once.
pub(super) struct Inputs {
    args: Vec<(ArrayRef, bool)>,
    /// One when every argument is a constant.
    pub rows: usize,
}

impl Inputs {
    pub fn of(call: &ScalarFunctionArgs) -> Result<Self> {
        let args = call
            .args
            .iter()
            .map(|arg| match arg {
                ColumnarValue::Array(array) => Ok((array.clone(), false)),
                ColumnarValue::Scalar(value) => Ok((value.to_array()?, true)),
            })
            .collect::<Result<Vec<_>>>()?;
        let constant = args.iter().all(|(_, constant)| *constant);
        Ok(Self {
            args,
            rows: if constant { 1 } else { call.number_rows },
        })
    }

    fn at(&self, arg: usize, row: usize) -> Option<(&ArrayRef, usize)> {
        let (array, constant) = self.args.get(arg)?;
        let row = if *constant { 0 } else { row };
        (row < array.len() && array.is_valid(row)).then_some((array, row))
    }

    pub fn text(&self, arg: usize, row: usize) -> Option<&str> {
        let (array, row) = self.at(arg, row)?;
        Text::of(array.as_ref()).ok()?.at(row)
    }

    pub fn text_bytes(&self, arg: usize, row: usize) -> u128 {
        self.text(arg, row).map_or(0, str::len) as u128
    }

    fn int(&self, arg: usize, row: usize) -> Option<i128> {
        let (array, row) = self.at(arg, row)?;
        match array.data_type() {
            t if t.is_integer() => {
                let array = cast(&array.slice(row, 1), &DataType::Int64).ok()?;
                let array = array.as_primitive::<Int64Type>();
                array.is_valid(0).then(|| i128::from(array.value(0)))
            }
            _ => None,
        }
    }

    /// Not below zero; 0 for NULL and for what is no number.
    fn count(&self, arg: usize, row: usize) -> u128 {
        self.int(arg, row).map_or(0, |n| n.max(0) as u128)
    }

    /// What a value takes, whatever its type.
    fn value_bytes(&self, arg: usize, row: usize) -> u128 {
        let Some((array, row)) = self.at(arg, row) else {
            return 0;
        };
        if let Ok(text) = Text::of(array.as_ref()) {
            return text.at(row).map_or(0, str::len) as u128;
        }
        if let Some(width) = array.data_type().primitive_width() {
            return width as u128;
        }
        let data = array.slice(row, 1).to_data();
        data.get_slice_memory_size().unwrap_or(0) as u128
    }

    /// Elements of a list; 1 for what is none.
    pub fn elements(&self, arg: usize, row: usize) -> u128 {
        let Some((array, row)) = self.at(arg, row) else {
            return 0;
        };
        match array.data_type() {
            DataType::List(_) => array.as_list::<i32>().value_length(row) as u128,
            DataType::LargeList(_) => array.as_list::<i64>().value_length(row) as u128,
            DataType::FixedSizeList(_, length) => *length as u128,
            _ => 1,
        }
    }

    /// A point of a series as a number: nanoseconds for times.
    fn point(&self, arg: usize, row: usize) -> Option<i128> {
        let (array, at) = self.at(arg, row)?;
        let per_unit = match array.data_type() {
            DataType::Date32 => DAY_NS,
            DataType::Timestamp(unit, _) => match unit {
                TimeUnit::Second => 1_000_000_000,
                TimeUnit::Millisecond => 1_000_000,
                TimeUnit::Microsecond => 1_000,
                TimeUnit::Nanosecond => 1,
            },
            _ => return self.int(arg, row),
        };
        let wide = match array.data_type() {
            DataType::Date32 => cast(&array.slice(at, 1), &DataType::Int32).ok()?,
            _ => array.slice(at, 1),
        };
        let value = cast(&wide, &DataType::Int64).ok()?;
        Some(i128::from(value.as_primitive::<Int64Type>().value(0)) * per_unit)
    }

    /// The size of a step, at least: months have 28 days or more.
    fn step(&self, arg: usize, row: usize) -> i128 {
        let Some((array, at)) = self.at(arg, row) else {
            return 1;
        };
        match array.data_type() {
            DataType::Interval(IntervalUnit::MonthDayNano) => {
                let step = array.as_primitive::<IntervalMonthDayNanoType>().value(at);
                i128::from(step.months) * 28 * DAY_NS
                    + i128::from(step.days) * DAY_NS
                    + i128::from(step.nanoseconds)
            }
            _ => self.int(arg, row).unwrap_or(1),
        }
    }

    fn len(&self) -> usize {
        self.args.len()
    }
}

impl Growth {
    /// The most that a row of the result takes.
    pub fn bytes(self, inputs: &Inputs, row: usize) -> u128 {
        let all = |from: usize| -> u128 {
            (from..inputs.len())
                .map(|arg| inputs.value_bytes(arg, row))
                .sum()
        };
        match self {
            Growth::Sum => all(0),
            Growth::Separated => {
                all(1) + inputs.text_bytes(0, row) * inputs.len().saturating_sub(2) as u128
            }
            Growth::Repeat => inputs.text_bytes(0, row) * inputs.count(1, row),
            Growth::Pad => {
                let width = match inputs.text(2, row) {
                    Some(fill) if !fill.is_ascii() => 4,
                    _ => 1,
                };
                inputs.text_bytes(0, row) + inputs.count(1, row) * width
            }
            Growth::Replace => replaced(inputs, row),
            Growth::Pattern => {
                let (text, by) = (inputs.text_bytes(0, row), inputs.text_bytes(2, row));
                // Each byte may match, and each reference in the replacement repeats a match.
                text + (text + 1) * by + text * (by / 2)
            }
            Growth::ArrayRepeat => {
                inputs.count(1, row) * inputs.value_bytes(0, row).max(NUMBER_BYTES / 2)
            }
            Growth::ArrayResize => {
                let element = inputs.value_bytes(2, row).max(NUMBER_BYTES / 2);
                inputs.value_bytes(0, row) + inputs.count(1, row) * element
            }
            Growth::Joined => {
                let elements = inputs.elements(0, row);
                let per_element = inputs.text_bytes(1, row) + inputs.text_bytes(2, row);
                // A number may be longer as text than in memory.
                inputs.value_bytes(0, row) * 5 + elements * per_element
            }
            Growth::Series => series(inputs, row),
        }
    }
}

/// Counts the occurrences only when the simple bound does not do.
fn replaced(inputs: &Inputs, row: usize) -> u128 {
    let (Some(text), Some(from), Some(to)) = (
        inputs.text(0, row),
        inputs.text(1, row),
        inputs.text(2, row),
    ) else {
        return 0;
    };
    // An empty text is found between all characters.
    let most = text.len() / from.len().max(1) + 1;
    let bound = text.len() as u128 + most as u128 * to.len() as u128;
    if bound < 1 << 20 || from.is_empty() {
        return bound;
    }
    text.len() as u128 + text.matches(from).count() as u128 * to.len() as u128
}

fn series(inputs: &Inputs, row: usize) -> u128 {
    let first = inputs.point(0, row).unwrap_or(0);
    let (first, last) = match inputs.len() {
        1 => (0, first),
        _ => (first, inputs.point(1, row).unwrap_or(first)),
    };
    let step = if inputs.len() > 2 {
        inputs.step(2, row)
    } else {
        1
    };
    // Against its direction a series is empty; a step of zero is the function's to refuse.
    if step == 0 || (last - first).signum() * step.signum() < 0 {
        return 0;
    }
    ((last - first) / step + 1) as u128 * NUMBER_BYTES / 2
}
