//! `ALTER TABLE|VIEW [IF EXISTS] t RENAME TO u`.

use datafusion::sql::sqlparser::ast::ObjectName as SqlName;

use super::cursor::Cursor;
use super::{Context, Notice, Outcome, context};
use crate::catalog::{Change, ObjectName};
use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone)]
pub(crate) struct AlterTable {
    word: &'static str,
    if_exists: bool,
    from: SqlName,
    to: String,
}

pub(super) fn parse(c: &mut Cursor) -> Result<AlterTable> {
    c.expect(&["alter"])?;
    let word = c.expect_one_of(&["table", "view"])?;
    let if_exists = c.if_exists();
    let from = c.name()?;
    if c.take(&["add"]) {
        return Err(Error::unsupported("adding a column to an external table")
            .hint("Create the table anew with its columns, or make a view."));
    }
    c.expect(&["rename", "to"])?;
    Ok(AlterTable {
        word,
        if_exists,
        from,
        to: c.identifier()?,
    })
}

impl AlterTable {
    pub fn run(&self, ctx: &Context) -> Result<Outcome> {
        let tag = if self.word == "view" {
            "ALTER VIEW"
        } else {
            "ALTER TABLE"
        };
        let (from, relation) = match ctx.existing(&self.from) {
            Ok(found) => found,
            Err(e) if self.if_exists && e.kind == Kind::UndefinedTable => {
                let notice =
                    Notice::info(format!("relation {} does not exist, skipping", self.from));
                return Ok(Outcome::done(tag).with(notice));
            }
            Err(e) => return Err(e),
        };
        context::expect_kind(&from, &relation.kind, self.word)?;
        let to = ObjectName {
            schema: from.schema.clone(),
            name: self.to.clone(),
        };
        ctx.catalog.update(|snapshot| {
            if snapshot.relation(&to).is_some() {
                return Err(Error::new(
                    Kind::DuplicateTable,
                    format!("relation \"{}\" already exists", to.name),
                ));
            }
            let put = Change::PutRelation(to.clone(), Box::new(relation.as_ref().clone()));
            Ok((vec![Change::DropRelation(from.clone()), put], ()))
        })?;
        ctx.wrote();
        Ok(Outcome::done(tag))
    }
}
