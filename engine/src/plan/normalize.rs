//! Forms of queries that DataFusion's planner has no place for or misreads, said in other ones.
//!
//! Works on the syntax tree, before planning. What needs the types and columns of the plan is in
//! [`super::correct`].

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Fetch, Ident, Join, JoinConstraint, JoinOperator, LimitClause, Query, Select,
    SelectFlavor, SelectItem, SetExpr, Statement, TableAliasColumnDef, TableFactor, TableWithJoins,
    Value, VisitMut, VisitorMut, WildcardAdditionalOptions,
};

use super::quantified;
use crate::error::{Error, Kind, Result};

/// Rewrites a statement in place.
pub(super) fn normalize(statement: &mut Statement) -> Result<()> {
    match statement.visit(&mut Normalizer) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Normalizer;

impl VisitorMut for Normalizer {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        match query.fetch.take() {
            Some(fetch) => step(limit_of_fetch(query, fetch)),
            None => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        if select.flavor == SelectFlavor::FromFirstNoSelect && select.projection.is_empty() {
            let all = SelectItem::Wildcard(WildcardAdditionalOptions::default());
            select.projection.push(all);
        }
        for table in &mut select.from {
            if let Err(error) = joins(table) {
                return ControlFlow::Break(error);
            }
        }
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                quantified::membership_as_value(expr);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        if let TableFactor::NestedJoin {
            table_with_joins, ..
        } = factor
        {
            return step(joins(table_with_joins));
        }
        name_all_values(factor);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        quantified::comparison(expr);
        ControlFlow::Continue(())
    }
}

fn step(result: Result<()>) -> ControlFlow<Error> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

/// `FETCH FIRST n ROWS ONLY` is `LIMIT n`.
fn limit_of_fetch(query: &mut Query, fetch: Fetch) -> Result<()> {
    if fetch.with_ties || fetch.percent {
        let what = if fetch.percent {
            "PERCENT"
        } else {
            "WITH TIES"
        };
        return Err(Error::unsupported(format!("FETCH FIRST … {what}"))
            .hint("Number the rows with rank() and filter by it."));
    }
    let one = || Expr::Value(Value::Number("1".to_string(), false).into());
    let quantity = fetch.quantity.unwrap_or_else(one);
    let offset = match query.limit_clause.take() {
        None => None,
        Some(LimitClause::LimitOffset {
            limit: None,
            offset,
            ..
        }) => offset,
        Some(_) => {
            return Err(Error::new(
                Kind::Syntax,
                "LIMIT and FETCH FIRST cannot stand together",
            ));
        }
    };
    query.limit_clause = Some(LimitClause::LimitOffset {
        limit: Some(quantity),
        offset,
        limit_by: Vec::new(),
    });
    Ok(())
}

/// A join needs its condition, and SEMI and ANTI mean the left side's.
fn joins(table: &mut TableWithJoins) -> Result<()> {
    for join in &mut table.joins {
        let Join { join_operator, .. } = join;
        match join_operator {
            JoinOperator::Semi(constraint) => {
                *join_operator = JoinOperator::LeftSemi(constraint.clone());
            }
            JoinOperator::Anti(constraint) => {
                *join_operator = JoinOperator::LeftAnti(constraint.clone());
            }
            JoinOperator::Join(JoinConstraint::None)
            | JoinOperator::Inner(JoinConstraint::None) => {
                return Err(Error::new(Kind::Syntax, "JOIN needs a condition")
                    .hint("Write JOIN … ON …, JOIN … USING (…), NATURAL JOIN or CROSS JOIN."));
            }
            _ => {}
        }
    }
    Ok(())
}

/// `(VALUES (1, 2)) AS t(a)` names the first column only; the others keep their names.
fn name_all_values(factor: &mut TableFactor) {
    let TableFactor::Derived {
        subquery,
        alias: Some(alias),
        ..
    } = factor
    else {
        return;
    };
    let SetExpr::Values(values) = subquery.body.as_ref() else {
        return;
    };
    let columns = values.rows.first().map_or(0, |row| row.len());
    if alias.columns.is_empty() {
        return;
    }
    for at in alias.columns.len()..columns {
        alias.columns.push(TableAliasColumnDef {
            name: Ident::new(format!("column{}", at + 1)),
            data_type: None,
        });
    }
}
