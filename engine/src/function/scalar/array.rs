//! Arrays as PostgreSQL sees them: bounds that start at 1, NULL for what is empty.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Builder, ListArray, ListBuilder, UInt64Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::take;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::Result;
use datafusion::functions_nested::{remove, replace};
use datafusion::logical_expr::ScalarUDF;

use crate::error::{Error, Kind};
use crate::function::define::{Arg, Call, Scalar, takes};
use crate::function::rows::{At, MAX_VALUE_BYTES, check_value_bytes, given, gives};

const SECTION: &str = "Array Functions";

pub(crate) static FUNCTIONS: &[Scalar] = &[
    Scalar::new(
        SECTION,
        "array_length",
        "array_length(array [, dimension])",
        "The length of a dimension (the first if none is given); NULL if it is empty or missing.",
        &[
            takes(&[Arg::List], gives::int, upper),
            takes(&[Arg::List, Arg::Int], gives::int, upper),
        ],
    )
    .or(&["list_length"]),
    Scalar::new(
        SECTION,
        "array_upper",
        "array_upper(array, dimension)",
        "The last subscript of a dimension; NULL if it is empty or missing.",
        &[takes(&[Arg::List, Arg::Int], gives::int, upper)],
    ),
    Scalar::new(
        SECTION,
        "array_lower",
        "array_lower(array, dimension)",
        "The first subscript of a dimension, which is 1; NULL if it is empty or missing.",
        &[takes(&[Arg::List, Arg::Int], gives::int, |call| {
            let length = dimension_length(call)?;
            call.each::<Int64Type>(|row| Ok(length(row)?.map(|_| 1)))
        })],
    ),
    Scalar::new(
        SECTION,
        "array_dims",
        "array_dims(array)",
        "The bounds of the array as text, such as [1:3].",
        &[takes(&[Arg::List], gives::text, |call| {
            let lists = call.lists(0)?;
            call.each_text(|row| {
                let mut bounds = String::new();
                let mut level = given!(lists.at(row));
                loop {
                    if level.is_empty() {
                        break;
                    }
                    bounds.push_str(&format!("[1:{}]", level.len()));
                    match level.as_list_opt::<i32>().filter(|inner| inner.is_valid(0)) {
                        Some(inner) => level = inner.value(0),
                        None => break,
                    }
                }
                Ok((!bounds.is_empty()).then_some(bounds))
            })
        })],
    )
    .or(&["list_dims"]),
    Scalar::new(
        SECTION,
        "array_subscripts",
        "array_subscripts(array [, dimension])",
        "The subscripts of an array, 1 to its length; generate_subscripts gives them as rows.",
        &[
            takes(
                &[Arg::List],
                |_| DataType::new_list(DataType::Int64, true),
                subscripts,
            ),
            takes(
                &[Arg::List, Arg::Int],
                |_| DataType::new_list(DataType::Int64, true),
                subscripts,
            ),
        ],
    ),
    Scalar::new(
        SECTION,
        "trim_array",
        "trim_array(array, count)",
        "The array without its last count elements.",
        &[takes(&[Arg::List, Arg::Int], gives::first, |call| {
            let (lists, counts) = (call.lists(0)?, call.ints(1)?);
            let kept = |row: usize| -> Result<Option<std::ops::Range<usize>>> {
                let (length, count) = (given!(length(lists, row)), given!(counts.at(row)));
                match usize::try_from(count) {
                    Ok(count) if count <= length => Ok(Some(0..length - count)),
                    _ => Err(Error::new(
                        Kind::InvalidParameterValue,
                        format!("number of elements to trim must be between 0 and {length}"),
                    )
                    .into()),
                }
            };
            slices(call, lists, kept)
        })],
    ),
    Scalar::new(
        SECTION,
        "array_fill",
        "array_fill(value, ARRAY[length])",
        "An array of one dimension that repeats a value.",
        &[takes(
            &[Arg::Any, Arg::IntList],
            |types| DataType::new_list(gives::first(types), true),
            fill,
        )],
    ),
];

/// PostgreSQL removes and replaces every element that is equal.
pub(crate) fn changed() -> Vec<ScalarUDF> {
    let also = |function: Arc<ScalarUDF>, names: [&'static str; 2]| {
        Arc::unwrap_or_clone(function).with_aliases(names)
    };
    vec![
        also(
            remove::array_remove_all_udf(),
            ["array_remove", "list_remove"],
        ),
        also(
            replace::array_replace_all_udf(),
            ["array_replace", "list_replace"],
        ),
    ]
}

fn length(lists: &ListArray, row: usize) -> Option<usize> {
    lists
        .is_valid(row)
        .then(|| usize::try_from(lists.value_length(row)).unwrap_or(0))
}

fn upper(call: &Call) -> Result<ArrayRef> {
    call.each::<Int64Type>(dimension_length(call)?)
}

/// The length of a dimension, counted from 1, for each row.
fn dimension_length(call: &Call) -> Result<impl Fn(usize) -> Result<Option<i64>> + '_> {
    let lists = call.lists(0)?;
    let dimensions = match call.arrays.len() {
        2 => Some(call.ints(1)?),
        _ => None,
    };
    Ok(move |row: usize| {
        let dimension = match dimensions {
            Some(dimensions) => given!(dimensions.at(row)),
            None => 1,
        };
        if dimension < 1 {
            return Ok(None);
        }
        let mut level: ArrayRef = given!(lists.at(row));
        for _ in 1..dimension {
            let inner = given!(level.as_list_opt::<i32>());
            level = match inner.is_empty() || inner.is_null(0) {
                true => return Ok(None),
                false => inner.value(0),
            };
        }
        Ok(match level.len() {
            0 => None,
            length => Some(length as i64),
        })
    })
}

fn subscripts(call: &Call) -> Result<ArrayRef> {
    let length = dimension_length(call)?;
    let mut out = ListBuilder::new(Int64Builder::new());
    for row in 0..call.rows {
        match length(row)? {
            Some(length) => out.append_value((1..=length).map(Some)),
            None => out.append_null(),
        }
    }
    Ok(Arc::new(out.finish()))
}

/// A list array whose rows are ranges of the rows of another.
fn slices(
    call: &Call,
    lists: &ListArray,
    range: impl Fn(usize) -> Result<Option<std::ops::Range<usize>>>,
) -> Result<ArrayRef> {
    let mut indices = vec![];
    let mut lengths = Vec::with_capacity(call.rows);
    let mut valid = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let range = range(row)?;
        valid.push(range.is_some());
        let range = range.unwrap_or(0..0);
        lengths.push(range.len());
        let start = lists.value_offsets().get(row).copied().unwrap_or(0) as u64;
        indices.extend(range.map(|i| start + i as u64));
    }
    let values = take(lists.values(), &UInt64Array::from(indices), None)?;
    let DataType::List(item) = lists.data_type() else {
        return Err(Error::internal("a list array of another type").into());
    };
    Ok(Arc::new(ListArray::try_new(
        Arc::clone(item),
        OffsetBuffer::from_lengths(lengths),
        values,
        Some(NullBuffer::from(valid)),
    )?))
}

fn fill(call: &Call) -> Result<ArrayRef> {
    let (values, shapes) = (call.array(0)?, call.lists(1)?);
    let mut indices = vec![];
    let mut lengths = Vec::with_capacity(call.rows);
    let mut valid = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let shape = shapes.at(row);
        let count = match shape.as_ref().map(|s| (s.len(), s)) {
            None => None,
            Some((1, shape)) => shape.as_primitive::<Int64Type>().at(0),
            Some((0, _)) => Some(0),
            Some(_) => return Err(Error::unsupported("array_fill with several dimensions").into()),
        };
        let count = match count.map(usize::try_from) {
            None => None,
            Some(Ok(count)) => Some(count),
            Some(Err(_)) => {
                let message = "array size must not be negative";
                return Err(Error::new(Kind::InvalidParameterValue, message).into());
            }
        };
        valid.push(count.is_some());
        let count = count.unwrap_or(0);
        // Each element takes at least the eight bytes of its index.
        check_value_bytes(
            call.name,
            indices.len().saturating_add(count).saturating_mul(8),
        )?;
        lengths.push(count);
        indices.extend(std::iter::repeat_n(row as u64, count));
    }
    let filled = take(values, &UInt64Array::from(indices), None)?;
    check_value_bytes(
        call.name,
        filled.get_array_memory_size().min(MAX_VALUE_BYTES + 1),
    )?;
    let DataType::List(item) = &call.returns else {
        return Err(Error::internal("array_fill gives an array").into());
    };
    Ok(Arc::new(ListArray::try_new(
        Arc::clone(item),
        OffsetBuffer::from_lengths(lengths),
        filled,
        Some(NullBuffer::from(valid)),
    )?))
}
