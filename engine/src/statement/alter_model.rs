//! `ALTER MODEL m RENAME TO n`, `ALTER MODEL m SET DEFAULT VERSION k`, `ALTER MODEL m OWNER TO role`.

use datafusion::sql::sqlparser::ast::ObjectName as SqlName;

use super::cursor::Cursor;
use super::role_options::{RoleName, new_owner};
use super::{Context, Outcome, context};
use crate::catalog::{Change, ObjectName, Relation, RelationKind, Snapshot};
use crate::error::{Error, Kind, Result};
use crate::plan::Need;

#[derive(Debug, Clone)]
pub(crate) struct AlterModel {
    name: SqlName,
    action: Action,
}

#[derive(Debug, Clone)]
enum Action {
    Rename(String),
    DefaultVersion(u64),
    Owner(RoleName),
}

pub(super) fn parse(c: &mut Cursor) -> Result<AlterModel> {
    c.expect(&["alter", "model"])?;
    let name = c.name()?;
    let action = match c.expect_one_of(&["rename", "set", "owner"])? {
        "set" => {
            c.expect(&["default", "version"])?;
            Action::DefaultVersion(c.whole_number()?)
        }
        "owner" => {
            c.expect(&["to"])?;
            Action::Owner(RoleName::parse(c)?)
        }
        _ => {
            c.expect(&["to"])?;
            Action::Rename(c.identifier()?)
        }
    };
    Ok(AlterModel { name, action })
}

impl AlterModel {
    pub fn run(&self, ctx: &Context) -> Result<Outcome> {
        let (name, relation) = ctx.existing(&self.name, Need::Owner)?;
        context::expect_kind(&name, &relation.kind, "model")?;
        ctx.catalog.update(|snapshot| {
            let current = snapshot.relation(&name).ok_or_else(|| {
                let message = format!("model \"{}\" was dropped meanwhile", name.name);
                Error::new(Kind::UndefinedObject, message)
            })?;
            Ok((self.decide(ctx, snapshot, &name, current)?, ()))
        })?;
        ctx.wrote();
        Ok(Outcome::done("ALTER MODEL"))
    }

    fn decide(
        &self,
        ctx: &Context,
        snapshot: &Snapshot,
        name: &ObjectName,
        relation: &Relation,
    ) -> Result<Vec<Change>> {
        let mut relation = relation.clone();
        match &self.action {
            Action::Rename(to) => {
                let to = ObjectName {
                    schema: name.schema.clone(),
                    name: to.clone(),
                };
                if snapshot.relation(&to).is_some() {
                    return Err(Error::new(
                        Kind::DuplicateTable,
                        format!("relation \"{}\" already exists", to.name),
                    ));
                }
                let views = snapshot.views_after(|object| (object == name).then(|| to.clone()));
                let put = Change::PutRelation(to, Box::new(relation));
                let moved = [Change::DropRelation(name.clone()), put];
                return Ok(moved.into_iter().chain(views).collect());
            }
            Action::DefaultVersion(number) => {
                if let RelationKind::Model(versions) = &mut relation.kind {
                    let number = u32::try_from(*number).unwrap_or(u32::MAX);
                    versions.default = versions.get(&name.name, Some(number))?.version;
                }
            }
            Action::Owner(owner) => {
                relation.access = relation.access.owned_by(new_owner(ctx, snapshot, owner)?);
            }
        }
        Ok(vec![Change::PutRelation(name.clone(), Box::new(relation))])
    }
}
