//! `mode() WITHIN GROUP (ORDER BY x)`, the most frequent value; also `mode(x)`.
//!
//! Of values that are equally frequent it is the first in the order given: the smallest, or the
//! largest with DESC. NULLs do not count. Its state is the distinct values and their counts.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Documentation, Signature, Volatility,
};

use crate::error::Error;
use crate::function::define::document;

pub(super) const SECTION: &str = "Statistical Functions";

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mode {
    signature: Signature,
    documentation: Documentation,
}

impl Mode {
    pub(crate) fn new() -> Self {
        Self {
            signature: Signature::any(1, Volatility::Immutable),
            documentation: document(
                SECTION,
                "The most frequent value, the first in the order of equals; NULLs do not count.",
                "mode() WITHIN GROUP (ORDER BY expression)",
            ),
        }
    }
}

impl AggregateUDFImpl for Mode {
    fn name(&self) -> &str {
        "mode"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        Ok(given.first().cloned().unwrap_or(DataType::Null))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list = |item: DataType, name: &str| -> FieldRef {
            let list = DataType::new_list(item, true);
            Field::new(format_state_name(args.name, name), list, true).into()
        };
        let values = args.return_type().clone();
        Ok(vec![
            list(values, "values"),
            list(DataType::Int64, "counts"),
        ])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Counts {
            data_type: args.return_type().clone(),
            descending: args
                .order_bys
                .first()
                .is_some_and(|order| order.options.descending),
            counts: HashMap::new(),
            value_bytes: 0,
        }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn supports_within_group_clause(&self) -> bool {
        true
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// How often each value was seen.
#[derive(Debug)]
struct Counts {
    data_type: DataType,
    descending: bool,
    counts: HashMap<ScalarValue, i64>,
    value_bytes: usize,
}

impl Counts {
    fn count(&mut self, value: ScalarValue, times: i64) {
        let bytes = value.size();
        let seen = self.counts.entry(value).or_insert_with(|| {
            self.value_bytes += bytes;
            0
        });
        *seen += times;
    }
}

impl Accumulator for Counts {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values, ..] = values else { return Ok(()) };
        for row in 0..values.len() {
            if values.is_valid(row) {
                let value = ScalarValue::try_from_array(values, row)?.compacted();
                self.count(value, 1);
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [values, counts] = states else {
            return Err(Error::internal("mode has two state columns").into());
        };
        let (values, counts) = (values.as_list::<i32>(), counts.as_list::<i32>());
        for (values, counts) in values.iter().zip(counts.iter()) {
            let (Some(values), Some(counts)) = (values, counts) else {
                continue;
            };
            let counts = counts.as_primitive::<Int64Type>();
            for (row, times) in counts.values().iter().enumerate() {
                let value = ScalarValue::try_from_array(&values, row)?.compacted();
                self.count(value, *times);
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let (values, counts): (Vec<_>, Vec<_>) = std::mem::take(&mut self.counts)
            .into_iter()
            .map(|(value, times)| (value, ScalarValue::Int64(Some(times))))
            .unzip();
        let list = |items: &[ScalarValue], item: &DataType| {
            ScalarValue::List(ScalarValue::new_list_nullable(items, item))
        };
        Ok(vec![
            list(&values, &self.data_type),
            list(&counts, &DataType::Int64),
        ])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut best: Option<(&ScalarValue, i64)> = None;
        for (value, times) in &self.counts {
            let better = match best {
                None => true,
                Some((_, most)) if *times != most => *times > most,
                Some((other, _)) => {
                    value
                        .partial_cmp(other)
                        .is_some_and(|order| match self.descending {
                            true => order.is_gt(),
                            false => order.is_lt(),
                        })
                }
            };
            if better {
                best = Some((value, *times));
            }
        }
        match best {
            Some((value, _)) => Ok(value.clone()),
            None => ScalarValue::try_from(&self.data_type),
        }
    }

    fn size(&self) -> usize {
        let entry_bytes = size_of::<(ScalarValue, i64)>() + size_of::<u64>();
        size_of_val(self) + self.counts.capacity() * entry_bytes + self.value_bytes
    }
}
