//! A subquery in ORDER BY is computed by a projection below the sort: DataFusion has no place for it in one.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Projection, Sort, Subquery};

use crate::error::Error;

/// The sort over all that its keys need, which is gone above it.
pub(super) fn sort(sort: &Sort) -> Result<Transformed<LogicalPlan>> {
    let (mut subqueries, mut computed, mut keys) = (Vec::new(), Vec::new(), sort.expr.clone());
    for (at, key) in keys.iter_mut().enumerate() {
        let own = subqueries_of(&key.expr)?;
        if !own.is_empty() {
            let name = format!("\u{1}order_by_{at}");
            let column = Expr::Column(Column::new_unqualified(name.clone()));
            computed.push(std::mem::replace(&mut key.expr, column).alias(name));
            subqueries.extend(own);
        }
    }
    if computed.is_empty() {
        return Ok(Transformed::no(LogicalPlan::Sort(sort.clone())));
    }
    let columns: Vec<Expr> = sort
        .input
        .schema()
        .columns()
        .into_iter()
        .map(Expr::Column)
        .collect();
    let input = with_outer_columns(&sort.input, &subqueries)?;
    let below = columns.iter().cloned().chain(computed).collect();
    let sorted = LogicalPlan::Sort(Sort {
        expr: keys,
        input: Arc::new(LogicalPlan::Projection(Projection::try_new(
            below,
            Arc::new(input),
        )?)),
        fetch: sort.fetch,
    });
    let shown = LogicalPlanBuilder::from(sorted).project(columns)?;
    shown.build().map(Transformed::yes)
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
        let Expr::OuterReferenceColumn(_, column) = asked else {
            continue;
        };
        if hides_a_column(list, column) {
            let what = format!(
                "\"{}\", the name of a result and of a column, in a subquery of ORDER BY",
                column.name
            );
            return Err(Error::unsupported(what)
                .hint("Give the result another name.")
                .into());
        }
        if !input.schema().has_column(column) && list.input.schema().has_column(column) {
            let column = Expr::Column(column.clone());
            if !exprs.contains(&column) {
                exprs.push(column);
            }
        }
    }
    Projection::try_new(exprs, Arc::clone(&list.input)).map(LogicalPlan::Projection)
}

/// Whether the name is an alias of something else than the column of FROM that PostgreSQL would take.
fn hides_a_column(list: &Projection, name: &Column) -> bool {
    let is_alias = |item: &Expr| match item {
        Expr::Alias(alias) if name.relation.is_none() && alias.name == name.name => {
            !matches!(alias.expr.as_ref(), Expr::Column(column) if column.name == name.name)
        }
        _ => false,
    };
    let of_input = list
        .input
        .schema()
        .qualified_fields_with_unqualified_name(&name.name);
    !of_input.is_empty() && list.expr.iter().any(is_alias)
}
