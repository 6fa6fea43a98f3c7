//! Forms of SQL that DataFusion's planner has no place for, turned into calls that it plans; works
//! on the syntax tree, after parsing and before planning.
//!
//! - `TIMESTAMPDIFF(YEAR, a, b)`, `CEIL(t TO HOUR)`, `make_interval(days => 1)`
//! - `AT TIME ZONE`, the operators `@ x`, `|/ x`, `||/ x`, `~x` and `OVERLAPS`
//! - functions that return sets, in FROM and in the SELECT list: they become `UNNEST` of a function
//!   that returns an array

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CeilFloorKind, DataType, DateTimeField, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName, Select,
    SelectItem, Statement, TableAlias, TableAliasColumnDef, TableFactor, TableFunctionArgs,
    UnaryOperator, Value, VisitMut, VisitorMut,
};

use super::scalar::is_unit;

/// Rewrites a statement in place; call it once, before planning.
pub fn desugar(statement: &mut Statement) {
    // The visitor never breaks off.
    let _ = statement.visit(&mut Desugar);
}

struct Desugar;

impl VisitorMut for Desugar {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let replacement = match expr {
            Expr::Function(function) => {
                quote_unit(function);
                positional_interval(function);
                None
            }
            Expr::Identifier(word) if is_bare_function(word) => {
                Some(call(&word.value.to_lowercase(), Vec::new()))
            }
            Expr::Ceil { expr, field } => to_unit("date_ceil", expr, field),
            Expr::Floor { expr, field } => to_unit("date_trunc", expr, field),
            Expr::UnaryOp { op, expr } => unary(*op, expr),
            Expr::Cast {
                expr, data_type, ..
            } => hex_bytes(expr, data_type),
            Expr::AtTimeZone {
                timestamp,
                time_zone,
            } => Some(call(
                "timezone",
                vec![time_zone.as_ref().clone(), timestamp.as_ref().clone()],
            )),
            Expr::BinaryOp {
                left,
                op: BinaryOperator::Overlaps,
                right,
            } => overlaps(left, right),
            _ => None,
        };
        if let Some(replacement) = replacement {
            *expr = replacement;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            unnest_item(item);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let Some(unnest) = set_in_from(factor) {
            *factor = unnest;
        }
        ControlFlow::Continue(())
    }
}

fn call(name: &str, args: Vec<Expr>) -> Expr {
    let args = args
        .into_iter()
        .map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)))
        .collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

/// Reserved words that PostgreSQL calls without parentheses and the parser takes for columns.
fn is_bare_function(word: &Ident) -> bool {
    let name = word.value.to_lowercase();
    word.quote_style.is_none() && matches!(name.as_str(), "current_schema" | "current_role")
}

fn text(value: impl Into<String>) -> Expr {
    Expr::value(Value::SingleQuotedString(value.into()))
}

fn number(value: &str) -> Expr {
    Expr::value(Value::Number(value.to_string(), false))
}

/// The unqualified name of a function, in lower case.
fn simple_name(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        [part] => part.as_ident().map(|ident| ident.value.to_lowercase()),
        _ => None,
    }
}

/// `TIMESTAMPDIFF(YEAR, …)`: the bare word is a unit, not a column.
fn quote_unit(function: &mut Function) {
    const TAKE_A_UNIT: &[&str] = &[
        "timestampadd",
        "dateadd",
        "timestampdiff",
        "date_diff",
        "datediff",
        "date_ceil",
    ];
    if !simple_name(&function.name).is_some_and(|name| TAKE_A_UNIT.contains(&name.as_str())) {
        return;
    }
    let FunctionArguments::List(list) = &mut function.args else {
        return;
    };
    if let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(first))) = list.args.first_mut()
        && let Expr::Identifier(word) = first
        && word.quote_style.is_none()
        && is_unit(&word.value)
    {
        *first = text(word.value.clone());
    }
}

/// `make_interval(days => 10)` with its arguments in their places.
fn positional_interval(function: &mut Function) {
    const FIELDS: [&str; 7] = ["years", "months", "weeks", "days", "hours", "mins", "secs"];
    if simple_name(&function.name).as_deref() != Some("make_interval") {
        return;
    }
    let FunctionArguments::List(list) = &mut function.args else {
        return;
    };
    let place_of = |name: &Ident| {
        let lower = name.value.to_lowercase();
        FIELDS.iter().position(|field| *field == lower)
    };
    let mut values: [Option<Expr>; 7] = Default::default();
    let mut named = false;
    for (i, arg) in list.args.iter().enumerate() {
        let (place, value) = match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => (Some(i), value),
            FunctionArg::Named {
                name,
                arg: FunctionArgExpr::Expr(value),
                ..
            } => {
                named = true;
                (place_of(name), value)
            }
            FunctionArg::ExprNamed {
                name: Expr::Identifier(name),
                arg: FunctionArgExpr::Expr(value),
                ..
            } => {
                named = true;
                (place_of(name), value)
            }
            _ => return,
        };
        // An unknown or repeated name is left for the planner to refuse.
        match place.and_then(|place| values.get_mut(place)) {
            Some(slot) if slot.is_none() => *slot = Some(value.clone()),
            _ => return,
        }
    }
    if named {
        let values = values.into_iter().map(|v| v.unwrap_or(number("0")));
        if let Expr::Function(positional) = call("make_interval", values.collect()) {
            function.args = positional.args;
        }
    }
}

fn to_unit(name: &str, expr: &Expr, field: &CeilFloorKind) -> Option<Expr> {
    match field {
        CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) | CeilFloorKind::Scale(_) => None,
        CeilFloorKind::DateTimeField(unit) => {
            Some(call(name, vec![text(unit.to_string()), expr.clone()]))
        }
    }
}

fn unary(op: UnaryOperator, expr: &Expr) -> Option<Expr> {
    let operand = || vec![expr.clone()];
    match op {
        UnaryOperator::PGAbs => Some(call("abs", operand())),
        UnaryOperator::PGSquareRoot => Some(call("sqrt", operand())),
        UnaryOperator::PGCubeRoot => Some(call("cbrt", operand())),
        UnaryOperator::BitwiseNot => Some(call("bit_not", operand())),
        _ => None,
    }
}

/// `'\x1f'::bytea`: a string of hexadecimal digits as the bytes it means.
fn hex_bytes(expr: &Expr, data_type: &DataType) -> Option<Expr> {
    let literal = match (expr, data_type) {
        // JSON is text: the cast of a value that is not a string stays the planner's.
        (Expr::Value(literal), _) => literal,
        _ => return None,
    };
    match (&literal.value, data_type) {
        (Value::SingleQuotedString(text), DataType::Bytea) => {
            let digits = text.strip_prefix("\\x")?;
            let whole = digits.len() % 2 == 0 && digits.chars().all(|c| c.is_ascii_hexdigit());
            whole.then(|| Expr::value(Value::HexStringLiteral(digits.to_string())))
        }
        (Value::SingleQuotedString(_), DataType::JSON | DataType::JSONB) => Some(expr.clone()),
        _ => None,
    }
}

fn overlaps(left: &Expr, right: &Expr) -> Option<Expr> {
    match (left, right) {
        (Expr::Tuple(left), Expr::Tuple(right)) if left.len() == 2 && right.len() == 2 => {
            Some(call("overlaps", [left.as_slice(), right].concat()))
        }
        _ => None,
    }
}

/// The arrays whose elements are the rows of a function that returns a set, with the names of its
/// columns (empty: one column named like the function).
fn set_as_arrays(name: &str, args: &[Expr]) -> Option<(Vec<Expr>, &'static [&'static str])> {
    let one = |array: &str| Some((vec![call(array, args.to_vec())], [].as_slice()));
    let pair = |values: &str| {
        let arrays = vec![
            call("json_keys", args.to_vec()),
            call(values, args.to_vec()),
        ];
        Some((arrays, ["key", "value"].as_slice()))
    };
    match name {
        "regexp_split_to_table" => one("regexp_split_to_array"),
        "regexp_matches" => one("regexp_matches_array"),
        "string_to_table" => one("string_to_array"),
        "generate_subscripts" => one("array_subscripts"),
        "json_array_elements" | "jsonb_array_elements" => one("json_elements"),
        "json_array_elements_text" | "jsonb_array_elements_text" => one("json_elements_text"),
        "json_object_keys" | "jsonb_object_keys" => one("json_keys"),
        "json_each" | "jsonb_each" => pair("json_values"),
        "json_each_text" | "jsonb_each_text" => pair("json_values_text"),
        _ => None,
    }
}

fn plain_args(args: &[FunctionArg]) -> Option<Vec<Expr>> {
    args.iter()
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value.clone()),
            _ => None,
        })
        .collect()
}

/// `SELECT string_to_table(…)`: one row for each element.
fn unnest_item(item: &mut SelectItem) {
    let expr = match item {
        SelectItem::UnnamedExpr(expr) => expr,
        SelectItem::ExprWithAlias { expr, .. } => expr,
        _ => return,
    };
    let Expr::Function(function) = expr else {
        return;
    };
    let Some(name) = simple_name(&function.name) else {
        return;
    };
    let FunctionArguments::List(list) = &function.args else {
        return;
    };
    let Some(args) = plain_args(&list.args) else {
        return;
    };
    let array = match set_as_arrays(&name, &args) {
        Some((arrays, [])) => arrays.into_iter().next(),
        Some(_) => None,
        None if name == "generate_series" => Some(expr.clone()),
        None => None,
    };
    if let Some(array) = array {
        let unnest = call("unnest", vec![array]);
        match item {
            SelectItem::ExprWithAlias { expr, .. } => *expr = unnest,
            _ => {
                *item = SelectItem::ExprWithAlias {
                    expr: unnest,
                    alias: Ident::new(name),
                }
            }
        }
    }
}

/// `FROM string_to_table(…) [WITH ORDINALITY]`, and `UNNEST(…) WITH ORDINALITY`.
fn set_in_from(factor: &TableFactor) -> Option<TableFactor> {
    let (name, arrays, columns, alias, ordinality) = match factor {
        TableFactor::Table {
            name,
            alias,
            args: Some(TableFunctionArgs { args, .. }),
            with_ordinality,
            ..
        }
        | TableFactor::Function {
            name,
            args,
            alias,
            with_ordinality,
            ..
        } => {
            let name = simple_name(name)?;
            let args = plain_args(args)?;
            let (arrays, columns) = match set_as_arrays(&name, &args) {
                Some(found) => found,
                // DataFusion has the table function, but without an ordinal number.
                None if name == "generate_series" && *with_ordinality => {
                    (vec![call(&name, args)], [].as_slice())
                }
                None => return None,
            };
            (name, arrays, columns, alias, *with_ordinality)
        }
        TableFactor::UNNEST {
            alias,
            array_exprs,
            with_ordinality: true,
            ..
        } => (
            "unnest".to_string(),
            array_exprs.clone(),
            [].as_slice(),
            alias,
            true,
        ),
        _ => return None,
    };
    Some(unnest_table(
        name,
        arrays,
        columns,
        alias.as_ref(),
        ordinality,
    ))
}

fn unnest_table(
    name: String,
    mut arrays: Vec<Expr>,
    columns: &[&str],
    alias: Option<&TableAlias>,
    ordinality: bool,
) -> TableFactor {
    let table = alias.map_or_else(|| Ident::new(&name), |alias| alias.name.clone());
    let mut names: Vec<Ident> = match (columns, arrays.len()) {
        // A single column is named like the table.
        ([], 1) => vec![table.clone()],
        ([], count) => vec![Ident::new(&name); count],
        (columns, _) => columns.iter().map(|column| Ident::new(*column)).collect(),
    };
    if ordinality {
        let first = arrays.first().cloned().into_iter().collect();
        arrays.push(call("array_subscripts", first));
        names.push(Ident::new("ordinality"));
    }
    let given = alias.map(|alias| alias.columns.clone()).unwrap_or_default();
    for (name, given) in names.iter_mut().zip(&given) {
        *name = given.name.clone();
    }
    let columns = names.into_iter().map(|name| TableAliasColumnDef {
        name,
        data_type: None,
    });
    TableFactor::UNNEST {
        alias: Some(TableAlias {
            explicit: true,
            name: table,
            columns: columns.collect(),
            at: None,
        }),
        array_exprs: arrays,
        with_offset: false,
        with_offset_alias: None,
        with_ordinality: false,
    }
}
