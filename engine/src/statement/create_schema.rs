//! `CREATE [OR REPLACE] SCHEMA [IF NOT EXISTS] s`: a namespace for tables and views.
//!
//! OR REPLACE empties the schema, as dask-sql does.

use super::cursor::Cursor;
use super::{Context, Notice, Outcome, context};
use crate::catalog::{Change, Snapshot};
use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone)]
pub(crate) struct CreateSchema {
    name: String,
    or_replace: bool,
    if_not_exists: bool,
}

pub(super) fn parse(c: &mut Cursor) -> Result<CreateSchema> {
    c.expect(&["create"])?;
    let or_replace = c.take(&["or", "replace"]);
    c.expect(&["schema"])?;
    let if_not_exists = c.if_not_exists();
    Ok(CreateSchema {
        name: c.identifier()?,
        or_replace,
        if_not_exists,
    })
}

impl CreateSchema {
    pub fn run(&self, ctx: &Context) -> Result<Outcome> {
        if context::is_reserved_schema(&self.name) {
            return Err(Error::new(
                Kind::DuplicateSchema,
                format!("schema \"{}\" belongs to the system", self.name),
            ));
        }
        let created = ctx.catalog.update(|snapshot| self.decide(snapshot))?;
        ctx.wrote();
        let outcome = Outcome::done("CREATE SCHEMA");
        if created {
            return Ok(outcome);
        }
        Ok(outcome.with(Notice::info(format!(
            "schema \"{}\" already exists, skipping",
            self.name
        ))))
    }

    fn decide(&self, snapshot: &Snapshot) -> Result<(Vec<Change>, bool)> {
        let put = Change::PutSchema(self.name.clone());
        match snapshot.schemas.contains_key(&self.name) {
            false => Ok((vec![put], true)),
            true if self.or_replace => Ok((vec![Change::DropSchema(self.name.clone()), put], true)),
            true if self.if_not_exists => Ok((Vec::new(), false)),
            true => Err(Error::new(
                Kind::DuplicateSchema,
                format!("schema \"{}\" already exists", self.name),
            )
            .hint("Say IF NOT EXISTS to keep it.")),
        }
    }
}
