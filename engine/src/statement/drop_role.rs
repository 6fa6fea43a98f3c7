//! `DROP USER|ROLE [IF EXISTS] name, …`: removes roles that own nothing and to which nothing is granted.
//! What they run is cancelled, and their sessions end with their next statement.

use super::cursor::Cursor;
use super::role_options::{RoleName, known};
use super::{Context, Notice, Outcome};
use crate::catalog::{ADMINISTRATOR, Access, Change, Snapshot};
use crate::error::{Error, Kind, Result};

/// Objects that the error names.
const SHOWN: usize = 100;

#[derive(Debug, Clone)]
pub(crate) struct DropRole {
    names: Vec<RoleName>,
    if_exists: bool,
}

pub(super) fn parse(c: &mut Cursor) -> Result<DropRole> {
    c.expect(&["drop"])?;
    c.expect_one_of(&["user", "role"])?;
    Ok(DropRole {
        if_exists: c.if_exists(),
        names: RoleName::list(c)?,
    })
}

impl DropRole {
    pub fn run(&self, ctx: &Context) -> Result<Outcome> {
        let missing = ctx.catalog.update(|snapshot| self.decide(ctx, snapshot))?;
        ctx.wrote();
        let names = self.names.iter().map(|name| name.of(ctx));
        let dropped = names.filter(|name| !missing.contains(name));
        dropped.for_each(|name| ctx.registry.cancel_of(name));
        let outcome = Outcome::done("DROP ROLE");
        Ok(missing.into_iter().fold(outcome, |outcome, name| {
            let skipped = format!("role \"{name}\" does not exist, skipping");
            outcome.with(Notice::info(skipped))
        }))
    }

    fn decide<'a>(
        &'a self,
        ctx: &'a Context,
        snapshot: &Snapshot,
    ) -> Result<(Vec<Change>, Vec<&'a str>)> {
        if !snapshot.is_superuser(&ctx.variables.user) {
            return Err(Error::new(
                Kind::Privilege,
                "permission denied to drop role",
            ));
        }
        let (mut dropped, mut missing) = (Vec::new(), Vec::new());
        for name in &self.names {
            let name = name.of(ctx);
            match known(snapshot, name) {
                Err(_) if self.if_exists => missing.push(name),
                Err(error) => return Err(error),
                Ok(_) => {
                    check(ctx, snapshot, name)?;
                    dropped.push(name);
                }
            }
        }
        let mut changes = Vec::new();
        for (name, role) in &snapshot.roles {
            if dropped.contains(&name.as_str()) {
                changes.push(Change::DropRole(name.clone()));
            } else if dropped.iter().any(|group| role.member_of.contains(*group)) {
                let mut role = role.as_ref().clone();
                role.member_of.retain(|g| !dropped.contains(&g.as_str()));
                changes.push(Change::PutRole(name.clone(), role));
            }
        }
        Ok((changes, missing))
    }
}

fn check(ctx: &Context, snapshot: &Snapshot, name: &str) -> Result<()> {
    if name == ctx.variables.user {
        return Err(Error::new(
            Kind::ObjectInUse,
            "current user cannot be dropped",
        ));
    }
    if name == ADMINISTRATOR {
        return Err(Error::new(
            Kind::DependentObjects,
            format!("cannot drop role {name} because it is required by the database system"),
        ));
    }
    let depends = dependents(snapshot, name);
    if depends.is_empty() {
        return Ok(());
    }
    let mut lines: Vec<_> = depends.iter().take(SHOWN).cloned().collect();
    if depends.len() > SHOWN {
        lines.push(format!("and {} others", depends.len() - SHOWN));
    }
    Err(Error::new(
        Kind::DependentObjects,
        format!("role \"{name}\" cannot be dropped because some objects depend on it"),
    )
    .detail(lines.join("\n"))
    .hint("Give its objects to others with ALTER … OWNER TO, and take its privileges with REVOKE."))
}

/// What the role owns and what was granted to it, in words.
fn dependents(snapshot: &Snapshot, role: &str) -> Vec<String> {
    let of = |access: &Access, what: String| {
        if access.owner == role {
            return Some(format!("owner of {what}"));
        }
        let granted = access.grants.contains_key(role);
        granted.then(|| format!("privileges for {what}"))
    };
    let schemas = snapshot
        .schemas
        .iter()
        .filter_map(|(name, schema)| of(&schema.access, format!("schema {name}")));
    let relations = snapshot.relations().filter_map(|(name, relation)| {
        of(&relation.access, format!("{} {name}", relation.kind.word()))
    });
    schemas.chain(relations).collect()
}
