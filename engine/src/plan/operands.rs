//! Casts and operators whose meaning DataFusion decides otherwise than PostgreSQL, by the types of
//! their operands.
//!
//! - A number beside a float is a float: a decimal would be slower and cannot hold every float.
//! - A cast of a fraction to an integer rounds.
//! - A cast to text writes a value as a result shows it.
//! - A date plus a time of day is a timestamp.
//! - A text that becomes a date or a timestamp is read as PostgreSQL reads it.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, cast};

use super::reg_names;
use crate::function::{iso_time, text_of};

/// The expression with PostgreSQL's meaning; its operands have been through this already.
pub(super) fn correct(
    expr: Expr,
    schema: &DFSchema,
    state: &SessionState,
) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(binary) => operator(binary, schema),
        Expr::Between(mut between) => {
            let parts = [&mut between.expr, &mut between.low, &mut between.high];
            let mut parts = parts.map(|part| part.as_mut());
            let changed = siblings(&mut parts, schema)?;
            Ok(done(Expr::Between(between), changed))
        }
        Expr::InList(mut list) => {
            let mut parts: Vec<&mut Expr> = list.list.iter_mut().collect();
            parts.push(&mut list.expr);
            let changed = siblings(&mut parts, schema)?;
            Ok(done(Expr::InList(list), changed))
        }
        Expr::Case(mut case) => {
            let thens = case.when_then_expr.iter_mut().map(|(_, then)| then);
            let mut parts: Vec<&mut Expr> = thens
                .chain(&mut case.else_expr)
                .map(|branch| branch.as_mut())
                .collect();
            let changed = siblings(&mut parts, schema)?;
            Ok(done(Expr::Case(case), changed))
        }
        Expr::ScalarFunction(mut call) if of_alternatives(call.func.name()) => {
            // DataFusion's nvl makes a text of a date.
            let takes_times = call.func.name() != "nvl";
            let mut parts: Vec<&mut Expr> = call.args.iter_mut().collect();
            let changed = match takes_times {
                true => siblings(&mut parts, schema)?,
                false => floats(&mut parts, schema)?,
            };
            Ok(done(Expr::ScalarFunction(call), changed))
        }
        Expr::Cast(mut written) => {
            let to = written.field.data_type().clone();
            let mut changed = cast_operand(&mut written.expr, &to, schema, state);
            // The type that the metadata names is not the result's.
            if written.field.name().is_empty()
                && reg_names::declared(&written.expr, schema).is_some()
            {
                written.field = Arc::new(Field::new("cast", to, true));
                changed = true;
            }
            Ok(done(Expr::Cast(written), changed))
        }
        Expr::TryCast(mut written) => {
            let to = written.field.data_type().clone();
            let changed = cast_operand(&mut written.expr, &to, schema, state);
            Ok(done(Expr::TryCast(written), changed))
        }
        other => Ok(Transformed::no(other)),
    }
}

fn done(expr: Expr, changed: bool) -> Transformed<Expr> {
    Transformed::new_transformed(expr, changed)
}

/// Functions that give one of their arguments.
fn of_alternatives(name: &str) -> bool {
    matches!(name, "coalesce" | "greatest" | "least" | "nullif" | "nvl")
}

fn comparison(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

fn operator(mut binary: BinaryExpr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let compares = comparison(binary.op);
    let arithmetic = matches!(
        binary.op,
        Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide | Operator::Modulo
    );
    if !compares && !arithmetic {
        return Ok(Transformed::no(Expr::BinaryExpr(binary)));
    }
    let mut changed = siblings(&mut [binary.left.as_mut(), binary.right.as_mut()], schema)?;
    if matches!(binary.op, Operator::Plus | Operator::Minus) {
        changed |= date_with_time(&mut binary, schema)?;
    }
    Ok(done(Expr::BinaryExpr(binary), changed))
}

/// Whether a text that stands for such a value is read here.
fn is_datetime(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date32 | DataType::Timestamp(..))
}

/// Writes a literal in the form that Arrow reads; says whether it was another one. `None`: no literal.
fn literal_in_iso(expr: &mut Expr) -> Option<bool> {
    let Expr::Literal(value, _) = expr else {
        return None;
    };
    let text = value.try_as_str()?.unwrap_or_default().to_string();
    let written = crate::sql::iso_time(&text);
    let changes = written != text;
    if changes {
        *value = ScalarValue::Utf8(Some(written.into_owned()));
    }
    Some(changes)
}

/// Where one of the operands is a float, its decimal siblings become floats; where one is a date or a
/// timestamp, its siblings that are texts are read as such.
fn siblings(operands: &mut [&mut Expr], schema: &DFSchema) -> Result<bool> {
    let is_time = |e: &&mut Expr| e.get_type(schema).is_ok_and(|t| is_datetime(&t));
    if operands.iter().any(is_time) {
        let read = operands.iter_mut().map(|operand| literal_in_iso(operand));
        return Ok(read.flatten().fold(false, |any, changes| any | changes));
    }
    floats(operands, schema)
}

fn floats(operands: &mut [&mut Expr], schema: &DFSchema) -> Result<bool> {
    let types: Vec<_> = operands
        .iter()
        .map(|e| e.get_type(schema).unwrap_or(DataType::Null))
        .collect();
    if !types.iter().any(DataType::is_floating) {
        return Ok(false);
    }
    let mut changed = false;
    for (operand, data_type) in operands.iter_mut().zip(&types) {
        if data_type.is_decimal() {
            let decimal = std::mem::take(*operand);
            **operand = to_float(decimal);
            changed = true;
        }
    }
    Ok(changed)
}

/// A literal is read anew, for a division of its digits is not exact.
fn to_float(decimal: Expr) -> Expr {
    let exact = match &decimal {
        Expr::Literal(value, _) if !value.is_null() => value
            .cast_to(&DataType::Utf8)
            .ok()
            .and_then(|text| text.to_string().parse::<f64>().ok()),
        _ => None,
    };
    match exact {
        Some(value) => Expr::Literal(ScalarValue::Float64(Some(value)), None),
        None => cast(decimal, DataType::Float64),
    }
}

/// A date stays one when whole days or months are added.
fn date_with_time(binary: &mut BinaryExpr, schema: &DFSchema) -> Result<bool> {
    let is_date = |e: &Expr| matches!(e.get_type(schema), Ok(DataType::Date32));
    let has_time =
        |e: &Expr| matches!(e.get_type(schema), Ok(DataType::Interval(_))) && !whole_days(e);
    let date = if is_date(&binary.left) && has_time(&binary.right) {
        &mut binary.left
    } else if is_date(&binary.right) && has_time(&binary.left) {
        &mut binary.right
    } else {
        return Ok(false);
    };
    let inner = std::mem::take(date.as_mut());
    **date = cast(inner, DataType::Timestamp(TimeUnit::Microsecond, None));
    Ok(true)
}

fn whole_days(interval: &Expr) -> bool {
    match interval {
        Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(value)), _) => value.nanoseconds == 0,
        Expr::Literal(ScalarValue::IntervalYearMonth(_), _) => true,
        Expr::Literal(ScalarValue::IntervalDayTime(Some(value)), _) => value.milliseconds == 0,
        _ => false,
    }
}

/// What is cast, so that the cast gives what PostgreSQL's gives.
fn cast_operand(
    operand: &mut Box<Expr>,
    to: &DataType,
    schema: &DFSchema,
    state: &SessionState,
) -> bool {
    let Ok(from) = operand.get_type(schema) else {
        return false;
    };
    if to.is_string() && reg_names::name(operand, schema, state) {
        return true;
    }
    let function = match to {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 if text_of::writes(&from) => {
            text_of::NAME
        }
        t if is_datetime(t) && from.is_string() => match literal_in_iso(operand) {
            Some(changed) => return changed,
            None => iso_time::NAME,
        },
        t if t.is_integer() && (from.is_floating() || from.is_decimal()) => "round",
        _ => return false,
    };
    let Some(function) = state.scalar_functions().get(function) else {
        return false;
    };
    let inner = std::mem::take(operand.as_mut());
    let call = ScalarFunction::new_udf(Arc::clone(function), vec![inner]);
    **operand = Expr::ScalarFunction(call);
    true
}
