//! NaN and the bounds of Parquet files.
//!
//! In our SQL, as in PostgreSQL, NaN is greater than every number and equal to itself. The bounds in
//! Parquet's footers leave NaN out, so what they call the greatest value of a float column may not be.
//! Minima hold: NaN is never the least, unless all values are, and then there are no bounds.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion::common::stats::Precision;
use datafusion::common::{ScalarValue, Statistics};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{
    BinaryExpr, Column, IsNotNullExpr, IsNullExpr, Literal,
};
use datafusion::physical_expr::utils::collect_columns;

/// Takes away what the footers say of the greatest values of float columns.
pub(super) fn forget_maxima(schema: &Schema, statistics: &mut Statistics) {
    let columns = schema
        .fields()
        .iter()
        .zip(&mut statistics.column_statistics);
    for (_, column) in columns.filter(|(field, _)| field.data_type().is_floating()) {
        column.max_value = Precision::Absent;
    }
}

/// Whether a filter can be decided by bounds that leave NaN out: where it is false for all numbers
/// between them, it must be false for NaN.
pub(super) fn decided_by_bounds(filter: &Arc<dyn PhysicalExpr>, schema: &Schema) -> bool {
    let mentions_float = collect_columns(filter).iter().any(|column| {
        let field = schema.fields().get(column.index());
        field.is_none_or(|field| field.data_type().is_floating())
    });
    if !mentions_float {
        return true;
    }
    if filter.downcast_ref::<IsNullExpr>().is_some()
        || filter.downcast_ref::<IsNotNullExpr>().is_some()
    {
        return true;
    }
    let Some(binary) = filter.downcast_ref::<BinaryExpr>() else {
        return false;
    };
    let (left, right) = (binary.left(), binary.right());
    match binary.op() {
        Operator::And | Operator::Or => {
            decided_by_bounds(left, schema) && decided_by_bounds(right, schema)
        }
        Operator::Eq => {
            (is_column(left) && is_number(right)) || (is_number(left) && is_column(right))
        }
        Operator::Lt | Operator::LtEq => is_column(left) && is_number(right),
        Operator::Gt | Operator::GtEq => is_number(left) && is_column(right),
        _ => false,
    }
}

fn is_column(expr: &Arc<dyn PhysicalExpr>) -> bool {
    expr.downcast_ref::<Column>().is_some()
}

/// A constant that is a number, not NaN.
fn is_number(expr: &Arc<dyn PhysicalExpr>) -> bool {
    let Some(literal) = expr.downcast_ref::<Literal>() else {
        return false;
    };
    match literal.value() {
        ScalarValue::Float16(Some(value)) => !value.is_nan(),
        ScalarValue::Float32(Some(value)) => !value.is_nan(),
        ScalarValue::Float64(Some(value)) => !value.is_nan(),
        other => !other.is_null() && other.data_type() != DataType::Null,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::datatypes::Field;
    use datafusion::physical_expr::expressions::{binary, col, lit, not};

    #[test]
    fn filters_that_nan_could_pass_are_not_decided() {
        let schema = Schema::new(vec![
            Field::new("x", DataType::Float64, true),
            Field::new("i", DataType::Int64, true),
        ]);
        let (x, i) = (col("x", &schema).unwrap(), col("i", &schema).unwrap());
        let compare = |left: &Arc<dyn PhysicalExpr>, op, right: &Arc<dyn PhysicalExpr>| {
            binary(Arc::clone(left), op, Arc::clone(right), &schema).unwrap()
        };
        let five: Arc<dyn PhysicalExpr> = lit(5.0);
        let nan: Arc<dyn PhysicalExpr> = lit(f64::NAN);
        let large = compare(&i, Operator::Gt, &lit(5_i64));
        let less = compare(&x, Operator::Lt, &five);
        let more = compare(&x, Operator::Gt, &five);
        for (filter, expected) in [
            (less.clone(), true),
            (compare(&x, Operator::Eq, &five), true),
            (compare(&five, Operator::GtEq, &x), true),
            (large.clone(), true),
            (compare(&less, Operator::And, &large), true),
            (more.clone(), false),
            (compare(&five, Operator::LtEq, &x), false),
            (compare(&x, Operator::NotEq, &five), false),
            (compare(&x, Operator::Eq, &nan), false),
            (compare(&large, Operator::Or, &more), false),
            (not(less).unwrap(), false),
        ] {
            assert_eq!(decided_by_bounds(&filter, &schema), expected, "{filter}");
        }
    }
}
