//! Literals of the parser as option values: the arguments of `read_csv('…', delimiter => '|')`.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArgOperator, ObjectName,
    UnaryOperator, Value,
};

use crate::error::{Error, Kind, Result};
use crate::options::{OptionValue, Options};

/// The locations and the options of a reader function: `f('a' | ['a', 'b'], name => value, …)`.
pub fn reader_arguments(
    function: &ObjectName,
    args: &[FunctionArg],
) -> Result<(Vec<String>, Options)> {
    let usage = || {
        Error::new(
            Kind::UndefinedFunction,
            format!("{function} needs a path as its first argument"),
        )
        .hint(format!(
            "Write {function}('folder/*.csv', option => value)."
        ))
    };
    let (first, rest) = args.split_first().ok_or_else(usage)?;
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(path)) = first else {
        return Err(usage());
    };
    let locations = match value_of(path)? {
        OptionValue::Text(path) => vec![path],
        OptionValue::Array(paths) => paths
            .into_iter()
            .map(|p| {
                if let OptionValue::Text(path) = p {
                    Ok(path)
                } else {
                    Err(usage())
                }
            })
            .collect::<Result<_>>()?,
        _ => return Err(usage()),
    };
    let options = rest.iter().map(named).collect::<Result<Vec<_>>>()?;
    Ok((locations, Options::new(options)?))
}

fn named(arg: &FunctionArg) -> Result<(String, OptionValue)> {
    match arg {
        FunctionArg::Named {
            name,
            arg: FunctionArgExpr::Expr(value),
            operator,
        } if *operator != FunctionArgOperator::Colon => Ok((name.value.clone(), value_of(value)?)),
        FunctionArg::ExprNamed {
            name: Expr::Identifier(name),
            arg: FunctionArgExpr::Expr(value),
            ..
        } => Ok((name.value.clone(), value_of(value)?)),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::BinaryOp {
            left,
            op: BinaryOperator::Eq,
            right,
        })) => match left.as_ref() {
            Expr::Identifier(name) => Ok((name.value.clone(), value_of(right)?)),
            _ => Err(bad_option(arg)),
        },
        _ => Err(bad_option(arg)),
    }
}

fn bad_option(arg: &FunctionArg) -> Error {
    Error::new(Kind::Syntax, format!("\"{arg}\" is not an option"))
        .hint("Options are written name => value.")
}

/// The value of a literal expression.
pub fn value_of(expr: &Expr) -> Result<OptionValue> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => {
                Ok(OptionValue::Text(text.clone()))
            }
            Value::Number(digits, _) => Ok(OptionValue::Number(digits.clone())),
            Value::Boolean(value) => Ok(OptionValue::Boolean(*value)),
            Value::Null => Ok(OptionValue::Null),
            other => Err(not_literal(&other.to_string())),
        },
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => match value_of(expr)? {
            OptionValue::Number(digits) => Ok(OptionValue::Number(format!("-{digits}"))),
            other => Err(not_literal(&format!("-{other}"))),
        },
        Expr::Array(array) => Ok(OptionValue::Array(
            array.elem.iter().map(value_of).collect::<Result<_>>()?,
        )),
        Expr::Dictionary(fields) => {
            let entries = fields
                .iter()
                .map(|f| Ok((f.key.value.clone(), value_of(&f.value)?)));
            Ok(OptionValue::Map(entries.collect::<Result<_>>()?))
        }
        // `(k = v)` and `(k = v, …)`, as WITH writes them.
        Expr::Nested(inner) => match entry(inner) {
            Some(entry) => Ok(OptionValue::Map(vec![entry?])),
            None => value_of(inner),
        },
        Expr::Tuple(items) => {
            let entries = items
                .iter()
                .map(|item| entry(item).unwrap_or_else(|| Err(not_literal(&expr.to_string()))));
            Ok(OptionValue::Map(entries.collect::<Result<_>>()?))
        }
        other => Err(not_literal(&other.to_string())),
    }
}

/// `k = v` as an entry of a map.
fn entry(expr: &Expr) -> Option<Result<(String, OptionValue)>> {
    let Expr::BinaryOp {
        left,
        op: BinaryOperator::Eq,
        right,
    } = expr
    else {
        return None;
    };
    let name = match left.as_ref() {
        Expr::Identifier(name) => name.value.clone(),
        Expr::Value(value) => value.value.clone().into_string()?,
        _ => return None,
    };
    Some(value_of(right).map(|value| (name, value)))
}

fn not_literal(text: &str) -> Error {
    Error::new(Kind::Syntax, format!("\"{text}\" is not a literal value"))
}
