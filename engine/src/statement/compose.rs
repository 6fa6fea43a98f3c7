//! Putting together the syntax trees of the queries behind UPDATE, DELETE and MERGE, from parts that
//! the user wrote and parts of ours.

use std::ops::ControlFlow;

use arrow::datatypes::{DataType, Field};
use datafusion::sql::sqlparser::ast::{
    self, Expr, Ident, ObjectName as SqlName, SelectItem, TableAlias, TableFactor, TableWithJoins,
};

use super::writing::TARGET;
use crate::error::{Error, Kind, Result};
use crate::sql::{parse_query, quote_identifier, type_name};

/// An expression of ours.
pub(super) fn expression(sql: &str) -> Result<Expr> {
    let query = parse_query(&format!("SELECT {sql}"))?;
    let ast::SetExpr::Select(select) = *query.body else {
        return Err(Error::internal("not an expression"));
    };
    match select.projection.into_iter().next() {
        Some(SelectItem::UnnamedExpr(expr)) => Ok(expr),
        _ => Err(Error::internal("not an expression")),
    }
}

/// The column of a relation.
pub(super) fn column(relation: &str, name: &str) -> Result<Expr> {
    expression(&format!(
        "{}.{}",
        quote_identifier(relation),
        quote_identifier(name)
    ))
}

/// `SELECT expr AS name, … FROM from WHERE selection`.
pub(super) fn select(
    columns: Vec<(String, Expr)>,
    from: Vec<TableWithJoins>,
    selection: Option<Expr>,
) -> Result<Box<ast::Query>> {
    let mut query = parse_query("SELECT 1")?;
    let ast::SetExpr::Select(select) = query.body.as_mut() else {
        return Err(Error::internal("not a query"));
    };
    let columns = columns.into_iter();
    select.projection = columns
        .map(|(name, expr)| SelectItem::ExprWithAlias {
            expr,
            alias: Ident::with_quote('"', name),
        })
        .collect();
    select.from = from;
    select.selection = selection;
    Ok(query)
}

/// The changed table as a relation of a change's query, under the name that the user calls it by.
pub(super) fn target_relation(relation: &TableFactor) -> Result<(TableFactor, SqlName, String)> {
    let TableFactor::Table {
        name,
        alias,
        args,
        version,
        sample,
        ..
    } = relation
    else {
        return Err(Error::unsupported("changing anything but a table"));
    };
    if version.is_some() {
        return Err(Error::unsupported("changing an older version of a table")
            .hint("Only the latest version can be changed: leave AS OF out."));
    }
    if sample.is_some() {
        return Err(
            Error::unsupported("changing a sample of a table").hint("Choose the rows in WHERE.")
        );
    }
    if alias
        .as_ref()
        .is_some_and(|alias| !alias.columns.is_empty())
    {
        return Err(Error::unsupported(
            "other names for the columns of a changed table",
        ));
    }
    if args.is_some() {
        return Err(Error::unsupported("changing the rows of a function"));
    }
    let called = match alias {
        Some(alias) => alias.name.clone(),
        None => match name.0.last().and_then(|part| part.as_ident()) {
            Some(ident) => ident.clone(),
            None => return Err(Error::new(Kind::Syntax, format!("improper name: {name}"))),
        },
    };
    let known_as = super::cursor::fold(&called);
    let mut target = relation.clone();
    if let TableFactor::Table {
        name: target_name,
        alias,
        ..
    } = &mut target
    {
        *target_name = SqlName::from(vec![Ident::with_quote('"', TARGET)]);
        *alias = Some(TableAlias {
            explicit: true,
            name: called,
            columns: Vec::new(),
            at: None,
        });
    }
    Ok((target, name.clone(), known_as))
}

/// `CASE WHEN condition THEN value … ELSE otherwise END`.
pub(super) fn case(arms: Vec<(Expr, Expr)>, otherwise: Expr) -> Result<Expr> {
    if arms.is_empty() {
        return Ok(otherwise);
    }
    match expression("CASE WHEN true THEN 1 ELSE 2 END")? {
        Expr::Case {
            case_token,
            end_token,
            ..
        } => Ok(Expr::Case {
            case_token,
            end_token,
            operand: None,
            conditions: arms
                .into_iter()
                .map(|(condition, result)| ast::CaseWhen { condition, result })
                .collect(),
            else_result: Some(Box::new(otherwise)),
        }),
        _ => Err(Error::internal("not a CASE")),
    }
}

/// `CAST(value AS data_type)`.
fn cast(value: Expr, data_type: &str) -> Result<Expr> {
    let mut cast = expression(&format!("CAST(NULL AS {data_type})"))?;
    if let Expr::Cast { expr, .. } = &mut cast {
        **expr = value;
    }
    Ok(cast)
}

/// A parameter that is assigned to a column has the column's type.
pub(super) fn typed_parameter(value: &Expr, field: &Field) -> Result<Expr> {
    match super::parameters::number(value) {
        Some(_) => typed(value.clone(), field),
        None => Ok(value.clone()),
    }
}

/// The value as one of the column's type.
pub(super) fn typed(value: Expr, field: &Field) -> Result<Expr> {
    if field.data_type().is_nested() {
        return Ok(value);
    }
    check_literal(&value, field)?;
    cast(value, &stored_type(field.data_type()))
}

/// A number is no date and a boolean no number, though a cast would make one of the other.
fn check_literal(value: &Expr, field: &Field) -> Result<()> {
    let value = match value {
        ast::Expr::UnaryOp { expr, .. } | ast::Expr::Nested(expr) => expr,
        other => other,
    };
    let ast::Expr::Value(literal) = value else {
        return Ok(());
    };
    let data_type = field.data_type();
    let is_text = matches!(data_type, DataType::Utf8View);
    let (found, fits) = match &literal.value {
        ast::Value::Number(digits, _) => {
            let is_whole = digits.bytes().all(|b| b.is_ascii_digit());
            let name = if is_whole { "bigint" } else { "numeric" };
            (name, data_type.is_numeric() || is_text)
        }
        ast::Value::Boolean(_) => ("boolean", *data_type == DataType::Boolean || is_text),
        _ => return Ok(()),
    };
    match fits {
        true => Ok(()),
        false => Err(Error::new(
            Kind::TypeMismatch,
            format!(
                "column \"{}\" is of type {} but expression is of type {found}",
                field.name(),
                type_name(data_type)
            ),
        )
        .hint("You will need to rewrite or cast the expression.")),
    }
}

/// The type of a column in SQL. A timestamp without its precision would be one of nanoseconds, which
/// has not room for all years.
fn stored_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Timestamp(_, None) => "timestamp(6)".to_string(),
        DataType::Timestamp(_, Some(_)) => "timestamp(6) with time zone".to_string(),
        other => type_name(other),
    }
}

/// Names of columns, each once.
pub(super) fn check_once(names: &[String]) -> Result<()> {
    match (1..names.len()).find(|at| names[..*at].contains(&names[*at])) {
        None => Ok(()),
        Some(at) => Err(Error::new(
            Kind::DuplicateColumn,
            format!("column \"{}\" specified more than once", names[at]),
        )),
    }
}

/// Two relations of a statement have one name.
pub(super) fn named_twice(name: &str) -> Error {
    Error::new(
        Kind::DuplicateAlias,
        format!("table name \"{name}\" specified more than once"),
    )
    .hint("Give one of them another name with AS.")
}

/// The name of a relation in FROM, if it has one.
fn relation_name(factor: &TableFactor) -> Option<String> {
    match factor {
        TableFactor::Table {
            alias: Some(alias), ..
        }
        | TableFactor::Derived {
            alias: Some(alias), ..
        } => Some(super::cursor::fold(&alias.name)),
        TableFactor::Table { name, .. } => {
            let last = name.0.last().and_then(|part| part.as_ident());
            last.map(super::cursor::fold)
        }
        _ => None,
    }
}

/// No relation besides the changed one goes by its name.
pub(super) fn check_names(called: &str, from: &[TableWithJoins]) -> Result<()> {
    let relations = from.iter().flat_map(|table| {
        let joined = table.joins.iter().map(|join| &join.relation);
        std::iter::once(&table.relation).chain(joined)
    });
    let mut names = relations.filter_map(relation_name);
    match names.any(|name| name == called) {
        true => Err(named_twice(called)),
        false => Ok(()),
    }
}

/// Whether an expression may read columns.
pub(super) fn names_columns(expr: &Expr) -> bool {
    let found = ast::visit_expressions(expr, |expr| match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// Whether an expression names a column of the relation by the relation's name.
pub(super) fn mentions(expr: &Expr, relation: &str) -> bool {
    let found = ast::visit_expressions(expr, |expr| match expr {
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [.., table, _] if super::cursor::fold(table) == relation => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        },
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// `a AND b`.
pub(super) fn both(a: Expr, b: Option<&Expr>) -> Expr {
    match b {
        None => a,
        Some(b) => Expr::BinaryOp {
            left: Box::new(Expr::Nested(Box::new(a))),
            op: ast::BinaryOperator::And,
            right: Box::new(Expr::Nested(Box::new(b.clone()))),
        },
    }
}

/// DEFAULT in a list of values: our columns have none, so it is NULL.
pub(super) fn or_default(expr: &Expr) -> Expr {
    match expr {
        Expr::Identifier(ident)
            if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default") =>
        {
            Expr::Value(ast::Value::Null.into())
        }
        other => other.clone(),
    }
}

/// The assignments of SET as (column, value), each column once and one of `columns`.
pub(super) fn assignments(
    set: &[ast::Assignment],
    columns: &arrow::datatypes::Schema,
    table: &str,
) -> Result<Vec<(String, Expr)>> {
    let mut found: Vec<(String, Expr)> = Vec::new();
    for assignment in set {
        let pairs: Vec<(&SqlName, Expr)> = match (&assignment.target, &assignment.value) {
            (ast::AssignmentTarget::ColumnName(name), value) => vec![(name, value.clone())],
            (ast::AssignmentTarget::Tuple(names), Expr::Tuple(values))
                if names.len() == values.len() =>
            {
                names.iter().zip(values.iter().cloned()).collect()
            }
            (ast::AssignmentTarget::Tuple(_), _) => {
                return Err(Error::unsupported("this form of SET (…) = …")
                    .hint("Write SET (a, b) = (x, y), or one assignment for each column."));
            }
        };
        for (name, value) in pairs {
            let name = known_column(name, columns, table)?;
            if found.iter().any(|(other, _)| *other == name) {
                return Err(Error::new(
                    Kind::Syntax,
                    format!("multiple assignments to same column \"{name}\""),
                ));
            }
            found.push((name, or_default(&value)));
        }
    }
    Ok(found)
}

/// The column that a name in SET or INSERT means.
pub(super) fn known_column(
    name: &SqlName,
    columns: &arrow::datatypes::Schema,
    table: &str,
) -> Result<String> {
    let last = name.0.last().and_then(|part| part.as_ident());
    let folded = last.map(super::cursor::fold).unwrap_or_default();
    match columns.field_with_name(&folded) {
        Ok(_) => Ok(folded),
        Err(_) => Err(Error::new(
            Kind::UndefinedColumn,
            format!("column \"{folded}\" of relation \"{table}\" does not exist"),
        )
        .candidates(&folded, columns.fields().iter().map(|f| f.name().as_str()))),
    }
}
