//! `ALTER SCHEMA s RENAME TO t` and `ALTER SCHEMA s OWNER TO role`.

use super::cursor::Cursor;
use super::role_options::{RoleName, new_owner};
use super::{Context, Outcome, context};
use crate::catalog::{Change, DEFAULT_SCHEMA, ObjectName, Schema, Snapshot};
use crate::error::{Error, Kind, Result};
use crate::plan::must_own;

#[derive(Debug, Clone)]
pub(crate) struct AlterSchema {
    name: String,
    action: Action,
}

#[derive(Debug, Clone)]
enum Action {
    Rename(String),
    Owner(RoleName),
}

pub(super) fn parse(c: &mut Cursor) -> Result<AlterSchema> {
    c.expect(&["alter", "schema"])?;
    let name = c.identifier()?;
    let word = c.expect_one_of(&["rename", "owner"])?;
    c.expect(&["to"])?;
    let action = match word {
        "owner" => Action::Owner(RoleName::parse(c)?),
        _ => Action::Rename(c.identifier()?),
    };
    Ok(AlterSchema { name, action })
}

impl AlterSchema {
    pub fn run(&self, ctx: &Context) -> Result<Outcome> {
        ctx.catalog
            .update(|snapshot| Ok((self.decide(ctx, snapshot)?, ())))?;
        ctx.wrote();
        Ok(Outcome::done("ALTER SCHEMA"))
    }

    fn decide(&self, ctx: &Context, snapshot: &Snapshot) -> Result<Vec<Change>> {
        let schema = snapshot.schema(&self.name)?;
        if !snapshot.owns(&ctx.variables.user, &schema.access) {
            return Err(must_own("schema", &self.name));
        }
        if snapshot.is_temporary(&self.name) {
            return Err(must_own("schema", &self.name));
        }
        match &self.action {
            Action::Rename(to) => self.renamed(snapshot, schema, to),
            Action::Owner(owner) => {
                let owner = new_owner(ctx, snapshot, owner)?;
                let access = schema.access.owned_by(owner);
                Ok(vec![Change::PutSchema(self.name.clone(), access)])
            }
        }
    }

    fn renamed(&self, snapshot: &Snapshot, schema: &Schema, to: &str) -> Result<Vec<Change>> {
        let from = &self.name;
        if from == DEFAULT_SCHEMA || context::is_reserved_schema(from) {
            return Err(Error::new(
                Kind::Privilege,
                format!("schema \"{from}\" cannot be renamed"),
            ));
        }
        if snapshot.schemas.contains_key(to) || context::is_reserved_schema(to) {
            return Err(Error::new(
                Kind::DuplicateSchema,
                format!("schema \"{to}\" already exists"),
            ));
        }
        context::check_schema_name(to)?;
        let moved = schema.relations.iter().map(|(name, relation)| {
            let name = ObjectName {
                schema: to.to_string(),
                name: name.clone(),
            };
            Change::PutRelation(name, Box::new(relation.as_ref().clone()))
        });
        let put = [Change::PutSchema(to.to_string(), schema.access.clone())].into_iter();
        let views = snapshot.views_after(|object| {
            (object.schema == *from).then(|| ObjectName {
                schema: to.to_string(),
                name: object.name.clone(),
            })
        });
        Ok(put
            .chain(moved)
            .chain(views)
            .chain([Change::DropSchema(from.clone())])
            .collect())
    }
}
