//! `sum` that never wraps: like PostgreSQL's, the sum of `bigint` is `numeric`, so that it holds any
//! sum of them; smaller integers add up to `bigint`. All else is DataFusion's `sum`.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, GroupsAccumulator, ReversedUDAF,
    Signature, StatisticsArgs, Volatility,
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
        t if t.is_integer() => DataType::Int64,
        t if t.is_floating() => DataType::Float64,
        t if t.is_decimal() => t.clone(),
        DataType::Interval(_) | DataType::Duration(_) => given.clone(),
        DataType::Dictionary(_, value) => return added_as(value),
        DataType::Null => DataType::Int64,
        _ => return None,
    })
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
        self.inner.return_type(given)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.inner.accumulator(args)
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
        self.inner.create_groups_accumulator(args)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.inner.create_sliding_accumulator(args)
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
