//! `DROP MODEL [IF EXISTS] m, …`: forgets models with all their versions.

use datafusion::sql::sqlparser::ast::ObjectName as SqlName;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::{Context, Notice, Outcome, context};
use crate::catalog::{Change, RelationKind};
use crate::error::{Error, Kind, Result};
use crate::plan::Need;

#[derive(Debug, Clone)]
pub(crate) struct DropModel {
    /// `model` or `experiment`.
    word: &'static str,
    names: Vec<SqlName>,
    if_exists: bool,
}

pub(super) fn parse(c: &mut Cursor) -> Result<DropModel> {
    parse_of(c, "model")
}

pub(super) fn parse_of(c: &mut Cursor, word: &'static str) -> Result<DropModel> {
    c.expect(&["drop", word])?;
    let if_exists = c.if_exists();
    let mut names = vec![c.name()?];
    while c.take_token(&Token::Comma) {
        names.push(c.name()?);
    }
    Ok(DropModel {
        word,
        names,
        if_exists,
    })
}

impl DropModel {
    pub async fn run(&self, ctx: &Context) -> Result<Outcome> {
        let of_experiments = self.word == "experiment";
        let mut outcome = Outcome::done(match of_experiments {
            true => "DROP EXPERIMENT",
            false => "DROP MODEL",
        });
        let mut changes = Vec::new();
        let mut files = Vec::new();
        for name in &self.names {
            match ctx.existing(name, Need::Drop) {
                Ok((object, relation)) => {
                    context::expect_kind(&object, &relation.kind, "model")?;
                    if of_experiments && !relation.kind.is_experiment() {
                        return Err(Error::new(
                            Kind::WrongObjectType,
                            format!("\"{}\" is not an experiment", object.name),
                        )
                        .hint("It is a model: use DROP MODEL."));
                    }
                    if let RelationKind::Model(model) = &relation.kind {
                        files.extend(model.versions.iter().map(|v| v.file.clone()));
                    }
                    changes.push(Change::DropRelation(object));
                }
                Err(e) if e.kind == Kind::UndefinedTable && !self.if_exists => {
                    return Err(Error::new(
                        Kind::UndefinedObject,
                        format!("{} \"{name}\" does not exist", self.word),
                    ));
                }
                Err(e)
                    if self.if_exists
                        && matches!(e.kind, Kind::UndefinedTable | Kind::UndefinedSchema) =>
                {
                    let text = format!("{} {name} does not exist, skipping", self.word);
                    let notice = Notice::info(text);
                    outcome = outcome.with(notice);
                }
                Err(e) => return Err(e),
            }
        }
        ctx.catalog.update(|_| Ok((changes, ())))?;
        ctx.wrote();
        ctx.remove_models(files).await;
        Ok(outcome)
    }
}
