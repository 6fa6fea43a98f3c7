//! `DELETE FROM t [AS alias] [USING relation, …] [WHERE condition]`: removes rows of a managed table.
//!
//! Files that lose some rows are written anew without them; the others stay as they are.

use datafusion::sql::sqlparser::ast;

use super::cursor::Cursor;
use super::writing::{self, ACTION_COLUMN, RowChange};
use super::{Context, Outcome, compose};
use crate::error::{Error, Result};
use crate::plan::Need;
use crate::table::{DeltaOperation, FILE_COLUMN, REMOVE, ROW_COLUMN};

#[derive(Debug, Clone)]
pub(crate) struct Delete {
    delete: ast::Delete,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Delete> {
    let ast::Statement::Delete(delete) = c.sql(|p| p.parse_statement())? else {
        return Err(c.unexpected("DELETE FROM t …"));
    };
    for (given, what) in [
        (delete.returning.is_some(), "RETURNING"),
        (!delete.order_by.is_empty(), "DELETE … ORDER BY"),
        (delete.limit.is_some(), "DELETE … LIMIT"),
        (!delete.tables.is_empty(), "DELETE of several tables"),
    ] {
        if given {
            return Err(Error::unsupported(what));
        }
    }
    Ok(Delete { delete })
}

impl Delete {
    /// To read columns of the table needs SELECT on it.
    fn needs(&self) -> Vec<Need> {
        let selection = self.delete.selection.as_ref();
        let (ast::FromTable::WithFromKeyword(from) | ast::FromTable::WithoutKeyword(from)) =
            &self.delete.from;
        let joins = self.delete.using.is_some() || from.iter().any(|f| !f.joins.is_empty());
        let reads = joins || selection.is_some_and(compose::names_columns);
        let select = reads.then_some(Need::SELECT);
        [Need::DELETE].into_iter().chain(select).collect()
    }

    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let (ast::FromTable::WithFromKeyword(from) | ast::FromTable::WithoutKeyword(from)) =
            &self.delete.from;
        let [only] = from.as_slice() else {
            return Err(Error::unsupported("DELETE of several tables"));
        };
        let (relation, name, called) = compose::target_relation(&only.relation)?;
        let target = writing::target(ctx, &name, "delete from", &self.needs())?;
        let operation = DeltaOperation::Delete {
            predicate: self.delete.selection.as_ref().map(ToString::to_string),
        };
        let change = RowChange {
            operation,
            twice_allowed: true,
            with_rows: false,
        };
        let counts = writing::change(ctx, &target, change, |_| {
            let mut from = vec![ast::TableWithJoins {
                relation: relation.clone(),
                joins: only.joins.clone(),
            }];
            if let Some(using) = &self.delete.using {
                compose::check_names(&called, using)?;
                from.extend(using.iter().cloned());
            }
            let columns = vec![
                (
                    FILE_COLUMN.to_string(),
                    compose::column(&called, FILE_COLUMN)?,
                ),
                (
                    ROW_COLUMN.to_string(),
                    compose::column(&called, ROW_COLUMN)?,
                ),
                (
                    ACTION_COLUMN.to_string(),
                    compose::expression(&REMOVE.to_string())?,
                ),
            ];
            compose::select(columns, from, self.delete.selection.clone())
        });
        Ok(Outcome::wrote("DELETE", counts.await?.removed))
    }
}
