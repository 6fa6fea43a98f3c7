//! ORDER BY as PostgreSQL means it.
//!
//! - A name that is part of an expression is a column of FROM before it is one of the SELECT list.
//! - A subquery is computed by a projection below the sort: DataFusion has no place for it in one.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, Projection, Sort, SortExpr, Subquery,
};

/// The sort over all that its keys need, which is gone above it.
pub(super) fn sort(sort: &Sort) -> Result<Transformed<LogicalPlan>> {
    let mut keys = sort.expr.clone();
    let input = names_of_input(Arc::clone(&sort.input), &mut keys)?;
    let input = subqueries_below(input, &mut keys)?;
    if Arc::ptr_eq(&input, &sort.input) {
        return Ok(Transformed::no(LogicalPlan::Sort(sort.clone())));
    }
    let columns = sort.input.schema().columns();
    let sorted = LogicalPlan::Sort(Sort {
        expr: keys,
        input,
        fetch: sort.fetch,
    });
    let shown = LogicalPlanBuilder::from(sorted).project(columns.into_iter().map(Expr::Column))?;
    shown.build().map(Transformed::yes)
}

/// The name of a key that is computed below; no name of a query is like it.
fn hidden(at: usize) -> String {
    format!("__order_by_{at}")
}

/// Makes the key a column, and gives what it was under that column's name.
fn take(key: &mut SortExpr, at: usize) -> Expr {
    let column = Expr::Column(Column::new_unqualified(hidden(at)));
    std::mem::replace(&mut key.expr, column).alias(hidden(at))
}

/// In an expression, a name that both the SELECT list and its input know is the input's.
fn names_of_input(input: Arc<LogicalPlan>, keys: &mut [SortExpr]) -> Result<Arc<LogicalPlan>> {
    let LogicalPlan::Projection(list) = input.as_ref() else {
        return Ok(input);
    };
    let mut exprs = list.expr.clone();
    for (at, key) in keys.iter_mut().enumerate() {
        let has_hidden = |column: &Column| input_column(list, column).is_some();
        let is_plain = matches!(key.expr, Expr::Column(_));
        if is_plain
            || has_subquery(&key.expr)?
            || !key.expr.column_refs().into_iter().any(has_hidden)
        {
            continue;
        }
        let over_input = key.expr.clone().transform(|expr| {
            Ok(match &expr {
                Expr::Column(column) => match input_column(list, column).or(listed(list, column)) {
                    Some(meant) => Transformed::yes(meant),
                    None => Transformed::no(expr),
                },
                _ => Transformed::no(expr),
            })
        })?;
        key.expr = over_input.data;
        exprs.push(take(key, at));
    }
    if exprs.len() == list.expr.len() {
        return Ok(input);
    }
    let list = Projection::try_new(exprs, Arc::clone(&list.input))?;
    Ok(Arc::new(LogicalPlan::Projection(list)))
}

/// The input's column, where the name is an alias of something else in the list.
fn input_column(list: &Projection, name: &Column) -> Option<Expr> {
    let aliased = list.expr.iter().any(|item| match item {
        Expr::Alias(alias) if name.relation.is_none() && alias.name == name.name => {
            !matches!(alias.expr.as_ref(), Expr::Column(column) if column.name == name.name)
        }
        _ => false,
    });
    let found = list
        .input
        .schema()
        .qualified_fields_with_unqualified_name(&name.name);
    match found.as_slice() {
        [(relation, field)] if aliased => {
            let column = Column::new(relation.cloned(), field.name());
            Some(Expr::Column(column))
        }
        _ => None,
    }
}

/// What a column of the list is computed from.
fn listed(list: &Projection, name: &Column) -> Option<Expr> {
    let at = list.schema.maybe_index_of_column(name)?;
    list.expr.get(at).cloned().map(Expr::unalias)
}

/// Computes keys with subqueries in a projection.
fn subqueries_below(input: Arc<LogicalPlan>, keys: &mut [SortExpr]) -> Result<Arc<LogicalPlan>> {
    let mut subqueries = Vec::new();
    let mut computed = Vec::new();
    for (at, key) in keys.iter_mut().enumerate() {
        let own = subqueries_of(&key.expr)?;
        if !own.is_empty() {
            computed.push(take(key, at));
            subqueries.extend(own);
        }
    }
    if computed.is_empty() {
        return Ok(input);
    }
    let columns = input.schema().columns().into_iter().map(Expr::Column);
    let exprs = columns.chain(computed).collect();
    let input = with_outer_columns(&input, &subqueries)?;
    let projection = Projection::try_new(exprs, Arc::new(input))?;
    Ok(Arc::new(LogicalPlan::Projection(projection)))
}

fn has_subquery(expr: &Expr) -> Result<bool> {
    subqueries_of(expr).map(|found| !found.is_empty())
}

/// Subqueries that are no value before the query runs.
fn subqueries_of(expr: &Expr) -> Result<Vec<Subquery>> {
    let mut found = Vec::new();
    expr.apply(|expr| {
        match expr {
            Expr::Exists(exists) => found.push(exists.subquery.clone()),
            Expr::InSubquery(within) => found.push(within.subquery.clone()),
            Expr::SetComparison(compared) => found.push(compared.subquery.clone()),
            Expr::ScalarSubquery(subquery) if !subquery.outer_ref_columns.is_empty() => {
                found.push(subquery.clone());
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// The rows to sort, with the columns that subqueries ask for and the SELECT list does not have.
fn with_outer_columns(input: &Arc<LogicalPlan>, subqueries: &[Subquery]) -> Result<LogicalPlan> {
    let LogicalPlan::Projection(list) = input.as_ref() else {
        return Ok(input.as_ref().clone());
    };
    let mut exprs = list.expr.clone();
    for asked in subqueries.iter().flat_map(|s| &s.outer_ref_columns) {
        if let Expr::OuterReferenceColumn(_, column) = asked
            && !input.schema().has_column(column)
            && list.input.schema().has_column(column)
        {
            let column = Expr::Column(column.clone());
            if !exprs.contains(&column) {
                exprs.push(column);
            }
        }
    }
    Projection::try_new(exprs, Arc::clone(&list.input)).map(LogicalPlan::Projection)
}
