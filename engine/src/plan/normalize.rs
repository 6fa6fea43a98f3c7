//! Forms of queries that DataFusion's planner has no place for or misreads, said in other ones.
//!
//! Works on the syntax tree, before planning. What needs the types and columns of the plan is in
//! [`super::correct`].

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    CastKind, CharacterLength, DataType, Expr, Fetch, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, Ident, Join, JoinConstraint, JoinOperator,
    LimitClause, OrderByKind, Query, Select, SelectFlavor, SelectItem, SetExpr, SetOperator,
    SetQuantifier, Statement, TableAliasColumnDef, TableFactor, TableWithJoins, Value,
    ValueWithSpan, VisitMut, VisitorMut, WildcardAdditionalOptions, visit_expressions,
};

use super::postgres::function_call;
use super::{quantified, untyped};
use crate::error::{Error, Kind, Result};
use crate::sql::parse_query;

/// Rewrites a statement in place.
pub(super) fn normalize(statement: &mut Statement) -> Result<()> {
    match statement.visit(&mut Normalizer) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// VALUES with a subquery among them are a UNION ALL of SELECTs, in which the planner knows what to
/// do with it.
fn rows_with_subqueries(query: &mut Query) -> Result<()> {
    let SetExpr::Values(values) = query.body.as_ref() else {
        return Ok(());
    };
    let mut cells = values.rows.iter().flat_map(|row| row.content.iter());
    if !cells.any(has_subquery) {
        return Ok(());
    }
    let mut selects = Vec::new();
    for row in &values.rows {
        let mut select = parse_query("SELECT 1")?;
        if let SetExpr::Select(select) = select.body.as_mut() {
            let cells = row.content.iter().enumerate();
            let named = cells.map(|(at, cell)| SelectItem::ExprWithAlias {
                expr: cell.clone(),
                alias: Ident::new(format!("column{}", at + 1)),
            });
            select.projection = named.collect();
        }
        selects.push(select.body);
    }
    let union = selects.into_iter().reduce(|left, right| {
        Box::new(SetExpr::SetOperation {
            op: SetOperator::Union,
            set_quantifier: SetQuantifier::All,
            left,
            right,
        })
    });
    if let Some(union) = union {
        query.body = union;
    }
    Ok(())
}

fn has_subquery(expr: &Expr) -> bool {
    let found = visit_expressions(expr, |expr| match expr {
        Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

struct Normalizer;

impl VisitorMut for Normalizer {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        if let SetExpr::Values(values) = query.body.as_mut() {
            untyped::columns(values);
        }
        if let Some(OrderByKind::Expressions(keys)) = query.order_by.as_mut().map(|o| &mut o.kind) {
            for key in keys {
                listed(&mut key.expr, &query.body);
                quantified::membership_as_value(&mut key.expr);
            }
        }
        if let Err(error) = rows_with_subqueries(query) {
            return ControlFlow::Break(error);
        }
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
        match expr {
            Expr::Cast { .. } => exact_cast(expr),
            Expr::Value(_) => {
                plain_digits(expr);
                plain_text(expr);
            }
            Expr::Function(function) => every_item(function),
            Expr::Array(array) => untyped::alternatives(array.elem.iter_mut().collect()),
            Expr::Like {
                pattern,
                escape_char,
                ..
            }
            | Expr::ILike {
                pattern,
                escape_char,
                ..
            } => own_escape(pattern, escape_char),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// A key that is written as an item of the SELECT list is that item: `SELECT sum(x) AS x … ORDER BY sum(x)`.
fn listed(key: &mut Expr, body: &SetExpr) {
    let SetExpr::Select(select) = body else {
        return;
    };
    let is_it = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { expr, .. } => expr == key,
        _ => false,
    };
    // Before a wildcard, places are known.
    let known = select.projection.iter().take_while(|item| {
        matches!(
            item,
            SelectItem::ExprWithAlias { .. } | SelectItem::UnnamedExpr(_)
        )
    });
    let is_name = matches!(
        key,
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_)
    );
    if let Some(at) = known.into_iter().position(is_it).filter(|_| !is_name) {
        *key = Expr::Value(Value::Number((at + 1).to_string(), false).into());
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

/// `1e300::double precision` reads the digits as a float, and `x::varchar(3)` cuts the text.
fn exact_cast(expr: &mut Expr) {
    let Expr::Cast {
        expr: inner,
        data_type,
        ..
    } = expr
    else {
        return;
    };
    match data_type {
        DataType::Double(_)
        | DataType::DoublePrecision
        | DataType::Float(_)
        | DataType::Float4
        | DataType::Float8
        | DataType::Real => {
            if let Expr::Value(value) = inner.as_mut()
                && let Value::Number(digits, _) = &value.value
            {
                value.value = Value::SingleQuotedString(digits.clone());
            }
        }
        DataType::Varchar(length)
        | DataType::CharacterVarying(length)
        | DataType::CharVarying(length)
        | DataType::Char(length)
        | DataType::Character(length) => {
            if let Some(CharacterLength::IntegerLength { length, .. }) = length.take() {
                let length = Expr::Value(Value::Number(length.to_string(), false).into());
                *expr = left(expr.clone(), length);
            }
        }
        _ => {}
    }
}

/// Digits that a decimal can have.
const MAX_DIGITS: i64 = 76;

/// `1.5e3` is `1500.`, and a float where no decimal can hold it.
fn plain_digits(expr: &mut Expr) {
    let Expr::Value(value) = expr else { return };
    let Value::Number(number, _) = &value.value else {
        return;
    };
    let Some((mantissa, exponent)) = number.split_once(['e', 'E']) else {
        return;
    };
    let Ok(exponent) = exponent.parse::<i64>() else {
        return;
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let point = whole.len() as i64 + exponent;
    let length = digits.len() as i64;
    if point > MAX_DIGITS || length - point > MAX_DIGITS || length.max(length - point) > MAX_DIGITS
    {
        let text = Value::SingleQuotedString(number.clone());
        *expr = Expr::Cast {
            kind: CastKind::DoubleColon,
            expr: Box::new(Expr::Value(text.into())),
            data_type: DataType::DoublePrecision,
            array: false,
            format: None,
        };
        return;
    }
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
    let plain = if point <= 0 {
        format!("0.{}{digits}", zeros(-point))
    } else if point >= length {
        format!("{digits}{}.", zeros(point - length))
    } else {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
        format!("{whole}.{fraction}")
    };
    value.value = Value::Number(plain, false);
}

/// `U&'\0061'` is a text like others.
fn plain_text(expr: &mut Expr) {
    if let Expr::Value(value) = expr
        && let Value::UnicodeStringLiteral(text) = &value.value
    {
        value.value = Value::SingleQuotedString(text.clone());
    }
}

/// `array_remove` and `array_replace` are for every such item; DataFusion's are for the first.
fn every_item(function: &mut Function) {
    let all = match function.name.to_string().to_lowercase().as_str() {
        "array_remove" => "array_remove_all",
        "array_replace" => "array_replace_all",
        _ => return,
    };
    function.name = vec![Ident::new(all)].into();
}

/// `left(text, length)`.
fn left(text: Expr, length: Expr) -> Expr {
    let argument = |e| FunctionArg::Unnamed(FunctionArgExpr::Expr(e));
    Expr::Function(Function {
        name: vec![Ident::new("left")].into(),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: vec![argument(text), argument(length)],
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// A pattern with an escape character of its own, in terms of the backslash, which is the usual one.
fn own_escape(pattern: &mut Box<Expr>, escape: &mut Option<ValueWithSpan>) {
    let Some(Value::SingleQuotedString(given)) = escape.as_ref().map(|e| &e.value) else {
        return;
    };
    let own = given.chars().next();
    if own == Some('\\') {
        return;
    }
    let Expr::Value(ValueWithSpan {
        value: Value::SingleQuotedString(text),
        ..
    }) = pattern.as_mut()
    else {
        let given = Expr::Value(Value::SingleQuotedString(given.clone()).into());
        let plain = vec![pattern.as_ref().clone(), given];
        **pattern = function_call("like_escape", plain);
        *escape = None;
        return;
    };
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            _ if Some(letter) == own => {
                plain.push('\\');
                plain.extend(letters.next());
            }
            '\\' => plain.push_str("\\\\"),
            _ => plain.push(letter),
        }
    }
    *text = plain;
    *escape = None;
}
