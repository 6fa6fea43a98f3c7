//! What of a plan can be kept from one execution of a statement to the next.
//!
//! A plan holds for as long as its tables are what they were, so only plans of tables that can be
//! asked are kept ([`tables`]). A timeless plan, whose functions give the same for the same arguments,
//! is optimized once ([`generic`]): the optimizer puts the values of others in their places. Values
//! come to its parameters afterwards ([`bound`]). They have the parameters' types, so that no schema
//! changes; expressions are simplified again, so that files are pruned by them as ever.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field};
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility, WindowFunctionDefinition};
use datafusion::optimizer::eliminate_filter::EliminateFilter;
use datafusion::optimizer::optimizer::Optimizer;
use datafusion::optimizer::propagate_empty_relation::PropagateEmptyRelation;
use datafusion::optimizer::simplify_expressions::SimplifyExpressions;

use crate::error::Error;
use crate::source::FileTable;

/// The tables that a plan reads; `None` when there is a relation that cannot be asked whether it is
/// still the same.
pub fn tables(plan: &LogicalPlan) -> Option<Vec<Arc<dyn TableProvider>>> {
    let mut found = Vec::new();
    let mut all = true;
    let walked = plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::TableScan(scan) => match scan.source.get_logical_plan() {
                Some(view) => match tables(&view) {
                    Some(inner) => found.extend(inner),
                    None => all = false,
                },
                None => match source_as_provider(&scan.source) {
                    Ok(table) if of_catalog(table.as_ref()).is_some() => found.push(table),
                    _ => all = false,
                },
            },
            LogicalPlan::Extension(_) | LogicalPlan::RecursiveQuery(_) => all = false,
            _ => {}
        }
        Ok(match all {
            true => TreeNodeRecursion::Continue,
            false => TreeNodeRecursion::Stop,
        })
    });
    (walked.is_ok() && all).then_some(found)
}

/// The table, if it knows where it came from.
pub fn of_catalog(table: &dyn TableProvider) -> Option<&FileTable> {
    let table = table.downcast_ref::<FileTable>()?;
    table.origin().map(|_| table)
}

/// Whether all functions of a plan give the same for the same arguments, whenever they are called.
pub fn is_timeless(plan: &LogicalPlan) -> bool {
    let mut timeless = true;
    let walked = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Some(view) = scan.source.get_logical_plan()
        {
            timeless &= is_timeless(&view);
        }
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                timeless &= is_timeless_call(e);
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    walked.is_ok() && timeless
}

fn is_timeless_call(expr: &Expr) -> bool {
    let volatility = match expr {
        Expr::ScalarFunction(call) => call.func.signature().volatility,
        Expr::HigherOrderFunction(call) => call.func.signature().volatility,
        Expr::AggregateFunction(call) => call.func.signature().volatility,
        Expr::WindowFunction(call) => match &call.fun {
            WindowFunctionDefinition::AggregateUDF(function) => function.signature().volatility,
            WindowFunctionDefinition::WindowUDF(function) => function.signature().volatility,
        },
        Expr::ScalarVariable(..) => Volatility::Volatile,
        _ => Volatility::Immutable,
    };
    volatility == Volatility::Immutable
}

/// The plan, optimized for all values that its parameters of these types may have; `None` when it
/// would be another one than the plan for some values.
pub fn generic(
    plan: &LogicalPlan,
    types: &[DataType],
    state: &SessionState,
) -> Result<Option<LogicalPlan>> {
    if needs_values(plan)? {
        return Ok(None);
    }
    let typed = |expr: Expr| match expr {
        Expr::Placeholder(Placeholder { id, .. }) => {
            let data_type = at(types, &id)?;
            let field = Some(Arc::new(Field::new(&id, data_type.clone(), true)));
            let placeholder = Placeholder::new_with_field(id, field);
            Ok(Transformed::yes(Expr::Placeholder(placeholder)))
        }
        other => Ok(Transformed::no(other)),
    };
    let typed = plan.clone().transform_up_with_subqueries(|node| {
        node.map_expressions(|expr| expr.transform_up(typed))?
            .map_data(|node| match node {
                LogicalPlan::Values(_) => Ok(node),
                node => node.recompute_schema(),
            })
    })?;
    state.optimize(&typed.data).map(Some)
}

/// Whether there are parameters where the optimizer wants to see a number or the types of a column.
fn needs_values(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        if matches!(node, LogicalPlan::Limit(_) | LogicalPlan::Values(_)) {
            node.apply_expressions(|expr| {
                found |= expr.exists(|e| Ok(matches!(e, Expr::Placeholder(_))))?;
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// What of `all` belongs to the parameter `$n`.
fn at<'a, T>(all: &'a [T], id: &str) -> Result<&'a T> {
    let number = id.strip_prefix('$').and_then(|n| n.parse::<usize>().ok());
    let found = number.and_then(|n| all.get(n.checked_sub(1)?));
    found.ok_or_else(|| Error::internal(format!("{id} has no value")).into())
}

/// What values can make simpler.
static AFTER_BINDING: LazyLock<Optimizer> = LazyLock::new(|| {
    Optimizer::with_rules(vec![
        Arc::new(SimplifyExpressions::new()),
        Arc::new(EliminateFilter::new()),
        Arc::new(PropagateEmptyRelation::new()),
    ])
});

/// A generic plan with values, of the types that it was made for.
pub fn bound(
    plan: &LogicalPlan,
    values: &[ScalarValue],
    state: &SessionState,
) -> Result<LogicalPlan> {
    if values.is_empty() {
        return Ok(plan.clone());
    }
    let bound = plan.clone().transform_up_with_subqueries(|node| {
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            if !expr.exists(|e| Ok(matches!(e, Expr::Placeholder(_))))? {
                return Ok(Transformed::no(expr));
            }
            let name = names.save(&expr);
            let given = expr.transform_up(|e| match e {
                Expr::Placeholder(Placeholder { id, .. }) => {
                    let value = at(values, &id)?.clone();
                    Ok(Transformed::yes(Expr::Literal(value, None)))
                }
                other => Ok(Transformed::no(other)),
            })?;
            Ok(given.update_data(|expr| name.restore(expr)))
        })
    })?;
    AFTER_BINDING.optimize(bound.data, state, |_, _| {})
}

/// The answer of an optimized plan that is one row of constants.
pub fn one_row(plan: &LogicalPlan) -> Option<RecordBatch> {
    let LogicalPlan::Projection(projection) = plan else {
        return None;
    };
    match projection.input.as_ref() {
        LogicalPlan::EmptyRelation(empty) if empty.produce_one_row => {}
        _ => return None,
    }
    let columns: Option<Vec<ArrayRef>> = projection.expr.iter().map(constant).collect();
    let columns = columns.filter(|columns| !columns.is_empty())?;
    RecordBatch::try_new(Arc::clone(projection.schema.inner()), columns).ok()
}

fn constant(expr: &Expr) -> Option<ArrayRef> {
    match expr {
        Expr::Alias(alias) => constant(&alias.expr),
        Expr::Literal(value, _) => value.to_array().ok(),
        _ => None,
    }
}

/// An estimate of the memory that a plan takes beside its tables.
pub fn plan_bytes(plan: &LogicalPlan) -> usize {
    let mut bytes = 0;
    let _ = plan.apply_with_subqueries(|node| {
        bytes += NODE_BYTES + node.schema().fields().len() * FIELD_BYTES;
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                bytes += size_of::<Expr>();
                if let Expr::Literal(value, _) = e {
                    bytes += value.size();
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    bytes
}

const NODE_BYTES: usize = 1024;
const FIELD_BYTES: usize = 256;
