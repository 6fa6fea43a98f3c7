//! What of PostgreSQL's may stand in FROM and is no relation here: a function that gives one value is a
//! subquery with that value, `pg_show_all_settings()` is `pg_settings`.

use datafusion::sql::sqlparser::ast::{
    FunctionArg, FunctionArgExpr, Ident, SelectItem, SetExpr, TableAlias, TableFactor,
};

use super::postgres::{function_call, own_name};
use crate::sql::parse_query;

/// Whether a function gives a value for a row.
pub(super) type IsScalar<'a> = &'a dyn Fn(&str) -> bool;

/// The relation in the place of a call, if there is one.
pub(super) fn in_from(factor: &TableFactor, is_scalar: IsScalar<'_>) -> Option<TableFactor> {
    let TableFactor::Table {
        name,
        args: Some(args),
        alias,
        ..
    } = factor
    else {
        return None;
    };
    let function = own_name(name)?;
    if args.settings.is_some() {
        return None;
    }
    let settings = function == "pg_show_all_settings" && args.args.is_empty();
    if !settings && !is_scalar(&function) {
        return None;
    }
    let query = match settings {
        true => "SELECT * FROM pg_catalog.pg_settings",
        false => "SELECT NULL AS value",
    };
    let mut subquery = parse_query(query).ok()?;
    let alias = alias.clone().unwrap_or_else(|| unnamed(&function));
    if !settings {
        let given = args.args.iter().map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value.clone()),
            _ => None,
        });
        let expr = function_call(&function, given.collect::<Option<Vec<_>>>()?);
        let SetExpr::Select(select) = subquery.body.as_mut() else {
            return None;
        };
        // The column is called as the relation is.
        let alias = alias.name.clone();
        select.projection = vec![SelectItem::ExprWithAlias { expr, alias }];
    }
    Some(TableFactor::Derived {
        lateral: false,
        subquery,
        alias: Some(alias),
        sample: None,
    })
}

fn unnamed(function: &str) -> TableAlias {
    TableAlias {
        explicit: true,
        name: Ident::new(function),
        columns: Vec::new(),
        at: None,
    }
}
