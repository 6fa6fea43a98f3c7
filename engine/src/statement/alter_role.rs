//! `ALTER USER|ROLE name [WITH] [PASSWORD '…'] [SUPERUSER|NOSUPERUSER] [LOGIN|NOLOGIN]` and
//! `ALTER USER|ROLE name RENAME TO other`. Everybody may change their own password; all else is for
//! superusers.

use super::cursor::Cursor;
use super::role_options::{RoleName, RoleOptions, already_exists, check_new, known};
use super::{Context, Outcome};
use crate::catalog::{ADMINISTRATOR, Change, Relation, Snapshot};
use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone)]
pub(crate) struct AlterRole {
    name: RoleName,
    action: Action,
}

#[derive(Debug, Clone)]
enum Action {
    Rename(RoleName),
    Change(RoleOptions),
}

pub(super) fn parse(c: &mut Cursor) -> Result<AlterRole> {
    c.expect(&["alter"])?;
    c.expect_one_of(&["user", "role"])?;
    let name = RoleName::parse(c)?;
    let [word] = c.leading_words::<1>();
    let action = match word.as_str() {
        "rename" => {
            c.expect(&["rename", "to"])?;
            Action::Rename(RoleName::parse(c)?)
        }
        "set" | "reset" | "in" => {
            return Err(Error::unsupported("a setting of a role")
                .hint("Say SET in the session, or set it for all at start."));
        }
        _ => Action::Change(RoleOptions::parse(c, false)?),
    };
    Ok(AlterRole { name, action })
}

impl AlterRole {
    pub fn run(&self, ctx: &Context) -> Result<Outcome> {
        let name = self.name.of(ctx);
        let outcome = Outcome::done("ALTER ROLE");
        let outcome = match &self.action {
            Action::Rename(to) => {
                let to = check_new(to)?;
                ctx.catalog
                    .update(|snapshot| Ok((renamed(ctx, snapshot, name, to)?, ())))?;
                // Its sessions are those of the old name.
                ctx.registry.cancel_of(name);
                outcome
            }
            Action::Change(options) => {
                let notice = ctx.catalog.update(|snapshot| {
                    let role = known(snapshot, name)?;
                    check(ctx, snapshot, name, options)?;
                    let (role, notice) = options.apply(role)?;
                    Ok((vec![Change::PutRole(name.to_string(), role)], notice))
                })?;
                match notice {
                    Some(notice) => outcome.with(notice),
                    None => outcome,
                }
            }
        };
        ctx.wrote();
        Ok(outcome)
    }
}

/// Whether the user may change the role so.
fn check(ctx: &Context, snapshot: &Snapshot, name: &str, options: &RoleOptions) -> Result<()> {
    let user = &ctx.variables.user;
    let is_own = user == name && options.only_password();
    if !is_own && !snapshot.is_superuser(user) {
        return Err(Error::new(Kind::Privilege, "permission denied")
            .hint("You can change your own password; the rest is for the administrator."));
    }
    if name == ADMINISTRATOR && options.weakens() {
        return Err(Error::new(
            Kind::Privilege,
            format!("role \"{name}\" must have the attributes SUPERUSER and LOGIN"),
        ));
    }
    Ok(())
}

/// The role under its new name, everywhere.
fn renamed(ctx: &Context, snapshot: &Snapshot, from: &str, to: &str) -> Result<Vec<Change>> {
    let role = known(snapshot, from)?;
    if !snapshot.is_superuser(&ctx.variables.user) {
        return Err(Error::new(
            Kind::Privilege,
            "permission denied to rename role",
        ));
    }
    if from == ctx.variables.user {
        return Err(Error::unsupported("renaming the current user"));
    }
    if from == ADMINISTRATOR {
        return Err(Error::new(
            Kind::Privilege,
            format!("role \"{from}\" cannot be renamed"),
        ));
    }
    if snapshot.roles.contains_key(to) {
        return Err(already_exists(to));
    }
    let mut changes = vec![
        Change::DropRole(from.to_string()),
        Change::PutRole(to.to_string(), role.clone()),
    ];
    for (name, role) in &snapshot.roles {
        if role.member_of.contains(from) {
            let mut role = role.as_ref().clone();
            role.member_of.remove(from);
            role.member_of.insert(to.to_string());
            changes.push(Change::PutRole(name.clone(), role));
        }
    }
    for (name, schema) in &snapshot.schemas {
        if let Some(access) = schema.access.renamed(from, to) {
            changes.push(Change::PutSchema(name.clone(), access));
        }
    }
    for (name, relation) in snapshot.relations() {
        if let Some(access) = relation.access.renamed(from, to) {
            let relation = Relation {
                access,
                ..relation.as_ref().clone()
            };
            changes.push(Change::PutRelation(name, Box::new(relation)));
        }
    }
    Ok(changes)
}
