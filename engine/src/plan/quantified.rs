//! `x > ALL (query)`, `x > ANY (query)`, and `IN` and `EXISTS` as values.
//!
//! DataFusion plans `IN` and `EXISTS` only as conditions, and takes the `x` of a quantified
//! comparison for a column of the subquery when both have one of that name. Here they become what
//! they mean, by counts and bounds of the subquery, with SQL's three values: a comparison with every
//! row is unknown when it holds for all the known ones and there are NULLs.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, Query, Select, SelectItem, SetExpr, TableFactor, TableWithJoins,
    VisitMut, VisitorMut, visit_expressions,
};

/// Stand for the left side and the subquery in [`template`]s.
const LEFT: &str = "\u{1}left";
const QUERY: &str = "\u{1}query";
/// The column of the subquery.
const ITEM: &str = "\u{1}item";

/// A quantified comparison over a subquery becomes a CASE over its bounds.
pub(super) fn comparison(expr: &mut Expr) {
    let (left, op, right, all) = match expr {
        Expr::AnyOp {
            left,
            compare_op,
            right,
            ..
        } => (left, compare_op, right, false),
        Expr::AllOp {
            left,
            compare_op,
            right,
        } => (left, compare_op, right, true),
        _ => return,
    };
    if let Expr::Array(array) = right.as_ref() {
        let negated = match (&op, all) {
            (BinaryOperator::Eq, false) => false,
            (BinaryOperator::NotEq, true) => true,
            _ => return,
        };
        *expr = Expr::InList {
            expr: left.clone(),
            list: array.elem.clone(),
            negated,
        };
        return;
    }
    let Expr::Subquery(query) = right.as_ref() else {
        return;
    };
    let Some(text) = bounds(op, all) else { return };
    if let Some(replacement) = template(&text, left, query) {
        *expr = replacement;
    }
}

/// `IN (query)` and `EXISTS (query)` anywhere in an item of a SELECT list or of ORDER BY.
pub(super) fn membership_as_value(expr: &mut Expr) {
    let _ = expr.visit(&mut AsValue { depth: 0 });
}

struct AsValue {
    /// Inside subqueries, conditions are conditions again.
    depth: usize,
}

impl VisitorMut for AsValue {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth > 0 {
            return ControlFlow::Continue(());
        }
        let replacement = match expr {
            Expr::Exists { subquery, negated } => {
                let text = "(SELECT count(*) FROM query) > 0";
                let any = Expr::Value(datafusion::sql::sqlparser::ast::Value::Null.into());
                template(text, &any, subquery).map(|e| negate(e, *negated))
            }
            Expr::InSubquery {
                expr,
                subquery,
                negated,
            } if one_column(subquery) => {
                template(MEMBER, expr, subquery).map(|e| negate(e, *negated))
            }
            _ => None,
        };
        if let Some(replacement) = replacement {
            *expr = replacement;
        }
        ControlFlow::Continue(())
    }
}

const MEMBER: &str = "CASE \
     WHEN (SELECT count(*) FROM query WHERE item = lhs) > 0 THEN true \
     WHEN (SELECT count(*) FROM query) = 0 THEN false \
     WHEN lhs IS NULL OR (SELECT count(*) FROM query WHERE item IS NULL) > 0 THEN NULL \
     ELSE false END";

/// The comparison in terms of the least and the greatest value, and of how many are NULL.
fn bounds(op: &BinaryOperator, all: bool) -> Option<String> {
    let least = "lhs {} (SELECT min(item) FROM query)";
    let greatest = "lhs {} (SELECT max(item) FROM query)";
    let both = format!("({least} AND {greatest})");
    let either = format!("({least} OR {greatest})");
    let (sign, test) = match (op, all) {
        (BinaryOperator::Gt, true) => (">", greatest.to_string()),
        (BinaryOperator::GtEq, true) => (">=", greatest.to_string()),
        (BinaryOperator::Lt, true) => ("<", least.to_string()),
        (BinaryOperator::LtEq, true) => ("<=", least.to_string()),
        (BinaryOperator::Eq, true) => ("=", both),
        (BinaryOperator::Gt, false) => (">", least.to_string()),
        (BinaryOperator::GtEq, false) => (">=", least.to_string()),
        (BinaryOperator::Lt, false) => ("<", greatest.to_string()),
        (BinaryOperator::LtEq, false) => ("<=", greatest.to_string()),
        (BinaryOperator::NotEq, false) => ("<>", either),
        (BinaryOperator::Eq, false) => return Some(MEMBER.to_string()),
        (BinaryOperator::NotEq, true) => return Some(format!("NOT ({MEMBER})")),
        _ => return None,
    };
    let test = test.replace("{}", sign);
    let (decided, otherwise) = if all {
        (format!("NOT ({test}) THEN false"), "true")
    } else {
        (format!("({test}) THEN true"), "false")
    };
    Some(format!(
        "CASE WHEN (SELECT count(*) FROM query) = 0 THEN {all} WHEN {decided} \
         WHEN lhs IS NULL OR (SELECT count(*) FROM query WHERE item IS NULL) > 0 THEN NULL \
         ELSE {otherwise} END"
    ))
}

fn negate(expr: Expr, negated: bool) -> Expr {
    let expr = Expr::Nested(Box::new(expr));
    match negated {
        true => Expr::UnaryOp {
            op: datafusion::sql::sqlparser::ast::UnaryOperator::Not,
            expr: Box::new(expr),
        },
        false => expr,
    }
}

/// Whether a subquery can be seen to have one column; another number is an error that the planner
/// words better when it sees the original.
fn one_column(query: &Query) -> bool {
    match query.body.as_ref() {
        SetExpr::Select(select) => {
            matches!(
                select.projection.as_slice(),
                [SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. }]
            )
        }
        SetExpr::Values(values) => values.rows.first().is_some_and(|row| row.len() == 1),
        _ => false,
    }
}

/// An expression of ours in which `lhs` and `query` are filled in; `item` is the query's column.
fn template(text: &str, left: &Expr, query: &Query) -> Option<Expr> {
    let text = text
        .replace("lhs", &format!("\"{LEFT}\""))
        .replace(
            "FROM query",
            &format!("FROM (SELECT 1) AS \"{QUERY}\"(item)"),
        )
        .replace("item", &format!("\"{ITEM}\""));
    let parsed = crate::sql::parse_query(&format!("SELECT {text}")).ok()?;
    let SetExpr::Select(select) = *parsed.body else {
        return None;
    };
    let Some(SelectItem::UnnamedExpr(mut expr)) = select.projection.into_iter().next() else {
        return None;
    };
    let columns = one_column(query);
    let _ = expr.visit(&mut Fill {
        left,
        query,
        named: columns,
    });
    Some(Expr::Nested(Box::new(expr)))
}

/// `SELECT f(item) FROM query [WHERE item IS NULL]` over a plain SELECT needs no derived table: the
/// aggregate goes into it, which keeps a correlation of a form that can be planned.
fn directly(ours: &Select, query: &Query) -> Option<Select> {
    let SetExpr::Select(theirs) = query.body.as_ref() else {
        return None;
    };
    let plain = Select {
        projection: Vec::new(),
        selection: None,
        from: Vec::new(),
        ..theirs.as_ref().clone()
    } == Select {
        select_token: theirs.select_token.clone(),
        projection: Vec::new(),
        selection: None,
        from: Vec::new(),
        ..ours.clone()
    };
    let simple = plain && query.with.is_none() && query.limit_clause.is_none();
    if !simple || !is_ours(ours) || mentions(ours, LEFT) || mentions_call(&theirs.projection) {
        return None;
    }
    let mut direct = ours.clone();
    match theirs.projection.as_slice() {
        [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] => {
            let _ = direct.visit(&mut Item(item));
        }
        _ if mentions(ours, ITEM) => return None,
        _ => {}
    }
    direct.from = theirs.from.clone();
    direct.selection = match (direct.selection, theirs.selection.clone()) {
        (Some(a), Some(b)) => Some(Expr::BinaryOp {
            left: Box::new(Expr::Nested(Box::new(a))),
            op: BinaryOperator::And,
            right: Box::new(Expr::Nested(Box::new(b))),
        }),
        (a, b) => a.or(b),
    };
    Some(direct)
}

/// Puts the query's expression where `item` stands.
struct Item<'a>(&'a Expr);

impl VisitorMut for Item<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if matches!(expr, Expr::Identifier(Ident { value, .. }) if value == ITEM) {
            *expr = Expr::Nested(Box::new(self.0.clone()));
        }
        ControlFlow::Continue(())
    }
}

/// Whether a SELECT is one of a template's.
fn is_ours(select: &Select) -> bool {
    matches!(
        select.from.as_slice(),
        [TableWithJoins { relation: TableFactor::Derived { alias: Some(alias), .. }, .. }]
            if alias.name.value == QUERY
    )
}

fn mentions(select: &Select, name: &str) -> bool {
    let found = visit_expressions(select, |e| match e {
        Expr::Identifier(ident) if ident.value == name => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// Whether there is a call, which may be of an aggregate.
fn mentions_call(items: &[SelectItem]) -> bool {
    let found = |item| {
        visit_expressions(item, |e| match e {
            Expr::Function(_) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
    };
    items.iter().any(|item| found(item).is_break())
}

struct Fill<'a> {
    left: &'a Expr,
    query: &'a Query,
    /// Whether the query's one column takes our name; EXISTS has no use for it.
    named: bool,
}

impl VisitorMut for Fill<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if matches!(expr, Expr::Identifier(Ident { value, .. }) if value == LEFT) {
            *expr = Expr::Nested(Box::new(self.left.clone()));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if let Some(direct) = directly(select, self.query) {
            *select = direct;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Derived {
            subquery,
            alias: Some(alias),
            ..
        } = factor
            && alias.name.value == QUERY
        {
            **subquery = self.query.clone();
            if !self.named {
                alias.columns.clear();
            }
        }
        ControlFlow::Continue(())
    }
}
