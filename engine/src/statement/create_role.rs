//! `CREATE USER|ROLE [IF NOT EXISTS] name [WITH] [PASSWORD '…'] [SUPERUSER] [LOGIN|NOLOGIN] …`: makes a
//! role. A user is a role that may log in.

use super::cursor::Cursor;
use super::role_options::{RoleName, RoleOptions, already_exists, check_new, known};
use super::{Context, Notice, Outcome};
use crate::catalog::{Change, Role, Snapshot};
use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone)]
pub(crate) struct CreateRole {
    name: RoleName,
    if_not_exists: bool,
    is_user: bool,
    options: RoleOptions,
}

pub(super) fn parse(c: &mut Cursor) -> Result<CreateRole> {
    c.expect(&["create"])?;
    let is_user = c.expect_one_of(&["user", "role"])? == "user";
    Ok(CreateRole {
        if_not_exists: c.if_not_exists(),
        name: RoleName::parse(c)?,
        is_user,
        options: RoleOptions::parse(c, true)?,
    })
}

impl CreateRole {
    pub fn run(&self, ctx: &Context) -> Result<Outcome> {
        let name = check_new(&self.name)?;
        let user = &ctx.variables.user;
        if !ctx.catalog.snapshot().is_superuser(user) {
            return Err(Error::new(
                Kind::Privilege,
                match self.options.asks_for_superuser() {
                    true => "must be superuser to create superusers",
                    false => "permission denied to create role",
                },
            ));
        }
        let empty = Role::made(self.is_user)?;
        let (role, notice) = self.options.apply(&empty)?;
        let created = ctx.catalog.update(|snapshot| {
            let known = snapshot.roles.contains_key(name);
            match known {
                true if self.if_not_exists => Ok((Vec::new(), false)),
                true => Err(already_exists(name)),
                false => Ok((self.changes(ctx, snapshot, name, role)?, true)),
            }
        })?;
        let outcome = Outcome::done("CREATE ROLE");
        if !created {
            let skipped = format!("role \"{name}\" already exists, skipping");
            return Ok(outcome.with(Notice::info(skipped)));
        }
        ctx.wrote();
        Ok(match notice {
            Some(notice) => outcome.with(notice),
            None => outcome,
        })
    }

    /// The role and the memberships that it begins with.
    fn changes(
        &self,
        ctx: &Context,
        snapshot: &Snapshot,
        name: &str,
        mut role: Role,
    ) -> Result<Vec<Change>> {
        for group in &self.options.groups {
            let group = group.of(ctx);
            known(snapshot, group)?;
            role.member_of.insert(group.to_string());
        }
        let mut changes = Vec::new();
        for member in &self.options.members {
            let member = member.of(ctx);
            let mut changed = known(snapshot, member)?.clone();
            let mut groups = role.member_of.iter();
            if groups.any(|group| snapshot.roles_of(group).contains(member)) {
                return Err(Error::new(
                    Kind::InvalidGrant,
                    format!("role \"{name}\" is a member of role \"{member}\""),
                ));
            }
            changed.member_of.insert(name.to_string());
            changes.push(Change::PutRole(member.to_string(), changed));
        }
        changes.push(Change::PutRole(name.to_string(), role));
        Ok(changes)
    }
}
