//! Arrays of records, which the planner makes rows of: `information_schema._pg_expandarray`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, ListArray, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result;

use super::SECTION;
use crate::error::Error;
use crate::function::define::{Arg, Call, Scalar, takes};

/// The array of `(x, n)`, an item and its number, that `_pg_expandarray` gives as rows.
pub(crate) static FUNCTIONS: &[Scalar] = &[Scalar::new(
    SECTION,
    "pg_expanded_array",
    "pg_expanded_array(array)",
    "The items of an array with their numbers; _pg_expandarray gives them as rows.",
    &[takes(&[Arg::List], numbered_type, numbered)],
)];

fn fields(item: &DataType) -> Fields {
    Fields::from(vec![
        Field::new("x", item.clone(), true),
        Field::new("n", DataType::Int32, true),
    ])
}

fn numbered_type(given: &[DataType]) -> DataType {
    let item = match given.first() {
        Some(DataType::List(item)) => item.data_type().clone(),
        _ => DataType::Null,
    };
    DataType::new_list(DataType::Struct(fields(&item)), true)
}

fn numbered(call: &Call) -> Result<ArrayRef> {
    let lists = call.lists(0)?;
    let items = lists.values();
    let mut numbers = vec![0; items.len()];
    for row in 0..lists.len() {
        let from = usize::try_from(lists.value_offsets()[row]).unwrap_or(0);
        let length = usize::try_from(lists.value_length(row)).unwrap_or(0);
        for (number, at) in (1_i32..).zip(from..from + length) {
            if let Some(slot) = numbers.get_mut(at) {
                *slot = number;
            }
        }
    }
    let fields = fields(items.data_type());
    let columns: Vec<ArrayRef> = vec![Arc::clone(items), Arc::new(Int32Array::from(numbers))];
    let records = StructArray::try_new(fields, columns, None)?;
    let DataType::List(field) = &call.returns else {
        return Err(Error::internal("an array is due").into());
    };
    let list = ListArray::try_new(
        Arc::clone(field),
        lists.offsets().clone(),
        Arc::new(records),
        lists.nulls().cloned(),
    )?;
    debug_assert!(list.values().as_struct_opt().is_some());
    Ok(Arc::new(list))
}
