//! `MERGE INTO t USING source ON condition WHEN [NOT] MATCHED [AND …] THEN UPDATE|DELETE|INSERT|DO
//! NOTHING …`: changes a managed table by the rows of a source, in one new version.
//!
//! Each pair of a table's row and a source's row, and each row without a partner, takes the first
//! clause that fits. A table's row that two source rows would change is an error, and nothing is
//! changed.

use datafusion::sql::sqlparser::ast::{
    self, Expr, Ident, JoinConstraint, JoinOperator, MergeAction, MergeClauseKind, MergeInsertKind,
    SelectItem, TableFactor, TableWithJoins,
};

use super::cursor::Cursor;
use super::writing::{self, ACTION_COLUMN, RowChange};
use super::{Context, Outcome, compose};
use crate::error::{Error, Kind, Result};
use crate::sql::parse_query;
use crate::table::{ADD, DeltaOperation, FILE_COLUMN, REMOVE, REPLACE, ROW_COLUMN, TableVersion};

/// True in rows of the source, NULL where there is none.
const SOURCE_COLUMN: &str = "\u{2}source";

#[derive(Debug, Clone)]
pub(crate) struct Merge {
    merge: ast::Merge,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Merge> {
    let ast::Statement::Merge(merge) = c.sql(|p| p.parse_statement())? else {
        return Err(c.unexpected("MERGE INTO t …"));
    };
    if merge.output.is_some() {
        return Err(Error::unsupported("OUTPUT"));
    }
    for clause in &merge.clauses {
        let fits = match (&clause.action, kind(clause.clause_kind)) {
            (MergeAction::Insert(insert), Matching::SourceOnly) => {
                insert.insert_predicate.is_none()
            }
            (MergeAction::Insert(_), _) => false,
            (_, Matching::SourceOnly) => false,
            (MergeAction::Update(update), _) => {
                update.update_predicate.is_none() && update.delete_predicate.is_none()
            }
            _ => true,
        };
        if !fits {
            return Err(Error::new(
                Kind::Syntax,
                format!("{} does not take this action", clause.clause_kind),
            )
            .hint("MATCHED takes UPDATE and DELETE, NOT MATCHED takes INSERT."));
        }
    }
    Ok(Merge { merge })
}

/// Which partners a clause wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matching {
    Both,
    SourceOnly,
    TargetOnly,
}

fn kind(kind: MergeClauseKind) -> Matching {
    match kind {
        MergeClauseKind::Matched => Matching::Both,
        MergeClauseKind::NotMatched | MergeClauseKind::NotMatchedByTarget => Matching::SourceOnly,
        MergeClauseKind::NotMatchedBySource => Matching::TargetOnly,
    }
}

impl Merge {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let (relation, name, called) = compose::target_relation(&self.merge.table)?;
        let target = writing::target(ctx, &name, "merge into")?;
        let change = RowChange {
            operation: DeltaOperation::Merge {
                predicate: None,
                merge_predicate: Some(self.merge.on.to_string()),
                matched_predicates: Vec::new(),
                not_matched_predicates: Vec::new(),
                not_matched_by_source_predicates: Vec::new(),
            },
            twice_allowed: false,
            with_rows: true,
        };
        let (source, source_name) = self.source()?;
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
        let mut source = self.merge.source.clone();
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
            let mut clauses = self.merge.clauses.iter();
            clauses.any(|clause| kind(clause.clause_kind) == wanted)
        };
        let on = JoinConstraint::On((*self.merge.on).clone());
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
        let arms = self.merge.clauses.iter().map(|clause| {
            let number = match &clause.action {
                MergeAction::Insert(_) => ADD,
                MergeAction::Update(_) => REPLACE,
                MergeAction::Delete { .. } => REMOVE,
            };
            let condition = matching(kind(clause.clause_kind))?;
            Ok((
                compose::both(condition, clause.predicate.as_ref()),
                compose::expression(&number.to_string())?,
            ))
        });
        let arms = arms.collect::<Result<_>>()?;
        compose::case(arms, compose::expression("0")?)
    }

    /// The new value of a column.
    fn value(
        &self,
        base: &TableVersion,
        at: usize,
        called: &str,
        table: &str,
        matching: &impl Fn(Matching) -> Result<Expr>,
    ) -> Result<Expr> {
        let schema = base.schema();
        let column = schema.field(at).name();
        let null = || compose::expression("NULL");
        let mut arms = Vec::new();
        for clause in &self.merge.clauses {
            let value = match &clause.action {
                MergeAction::Update(update) => {
                    let set = compose::assignments(&update.assignments, schema, table)?;
                    match set.into_iter().find(|(name, _)| name == column) {
                        Some((_, value)) => value,
                        None => compose::column(called, column)?,
                    }
                }
                MergeAction::Delete { .. } => null()?,
                MergeAction::Insert(insert) => inserted(insert, schema, at, table)?,
            };
            let condition = matching(kind(clause.clause_kind))?;
            arms.push((compose::both(condition, clause.predicate.as_ref()), value));
        }
        compose::case(arms, null()?)
    }
}

/// The value that `INSERT (…) VALUES (…)` gives a column.
fn inserted(
    insert: &ast::MergeInsertExpr,
    schema: &arrow::datatypes::Schema,
    at: usize,
    table: &str,
) -> Result<Expr> {
    let MergeInsertKind::Values(values) = &insert.kind else {
        return Err(Error::unsupported("INSERT ROW"));
    };
    let [row] = values.rows.as_slice() else {
        return Err(Error::new(
            Kind::Syntax,
            "INSERT in MERGE takes one row of values",
        ));
    };
    let names: Vec<String> = match insert.columns.is_empty() {
        true => schema.fields().iter().map(|f| f.name().clone()).collect(),
        false => {
            let names = insert.columns.iter();
            names
                .map(|name| compose::known_column(name, schema, table))
                .collect::<Result<_>>()?
        }
    };
    if row.content.len() > names.len()
        || (!insert.columns.is_empty() && row.content.len() < names.len())
    {
        return Err(Error::new(
            Kind::Syntax,
            "INSERT in MERGE has another number of expressions than of columns",
        ));
    }
    let place = names
        .iter()
        .position(|name| name == schema.field(at).name());
    match place.and_then(|place| row.content.get(place)) {
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
