//! `sum` that never wraps: like PostgreSQL's, the sum of `bigint` is `numeric`, so that it holds any
//! sum of them; smaller integers add up to `bigint`. All else is DataFusion's `sum`.
//!
//! The type of an argument is settled more than once, so it must stay what it is the second time:
//! smaller integers are widened where they are added and not before, or they would pass for `bigint`.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator,
    ReversedUDAF, Signature, StatisticsArgs, Volatility,
};

use crate::error::{Error, Kind};
use crate::sql::type_name;

/// Every `bigint`, and every unsigned one.
const BIGINT: DataType = DataType::Decimal128(20, 0);

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Sum {
    inner: Arc<AggregateUDF>,
    signature: Signature,
}

impl Sum {
    pub(super) fn udaf() -> AggregateUDF {
        AggregateUDF::new_from_impl(Self {
            inner: sum_udaf(),
            signature: Signature::user_defined(Volatility::Immutable),
        })
    }
}

/// The type in which values of a type are added.
fn added_as(given: &DataType) -> Option<DataType> {
    Some(match given {
        DataType::Int64 | DataType::UInt64 => BIGINT,
        t if t.is_integer() => t.clone(),
        t if t.is_floating() => DataType::Float64,
        t if t.is_decimal() => t.clone(),
        DataType::Interval(_) | DataType::Duration(_) => given.clone(),
        DataType::Dictionary(_, value) => return added_as(value),
        DataType::Null => DataType::Int32,
        _ => return None,
    })
}

/// Whether what is added is an integer, which is smaller than a bigint.
fn is_widened(args: &AccumulatorArgs) -> bool {
    args.expr_fields
        .first()
        .is_some_and(|field| field.data_type().is_integer())
}

fn widened(values: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
    let wide = values.iter().map(|v| cast(v, &DataType::Int64));
    Ok(wide.collect::<std::result::Result<_, _>>()?)
}

impl AggregateUDFImpl for Sum {
    fn name(&self) -> &str {
        "sum"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let wanted = match given {
            [one] => added_as(one),
            _ => None,
        };
        let Some(wanted) = wanted else {
            let types: Vec<_> = given.iter().map(type_name).collect();
            let message = format!("function sum({}) does not exist", types.join(", "));
            return Err(Error::new(Kind::UndefinedFunction, message)
                .hint("sum takes one number or interval.")
                .into());
        };
        Ok(vec![wanted])
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        match given {
            [small] if small.is_integer() => Ok(DataType::Int64),
            given => self.inner.return_type(given),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let widens = is_widened(&args);
        let sum = self.inner.accumulator(args)?;
        Ok(if widens { Box::new(Widened(sum)) } else { sum })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let widens = is_widened(&args);
        let sums = self.inner.create_groups_accumulator(args)?;
        Ok(if widens {
            Box::new(WidenedGroups(sums))
        } else {
            sums
        })
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let widens = is_widened(&args);
        let sum = self.inner.create_sliding_accumulator(args)?;
        Ok(if widens { Box::new(Widened(sum)) } else { sum })
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn value_from_stats(&self, args: &StatisticsArgs) -> Option<ScalarValue> {
        self.inner.value_from_stats(args)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

/// A sum of bigints that is given smaller integers.
#[derive(Debug)]
struct Widened(Box<dyn Accumulator>);

impl Accumulator for Widened {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update_batch(&widened(values)?)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.retract_batch(&widened(values)?)
    }

    fn supports_retract_batch(&self) -> bool {
        self.0.supports_retract_batch()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.state()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.evaluate()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.0.size()
    }
}

/// Such sums of many groups.
struct WidenedGroups(Box<dyn GroupsAccumulator>);

impl GroupsAccumulator for WidenedGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.0
            .update_batch(&widened(values)?, groups, filter, total)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.0.merge_batch(states, groups, total)
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        self.0.evaluate(emit)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        self.0.state(emit)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        self.0.convert_to_state(&widened(values)?, filter)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}
