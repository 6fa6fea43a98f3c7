//! `UNPERSIST [TABLE] [IF EXISTS] t`: lets go of the rows that PERSIST keeps. The rows of a query are
//! gone with it; a table is read from its files again.

use datafusion::sql::sqlparser::ast::ObjectName as SqlName;

use super::cursor::Cursor;
use super::{Context, Notice, Outcome};
use crate::catalog::{Change, Relation, RelationKind};
use crate::error::{Error, Kind, Result};
use crate::plan::Need;

#[derive(Debug, Clone)]
pub(crate) struct Unpersist {
    table: SqlName,
    if_exists: bool,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Unpersist> {
    c.expect(&["unpersist"])?;
    c.take(&["table"]);
    Ok(Unpersist {
        if_exists: c.if_exists(),
        table: c.name()?,
    })
}

impl Unpersist {
    pub fn run(&self, ctx: &Context) -> Result<Outcome> {
        let done = Outcome::done("UNPERSIST");
        let (name, relation) = match ctx.existing(&self.table, Need::Owner) {
            Ok(found) => found,
            Err(e) if self.if_exists && e.kind == Kind::UndefinedTable => {
                let skipped = format!("relation {} does not exist, skipping", self.table);
                return Ok(done.with(Notice::info(skipped)));
            }
            Err(e) => return Err(e),
        };
        let change = match (&relation.kind, &relation.persisted) {
            (RelationKind::Persisted(_), _) => Change::DropRelation(name),
            (_, Some(_)) => {
                let relation = Relation {
                    persisted: None,
                    ..relation.as_ref().clone()
                };
                Change::PutRelation(name, Box::new(relation))
            }
            (_, None) => {
                return Err(Error::new(
                    Kind::WrongObjectType,
                    format!("\"{}\" is not persisted", name.name),
                ));
            }
        };
        ctx.catalog.update(|_| Ok((vec![change], ())))?;
        Ok(done)
    }
}
