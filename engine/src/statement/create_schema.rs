//! `CREATE [OR REPLACE] SCHEMA [IF NOT EXISTS] s [AUTHORIZATION role]`: a namespace for tables and
//! views, for superusers to make.
//!
//! OR REPLACE empties the schema, as dask-sql does.

use super::cursor::Cursor;
use super::role_options::{RoleName, known};
use super::{Context, Notice, Outcome, context};
use crate::catalog::{Access, CATALOG_NAME, Change, Snapshot};
use crate::error::{Error, Kind, Result};
use crate::plan::denied;

#[derive(Debug, Clone)]
pub(crate) struct CreateSchema {
    name: String,
    or_replace: bool,
    if_not_exists: bool,
    owner: Option<RoleName>,
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
        owner: match c.take(&["authorization"]) {
            true => Some(RoleName::parse(c)?),
            false => None,
        },
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
        context::check_schema_name(&self.name)?;
        let created = ctx.catalog.update(|snapshot| self.decide(ctx, snapshot))?;
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

    fn decide(&self, ctx: &Context, snapshot: &Snapshot) -> Result<(Vec<Change>, bool)> {
        if !snapshot.is_superuser(&ctx.variables.user) {
            return Err(denied("database", CATALOG_NAME));
        }
        let owner = self.owner.as_ref().map(|owner| owner.of(ctx));
        if let Some(owner) = owner {
            known(snapshot, owner)?;
        }
        let found = snapshot.schemas.get(&self.name);
        let access = match (found, owner) {
            (Some(found), None) => found.access.clone(),
            (Some(found), Some(owner)) => found.access.owned_by(owner),
            (None, owner) => Access::of(owner.unwrap_or(&ctx.variables.user)),
        };
        let put = Change::PutSchema(self.name.clone(), access);
        match found.is_some() {
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
