//! `single_value(x)` of dask-sql: the value of the only row, an error if there are several.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Documentation, Signature, Volatility,
};

use crate::error::{Error, Kind};
use crate::function::define::document;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SingleValue {
    signature: Signature,
    documentation: Documentation,
}

impl SingleValue {
    pub(crate) fn new() -> Self {
        Self {
            signature: Signature::any(1, Volatility::Immutable),
            documentation: document(
                "General Functions",
                "The value of the only row; an error if the group has more than one.",
                "single_value(expression)",
            ),
        }
    }
}

impl AggregateUDFImpl for SingleValue {
    fn name(&self) -> &str {
        "single_value"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        Ok(given.first().cloned().unwrap_or(DataType::Null))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |name: &str, data_type: DataType| -> FieldRef {
            Field::new(format_state_name(args.name, name), data_type, true).into()
        };
        Ok(vec![
            field("value", args.return_type().clone()),
            field("rows", DataType::Int64),
        ])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Only {
            value: ScalarValue::try_from(args.return_type())?,
            rows: 0,
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

#[derive(Debug)]
struct Only {
    value: ScalarValue,
    rows: i64,
}

impl Only {
    fn count(&mut self, rows: i64) -> Result<()> {
        self.rows += rows;
        match self.rows > 1 {
            true => Err(Error::new(
                Kind::Cardinality,
                "more than one row returned by a subquery used as an expression",
            )
            .hint("Use any_value, min or max, or group by a key.")
            .into()),
            false => Ok(()),
        }
    }
}

impl Accumulator for Only {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values, ..] = values else { return Ok(()) };
        self.count(values.len() as i64)?;
        if !values.is_empty() {
            self.value = ScalarValue::try_from_array(values, 0)?.compacted();
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [values, counts] = states else {
            return Err(Error::internal("single_value has two state columns").into());
        };
        let counts = counts.as_primitive::<Int64Type>();
        for row in (0..values.len()).filter(|row| counts.is_valid(*row)) {
            let rows = counts.value(row);
            self.count(rows)?;
            if rows > 0 {
                self.value = ScalarValue::try_from_array(values, row)?.compacted();
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![
            self.value.clone(),
            ScalarValue::Int64(Some(self.rows)),
        ])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.value.clone())
    }

    fn size(&self) -> usize {
        size_of_val(self) - size_of_val(&self.value) + self.value.size()
    }
}
