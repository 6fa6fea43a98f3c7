//! `/` of decimals: the planner puts this function in the place of the operator.

use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

use super::math::SECTION;
use crate::error::Error;
use crate::function::decimal;

#[derive(Debug, PartialEq, Eq, Hash)]
struct Divide {
    signature: Signature,
    documentation: Documentation,
}

pub(super) fn udf() -> ScalarUDF {
    ScalarUDF::new_from_impl(Divide {
        signature: Signature::user_defined(Volatility::Immutable),
        documentation: Documentation::builder(
            DocSection { include: true, label: SECTION, description: None },
            "x / y for decimals, with at least 16 digits after the point; what the operator / means.",
            "numeric_divide(x, y)",
        )
        .build(),
    })
}

/// Whether `/` of these types is a division of decimals.
pub(in crate::function) fn divides_decimals(left: &DataType, right: &DataType) -> bool {
    let exact = |t: &DataType| t.is_decimal() || t.is_integer();
    (left.is_decimal() || right.is_decimal()) && exact(left) && exact(right)
}

impl ScalarUDFImpl for Divide {
    fn name(&self) -> &str {
        "numeric_divide"
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        let args: Vec<_> = args.iter().map(ToString::to_string).collect();
        Ok(args.join(" / "))
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let args: Vec<_> = args.iter().map(|a| a.schema_name().to_string()).collect();
        Ok(args.join(" / "))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let types: Option<Vec<_>> = given.iter().map(decimal::as_decimal).collect();
        types
            .filter(|types| types.len() == 2)
            .ok_or_else(|| Error::internal("numeric_divide takes two decimals").into())
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        match given {
            [dividend, divisor] => decimal::quotient_type(dividend, divisor)
                .ok_or_else(|| Error::internal("numeric_divide takes two decimals").into()),
            _ => Err(Error::internal("numeric_divide takes two decimals").into()),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args
            .args
            .iter()
            .all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let arrays = args
            .args
            .into_iter()
            .map(|a| a.into_array(rows))
            .collect::<Result<Vec<_>>>()?;
        let [dividends, divisors] = arrays.as_slice() else {
            return Err(Error::internal("numeric_divide takes two decimals").into());
        };
        let result = decimal::divide(dividends, divisors, args.return_field.data_type())?;
        if constant {
            let value = datafusion::common::ScalarValue::try_from_array(&result, 0)?;
            return Ok(ColumnarValue::Scalar(value));
        }
        Ok(ColumnarValue::Array(result))
    }
}
