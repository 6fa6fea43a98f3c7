//! Operators and syntax that mean a function of ours: `EXTRACT`, intervals times numbers, arrays
//! and JSON. Stands before DataFusion's own planners, which answer for what is left.

use arrow::datatypes::DataType;
use datafusion::common::utils::list_ndims;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use std::collections::HashMap;
use std::sync::Arc;

use super::scalar::divide::divides_decimals;

/// Plans by name over the functions that [`super::register`] installs.
#[derive(Debug)]
pub(super) struct Operators {
    functions: HashMap<String, Arc<ScalarUDF>>,
}

impl Operators {
    pub(super) fn new(functions: HashMap<String, Arc<ScalarUDF>>) -> Self {
        Self { functions }
    }

    fn call(&self, name: &str, args: Vec<Expr>) -> Option<Expr> {
        let function = Arc::clone(self.functions.get(name)?);
        Some(Expr::ScalarFunction(ScalarFunction::new_udf(
            function, args,
        )))
    }

    fn binary(&self, raw: &RawBinaryExpr, schema: &DFSchema) -> Option<Expr> {
        let both = || vec![raw.left.clone(), raw.right.clone()];
        let swapped = || vec![raw.right.clone(), raw.left.clone()];
        let left = raw.left.get_type(schema).ok()?;
        let right = raw.right.get_type(schema).ok()?;
        let is_interval = |t: &DataType| matches!(t, DataType::Interval(_));
        let text = left.is_string() && right.is_string();
        let lists = list_ndims(&left).min(list_ndims(&right));
        match &raw.op {
            BinaryOperator::Multiply if is_interval(&left) && right.is_numeric() => {
                self.call("interval_multiply", both())
            }
            BinaryOperator::Multiply if left.is_numeric() && is_interval(&right) => {
                self.call("interval_multiply", swapped())
            }
            BinaryOperator::Divide if is_interval(&left) && right.is_numeric() => {
                self.call("interval_divide", both())
            }
            BinaryOperator::Divide if divides_decimals(&left, &right) => {
                self.call("numeric_divide", both())
            }
            // DataFusion's own planner would take its functions without our bounds.
            BinaryOperator::AtArrow if lists > 0 => self.call("array_has_all", both()),
            BinaryOperator::ArrowAt if lists > 0 => self.call("array_has_all", swapped()),
            BinaryOperator::StringConcat
                if lists > 0 && list_ndims(&left) == list_ndims(&right) =>
            {
                self.call("array_concat", both())
            }
            BinaryOperator::PGOverlap => self.call("array_has_any", both()),
            BinaryOperator::PGStartsWith => self.call("starts_with", both()),
            BinaryOperator::HashArrow => self.call("json_extract_path_array", both()),
            BinaryOperator::HashLongArrow => self.call("json_extract_path_text_array", both()),
            BinaryOperator::AtArrow if text => self.call("jsonb_contains", both()),
            BinaryOperator::ArrowAt if text => self.call("jsonb_contains", swapped()),
            BinaryOperator::Question => self.call("jsonb_exists", both()),
            BinaryOperator::QuestionPipe => self.call("jsonb_exists_any", both()),
            BinaryOperator::QuestionAnd => self.call("jsonb_exists_all", both()),
            BinaryOperator::HashMinus => self.call("jsonb_delete_path", both()),
            _ => super::quoted::operation(raw, &left, &right),
        }
    }
}

impl ExprPlanner for Operators {
    fn plan_binary_op(
        &self,
        raw: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        Ok(match self.binary(&raw, schema) {
            Some(planned) => PlannerResult::Planned(planned),
            None => PlannerResult::Original(raw),
        })
    }

    /// By way of our `substr`, which takes patterns and bytes as well.
    fn plan_substring(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(match self.call("substr", args.clone()) {
            Some(planned) => PlannerResult::Planned(planned),
            None => PlannerResult::Original(args),
        })
    }

    fn plan_position(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(match self.call("strpos", args.clone()) {
            Some(planned) => PlannerResult::Planned(planned),
            None => PlannerResult::Original(args),
        })
    }

    fn plan_extract(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(match self.call("extract", args.clone()) {
            Some(planned) => PlannerResult::Planned(planned),
            None => PlannerResult::Original(args),
        })
    }
}
