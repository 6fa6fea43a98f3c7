//! `+`, `-` and `*` of integers that fail with 22003 where DataFusion's would wrap around.
//!
//! The analyzer puts these functions in the place of the operators ([`checked`]); they keep the
//! operators' types, and EXPLAIN shows them as operators.

use std::sync::Arc;

use arrow::compute::kernels::numeric::{add, mul, sub};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion::common::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use datafusion::physical_expr_common::datum::apply;

use crate::error::{Error, Kind};
use crate::sql::type_name;

/// One of the three operators.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    op: Operator,
    signature: Signature,
}

/// The checked form of an operator on operands of these types, if it could wrap around.
pub(in crate::function) fn checked(
    expr: &BinaryExpr,
    left: &DataType,
    right: &DataType,
) -> Option<Expr> {
    if !matches!(
        expr.op,
        Operator::Plus | Operator::Minus | Operator::Multiply
    ) {
        return None;
    }
    let whole = |t: &DataType| t.is_integer() || *t == DataType::Null;
    if !whole(left) || !whole(right) {
        return None;
    }
    let signature = Signature::user_defined(Volatility::Immutable);
    let function = ScalarUDF::new_from_impl(Checked {
        op: expr.op,
        signature,
    });
    let args = vec![expr.left.as_ref().clone(), expr.right.as_ref().clone()];
    Some(Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(function),
        args,
    )))
}

impl Checked {
    /// Types that the operands get, and the result's.
    fn types(&self, given: &[DataType]) -> Result<(DataType, DataType, DataType)> {
        let [left, right] = given else {
            return Err(Error::internal(format!("{} takes two operands", self.op)).into());
        };
        let coercer = BinaryTypeCoercer::new(left, &self.op, right);
        let (left, right) = coercer.get_input_types()?;
        Ok((left, right, coercer.get_result_type()?))
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        match self.op {
            Operator::Plus => "checked_add",
            Operator::Minus => "checked_subtract",
            _ => "checked_multiply",
        }
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        let args: Vec<_> = args.iter().map(ToString::to_string).collect();
        Ok(args.join(&format!(" {} ", self.op)))
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let args: Vec<_> = args.iter().map(|a| a.schema_name().to_string()).collect();
        Ok(args.join(&format!(" {} ", self.op)))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        self.types(given).map(|(left, right, _)| vec![left, right])
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        self.types(given).map(|(_, _, result)| result)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = args.args.as_slice() else {
            return Err(Error::internal(format!("{} takes two operands", self.op)).into());
        };
        let kernel = match self.op {
            Operator::Plus => add,
            Operator::Minus => sub,
            _ => mul,
        };
        let result = apply(left, right, kernel);
        result.map_err(|error| match error.find_root() {
            datafusion::common::DataFusionError::ArrowError(e, _)
                if matches!(e.as_ref(), ArrowError::ArithmeticOverflow(_)) =>
            {
                out_of_range(args.return_field.data_type()).into()
            }
            _ => error,
        })
    }
}

fn out_of_range(data_type: &DataType) -> Error {
    Error::new(
        Kind::OutOfRange,
        format!("{} out of range", type_name(data_type)),
    )
    .hint("Cast an operand to a wider type first, such as NUMERIC or DOUBLE PRECISION.")
}

#[cfg(test)]
mod tests {
    use crate::function::testing::check;

    #[test]
    fn integers_do_not_wrap() {
        check(&[
            ("9223372036854775806 + 1", "9223372036854775807"),
            ("NULL + 1", "NULL"),
            ("9223372036854775807 + 1", "error 22003"),
            ("-9223372036854775807 - 2", "error 22003"),
            ("9223372036854775807 * 2", "error 22003"),
        ]);
    }

    #[test]
    fn the_sum_of_bigints_is_numeric() {
        check(&[
            (
                "(SELECT sum(x) FROM (VALUES (9223372036854775807), (9223372036854775807)) t(x))",
                "18446744073709551614",
            ),
            ("(SELECT sum(x) FROM (SELECT 1 AS x WHERE false) t)", "NULL"),
        ]);
    }
}
