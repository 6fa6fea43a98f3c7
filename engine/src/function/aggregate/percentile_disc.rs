//! `percentile_disc(f) WITHIN GROUP (ORDER BY x)`: the first value whose rank reaches the fraction;
//! also `quantile_disc(x, f)`. Any type that has an order will do. Exact, so it keeps every value.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::{SortOptions, concat, sort_to_indices};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Documentation, Signature, Volatility,
};
use std::sync::Arc;

use super::mode::SECTION;
use crate::error::{Error, Kind};
use crate::function::define::document;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct PercentileDisc {
    signature: Signature,
    aliases: Vec<String>,
    documentation: Documentation,
}

impl PercentileDisc {
    pub(crate) fn new() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
            aliases: vec!["quantile_disc".to_string(), "quantile".to_string()],
            documentation: document(
                SECTION,
                "The first value whose rank reaches the fraction; exact, of any ordered type.",
                "percentile_disc(fraction) WITHIN GROUP (ORDER BY expression)",
            ),
        }
    }
}

impl AggregateUDFImpl for PercentileDisc {
    fn name(&self) -> &str {
        "percentile_disc"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        match given {
            [value, fraction] if fraction.is_numeric() || fraction.is_null() => {
                Ok(vec![value.clone(), DataType::Float64])
            }
            _ => Err(Error::new(
                Kind::UndefinedFunction,
                "no function matches: percentile_disc takes a fraction and WITHIN GROUP (ORDER BY …)",
            )
            .into()),
        }
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        Ok(given.first().cloned().unwrap_or(DataType::Null))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list = DataType::new_list(args.return_type().clone(), true);
        Ok(vec![
            Field::new(format_state_name(args.name, "values"), list, true).into(),
        ])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return Err(Error::unsupported("percentile_disc(DISTINCT …)").into());
        }
        Ok(Box::new(Values {
            data_type: args.return_type().clone(),
            fraction: fraction(&args)?,
            descending: args
                .order_bys
                .first()
                .is_some_and(|order| order.options.descending),
            chunks: vec![],
            bytes: 0,
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

/// The fraction, which must not depend on a row; NULL gives NULL.
fn fraction(args: &AccumulatorArgs) -> Result<Option<f64>> {
    let refuse = |message: &str| Error::new(Kind::InvalidParameterValue, message);
    let Some(expr) = args.exprs.get(1) else {
        return Err(refuse("percentile_disc needs a fraction").into());
    };
    let one_row = RecordBatch::try_new_with_options(
        Arc::new(Schema::empty()),
        vec![],
        &RecordBatchOptions::new().with_row_count(Some(1)),
    )?;
    let value = expr
        .evaluate(&one_row)
        .and_then(|value| value.to_array(1))
        .and_then(|array| ScalarValue::try_from_array(&array, 0))
        .map_err(|_| refuse("the fraction of percentile_disc must be a constant"))?;
    match value {
        ScalarValue::Float64(Some(f)) if (0.0..=1.0).contains(&f) => Ok(Some(f)),
        ScalarValue::Float64(Some(f)) => {
            let message = format!("percentile value {f} is not between 0 and 1");
            Err(Error::new(Kind::OutOfRange, message).into())
        }
        _ => Ok(None),
    }
}

/// All values that are not NULL.
#[derive(Debug)]
struct Values {
    data_type: DataType,
    fraction: Option<f64>,
    descending: bool,
    chunks: Vec<ArrayRef>,
    bytes: usize,
}

impl Values {
    fn push(&mut self, values: &ArrayRef) -> Result<()> {
        let kept = match values.null_count() {
            0 => Arc::clone(values),
            _ => arrow::compute::filter(values, &arrow::compute::is_not_null(values)?)?,
        };
        if !kept.is_empty() {
            self.bytes += kept.get_array_memory_size();
            self.chunks.push(kept);
        }
        Ok(())
    }

    fn all(&self) -> Result<Option<ArrayRef>> {
        let chunks: Vec<&dyn Array> = self.chunks.iter().map(|c| c.as_ref()).collect();
        match chunks.is_empty() {
            true => Ok(None),
            false => Ok(Some(concat(&chunks)?)),
        }
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        match values {
            [values, ..] => self.push(values),
            [] => Ok(()),
        }
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [states, ..] = states else { return Ok(()) };
        for values in states.as_list::<i32>().iter().flatten() {
            self.push(&values)?;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = match self.all()? {
            Some(values) => values,
            None => arrow::array::new_empty_array(&self.data_type),
        };
        let list = datafusion::common::utils::SingleRowListArrayBuilder::new(values)
            .with_nullable(true)
            .build_list_array();
        Ok(vec![ScalarValue::List(Arc::new(list))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let (Some(fraction), Some(values)) = (self.fraction, self.all()?) else {
            return ScalarValue::try_from(&self.data_type);
        };
        let options = SortOptions {
            descending: self.descending,
            nulls_first: false,
        };
        let rank = (fraction * values.len() as f64).ceil() as usize;
        let rank = rank.clamp(1, values.len());
        let order = sort_to_indices(&values, Some(options), Some(rank))?;
        ScalarValue::try_from_array(&values, order.value(rank - 1) as usize)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes + self.chunks.capacity() * size_of::<ArrayRef>()
    }
}
