//! `ARRAY(SELECT …)`, which DataFusion has no place for: an aggregate, or a mapping of an array.

use datafusion::sql::sqlparser::ast::{
    Array, Expr, Function, FunctionArgumentClause, FunctionArguments, GroupByExpr, LambdaFunction,
    LambdaFunctionParameter, LambdaSyntax, OneOrManyWithParens, OrderByExpr, OrderByKind, Query,
    Select, SelectItem, SetExpr, TableFactor, Value,
};

use super::postgres::function_call;
use crate::sql::parse_query;

/// `ARRAY(SELECT x …)` → `(SELECT array_agg(x) …)`, and over `unnest(a) x` a mapping of the array.
pub(super) fn array_of(query: &Query) -> Option<Expr> {
    if let Some(mapped) = mapped(query) {
        return Some(mapped);
    }
    let aggregated = aggregated(query).or_else(|| derived(query))?;
    let nothing = Expr::Array(Array {
        elem: Vec::new(),
        named: true,
    });
    let found = Expr::Subquery(Box::new(aggregated));
    Some(function_call("coalesce", vec![found, nothing]))
}

/// The one item of a SELECT list, without its alias.
fn only_item(select: &Select) -> Option<&Expr> {
    match select.projection.as_slice() {
        [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] => {
            Some(item)
        }
        _ => None,
    }
}

fn is_simple(query: &Query, select: &Select) -> bool {
    let no_groups =
        matches!(&select.group_by, GroupByExpr::Expressions(e, m) if e.is_empty() && m.is_empty());
    query.with.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none()
        && select.distinct.is_none()
        && select.having.is_none()
        && no_groups
}

/// The aggregate in the place of the item, which keeps a correlation that can be planned.
fn aggregated(query: &Query) -> Option<Query> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    let item = only_item(select)?;
    if !is_simple(query, select) {
        return None;
    }
    let order = match query.order_by.as_ref().map(|o| &o.kind) {
        None => Vec::new(),
        Some(OrderByKind::Expressions(by)) => by.iter().map(|by| ordered_by(by, item)).collect(),
        Some(OrderByKind::All(_)) => return None,
    };
    let mut aggregate = function_call("array_agg", vec![item.clone()]);
    if let Expr::Function(Function {
        args: FunctionArguments::List(list),
        ..
    }) = &mut aggregate
        && !order.is_empty()
    {
        list.clauses.push(FunctionArgumentClause::OrderBy(order));
    }
    let mut select = select.clone();
    select.projection = vec![SelectItem::UnnamedExpr(aggregate)];
    Some(Query {
        body: Box::new(SetExpr::Select(select)),
        order_by: None,
        ..query.clone()
    })
}

/// `ORDER BY 1` names the item.
fn ordered_by(by: &OrderByExpr, item: &Expr) -> OrderByExpr {
    let is_place = matches!(&by.expr, Expr::Value(v) if matches!(v.value, Value::Number(..)));
    OrderByExpr {
        expr: if is_place {
            item.clone()
        } else {
            by.expr.clone()
        },
        ..by.clone()
    }
}

fn derived(query: &Query) -> Option<Query> {
    let mut outer = parse_query("SELECT array_agg(item) FROM (SELECT 1) AS items(item)").ok()?;
    let SetExpr::Select(select) = outer.body.as_mut() else {
        return None;
    };
    match select.from.first_mut().map(|from| &mut from.relation) {
        Some(TableFactor::Derived { subquery, .. }) => **subquery = query.clone(),
        _ => return None,
    }
    Some(*outer)
}

/// `ARRAY(SELECT f(x) FROM unnest(a) x)` is `array_transform(a, x -> f(x))`.
fn mapped(query: &Query) -> Option<Expr> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    let [from] = select.from.as_slice() else {
        return None;
    };
    let TableFactor::UNNEST {
        alias: Some(alias),
        array_exprs,
        ..
    } = &from.relation
    else {
        return None;
    };
    let ([array], []) = (array_exprs.as_slice(), from.joins.as_slice()) else {
        return None;
    };
    if !is_simple(query, select) || select.selection.is_some() || query.order_by.is_some() {
        return None;
    }
    let item = alias.columns.first().map_or(&alias.name, |c| &c.name);
    let lambda = Expr::Lambda(LambdaFunction {
        params: OneOrManyWithParens::One(LambdaFunctionParameter {
            name: item.clone(),
            data_type: None,
        }),
        body: Box::new(only_item(select)?.clone()),
        syntax: LambdaSyntax::Arrow,
    });
    Some(function_call(
        "array_transform",
        vec![array.clone(), lambda],
    ))
}
