//! `MERGE INTO t USING source ON condition WHEN [NOT] MATCHED [AND …] THEN UPDATE|DELETE|INSERT|DO
//! NOTHING …`: changes a managed table by the rows of a source, in one new version.
//!
//! Each pair of a table's row and a source's row, and each row without a partner, takes the first
//! clause that fits. A table's row that two source rows would change is an error, and nothing is
//! changed.

use datafusion::sql::sqlparser::ast::{
    self, Expr, Ident, JoinConstraint, JoinOperator, ObjectName as SqlName, SelectItem,
    TableFactor, TableWithJoins,
};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::writing::{self, ACTION_COLUMN, RowChange};
use super::{Context, Outcome, compose};
use crate::error::{Error, Kind, Result};
use crate::plan::Need;
use crate::sql::parse_query;
use crate::table::{ADD, DeltaOperation, FILE_COLUMN, REMOVE, REPLACE, ROW_COLUMN, TableVersion};

/// True in rows of the source, NULL where there is none.
const SOURCE_COLUMN: &str = "\u{2}source";

#[derive(Debug, Clone)]
pub(crate) struct Merge {
    table: TableFactor,
    source: TableFactor,
    on: Expr,
    clauses: Vec<Clause>,
}

#[derive(Debug, Clone)]
struct Clause {
    matching: Matching,
    condition: Option<Expr>,
    action: Action,
}

/// Which partners a clause wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matching {
    Both,
    SourceOnly,
    TargetOnly,
}

#[derive(Debug, Clone)]
enum Action {
    Nothing,
    Delete,
    Update(Vec<ast::Assignment>),
    Insert {
        columns: Vec<SqlName>,
        /// Empty: DEFAULT VALUES.
        values: Vec<Expr>,
    },
}

pub(super) fn parse(c: &mut Cursor) -> Result<Merge> {
    c.expect(&["merge"])?;
    c.take(&["into"]);
    let table = c.sql(|p| p.parse_table_factor())?;
    c.expect(&["using"])?;
    let source = c.sql(|p| p.parse_table_factor())?;
    c.expect(&["on"])?;
    let on = c.sql(|p| p.parse_expr())?;
    let mut clauses = Vec::new();
    while clauses.is_empty() || !c.at_end() {
        if c.take(&["returning"]) {
            return Err(Error::unsupported("RETURNING"));
        }
        c.expect(&["when"])?;
        clauses.push(clause(c)?);
    }
    Ok(Merge {
        table,
        source,
        on,
        clauses,
    })
}

/// `[NOT] MATCHED [BY SOURCE|TARGET] [AND condition] THEN action`.
fn clause(c: &mut Cursor) -> Result<Clause> {
    let matching = match c.take(&["not"]) {
        false => Matching::Both,
        true => Matching::SourceOnly,
    };
    c.expect(&["matched"])?;
    let matching = match matching {
        Matching::SourceOnly if c.take(&["by", "source"]) => Matching::TargetOnly,
        other => {
            if other == Matching::SourceOnly {
                c.take(&["by", "target"]);
            }
            other
        }
    };
    let condition = match c.take(&["and"]) {
        true => Some(c.sql(|p| p.parse_expr())?),
        false => None,
    };
    c.expect(&["then"])?;
    let allowed: &[&'static str] = match matching {
        Matching::SourceOnly => &["insert", "do"],
        _ => &["update", "delete", "do"],
    };
    let action = match c.expect_one_of(allowed)? {
        "do" => {
            c.expect(&["nothing"])?;
            Action::Nothing
        }
        "delete" => Action::Delete,
        "update" => {
            c.expect(&["set"])?;
            Action::Update(c.sql(|p| p.parse_comma_separated(|p| p.parse_assignment()))?)
        }
        _ => insert(c)?,
    };
    Ok(Clause {
        matching,
        condition,
        action,
    })
}

/// `[(column, …)] VALUES (value, …)` or `DEFAULT VALUES`, after INSERT.
fn insert(c: &mut Cursor) -> Result<Action> {
    let mut columns = Vec::new();
    if c.take_token(&Token::LParen) {
        columns = c.sql(|p| p.parse_comma_separated(|p| p.parse_object_name(false)))?;
        c.expect_token(&Token::RParen)?;
    }
    if c.take(&["default", "values"]) {
        return Ok(Action::Insert {
            columns: Vec::new(),
            values: Vec::new(),
        });
    }
    c.expect(&["values"])?;
    c.expect_token(&Token::LParen)?;
    let values = c.sql(|p| p.parse_comma_separated(|p| p.parse_expr()))?;
    c.expect_token(&Token::RParen)?;
    Ok(Action::Insert { columns, values })
}

impl Merge {
    /// The condition reads the table; each clause does its own.
    fn needs(&self) -> Vec<Need> {
        let clauses = self.clauses.iter();
        let done = clauses.filter_map(|clause| match clause.action {
            Action::Nothing => None,
            Action::Delete => Some(Need::DELETE),
            Action::Update(_) => Some(Need::UPDATE),
            Action::Insert { .. } => Some(Need::INSERT),
        });
        [Need::SELECT].into_iter().chain(done).collect()
    }

    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let (relation, name, called) = compose::target_relation(&self.table)?;
        let target = writing::target(ctx, &name, "merge into", &self.needs())?;
        let change = RowChange {
            operation: DeltaOperation::Merge {
                predicate: None,
                merge_predicate: Some(self.on.to_string()),
                matched_predicates: Vec::new(),
                not_matched_predicates: Vec::new(),
                not_matched_by_source_predicates: Vec::new(),
            },
            twice_allowed: false,
            with_rows: true,
        };
        let (source, source_name) = self.source()?;
        self.check_references(&called, &source_name)?;
        if super::cursor::fold(&source_name) == called {
            return Err(compose::named_twice(&called));
        }
        let counts = writing::change(ctx, &target, change, |base| {
            let matching = |kind| self.matching(&called, &source_name, kind);
            let mut columns = Vec::new();
            for at in 0..base.schema().fields().len() {
                let value = self.value(base, at, &called, &target.name.name, &matching)?;
                columns.push((format!("\u{2}c{at}"), value));
            }
            for name in [FILE_COLUMN, ROW_COLUMN] {
                columns.push((name.to_string(), compose::column(&called, name)?));
            }
            columns.push((ACTION_COLUMN.to_string(), self.action(&matching)?));
            let from = self.joined(relation.clone(), source.clone());
            let inner = compose::select(columns, vec![from], None)?;
            acting(inner)
        });
        let counts = counts.await?;
        let rows = counts.replaced + counts.removed + counts.added;
        Ok(Outcome::wrote("MERGE", rows))
    }

    /// The source with a column that tells its rows from missing ones, and its name.
    fn source(&self) -> Result<(TableFactor, Ident)> {
        let mut source = self.source.clone();
        let alias = match &mut source {
            TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } => alias.take(),
            _ => {
                return Err(Error::unsupported("this kind of source of MERGE")
                    .hint("Put it into parentheses: USING (SELECT …) AS s."));
            }
        };
        let name = match (&alias, &source) {
            (Some(alias), _) => alias.name.clone(),
            (None, TableFactor::Table { name, .. }) => {
                match name.0.last().and_then(|part| part.as_ident()) {
                    Some(ident) => ident.clone(),
                    None => return Err(Error::new(Kind::Syntax, "MERGE needs a named source")),
                }
            }
            _ => {
                return Err(Error::new(
                    Kind::Syntax,
                    "subquery in MERGE must have an alias",
                ));
            }
        };
        let mut query = parse_query(&format!("SELECT *, true AS \"{SOURCE_COLUMN}\" FROM x"))?;
        if let ast::SetExpr::Select(select) = query.body.as_mut() {
            if let Some(alias) = alias.filter(|alias| !alias.columns.is_empty()) {
                // Names for the columns go with the source itself.
                set_alias(&mut source, alias);
            }
            select.from = vec![TableWithJoins {
                relation: source,
                joins: Vec::new(),
            }];
        }
        let mut derived = parse_query("SELECT 1 FROM (SELECT 1) AS x")?;
        let ast::SetExpr::Select(select) = derived.body.as_mut() else {
            return Err(Error::internal("not a query"));
        };
        let Some(from) = select.from.first_mut() else {
            return Err(Error::internal("not a relation"));
        };
        if let TableFactor::Derived {
            subquery, alias, ..
        } = &mut from.relation
        {
            *subquery = query;
            if let Some(alias) = alias {
                alias.name = name.clone();
            }
        }
        Ok((from.relation.clone(), name))
    }

    /// The condition that a pair has the partners a clause wants.
    fn matching(&self, target: &str, source: &Ident, wanted: Matching) -> Result<Expr> {
        let source = super::cursor::fold(source);
        let present = |relation: &str, column: &str| -> Result<String> {
            Ok(format!(
                "{} IS NOT NULL",
                compose::column(relation, column)?
            ))
        };
        let (target, source) = (
            present(target, ROW_COLUMN)?,
            present(&source, SOURCE_COLUMN)?,
        );
        compose::expression(&match wanted {
            Matching::Both => format!("{target} AND {source}"),
            Matching::SourceOnly => format!("NOT ({target})"),
            Matching::TargetOnly => format!("NOT ({source})"),
        })
    }

    fn joined(&self, target: TableFactor, source: TableFactor) -> TableWithJoins {
        let has = |wanted| {
            let mut clauses = self.clauses.iter();
            clauses.any(|clause| clause.matching == wanted)
        };
        let on = JoinConstraint::On(self.on.clone());
        let operator = match (has(Matching::SourceOnly), has(Matching::TargetOnly)) {
            (false, false) => JoinOperator::Inner(on),
            (true, false) => JoinOperator::RightOuter(on),
            (false, true) => JoinOperator::LeftOuter(on),
            (true, true) => JoinOperator::FullOuter(on),
        };
        TableWithJoins {
            relation: target,
            joins: vec![ast::Join {
                relation: source,
                global: false,
                join_operator: operator,
            }],
        }
    }

    /// The number of the action that a pair takes; 0 when no clause fits.
    fn action(&self, matching: &impl Fn(Matching) -> Result<Expr>) -> Result<Expr> {
        let arms = self.clauses.iter().map(|clause| {
            let number = match &clause.action {
                Action::Nothing => 0,
                Action::Insert { .. } => ADD,
                Action::Update(_) => REPLACE,
                Action::Delete => REMOVE,
            };
            let condition = matching(clause.matching)?;
            Ok((
                compose::both(condition, clause.condition.as_ref()),
                compose::expression(&number.to_string())?,
            ))
        });
        let arms = arms.collect::<Result<_>>()?;
        compose::case(arms, compose::expression("0")?)
    }

    /// The new value of a column: each clause's is of the column's type by itself.
    fn value(
        &self,
        base: &TableVersion,
        at: usize,
        called: &str,
        table: &str,
        matching: &impl Fn(Matching) -> Result<Expr>,
    ) -> Result<Expr> {
        let schema = base.schema();
        let field = schema.field(at);
        let mut arms = Vec::new();
        for clause in &self.clauses {
            let value = match &clause.action {
                Action::Update(assignments) => {
                    let set = compose::assignments(assignments, schema, table)?;
                    match set.into_iter().find(|(name, _)| name == field.name()) {
                        Some((_, value)) => compose::typed(value, field)?,
                        None => compose::column(called, field.name())?,
                    }
                }
                Action::Insert { columns, values } => {
                    compose::typed(inserted(columns, values, schema, at, table)?, field)?
                }
                Action::Delete | Action::Nothing => compose::expression("NULL")?,
            };
            let condition = matching(clause.matching)?;
            arms.push((compose::both(condition, clause.condition.as_ref()), value));
        }
        compose::case(arms, compose::expression("NULL")?)
    }

    /// A clause for rows without a partner cannot speak of the partner.
    fn check_references(&self, target: &str, source: &Ident) -> Result<()> {
        let source = super::cursor::fold(source);
        for clause in &self.clauses {
            let absent = match clause.matching {
                Matching::Both => continue,
                Matching::SourceOnly => target,
                Matching::TargetOnly => &source,
            };
            let values: Vec<&Expr> = match &clause.action {
                Action::Insert { values, .. } => values.iter().collect(),
                Action::Update(set) => set.iter().map(|a| &a.value).collect(),
                Action::Delete | Action::Nothing => Vec::new(),
            };
            let mut expressions = values.into_iter().chain(&clause.condition);
            if expressions.any(|expr| compose::mentions(expr, absent)) {
                return Err(Error::new(
                    Kind::UndefinedTable,
                    format!("invalid reference to FROM-clause entry for table \"{absent}\""),
                )
                .hint("It has no row where this WHEN clause applies."));
            }
        }
        Ok(())
    }
}

/// The value that `INSERT (…) VALUES (…)` gives a column.
fn inserted(
    columns: &[SqlName],
    values: &[Expr],
    schema: &arrow::datatypes::Schema,
    at: usize,
    table: &str,
) -> Result<Expr> {
    let names: Vec<String> = match columns.is_empty() {
        true => schema.fields().iter().map(|f| f.name().clone()).collect(),
        false => {
            let names = columns.iter();
            names
                .map(|name| compose::known_column(name, schema, table))
                .collect::<Result<_>>()?
        }
    };
    compose::check_once(&names)?;
    if values.len() > names.len() {
        let message = "INSERT has more expressions than target columns";
        return Err(Error::new(Kind::Syntax, message));
    }
    if !columns.is_empty() && values.len() < names.len() {
        let message = "INSERT has more target columns than expressions";
        return Err(Error::new(Kind::Syntax, message));
    }
    let place = names
        .iter()
        .position(|name| name == schema.field(at).name());
    match place.and_then(|place| values.get(place)) {
        Some(value) => Ok(compose::or_default(value)),
        None => compose::expression("NULL"),
    }
}

/// Only the rows that something becomes of.
fn acting(inner: Box<ast::Query>) -> Result<Box<ast::Query>> {
    let sql = format!("SELECT * FROM (SELECT 1) AS x WHERE \"{ACTION_COLUMN}\" <> 0");
    let mut query = parse_query(&sql)?;
    if let ast::SetExpr::Select(select) = query.body.as_mut() {
        debug_assert!(matches!(
            select.projection.as_slice(),
            [SelectItem::Wildcard(_)]
        ));
        if let Some(TableWithJoins {
            relation: TableFactor::Derived { subquery, .. },
            ..
        }) = select.from.first_mut()
        {
            *subquery = inner;
        }
    }
    Ok(query)
}

fn set_alias(factor: &mut TableFactor, new: ast::TableAlias) {
    if let TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } = factor {
        *alias = Some(new);
    }
}
