//! Expressions that DataFusion would answer otherwise than PostgreSQL, rewritten by the analyzer
//! before types are settled: comparisons of intervals, `SIMILAR TO`, and windows over bytes, structs
//! and intervals.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, not_impl_err};
use datafusion::logical_expr::expr::{Between, Like, ScalarFunction, WindowFunction};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::type_coercion::is_datetime;
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, Operator, ScalarUDF, WindowFrameBound, WindowFrameUnits, lit,
};

use super::scalar::checked::checked;
use crate::sql::type_name;

#[derive(Debug)]
pub(super) struct PostgresMeaning {
    functions: HashMap<String, Arc<ScalarUDF>>,
}

impl PostgresMeaning {
    pub(super) fn new(functions: HashMap<String, Arc<ScalarUDF>>) -> Self {
        Self { functions }
    }

    fn call(&self, name: &str, args: Vec<Expr>) -> Option<Expr> {
        let function = Arc::clone(self.functions.get(name)?);
        Some(Expr::ScalarFunction(ScalarFunction::new_udf(
            function, args,
        )))
    }

    /// Intervals compare by length: 30 hours are more than a day.
    fn compare(&self, expr: &BinaryExpr, schema: &DFSchema) -> Option<Expr> {
        if !is_comparison(expr.op) || !compares_intervals(&[&expr.left, &expr.right], schema) {
            return None;
        }
        let left = self.call("interval_order", vec![expr.left.as_ref().clone()])?;
        let right = self.call("interval_order", vec![expr.right.as_ref().clone()])?;
        let compared = BinaryExpr::new(Box::new(left), expr.op, Box::new(right));
        Some(Expr::BinaryExpr(compared))
    }

    fn between(&self, expr: &Between, schema: &DFSchema) -> Option<Expr> {
        if !compares_intervals(&[&expr.expr, &expr.low, &expr.high], schema) {
            return None;
        }
        let order = |e: &Expr| self.call("interval_order", vec![e.clone()]).map(Box::new);
        Some(Expr::Between(Between::new(
            order(&expr.expr)?,
            expr.negated,
            order(&expr.low)?,
            order(&expr.high)?,
        )))
    }

    /// DataFusion takes the pattern of SIMILAR TO for a regular expression.
    fn similar(&self, like: &Like) -> Option<Expr> {
        let mut args = vec![like.expr.as_ref().clone(), like.pattern.as_ref().clone()];
        if let Some(escape) = like.escape_char {
            args.push(lit(escape.to_string()));
        }
        let matches = self.call("similar_to", args)?;
        Some(match like.negated {
            true => Expr::Not(Box::new(matches)),
            false => matches,
        })
    }
}

fn is_comparison(op: Operator) -> bool {
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

/// Integers do not wrap around.
fn arithmetic(expr: &BinaryExpr, schema: &DFSchema) -> Option<Expr> {
    let left = expr.left.get_type(schema).ok()?;
    let right = expr.right.get_type(schema).ok()?;
    checked(expr, &left, &right)
}

/// RANGE without a distance is GROUPS, which DataFusion takes for types that it cannot subtract; a
/// distance needs numbers, dates or timestamps.
fn window(expr: &WindowFunction, schema: &DFSchema) -> Result<Option<Expr>> {
    let frame = &expr.params.window_frame;
    let Some(key) = expr.params.order_by.first() else {
        return Ok(None);
    };
    let Ok(ordered_by) = key.expr.get_type(schema) else {
        return Ok(None);
    };
    let is_measured = match &ordered_by {
        DataType::Dictionary(_, value) => value.is_numeric(),
        other => other.is_numeric() || is_datetime(other) || other.is_null(),
    };
    if frame.units != WindowFrameUnits::Range || is_measured {
        return Ok(None);
    }
    let is_distance =
        |bound: &WindowFrameBound| !bound.is_unbounded() && *bound != WindowFrameBound::CurrentRow;
    if is_distance(&frame.start_bound) || is_distance(&frame.end_bound) {
        return not_impl_err!(
            "RANGE with offset PRECEDING/FOLLOWING is not supported for column type {}",
            type_name(&ordered_by)
        );
    }
    if ordered_by.is_string() || ordered_by.is_list() || ordered_by == DataType::Boolean {
        return Ok(None);
    }
    let mut grouped = expr.clone();
    grouped.params.window_frame.units = WindowFrameUnits::Groups;
    Ok(Some(Expr::WindowFunction(Box::new(grouped))))
}

/// At least one interval, and nothing that is not a length of time.
fn compares_intervals(operands: &[&Expr], schema: &DFSchema) -> bool {
    let types: Vec<_> = operands.iter().map(|e| e.get_type(schema).ok()).collect();
    let interval = |t: &Option<DataType>| matches!(t, Some(DataType::Interval(_)));
    let length = |t: &Option<DataType>| interval(t) || matches!(t, Some(DataType::Duration(_)));
    types.iter().any(interval) && types.iter().all(length)
}

impl FunctionRewrite for PostgresMeaning {
    fn name(&self) -> &str {
        "postgres_meaning"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        _: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        let replacement = match &expr {
            Expr::BinaryExpr(binary) => self
                .compare(binary, schema)
                .or_else(|| arithmetic(binary, schema)),
            Expr::Between(between) => self.between(between, schema),
            Expr::SimilarTo(like) => self.similar(like),
            Expr::WindowFunction(function) => window(function, schema)?,
            _ => None,
        };
        Ok(match replacement {
            Some(replacement) => Transformed::yes(replacement),
            None => Transformed::no(expr),
        })
    }
}
