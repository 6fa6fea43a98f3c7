//! `DROP TABLE|VIEW [IF EXISTS] name, … [CASCADE|RESTRICT]`: forgets tables and views.
//!
//! Dropping an external table never touches its files; a managed table's are removed when the
//! statements that run now have ended. A view that uses the object keeps its text
//! and says what is missing when it is used.

use datafusion::sql::sqlparser::ast::ObjectName as SqlName;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::{Context, Notice, Outcome, context};
use crate::catalog::{Change, RelationKind};
use crate::error::{Kind, Result};
use crate::plan::Need;

#[derive(Debug, Clone)]
pub(crate) struct DropTable {
    word: &'static str,
    names: Vec<SqlName>,
    if_exists: bool,
}

pub(super) fn parse(c: &mut Cursor) -> Result<DropTable> {
    c.expect(&["drop"])?;
    let word = c.expect_one_of(&["table", "view"])?;
    let if_exists = c.if_exists();
    let mut names = vec![c.name()?];
    while c.take_token(&Token::Comma) {
        names.push(c.name()?);
    }
    if !c.take(&["cascade"]) {
        c.take(&["restrict"]);
    }
    Ok(DropTable {
        word,
        names,
        if_exists,
    })
}

impl DropTable {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let tag = if self.word == "view" {
            "DROP VIEW"
        } else {
            "DROP TABLE"
        };
        let mut outcome = Outcome::done(tag);
        let mut changes = Vec::new();
        let mut folders = Vec::new();
        for name in &self.names {
            match ctx.existing(name, Need::Drop) {
                Ok((object, relation)) => {
                    context::expect_kind(&object, &relation.kind, self.word)?;
                    if let RelationKind::Managed(managed) = &relation.kind {
                        folders.push(managed.folder.clone());
                    }
                    changes.push(Change::DropRelation(object));
                }
                Err(e)
                    if self.if_exists
                        && matches!(e.kind, Kind::UndefinedTable | Kind::UndefinedSchema) =>
                {
                    outcome = outcome.with(Notice::info(format!(
                        "{} {name} does not exist, skipping",
                        self.word
                    )));
                }
                Err(e) => return Err(e),
            }
        }
        ctx.catalog.update(|_| Ok((changes, ())))?;
        ctx.wrote();
        for folder in folders {
            ctx.remove_folder(&folder).await;
        }
        Ok(outcome)
    }
}
