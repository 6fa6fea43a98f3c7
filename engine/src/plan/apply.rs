//! Correlated scalar subqueries that DataFusion's optimizer does not take: their condition is more
//! than an equality, or what they select uses the outer row.
//!
//! The subquery is computed once for each combination of the outer values that it uses, and joined to
//! the outer rows by them: `SELECT (SELECT min(b) FROM u WHERE u.c < t.a) FROM t` becomes
//! `SELECT s.min FROM t LEFT JOIN (SELECT d.a, min(b) FROM (SELECT DISTINCT a FROM t) d JOIN u ON
//! u.c < d.a GROUP BY d.a) s ON t.a IS NOT DISTINCT FROM s.a`. What has no such form stays as it is.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, Result, ScalarValue};
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    BinaryExpr, Expr, Join, LogicalPlan, LogicalPlanBuilder, Operator, Subquery,
};

use super::domain::{Domain, any_outer, named, uses_outer};
use crate::function::UNPLANNED;

/// The plan without correlated subqueries that only this module can plan.
pub(super) fn apply(plan: LogicalPlan, state: &SessionState) -> Result<LogicalPlan> {
    let mut next = 0;
    let applied = plan.transform_down_with_subqueries(|node| {
        let mut node = node;
        let mut changed = false;
        if let LogicalPlan::Join(join) = &node
            && let Some(lateral) = lateral(join, &mut next)?
        {
            return Ok(Transformed::yes(lateral));
        }
        while let Some(subquery) = hard_subquery(&node)? {
            match joined(&node, &subquery, &mut next, state)? {
                Some(joined) => node = joined,
                None => break,
            }
            changed = true;
        }
        Ok(Transformed::new_transformed(node, changed))
    });
    applied.map(|done| done.data)
}

/// The first subquery of a node that needs another form.
fn hard_subquery(node: &LogicalPlan) -> Result<Option<Subquery>> {
    if !matches!(
        node,
        LogicalPlan::Projection(_) | LogicalPlan::Filter(_) | LogicalPlan::Aggregate(_)
    ) {
        return Ok(None);
    }
    let is_aggregate = matches!(node, LogicalPlan::Aggregate(_));
    let mut found = None;
    node.apply_expressions(|expr| {
        expr.apply(|e| {
            if let Expr::ScalarSubquery(subquery) = e
                && !subquery.outer_ref_columns.is_empty()
                && (is_aggregate || is_hard(&subquery.subquery)?)
            {
                found = Some(subquery.clone());
                return Ok(TreeNodeRecursion::Stop);
            }
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

/// Whether DataFusion would refuse the subquery.
fn is_hard(plan: &LogicalPlan) -> Result<bool> {
    let mut hard = false;
    plan.apply(|node| {
        hard |= matches!(node, LogicalPlan::RecursiveQuery(_));
        let in_filter = matches!(node, LogicalPlan::Filter(_));
        node.apply_expressions(|expr| {
            let parts = datafusion::logical_expr::utils::split_conjunction(expr);
            for part in parts {
                hard |= uses_outer(part) && !(in_filter && is_equality(part));
                hard |= nested_hard(part)?;
            }
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(hard)
}

fn nested_hard(expr: &Expr) -> Result<bool> {
    let mut hard = false;
    expr.apply(|e| {
        if let Expr::ScalarSubquery(subquery) = e
            && !subquery.outer_ref_columns.is_empty()
        {
            hard |= is_hard(&subquery.subquery)?;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(hard)
}

/// `inner = outer`, which DataFusion makes a join of.
fn is_equality(expr: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr {
        left,
        op: Operator::Eq,
        right,
    }) = expr
    else {
        return false;
    };
    let is_outer = |e: &Expr| matches!(e, Expr::OuterReferenceColumn(..));
    (is_outer(left) && !uses_outer(right)) || (is_outer(right) && !uses_outer(left))
}

fn outer_columns(plan: &LogicalPlan) -> Result<Option<Vec<Column>>> {
    let mut seen = HashSet::new();
    let mut columns = Vec::new();
    let mut nested = Vec::new();
    plan.apply(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                match e {
                    Expr::OuterReferenceColumn(_, column) if seen.insert(column.clone()) => {
                        columns.push(column.clone());
                    }
                    Expr::ScalarSubquery(subquery) => {
                        nested.extend(subquery.outer_ref_columns.iter().cloned());
                    }
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    // A subquery inside of the subquery must not use this outer row as well.
    let of_both = nested.iter().any(|e| match e {
        Expr::OuterReferenceColumn(_, column) => seen.contains(column),
        _ => true,
    });
    Ok((!of_both).then_some(columns))
}

/// The node over its input joined with the subquery's values; `None` when there is no such form.
fn joined(
    node: &LogicalPlan,
    subquery: &Subquery,
    next: &mut usize,
    state: &SessionState,
) -> Result<Option<LogicalPlan>> {
    let [input] = node.inputs()[..] else {
        return Ok(None);
    };
    let plan = subquery.subquery.as_ref();
    if is_recursive(plan)? {
        return replaced(node, subquery, unplanned(plan, state), None);
    }
    let Some(outer) = outer_columns(plan)? else {
        return Ok(None);
    };
    let known = outer.iter().all(|c| input.schema().has_column(c));
    if outer.is_empty() || !known || counts(plan)? {
        return Ok(None);
    }
    *next += 1;
    let domain = Domain::new(input, outer, *next)?;
    let Some(values) = domain.carry(plan)? else {
        return Ok(None);
    };
    let value = format!("\u{1}value{next}");
    let Some(column) = values
        .schema()
        .columns()
        .into_iter()
        .nth(domain.columns.len())
    else {
        return Ok(None);
    };
    let mut kept: Vec<Expr> = domain.names.iter().map(|n| named(n)).collect();
    kept.push(Expr::Column(column).alias(&value));
    let values = LogicalPlanBuilder::from(values).project(kept)?.build()?;
    let both = LogicalPlanBuilder::from(input.clone())
        .join_on(values, JoinType::Left, domain.same())?
        .build()?;
    replaced(node, subquery, named(&value), Some(both))
}

/// A join whose right side uses the row of the left.
fn lateral(join: &Join, next: &mut usize) -> Result<Option<LogicalPlan>> {
    let is_lateral = matches!(join.join_type, JoinType::Inner | JoinType::Left)
        && any_outer(&join.right)?
        && is_hard(&join.right)?;
    if !is_lateral || is_recursive(&join.right)? || counts(&join.right)? {
        return Ok(None);
    }
    let Some(outer) = outer_columns(&join.right)? else {
        return Ok(None);
    };
    if !outer.iter().all(|c| join.left.schema().has_column(c)) {
        return Ok(None);
    }
    *next += 1;
    let domain = Domain::new(&join.left, outer, *next)?;
    let Some(values) = domain.carry(&join.right)? else {
        return Ok(None);
    };
    let equal = join.on.iter().map(|(a, b)| a.clone().eq(b.clone()));
    let conditions: Vec<Expr> = domain
        .same()
        .chain(equal)
        .chain(join.filter.clone())
        .collect();
    let columns = join.schema.columns().into_iter().map(Expr::Column);
    LogicalPlanBuilder::from(join.left.as_ref().clone())
        .join_on(values, join.join_type, conditions)?
        .project(columns)?
        .build()
        .map(Some)
}

/// An aggregate that gives something for no rows would have to be told of them.
fn counts(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply(|node| {
        if let LogicalPlan::Aggregate(aggregate) = node
            && aggregate.group_expr.is_empty()
        {
            for expr in &aggregate.aggr_expr {
                found |= expr.exists(|e| {
                    Ok(match e {
                        Expr::AggregateFunction(f) => f.func.name() == "count",
                        _ => false,
                    })
                })?;
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

fn is_recursive(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|node| Ok(matches!(node, LogicalPlan::RecursiveQuery(_))))
}

/// An error for the row that needs the value: in a branch of CASE that no row takes there is none.
fn unplanned(plan: &LogicalPlan, state: &SessionState) -> Expr {
    let field = plan.schema().fields().first();
    let typed = field.and_then(|f| ScalarValue::try_from(f.data_type()).ok());
    let null = Expr::Literal(typed.unwrap_or(ScalarValue::Null), None);
    match state.scalar_functions().get(UNPLANNED) {
        Some(function) => {
            Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(function), vec![null]))
        }
        None => null,
    }
}

/// The node with an expression in the place of the subquery, over another input if one is given.
fn replaced(
    node: &LogicalPlan,
    subquery: &Subquery,
    by: Expr,
    input: Option<LogicalPlan>,
) -> Result<Option<LogicalPlan>> {
    let names = NamePreserver::new(node);
    let exprs = node.expressions().into_iter().map(|expr| {
        let name = names.save(&expr);
        let changed = expr.transform_up(|e| {
            Ok(match &e {
                Expr::ScalarSubquery(found) if found == subquery => Transformed::yes(by.clone()),
                _ => Transformed::no(e),
            })
        })?;
        Ok(name.restore(changed.data))
    });
    let exprs = exprs.collect::<Result<Vec<_>>>()?;
    let old: Vec<Column> = node.schema().columns();
    let input = match input {
        Some(input) => input,
        None => match node.inputs()[..] {
            [input] => input.clone(),
            _ => return Ok(None),
        },
    };
    let is_filter = matches!(node, LogicalPlan::Filter(_));
    let node = node.with_new_exprs(exprs, vec![input])?;
    if !is_filter {
        return node.recompute_schema().map(Some);
    }
    let columns = old.into_iter().map(Expr::Column);
    LogicalPlanBuilder::from(node)
        .project(columns)?
        .build()
        .map(Some)
}
