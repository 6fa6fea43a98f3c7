//! `avg` of decimals with as many digits as PostgreSQL shows: an exact sum and a count, divided at
//! the end. Other types are DataFusion's `avg`.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator,
    ReversedUDAF, Signature, Volatility,
};

use crate::error::{Error, Kind};
use crate::function::decimal;
use crate::sql::type_name;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Avg {
    inner: Arc<AggregateUDF>,
    signature: Signature,
    aliases: Vec<String>,
}

impl Avg {
    pub(super) fn udaf() -> AggregateUDF {
        // `AggregateUDF::with_aliases` would lose the accumulator of moving frames.
        AggregateUDF::new_from_impl(Self {
            inner: avg_udaf(),
            signature: Signature::user_defined(Volatility::Immutable),
            aliases: vec!["mean".to_string()],
        })
    }
}

/// The type of the sum of decimals, and of their mean.
fn sum_and_mean(argument: &DataType) -> Option<(DataType, DataType)> {
    let DataType::Decimal128(precision, scale) = argument else {
        return None;
    };
    let sum = DataType::Decimal128(precision.saturating_add(18).min(38), *scale);
    let mean = decimal::quotient_type(&sum, &DataType::Decimal128(20, 0))?;
    Some((sum, mean))
}

/// Runs `with` with the arguments of the sum and of the count in the place of those of the mean.
fn parts<'a, T>(
    args: &AccumulatorArgs<'a>,
    sum: &DataType,
    with: impl Fn(&AggregateUDF, AccumulatorArgs<'_>) -> Result<T>,
) -> Result<(T, T)> {
    let part = |data_type: &DataType, function: Arc<AggregateUDF>| {
        let return_field: FieldRef = Arc::new(Field::new(args.name, data_type.clone(), true));
        with(
            &function,
            AccumulatorArgs {
                return_field,
                ..args.clone()
            },
        )
    };
    Ok((
        part(sum, sum_udaf())?,
        part(&DataType::Int64, count_udaf())?,
    ))
}

fn sum_type(args: &AccumulatorArgs) -> Option<DataType> {
    let argument = args.expr_fields.first()?;
    sum_and_mean(argument.data_type()).map(|(sum, _)| sum)
}

fn state_fields(args: &StateFieldsArgs, sum: &DataType) -> Result<(Vec<FieldRef>, Vec<FieldRef>)> {
    let part = |name: &str, data_type: &DataType, function: Arc<AggregateUDF>| {
        let name = format!("{}[{name}]", args.name);
        let return_field = Arc::new(Field::new(&name, data_type.clone(), true));
        function.state_fields(StateFieldsArgs {
            name: &name,
            return_field,
            input_fields: args.input_fields,
            ordering_fields: args.ordering_fields,
            is_distinct: args.is_distinct,
        })
    };
    Ok((
        part("sum", sum, sum_udaf())?,
        part("count", &DataType::Int64, count_udaf())?,
    ))
}

impl AggregateUDFImpl for Avg {
    fn name(&self) -> &str {
        "avg"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let wanted = match given {
            [DataType::Dictionary(_, value)] => {
                return self.coerce_types(&[value.as_ref().clone()]);
            }
            [t] if t.is_decimal() => decimal::as_decimal(t).or(Some(DataType::Float64)),
            [t] if t.is_numeric() || *t == DataType::Null => Some(DataType::Float64),
            [t @ (DataType::Duration(_) | DataType::Interval(_))] => Some(t.clone()),
            _ => None,
        };
        let types = || given.iter().map(type_name).collect::<Vec<_>>().join(", ");
        let wanted = wanted.ok_or_else(|| {
            Error::new(
                Kind::UndefinedFunction,
                format!("function avg({}) does not exist", types()),
            )
            .hint("avg takes one number or interval.")
        })?;
        Ok(vec![wanted])
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        match given.first().and_then(sum_and_mean) {
            Some((_, mean)) => Ok(mean),
            None => self.inner.return_type(given),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let Some(sum) = sum_type(&args) else {
            return self.inner.accumulator(args);
        };
        let (sum, count) = parts(&args, &sum, |f, args| f.accumulator(args))?;
        Ok(Box::new(Mean {
            sum,
            count,
            mean: args.return_type().clone(),
        }))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let Some(sum) = sum_type(&args) else {
            return self.inner.create_sliding_accumulator(args);
        };
        let (sum, count) = parts(&args, &sum, |f, args| f.create_sliding_accumulator(args))?;
        Ok(Box::new(Mean {
            sum,
            count,
            mean: args.return_type().clone(),
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let Some((sum, _)) = args
            .input_fields
            .first()
            .and_then(|f| sum_and_mean(f.data_type()))
        else {
            return self.inner.state_fields(args);
        };
        let (sum, count) = state_fields(&args, &sum)?;
        Ok(sum.into_iter().chain(count).collect())
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
            && (sum_type(&args).is_some() || self.inner.groups_accumulator_supported(args))
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let Some(sum) = sum_type(&args) else {
            return self.inner.create_groups_accumulator(args);
        };
        let (sum, count) = parts(&args, &sum, |f, args| f.create_groups_accumulator(args))?;
        Ok(Box::new(Means {
            sum,
            count,
            mean: args.return_type().clone(),
        }))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

/// The mean of one group.
#[derive(Debug)]
struct Mean {
    sum: Box<dyn Accumulator>,
    count: Box<dyn Accumulator>,
    mean: DataType,
}

impl Accumulator for Mean {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.sum.update_batch(values)?;
        self.count.update_batch(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        // The sum and the count have one state each, distinct or not.
        let (sum, count) = states.split_at(1.min(states.len()));
        self.sum.merge_batch(sum)?;
        self.count.merge_batch(count)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.sum.retract_batch(values)?;
        self.count.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.sum.supports_retract_batch() && self.count.supports_retract_batch()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let mut state = self.sum.state()?;
        state.extend(self.count.state()?);
        Ok(state)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sum = self.sum.evaluate()?.to_array()?;
        let count = self.count.evaluate()?;
        if sum.is_null(0) || count == ScalarValue::Int64(Some(0)) {
            return ScalarValue::try_from(&self.mean);
        }
        let mean = decimal::divide(&sum, &count.to_array()?, &self.mean)?;
        ScalarValue::try_from_array(&mean, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.sum.size() + self.count.size()
    }
}

/// The means of many groups.
struct Means {
    sum: Box<dyn GroupsAccumulator>,
    count: Box<dyn GroupsAccumulator>,
    mean: DataType,
}

impl GroupsAccumulator for Means {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.sum.update_batch(values, groups, filter, total)?;
        self.count.update_batch(values, groups, filter, total)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        let (sum, count) = states.split_at(1.min(states.len()));
        self.sum.merge_batch(sum, groups, total)?;
        self.count.merge_batch(count, groups, total)
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let (sum, count) = (self.sum.evaluate(emit)?, self.count.evaluate(emit)?);
        // A group without values has no sum, and its count of zero is not divided by.
        decimal::divide(&sum, &count, &self.mean)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let mut state = self.sum.state(emit)?;
        state.extend(self.count.state(emit)?);
        Ok(state)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let mut state = self.sum.convert_to_state(values, filter)?;
        state.extend(self.count.convert_to_state(values, filter)?);
        Ok(state)
    }

    fn size(&self) -> usize {
        self.sum.size() + self.count.size()
    }
}
