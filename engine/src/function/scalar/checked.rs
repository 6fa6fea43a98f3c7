//! `+`, `-` and `*` of integers that fail with 22003 where DataFusion's would wrap around, and `||`
//! of texts that fails with 54000 where the result would be too long.
//!
//! The analyzer puts these functions in the place of the operators ([`checked`]); they keep the
//! operators' types, and EXPLAIN shows them as operators.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::compute::kernels::numeric::{add, mul, sub};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use arrow::error::ArrowError;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{self as physical, Column};
use datafusion::physical_expr_common::datum::apply;

use crate::error::{Error, Kind};
use crate::function::constants;
use crate::function::rows::{MAX_BATCH_BYTES, Text, too_long, value_limit_bytes};
use crate::sql::type_name;

/// One of the operators.
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
    let fits: fn(&DataType) -> bool = match expr.op {
        Operator::Plus | Operator::Minus | Operator::Multiply => DataType::is_integer,
        Operator::StringConcat => DataType::is_string,
        _ => return None,
    };
    let could = |t: &DataType| *t == DataType::Null || fits(t);
    let ours = match expr.op {
        // Text takes anything beside it.
        Operator::StringConcat => fits(left) || fits(right),
        _ => could(left) && could(right),
    };
    if !ours {
        return None;
    }
    let args = vec![expr.left.as_ref().clone(), expr.right.as_ref().clone()];
    Some(Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(function(expr.op)),
        args,
    )))
}

fn function(op: Operator) -> ScalarUDF {
    ScalarUDF::new_from_impl(Checked {
        op,
        signature: Signature::user_defined(Volatility::Immutable),
    })
}

/// The checked form of an operator by its name, under which nobody can call it.
pub fn operator(name: &str) -> Option<ScalarUDF> {
    let operators = [
        Operator::Plus,
        Operator::Minus,
        Operator::Multiply,
        Operator::StringConcat,
    ];
    operators
        .map(function)
        .into_iter()
        .find(|f| f.name() == name)
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
            Operator::StringConcat => "checked_concat",
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

    /// Text is NULL only where an operand is.
    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let fields = args.arg_fields;
        let types: Vec<_> = fields.iter().map(|f| f.data_type().clone()).collect();
        let nullable = self.op != Operator::StringConcat || fields.iter().any(|f| f.is_nullable());
        let field = Field::new(self.name(), self.return_type(&types)?, nullable);
        Ok(Arc::new(field))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = args.args.as_slice() else {
            return Err(Error::internal(format!("{} takes two operands", self.op)).into());
        };
        if self.op == Operator::StringConcat {
            return concatenated(left, right, &args);
        }
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

/// As the operator does it, where the lengths allow.
fn concatenated(
    left: &ColumnarValue,
    right: &ColumnarValue,
    args: &ScalarFunctionArgs,
) -> Result<ColumnarValue> {
    let rows = args.number_rows;
    let longest = longest_bytes(left)? + longest_bytes(right)?;
    if longest > value_limit_bytes(&args.config_options) {
        return Err(too_long("||").into());
    }
    if longest * rows > MAX_BATCH_BYTES
        && total_bytes(left, rows)? + total_bytes(right, rows)? > MAX_BATCH_BYTES
    {
        return Err(too_long("||").into());
    }
    let constant = [left, right]
        .iter()
        .all(|v| matches!(v, ColumnarValue::Scalar(_)));
    let operand = |name: &str, value: &ColumnarValue| Field::new(name, value.data_type(), true);
    let schema = Schema::new(vec![operand("l", left), operand("r", right)]);
    let rows = if constant { 1 } else { rows };
    let columns = vec![left.to_array(rows)?, right.to_array(rows)?];
    let batch = RecordBatch::try_new(Arc::new(schema), columns)?;
    let operands = (Arc::new(Column::new("l", 0)), Arc::new(Column::new("r", 1)));
    let joined = physical::BinaryExpr::new(operands.0, Operator::StringConcat, operands.1);
    let result = joined.evaluate(&batch)?;
    match (constant, result) {
        (true, ColumnarValue::Array(array)) => {
            let value = ScalarValue::try_from_array(&array, 0)?;
            constants::count(&args.config_options, value.size())?;
            Ok(ColumnarValue::Scalar(value))
        }
        (_, result) => Ok(result),
    }
}

fn longest_bytes(value: &ColumnarValue) -> Result<usize> {
    let array = value.to_array(1)?;
    let text = Text::of(array.as_ref())?;
    let lengths = (0..array.len()).map(|row| text.at(row).map_or(0, str::len));
    Ok(lengths.max().unwrap_or(0))
}

fn total_bytes(value: &ColumnarValue, rows: usize) -> Result<usize> {
    let array = value.to_array(1)?;
    let text = Text::of(array.as_ref())?;
    let total: usize = (0..array.len())
        .map(|row| text.at(row).map_or(0, str::len))
        .sum();
    Ok(match value {
        ColumnarValue::Scalar(_) => total * rows,
        ColumnarValue::Array(_) => total,
    })
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
