//! What of PostgreSQL's may stand in FROM and is no relation here: a function that gives one value is a
//! subquery with that value, `pg_show_all_settings()` is `pg_settings`.

use datafusion::sql::sqlparser::ast::{
    FunctionArg, FunctionArgExpr, Ident, Query, SelectItem, SetExpr, TableAlias, TableFactor,
};

use super::postgres::{function_call, own_name};
use crate::sql::parse_query;

/// Whether a function gives a value for a row.
pub(super) type IsScalar<'a> = &'a dyn Fn(&str) -> bool;

/// The relation that a call stands for: there may be none.
pub(super) fn relation(factor: &TableFactor) -> Option<TableFactor> {
    let (function, args, _) = call(factor)?;
    if function != "pg_show_all_settings" || !args.is_empty() {
        return None;
    }
    let query = parse_query("SELECT * FROM pg_catalog.pg_settings").ok()?;
    let select = query.body.as_select()?;
    select.from.first().map(|from| from.relation.clone())
}

/// What is planned in the place of a call, if it is not the call.
pub(super) fn in_from(factor: &TableFactor, is_scalar: IsScalar<'_>) -> Option<TableFactor> {
    let (function, args, alias) = call(factor)?;
    let alias = alias.unwrap_or_else(|| unnamed(&function));
    if let Some(TableFactor::Table { name, .. }) = relation(factor) {
        let subquery = parse_query(&format!("SELECT * FROM {name}")).ok()?;
        return Some(derived(subquery, alias));
    }
    if !is_scalar(&function) {
        return None;
    }
    let mut subquery = parse_query("SELECT NULL AS value").ok()?;
    let given = args.iter().map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value.clone()),
        _ => None,
    });
    let expr = function_call(&function, given.collect::<Option<Vec<_>>>()?);
    let SetExpr::Select(select) = subquery.body.as_mut() else {
        return None;
    };
    // The column is called as the relation is.
    select.projection = vec![SelectItem::ExprWithAlias {
        expr,
        alias: alias.name.clone(),
    }];
    Some(derived(subquery, alias))
}

/// Name, arguments and alias of a function in FROM.
fn call(factor: &TableFactor) -> Option<(String, &[FunctionArg], Option<TableAlias>)> {
    let TableFactor::Table {
        name,
        args: Some(args),
        alias,
        ..
    } = factor
    else {
        return None;
    };
    if args.settings.is_some() {
        return None;
    }
    Some((own_name(name)?, &args.args, alias.clone()))
}

fn derived(subquery: Box<Query>, alias: TableAlias) -> TableFactor {
    TableFactor::Derived {
        lateral: false,
        subquery,
        alias: Some(alias),
        sample: None,
    }
}

fn unnamed(function: &str) -> TableAlias {
    TableAlias {
        explicit: true,
        name: Ident::new(function),
        columns: Vec::new(),
        at: None,
    }
}
