//! `ALTER SCHEMA s RENAME TO t`.

use super::cursor::Cursor;
use super::{Context, Outcome, context};
use crate::catalog::{Change, DEFAULT_SCHEMA, ObjectName, Snapshot};
use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone)]
pub(crate) struct AlterSchema {
    from: String,
    to: String,
}

pub(super) fn parse(c: &mut Cursor) -> Result<AlterSchema> {
    c.expect(&["alter", "schema"])?;
    let from = c.identifier()?;
    c.expect(&["rename", "to"])?;
    Ok(AlterSchema {
        from,
        to: c.identifier()?,
    })
}

impl AlterSchema {
    pub fn run(&self, ctx: &Context) -> Result<Outcome> {
        ctx.catalog
            .update(|snapshot| Ok((self.decide(snapshot)?, ())))?;
        ctx.wrote();
        Ok(Outcome::done("ALTER SCHEMA"))
    }

    fn decide(&self, snapshot: &Snapshot) -> Result<Vec<Change>> {
        let schema = snapshot.schema(&self.from)?;
        if self.from == DEFAULT_SCHEMA || context::is_reserved_schema(&self.from) {
            return Err(Error::new(
                Kind::Privilege,
                format!("schema \"{}\" cannot be renamed", self.from),
            ));
        }
        if snapshot.schemas.contains_key(&self.to) || context::is_reserved_schema(&self.to) {
            return Err(Error::new(
                Kind::DuplicateSchema,
                format!("schema \"{}\" already exists", self.to),
            ));
        }
        let moved = schema.relations.iter().map(|(name, relation)| {
            let name = ObjectName {
                schema: self.to.clone(),
                name: name.clone(),
            };
            Change::PutRelation(name, Box::new(relation.as_ref().clone()))
        });
        let put = [Change::PutSchema(self.to.clone())].into_iter();
        Ok(put
            .chain(moved)
            .chain([Change::DropSchema(self.from.clone())])
            .collect())
    }
}
