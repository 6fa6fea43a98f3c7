//! Names of result columns, as PostgreSQL gives them: `count`, `lower`, `case`, `?column?`.
//!
//! DataFusion names a column after its expression (`Int64(1) + Int64(1)`) and wants the names of a
//! SELECT list to differ; SQL wants neither. Before planning, each item without an alias gets the
//! name that PostgreSQL would show, and a repeated name gets a [`MARK`] with its place, which
//! [`shown`] takes off the final result again. Names that the user wrote are never changed in what
//! the user sees.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::{
    DataType, Expr, Ident, Select, SelectItem, SetExpr, Statement, Value, VisitMut, VisitorMut,
};

use crate::source::store;
use crate::sql::without_secrets;

/// Stands between a repeated name and its place in the list; no one types it.
const MARK: char = '\u{1}';

/// The name of an expression that has none.
const UNNAMED: &str = "?column?";

/// Gives every item of every SELECT list in the statement a name of its own.
pub(super) fn name_columns(statement: &mut Statement) {
    let _ = statement.visit(&mut Namer);
}

struct Namer;

impl VisitorMut for Namer {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        name_list(&mut select.projection);
        ControlFlow::Continue(())
    }
}

fn name_list(items: &mut [SelectItem]) {
    let is_wildcard = |item: &SelectItem| {
        matches!(
            item,
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)
        )
    };
    let has_wildcard = items.iter().any(is_wildcard);
    let mut taken = HashSet::new();
    for (at, item) in items.iter_mut().enumerate() {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let plain = matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
                let (name, _) = name_of(expr);
                // A plain column keeps its table's name unless it would stand twice.
                let repeats = !taken.insert(identity(expr, &name)) || (plain && has_wildcard);
                if plain && !repeats {
                    continue;
                }
                let name = if repeats { marked(&name, at) } else { name };
                *item = SelectItem::ExprWithAlias {
                    expr: expr.clone(),
                    alias: Ident::with_quote('"', name),
                };
            }
            SelectItem::ExprWithAlias { alias, .. } => {
                let name = folded(alias);
                if !taken.insert(name.clone()) {
                    *alias = Ident::with_quote('"', marked(&name, at));
                }
            }
            _ => {}
        }
    }
}

/// What must not stand twice in a list: `t.id` and `u.id` may.
fn identity(expr: &Expr, name: &str) -> String {
    match expr {
        Expr::CompoundIdentifier(parts) => parts.iter().map(folded).collect::<Vec<_>>().join("."),
        _ => name.to_string(),
    }
}

fn marked(name: &str, at: usize) -> String {
    format!("{name}{MARK}{at}")
}

/// A name as the user is to see it.
pub fn shown_name(name: &str) -> &str {
    name.split(MARK).next().unwrap_or(name)
}

/// A plan's text with repeated names told apart by a readable mark, with paths as users know them
/// and without the secrets of URLs.
pub fn readable(text: &str) -> String {
    without_secrets(&store::readable(&text.replace(MARK, "#")))
}

/// A result's schema as the user is to see it; names may repeat.
pub fn shown(schema: &SchemaRef) -> SchemaRef {
    if !schema.fields().iter().any(|f| f.name().contains(MARK)) {
        return Arc::clone(schema);
    }
    let fields = schema
        .fields()
        .iter()
        .map(|f| match f.name().contains(MARK) {
            true => Arc::new(f.as_ref().clone().with_name(shown_name(f.name()))),
            false => Arc::clone(f),
        });
    Arc::new(Schema::new_with_metadata(
        fields.collect::<Vec<Arc<Field>>>(),
        schema.metadata().clone(),
    ))
}

fn folded(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

/// How much a name says: a cast keeps the name of its argument only if it says something.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    None,
    Type,
    Name,
}

/// PostgreSQL's rule for the name of an expression (`FigureColname` in its parser).
fn name_of(expr: &Expr) -> (String, Strength) {
    let strong = |name: &str| (name.to_string(), Strength::Name);
    match expr {
        Expr::Identifier(ident) => (folded(ident), Strength::Name),
        Expr::CompoundIdentifier(parts) => match parts.last() {
            Some(last) => (folded(last), Strength::Name),
            None => unnamed(),
        },
        Expr::Function(function) => match function.name.0.last().and_then(|part| part.as_ident()) {
            Some(name) => (folded(name), Strength::Name),
            None => unnamed(),
        },
        Expr::Cast {
            expr, data_type, ..
        } => of_cast(expr, data_type),
        Expr::TypedString(typed) => (type_word(&typed.data_type), Strength::Type),
        Expr::Interval(_) => ("interval".to_string(), Strength::Type),
        Expr::Value(value) if matches!(value.value, Value::Boolean(_)) => {
            ("bool".to_string(), Strength::Type)
        }
        Expr::Case { else_result, .. } => match else_result.as_deref().map(name_of) {
            Some((name, strength)) if strength > Strength::None => (name, strength),
            _ => ("case".to_string(), Strength::Type),
        },
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => name_of(inner),
        Expr::CompoundFieldAccess { root, access_chain } => of_access(root, access_chain),
        Expr::Subquery(query) => of_query(&query.body),
        Expr::Exists { .. } => strong("exists"),
        Expr::Array(_) => strong("array"),
        Expr::Tuple(_) => strong("row"),
        Expr::Extract { .. } => strong("extract"),
        Expr::Ceil { .. } => strong("ceil"),
        Expr::Floor { .. } => strong("floor"),
        Expr::Position { .. } => strong("position"),
        Expr::Substring { .. } => strong("substring"),
        Expr::Trim { .. } => strong("btrim"),
        Expr::Overlay { .. } => strong("overlay"),
        Expr::AtTimeZone { .. } => strong("timezone"),
        _ => unnamed(),
    }
}

fn unnamed() -> (String, Strength) {
    (UNNAMED.to_string(), Strength::None)
}

fn of_cast(expr: &Expr, data_type: &DataType) -> (String, Strength) {
    match name_of(expr) {
        (name, Strength::Name) => (name, Strength::Name),
        _ => (type_word(data_type), Strength::Type),
    }
}

/// `a[1]` is named `a`, `(s).f` and `s.f` are named `f`.
fn of_access(
    root: &Expr,
    chain: &[datafusion::sql::sqlparser::ast::AccessExpr],
) -> (String, Strength) {
    use datafusion::sql::sqlparser::ast::AccessExpr;
    let field = chain.iter().rev().find_map(|access| match access {
        AccessExpr::Dot(Expr::Identifier(ident)) => Some(folded(ident)),
        _ => None,
    });
    field.map_or_else(|| name_of(root), |name| (name, Strength::Name))
}

fn of_query(body: &SetExpr) -> (String, Strength) {
    match body {
        SetExpr::Select(select) => match select.projection.first() {
            Some(SelectItem::UnnamedExpr(expr)) => name_of(expr),
            Some(SelectItem::ExprWithAlias { alias, .. }) => (folded(alias), Strength::Name),
            _ => unnamed(),
        },
        SetExpr::Query(query) => of_query(&query.body),
        SetExpr::SetOperation { left, .. } => of_query(left),
        _ => unnamed(),
    }
}

/// PostgreSQL's internal name of a type.
fn type_word(data_type: &DataType) -> String {
    let text = data_type.to_string().to_lowercase();
    let schemas = ["pg_catalog.", "\"pg_catalog\"."].iter();
    let text = schemas.fold(text.as_str(), |text, schema| {
        text.strip_prefix(schema).unwrap_or(text)
    });
    let word = text.split(['(', ' ', '[']).next().unwrap_or(text);
    match word {
        "int" | "integer" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "double" | "float" => "float8",
        "real" => "float4",
        "boolean" => "bool",
        "decimal" | "dec" => "numeric",
        "character" | "varchar" if text.contains("varying") || word == "varchar" => "varchar",
        "character" | "char" => "bpchar",
        "timestamp" if text.contains("with time zone") => "timestamptz",
        other => other.trim_matches('"'),
    }
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::parse_query;

    fn names(sql: &str) -> Vec<String> {
        let mut statement = Statement::Query(parse_query(sql).unwrap());
        name_columns(&mut statement);
        let Statement::Query(query) = statement else {
            unreachable!()
        };
        let SetExpr::Select(select) = *query.body else {
            unreachable!()
        };
        let name = |item: SelectItem| match item {
            SelectItem::ExprWithAlias { alias, .. } => alias.value.replace(MARK, "#"),
            SelectItem::UnnamedExpr(expr) => format!("={expr}"),
            other => other.to_string(),
        };
        select.projection.into_iter().map(name).collect()
    }

    /// Each name was seen in PostgreSQL 15.
    #[test]
    fn names_are_postgresqls() {
        assert_eq!(
            names("SELECT 1, count(*), a, t.b"),
            ["?column?", "count", "=a", "=t.b"]
        );
        assert_eq!(
            names("SELECT a::int, 1::int, lower('x')::text, 'x'::text"),
            ["a", "int4", "lower", "text"]
        );
        assert_eq!(
            names("SELECT CASE WHEN a THEN 1 END, CASE WHEN a THEN 1 ELSE b END"),
            ["case", "b"]
        );
        assert_eq!(
            names("SELECT (SELECT max(x) FROM t), EXISTS (SELECT 1), ARRAY[1]"),
            ["max", "exists", "array"]
        );
        assert_eq!(
            names("SELECT extract(year FROM d), true, DATE '2020-01-01', -a"),
            ["extract", "bool", "date", "?column?"]
        );
    }

    #[test]
    fn repeated_names_are_marked() {
        assert_eq!(
            names("SELECT 1, 2, a, a, t.a, b AS x, c AS x"),
            ["?column?", "?column?#1", "=a", "a#3", "=t.a", "x", "x#6"]
        );
        assert_eq!(names("SELECT *, a FROM t"), ["*", "a#1"]);
    }
}
