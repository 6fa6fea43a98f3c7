//! Aggregate calls that mean other aggregates: `count_if(c)` is `count(*) FILTER (WHERE c)`, and so
//! on. `array_agg(DISTINCT x)` and `string_agg(DISTINCT x, …)` get an order, as in PostgreSQL, so
//! that a cluster gives the same answer as one process.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate as builtin;
use datafusion::functions_nested::make_array::make_array;
use datafusion::logical_expr::expr::{AggregateFunction, ScalarFunction};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawAggregateExpr};
use datafusion::logical_expr::{AggregateUDF, Expr, ScalarUDF, SortExpr, lit};

use crate::error::{Error, Kind};

#[derive(Debug)]
pub(in crate::function) struct Aggregates {
    scalars: HashMap<String, Arc<ScalarUDF>>,
}

impl Aggregates {
    pub(in crate::function) fn new(scalars: HashMap<String, Arc<ScalarUDF>>) -> Self {
        Self { scalars }
    }

    /// `to_text(aggregate)`; the scalar functions are those that `register` installed before.
    fn wrap(&self, name: &str, args: Vec<Expr>) -> Result<Expr> {
        let function = self
            .scalars
            .get(name)
            .map(Arc::clone)
            .ok_or_else(|| Error::internal(format!("the function {name} is not registered")))?;
        Ok(Expr::ScalarFunction(ScalarFunction::new_udf(
            function, args,
        )))
    }

    /// The call as other aggregates, or `None` if it stands for itself.
    fn rewrite(&self, call: &RawAggregateExpr) -> Result<Option<Expr>> {
        match (call.func.name(), call.args.as_slice()) {
            ("json_agg", [value]) => {
                let values = as_aggregate(call, builtin::array_agg::array_agg_udaf(), value);
                self.wrap("json_array", vec![values]).map(Some)
            }
            ("json_object_agg", [key, value]) => {
                let keys = as_aggregate(call, builtin::array_agg::array_agg_udaf(), key);
                let values = as_aggregate(call, builtin::array_agg::array_agg_udaf(), value);
                self.wrap("json_object", vec![keys, values]).map(Some)
            }
            ("count_if", [condition]) => {
                let mut call = call.clone();
                restrict(&mut call, condition.clone());
                let count = builtin::count::count_udaf();
                Ok(Some(as_aggregate(&call, count, &lit(1_i64))))
            }
            (name @ ("arg_max" | "arg_min"), [value, key]) => {
                let mut call = call.clone();
                restrict(&mut call, key.clone().is_not_null());
                restrict(&mut call, value.clone().is_not_null());
                call.order_by = vec![key.clone().sort(name == "arg_min", false)];
                let first = builtin::first_last::first_value_udaf();
                Ok(Some(as_aggregate(&call, first, value)))
            }
            (name @ ("json_agg" | "json_object_agg" | "count_if" | "arg_max" | "arg_min"), _) => {
                let message = format!(
                    "no function matches {name} with {} arguments",
                    call.args.len()
                );
                Err(Error::new(Kind::UndefinedFunction, message).into())
            }
            ("percentile_cont" | "percentile_disc", [value, fractions]) => {
                Ok(fraction_list(fractions).map(|fractions| {
                    let each = fractions.into_iter().map(|fraction| {
                        let mut call = call.clone();
                        call.args = vec![value.clone(), fraction];
                        planned(call)
                    });
                    make_array(each.collect())
                }))
            }
            _ => Ok(None),
        }
    }
}

/// `percentile_cont(ARRAY[0.25, 0.75])` computes each fraction.
fn fraction_list(fractions: &Expr) -> Option<Vec<Expr>> {
    match fractions {
        Expr::ScalarFunction(call) if call.func.name() == "make_array" => Some(call.args.clone()),
        Expr::Literal(ScalarValue::List(list), _) => {
            let items = list.values();
            (0..items.len())
                .map(|i| ScalarValue::try_from_array(items, i).ok().map(lit))
                .collect()
        }
        _ => None,
    }
}

/// Adds a condition to the call's FILTER.
fn restrict(call: &mut RawAggregateExpr, condition: Expr) {
    call.filter = Some(Box::new(match call.filter.take() {
        Some(filter) => filter.and(condition),
        None => condition,
    }));
}

/// Another aggregate of one argument, with the clauses of this call.
fn as_aggregate(call: &RawAggregateExpr, func: Arc<AggregateUDF>, arg: &Expr) -> Expr {
    let mut call = call.clone();
    call.func = func;
    call.args = vec![arg.clone()];
    planned(call)
}

fn planned(call: RawAggregateExpr) -> Expr {
    Expr::AggregateFunction(AggregateFunction::new_udf(
        call.func,
        call.args,
        call.distinct,
        call.filter,
        call.order_by,
        call.null_treatment,
    ))
}

impl ExprPlanner for Aggregates {
    fn plan_aggregate(
        &self,
        mut call: RawAggregateExpr,
    ) -> Result<PlannerResult<RawAggregateExpr>> {
        if let Some(expr) = self.rewrite(&call)? {
            return Ok(PlannerResult::Planned(expr));
        }
        let ordered = matches!(call.func.name(), "array_agg" | "string_agg");
        if ordered && call.distinct && call.order_by.is_empty() {
            let first = call.args.first().cloned();
            call.order_by = first
                .map(|value| SortExpr::new(value, true, false))
                .into_iter()
                .collect();
        }
        Ok(PlannerResult::Original(call))
    }
}
