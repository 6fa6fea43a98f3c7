//! A literal in quotes beside an operator takes the type of the other operand, as in PostgreSQL:
//! `'5' + 1`, `true = 't'`. DataFusion does this for comparisons with numbers and times only.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::planner::RawBinaryExpr;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, cast};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use crate::sql::array_text;

/// The operation with its quoted operand cast, if it has one that needs it.
pub(super) fn operation(raw: &RawBinaryExpr, left: &DataType, right: &DataType) -> Option<Expr> {
    if let Some(compared) = lists(raw, left, right) {
        return Some(compared);
    }
    let (op, takes): (_, fn(&DataType) -> bool) = match raw.op {
        BinaryOperator::Plus => (Operator::Plus, DataType::is_numeric),
        BinaryOperator::Minus => (Operator::Minus, DataType::is_numeric),
        BinaryOperator::Multiply => (Operator::Multiply, DataType::is_numeric),
        BinaryOperator::Divide => (Operator::Divide, DataType::is_numeric),
        BinaryOperator::Modulo => (Operator::Modulo, DataType::is_numeric),
        BinaryOperator::Eq => (Operator::Eq, is_boolean),
        BinaryOperator::NotEq => (Operator::NotEq, is_boolean),
        _ => return None,
    };
    let (a, b) = (raw.left.clone(), raw.right.clone());
    let (a, b) = if is_quoted(&a) && takes(right) {
        (cast(a, right.clone()), b)
    } else if is_quoted(&b) && takes(left) {
        (a, cast(b, left.clone()))
    } else {
        return None;
    };
    Some(Expr::BinaryExpr(BinaryExpr::new(
        Box::new(a),
        op,
        Box::new(b),
    )))
}

/// `list = '{1,2}'`
fn lists(raw: &RawBinaryExpr, left: &DataType, right: &DataType) -> Option<Expr> {
    let op = match raw.op {
        BinaryOperator::Eq => Operator::Eq,
        BinaryOperator::NotEq => Operator::NotEq,
        _ => return None,
    };
    let (a, b) = match (left, right) {
        (DataType::List(_), _) => (raw.left.clone(), list(&raw.right, left)?),
        (_, DataType::List(_)) => (list(&raw.left, right)?, raw.right.clone()),
        _ => return None,
    };
    let compared = BinaryExpr::new(Box::new(a), op, Box::new(b));
    Some(Expr::BinaryExpr(compared))
}

fn list(literal: &Expr, to: &DataType) -> Option<Expr> {
    let Expr::Literal(ScalarValue::Utf8(Some(text)), _) = literal else {
        return None;
    };
    let items: Vec<_> = array_text::items(text)?
        .into_iter()
        .map(ScalarValue::Utf8)
        .collect();
    let list = ScalarValue::List(ScalarValue::new_list_nullable(&items, &DataType::Utf8));
    Some(cast(Expr::Literal(list, None), to.clone()))
}

fn is_boolean(data_type: &DataType) -> bool {
    *data_type == DataType::Boolean
}

fn is_quoted(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Literal(
            ScalarValue::Utf8(Some(_)) | ScalarValue::Utf8View(Some(_)),
            _
        )
    )
}
