//! `UPDATE t [AS alias] SET column = expression, … [FROM relation, …] [WHERE condition]`.
//!
//! The changed rows are written to new files, and so are the other rows of the files that held
//! them. A row that FROM matches several times is changed once, by one of the matches.

use datafusion::sql::sqlparser::ast;

use super::cursor::Cursor;
use super::writing::{self, ACTION_COLUMN, RowChange};
use super::{Context, Outcome, compose};
use crate::error::{Error, Result};
use crate::plan::Need;
use crate::table::{DeltaOperation, FILE_COLUMN, REPLACE, ROW_COLUMN, TableVersion};

#[derive(Debug, Clone)]
pub(crate) struct Update {
    update: ast::Update,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Update> {
    let ast::Statement::Update(update) = c.sql(|p| p.parse_statement())? else {
        return Err(c.unexpected("UPDATE t SET …"));
    };
    for (given, what) in [
        (update.returning.is_some(), "RETURNING"),
        (!update.order_by.is_empty(), "UPDATE … ORDER BY"),
        (update.limit.is_some(), "UPDATE … LIMIT"),
    ] {
        if given {
            return Err(Error::unsupported(what));
        }
    }
    Ok(Update { update })
}

impl Update {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let (relation, name, called) = compose::target_relation(&self.update.table.relation)?;
        let target = writing::target(ctx, &name, "update", &self.needs())?;
        let operation = DeltaOperation::Update {
            predicate: self.update.selection.as_ref().map(ToString::to_string),
        };
        let change = RowChange {
            operation,
            twice_allowed: true,
            with_rows: true,
        };
        let counts = writing::change(ctx, &target, change, |base| {
            let columns = self.columns(base, &called, &target.name.name)?;
            let mut from = vec![ast::TableWithJoins {
                relation: relation.clone(),
                joins: self.update.table.joins.clone(),
            }];
            if let Some(
                ast::UpdateTableFromKind::BeforeSet(more)
                | ast::UpdateTableFromKind::AfterSet(more),
            ) = &self.update.from
            {
                compose::check_names(&called, more)?;
                from.extend(more.iter().cloned());
            }
            compose::select(columns, from, self.update.selection.clone())
        });
        Ok(Outcome::wrote("UPDATE", counts.await?.replaced))
    }

    /// To read columns of the table needs SELECT on it.
    fn needs(&self) -> Vec<Need> {
        let update = &self.update;
        let values = update.assignments.iter().map(|a| &a.value);
        let joins = update.from.is_some() || !update.table.joins.is_empty();
        let reads = joins || values.chain(&update.selection).any(compose::names_columns);
        let select = reads.then_some(Need::SELECT);
        [Need::UPDATE].into_iter().chain(select).collect()
    }

    /// The new rows' columns, then their place.
    fn columns(
        &self,
        base: &TableVersion,
        called: &str,
        table: &str,
    ) -> Result<Vec<(String, ast::Expr)>> {
        let set = compose::assignments(&self.update.assignments, base.schema(), table)?;
        let fields = base.schema().fields().iter().enumerate();
        let mut columns = Vec::new();
        for (at, field) in fields {
            let assigned = set.iter().find(|(name, _)| name == field.name());
            let value = match assigned {
                Some((_, value)) => compose::typed_parameter(value, field)?,
                None => compose::column(called, field.name())?,
            };
            columns.push((format!("\u{2}c{at}"), value));
        }
        for name in [FILE_COLUMN, ROW_COLUMN] {
            columns.push((name.to_string(), compose::column(called, name)?));
        }
        let replace = compose::expression(&REPLACE.to_string())?;
        columns.push((ACTION_COLUMN.to_string(), replace));
        Ok(columns)
    }
}
