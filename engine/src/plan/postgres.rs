//! Forms that PostgreSQL's clients write when they ask its catalog, said in other ones.
//!
//! - `pg_catalog.f(…)`, `OPERATOR(pg_catalog.~)`, `COLLATE pg_catalog.default` lose their schema
//! - casts to `oid`, `regclass`, `name`, `"char"` and the like are calls of functions
//! - `= ANY('{a,b}')` is a list; `CASE flag WHEN 't'` is a comparison
//! - `FLOAT` is double precision; `02:03:04` in an interval is hours, minutes and seconds
//! - `ARRAY(SELECT …)` is a scalar subquery of `array_agg`
//! - `tableoid` of a relation of `pg_catalog` is its OID, `xmin` a number that grows
//! - the timestamp and the date `'epoch'` are the start of 1970
//!
//! Works on the syntax tree, before planning.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Array, ArrayElemTypeDef, BinaryOperator, CaseWhen, CastKind, DataType, Expr,
    Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName, ObjectNamePart, Select, Statement, TableAlias, TableAliasColumnDef, TableFactor,
    TimezoneInfo, Value, VisitMut, VisitorMut,
};

use super::array_subquery::array_of;
use super::from_function::{IsScalar, in_from};
use super::interval_text;
use super::table_oid::table_oids;
use crate::sql::array_text;

/// OIDs of relations by name, as far as they have fixed ones.
pub(super) type FixedOids<'a> = &'a dyn Fn(&str) -> Option<u32>;

/// Rewrites a statement in place.
pub(super) fn translate(statement: &mut Statement, oids: FixedOids<'_>, is_scalar: IsScalar<'_>) {
    // The visitor never breaks off.
    let _ = statement.visit(&mut Translator { oids, is_scalar });
}

struct Translator<'a> {
    oids: FixedOids<'a>,
    is_scalar: IsScalar<'a>,
}

impl VisitorMut for Translator<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        table_oids(select, self.oids);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let replacement = match expr {
            Expr::Function(function) => call(function),
            Expr::Cast {
                expr: inner,
                data_type,
                ..
            } => {
                crate::sql::widen_float(data_type);
                if matches!(data_type, DataType::Interval { .. }) {
                    interval_text::spell_out(inner);
                }
                epoch(inner, data_type).or_else(|| cast(inner, data_type))
            }
            Expr::TypedString(typed) => epoch(&Expr::Value(typed.value.clone()), &typed.data_type),
            Expr::Collate {
                expr: inner,
                collation,
            } => is_plain_collation(collation).then(|| inner.as_ref().clone()),
            Expr::BinaryOp { op, .. } => {
                plain_operator(op);
                None
            }
            Expr::Case { .. } => {
                compared_case(expr);
                None
            }
            Expr::CompoundFieldAccess { root, access_chain } => field_of(root, access_chain),
            Expr::Interval(interval) => {
                interval_text::spell_out(&mut interval.value);
                None
            }
            Expr::AnyOp { right, .. } => quantified(right, false),
            Expr::AllOp { right, .. } => quantified(right, true),
            Expr::Like { pattern, .. } | Expr::ILike { pattern, .. } => {
                join_literals(pattern);
                None
            }
            _ => None,
        };
        if let Some(replacement) = replacement {
            *expr = replacement;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        table_function(factor);
        if let Some(relation) = in_from(factor, self.is_scalar) {
            *factor = relation;
        }
        ControlFlow::Continue(())
    }
}

fn ident(part: &ObjectNamePart) -> Option<String> {
    let ident = part.as_ident()?;
    Some(match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    })
}

/// The last part of a name that has no schema or PostgreSQL's own.
pub(super) fn own_name(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        [last] => ident(last),
        [schema, last] if ident(schema)? == "pg_catalog" => ident(last),
        _ => None,
    }
}

/// Takes the schema off a function of PostgreSQL's.
fn unqualify(name: &mut ObjectName) {
    if let [schema, _] = name.0.as_slice()
        && matches!(
            ident(schema).as_deref(),
            Some("pg_catalog" | "information_schema")
        )
    {
        name.0.remove(0);
    }
}

fn call(function: &mut Function) -> Option<Expr> {
    unqualify(&mut function.name);
    match (own_name(&function.name)?.as_str(), &mut function.args) {
        ("array", FunctionArguments::Subquery(query)) => array_of(query),
        ("_pg_expandarray", FunctionArguments::List(_)) => {
            function.name = vec![Ident::new("pg_expanded_array")].into();
            Some(function_call(
                "unnest",
                vec![Expr::Function(function.clone())],
            ))
        }
        _ => None,
    }
}

/// `(f(x)).n`
fn field_of(root: &Expr, chain: &[AccessExpr]) -> Option<Expr> {
    let [AccessExpr::Dot(Expr::Identifier(field))] = chain else {
        return None;
    };
    let name = match field.quote_style {
        Some(_) => field.value.clone(),
        None => field.value.to_lowercase(),
    };
    matches!(root, Expr::Nested(_))
        .then(|| function_call("get_field", vec![root.clone(), text(name)]))
}

pub(super) fn function_call(name: &str, args: Vec<Expr>) -> Expr {
    let args = args
        .into_iter()
        .map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)));
    Expr::Function(Function {
        name: vec![Ident::new(name)].into(),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: args.collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// `pg_catalog.generate_series(…)` and `pg_catalog.unnest(…)` in FROM; a function's single column is
/// named like its alias.
fn table_function(factor: &mut TableFactor) {
    let (name, alias) = match factor {
        TableFactor::UNNEST {
            alias,
            array_exprs,
            with_ordinality: false,
            ..
        } if array_exprs.len() == 1 => {
            let unnamed = || TableAlias {
                explicit: true,
                name: Ident::new("unnest"),
                columns: Vec::new(),
                at: None,
            };
            alias.get_or_insert_with(unnamed);
            return column_of_alias(alias);
        }
        TableFactor::Table {
            name,
            args: Some(_),
            alias,
            ..
        }
        | TableFactor::Function { name, alias, .. } => (name, alias),
        _ => return,
    };
    unqualify(name);
    let name = own_name(name);
    if name.as_deref() == Some("generate_series") {
        column_of_alias(alias);
    }
    if name.as_deref() != Some("unnest") {
        return;
    }
    let (args, alias) = match factor {
        TableFactor::Table {
            args: Some(args),
            alias,
            ..
        } => (&args.args, alias.clone()),
        TableFactor::Function { args, alias, .. } => (&*args, alias.clone()),
        _ => return,
    };
    let plain = args.iter().map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value.clone()),
        _ => None,
    });
    let Some(array_exprs) = plain.collect::<Option<Vec<_>>>() else {
        return;
    };
    let mut alias = alias;
    column_of_alias(&mut alias);
    *factor = TableFactor::UNNEST {
        alias,
        array_exprs,
        with_offset: false,
        with_offset_alias: None,
        with_ordinality: false,
    };
}

fn column_of_alias(alias: &mut Option<TableAlias>) {
    if let Some(alias) = alias
        && alias.columns.is_empty()
    {
        alias.columns.push(TableAliasColumnDef {
            name: alias.name.clone(),
            data_type: None,
        });
    }
}

/// `CASE flag WHEN 't' THEN …` is `CASE WHEN flag = 't' THEN …`: beside a boolean, the text is one.
fn compared_case(case: &mut Expr) {
    let Expr::Case {
        operand,
        conditions,
        ..
    } = case
    else {
        return;
    };
    let is_word = |when: &CaseWhen| matches!(literal(&when.condition), Some("t" | "f"));
    let is_column = |e: &Expr| matches!(e, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    if !operand.as_deref().is_some_and(is_column) || !conditions.iter().all(is_word) {
        return;
    }
    if let Some(column) = operand.take() {
        for when in conditions {
            when.condition = Expr::BinaryOp {
                left: column.clone(),
                op: BinaryOperator::Eq,
                right: Box::new(when.condition.clone()),
            };
        }
    }
}

/// Text is compared by its bytes, which is what these collations do.
fn is_plain_collation(collation: &ObjectName) -> bool {
    matches!(
        own_name(collation).as_deref(),
        Some("default" | "C" | "POSIX")
    )
}

fn plain_operator(op: &mut BinaryOperator) {
    let BinaryOperator::PGCustomBinaryOperator(parts) = op else {
        return;
    };
    let symbol = match parts.as_slice() {
        [symbol] => symbol,
        [schema, symbol] if schema.eq_ignore_ascii_case("pg_catalog") => symbol,
        _ => return,
    };
    *op = match symbol.as_str() {
        "=" => BinaryOperator::Eq,
        "<>" | "!=" => BinaryOperator::NotEq,
        "<" => BinaryOperator::Lt,
        "<=" => BinaryOperator::LtEq,
        ">" => BinaryOperator::Gt,
        ">=" => BinaryOperator::GtEq,
        "~" => BinaryOperator::PGRegexMatch,
        "~*" => BinaryOperator::PGRegexIMatch,
        "!~" => BinaryOperator::PGRegexNotMatch,
        "!~*" => BinaryOperator::PGRegexNotIMatch,
        "~~" => BinaryOperator::PGLikeMatch,
        "~~*" => BinaryOperator::PGILikeMatch,
        "!~~" => BinaryOperator::PGNotLikeMatch,
        "!~~*" => BinaryOperator::PGNotILikeMatch,
        "||" => BinaryOperator::StringConcat,
        "+" => BinaryOperator::Plus,
        "-" => BinaryOperator::Minus,
        "*" => BinaryOperator::Multiply,
        "/" => BinaryOperator::Divide,
        _ => return,
    };
}

fn text(value: impl Into<String>) -> Expr {
    Expr::Value(Value::SingleQuotedString(value.into()).into())
}

fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Some(text),
            _ => None,
        },
        Expr::Nested(inner) => literal(inner),
        _ => None,
    }
}

/// `'pg/_' || '%'` as a pattern is one literal, whose ESCAPE can be applied to it.
fn join_literals(pattern: &mut Expr) {
    if let Expr::BinaryOp {
        left,
        op: BinaryOperator::StringConcat,
        right,
    } = pattern
    {
        join_literals(left);
        if let (Some(left), Some(right)) = (literal(left), literal(right)) {
            *pattern = text(format!("{left}{right}"));
        }
    }
}

/// The right side of ANY or ALL becomes an array; without items the comparison is decided.
fn quantified(right: &mut Expr, all: bool) -> Option<Expr> {
    match right {
        Expr::Nested(inner) => return quantified(inner, all),
        // Its type follows from the left side.
        Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => {}
        Expr::Value(_) => {
            let items = array_text::items(literal(right)?)?;
            if items.is_empty() {
                return Some(Expr::Value(Value::Boolean(all).into()));
            }
            *right = array(items);
        }
        _ => {}
    }
    None
}

fn array(items: Vec<Option<String>>) -> Expr {
    let elem = items.into_iter().map(|item| match item {
        Some(item) => text(item),
        None => Expr::Value(Value::Null.into()),
    });
    Expr::Array(Array {
        elem: elem.collect(),
        named: true,
    })
}

fn plain_cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast {
        kind: CastKind::DoubleColon,
        expr: Box::new(expr),
        data_type,
        array: false,
        format: None,
    }
}

/// `'epoch'` as a timestamp or date.
fn epoch(inner: &Expr, data_type: &DataType) -> Option<Expr> {
    let start = match data_type {
        DataType::Date => "1970-01-01",
        DataType::Timestamp(_, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone) => {
            "1970-01-01 00:00:00+00"
        }
        DataType::Timestamp(..) => "1970-01-01 00:00:00",
        _ => return None,
    };
    let is_epoch = literal(inner)?.trim().eq_ignore_ascii_case("epoch");
    is_epoch.then(|| plain_cast(text(start), data_type.clone()))
}

/// A cast to a type that only PostgreSQL's catalog uses; the others stay.
fn cast(inner: &Expr, data_type: &mut DataType) -> Option<Expr> {
    if let DataType::Array(ArrayElemTypeDef::SquareBracket(item, _)) = data_type {
        if let Some(known) = known_type(item) {
            **item = known;
        }
        let items = array_text::items(literal(inner)?)?;
        return Some(plain_cast(array(items), data_type.clone()));
    }
    let name = match data_type {
        DataType::Regclass => "regclass".to_string(),
        DataType::Custom(name, _) => own_name(name).or_else(|| standard_name(name))?,
        _ => return None,
    };
    match name.as_str() {
        "oid" | "xid" | "cid" => Some(function_call("oid", vec![inner.clone()])),
        "regclass" | "regtype" | "regproc" | "regprocedure" | "regnamespace" | "regrole"
        | "regcollation" | "name" => Some(function_call(&name, vec![inner.clone()])),
        "char" => Some(function_call("pg_char", vec![inner.clone()])),
        _ => {
            *data_type = known_type(data_type)?;
            None
        }
    }
}

/// The type as the planner knows it, for a parameter that is cast to it.
pub fn spelled(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Array(ArrayElemTypeDef::SquareBracket(item, size)) => {
            let item = known_type(item).unwrap_or_else(|| item.as_ref().clone());
            DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(item), *size))
        }
        DataType::Custom(name, _) => match own_name(name).as_deref() {
            Some("oid" | "xid" | "cid") => DataType::IntUnsigned(None),
            // Clients send their names.
            Some(name) if name.starts_with("reg") => data_type.clone(),
            _ => known_type(data_type).unwrap_or_else(|| data_type.clone()),
        },
        other => other.clone(),
    }
}

/// `information_schema.sql_identifier` and its like are text.
fn standard_name(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        [schema, _] if ident(schema)? == "information_schema" => Some("text".to_string()),
        _ => None,
    }
}

/// The type that the planner knows under another name.
fn known_type(data_type: &DataType) -> Option<DataType> {
    let DataType::Custom(name, _) = data_type else {
        return matches!(data_type, DataType::Regclass).then_some(DataType::IntUnsigned(None));
    };
    Some(match own_name(name)?.as_str() {
        "oid" | "xid" | "cid" | "regclass" | "regtype" | "regproc" | "regprocedure"
        | "regnamespace" | "regrole" => DataType::IntUnsigned(None),
        "text" | "name" | "char" | "varchar" | "bpchar" | "aclitem" | "cstring"
        | "pg_node_tree" | "inet" | "cidr" | "xid8" | "pg_lsn" => DataType::Text,
        "bool" | "boolean" => DataType::Boolean,
        "int2" | "smallint" => DataType::SmallInt(None),
        "int4" | "integer" | "int" => DataType::Integer(None),
        "int8" | "bigint" => DataType::BigInt(None),
        "float4" | "real" => DataType::Real,
        "float8" => DataType::DoublePrecision,
        "date" => DataType::Date,
        _ => return None,
    })
}
