//! What GRANT and REVOKE share: privileges on relations and schemas, and memberships of roles.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::ObjectName as SqlName;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::context::expect_kind;
use super::cursor::Cursor;
use super::role_options::{RoleName, known};
use super::{Context, Notice, Outcome};
use crate::catalog::{Access, Change, ObjectName, PUBLIC, Privilege, Relation, Role, Snapshot};
use crate::error::{Error, Kind, Result};
use crate::plan::{Need, denied};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Direction {
    Grant,
    Revoke,
}

#[derive(Debug, Clone)]
pub(super) struct Terms {
    what: What,
    grantees: Vec<Grantee>,
}

#[derive(Debug, Clone)]
enum What {
    Privileges(Vec<Privilege>, Objects),
    Roles(Vec<String>),
}

#[derive(Debug, Clone)]
enum Objects {
    Relations(Vec<SqlName>),
    Models(Vec<SqlName>),
    AllIn(Vec<String>),
    Schemas(Vec<String>),
}

#[derive(Debug, Clone)]
enum Grantee {
    Public,
    Role(RoleName),
}

/// Privileges of PostgreSQL for what we have not.
const OTHERS: &[&str] = &[
    "references",
    "trigger",
    "connect",
    "temporary",
    "temp",
    "execute",
    "maintain",
];
/// Objects of PostgreSQL that we have not.
const OTHER_OBJECTS: &[&str] = &[
    "all",
    "database",
    "domain",
    "foreign",
    "function",
    "language",
    "large",
    "parameter",
    "procedure",
    "routine",
    "sequence",
    "tablespace",
    "type",
];

impl Terms {
    pub fn parse(c: &mut Cursor, direction: Direction) -> Result<Self> {
        let mut names = Vec::new();
        loop {
            names.push(c.identifier()?);
            if names == ["all"] {
                c.take(&["privileges"]);
            }
            if matches!(c.peek(), Token::LParen) {
                return Err(Error::unsupported("a privilege on columns")
                    .hint("Make a view of the columns and grant on it."));
            }
            if !c.take_token(&Token::Comma) {
                break;
            }
        }
        let what = match c.take(&["on"]) {
            true => {
                let objects = objects(c)?;
                What::Privileges(privileges(&names, &objects)?, objects)
            }
            false => What::Roles(names),
        };
        c.expect(&[match direction {
            Direction::Grant => "to",
            Direction::Revoke => "from",
        }])?;
        let mut grantees = vec![grantee(c)?];
        while c.take_token(&Token::Comma) {
            grantees.push(grantee(c)?);
        }
        Ok(Self { what, grantees })
    }

    pub fn run(&self, ctx: &Context, direction: Direction) -> Result<Outcome> {
        let outcome = match &self.what {
            What::Roles(roles) => self.memberships(ctx, roles, direction)?,
            What::Privileges(privileges, objects) => {
                self.privileges(ctx, privileges, objects, direction)?;
                Outcome::done(match direction {
                    Direction::Grant => "GRANT",
                    Direction::Revoke => "REVOKE",
                })
            }
        };
        ctx.wrote();
        Ok(outcome)
    }

    fn privileges(
        &self,
        ctx: &Context,
        privileges: &[Privilege],
        objects: &Objects,
        direction: Direction,
    ) -> Result<()> {
        let mut named = BTreeSet::new();
        if let Objects::Relations(names) | Objects::Models(names) = objects {
            for name in names {
                let (name, relation) = ctx.existing(name, Need::Nothing)?;
                if matches!(objects, Objects::Models(_)) {
                    expect_kind(&name, &relation.kind, "model")?;
                }
                named.insert(name);
            }
        }
        ctx.catalog.update(|snapshot| {
            let grantees = self.known_grantees(ctx, snapshot)?;
            let changed = |access: &Access| {
                let mut access = access.clone();
                for grantee in &grantees {
                    match direction {
                        Direction::Grant => access.grant(grantee, privileges),
                        Direction::Revoke => access.revoke(grantee, privileges),
                    }
                }
                access
            };
            let changes = match objects {
                Objects::Schemas(names) => of_schemas(ctx, snapshot, names, changed)?,
                Objects::Relations(_) | Objects::Models(_) => {
                    of_relations(ctx, snapshot, named, changed)?
                }
                Objects::AllIn(schemas) => {
                    let mut all = BTreeSet::new();
                    for schema in schemas {
                        let names = snapshot.schema(schema)?.relations.keys();
                        all.extend(names.map(|name| ObjectName {
                            schema: schema.clone(),
                            name: name.clone(),
                        }));
                    }
                    of_relations(ctx, snapshot, all, changed)?
                }
            };
            Ok((changes, ()))
        })
    }

    fn known_grantees<'a>(&'a self, ctx: &'a Context, snapshot: &Snapshot) -> Result<Vec<&'a str>> {
        let grantees = self.grantees.iter().map(|grantee| match grantee {
            Grantee::Public => Ok(PUBLIC),
            Grantee::Role(name) => {
                let name = name.of(ctx);
                known(snapshot, name).map(|_| name)
            }
        });
        grantees.collect()
    }

    fn memberships(
        &self,
        ctx: &Context,
        groups: &[String],
        direction: Direction,
    ) -> Result<Outcome> {
        let notices = ctx.catalog.update(|snapshot| {
            let mut next = snapshot.clone();
            let mut notices = Vec::new();
            for grantee in &self.grantees {
                let Grantee::Role(member) = grantee else {
                    known(snapshot, "public")?;
                    continue;
                };
                for group in groups {
                    let noticed = member_of(ctx, &mut next, group, member.of(ctx), direction)?;
                    notices.extend(noticed);
                }
            }
            let changed = next.roles.iter().filter(|(name, role)| {
                let before = snapshot.roles.get(*name);
                before.is_none_or(|before| before.member_of != role.member_of)
            });
            let changes =
                changed.map(|(name, role)| Change::PutRole(name.clone(), Role::clone(role)));
            Ok((changes.collect(), notices))
        })?;
        let outcome = Outcome::done(match direction {
            Direction::Grant => "GRANT ROLE",
            Direction::Revoke => "REVOKE ROLE",
        });
        Ok(notices.into_iter().fold(outcome, Outcome::with))
    }
}

/// Makes or ends one membership; gives a notice when there is nothing to do.
fn member_of(
    ctx: &Context,
    next: &mut Snapshot,
    group: &str,
    member: &str,
    direction: Direction,
) -> Result<Option<Notice>> {
    known(next, group)?;
    let mut role = known(next, member)?.clone();
    if !next.is_superuser(&ctx.variables.user) {
        return Err(Error::new(
            Kind::Privilege,
            format!("must have admin option on role \"{group}\""),
        ));
    }
    let notice = match direction {
        Direction::Grant if next.roles_of(group).contains(member) => {
            return Err(Error::new(
                Kind::InvalidGrant,
                format!("role \"{group}\" is a member of role \"{member}\""),
            ));
        }
        Direction::Grant => (!role.member_of.insert(group.to_string())).then(|| {
            Notice::info(format!(
                "role \"{member}\" is already a member of role \"{group}\""
            ))
        }),
        Direction::Revoke => (!role.member_of.remove(group)).then(|| {
            Notice::warning(format!(
                "role \"{member}\" is not a member of role \"{group}\""
            ))
        }),
    };
    next.roles.insert(member.to_string(), Arc::new(role));
    Ok(notice)
}

fn of_schemas(
    ctx: &Context,
    snapshot: &Snapshot,
    names: &[String],
    changed: impl Fn(&Access) -> Access,
) -> Result<Vec<Change>> {
    let changes = names.iter().map(|name| {
        let access = &snapshot.schema(name)?.access;
        match snapshot.owns(&ctx.variables.user, access) {
            true => Ok(Change::PutSchema(name.clone(), changed(access))),
            false => Err(denied("schema", name)),
        }
    });
    changes.collect()
}

fn of_relations(
    ctx: &Context,
    snapshot: &Snapshot,
    names: BTreeSet<ObjectName>,
    changed: impl Fn(&Access) -> Access,
) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for name in names {
        let Some(relation) = snapshot.relation(&name) else {
            continue;
        };
        if !snapshot.owns(&ctx.variables.user, &relation.access) {
            return Err(denied(relation.kind.word(), &name.name));
        }
        let relation = Relation {
            access: changed(&relation.access),
            ..relation.as_ref().clone()
        };
        changes.push(Change::PutRelation(name, Box::new(relation)));
    }
    Ok(changes)
}

fn objects(c: &mut Cursor) -> Result<Objects> {
    if c.take(&["all", "tables", "in", "schema"]) {
        return Ok(Objects::AllIn(identifiers(c)?));
    }
    let [first, second] = c.leading_words::<2>();
    let is_word = !second.is_empty() && !["to", "from"].contains(&second.as_str());
    match first.as_str() {
        "schema" if is_word || second.is_empty() => {
            c.take(&["schema"]);
            return Ok(Objects::Schemas(identifiers(c)?));
        }
        other if is_word && OTHER_OBJECTS.contains(&other) => {
            let what = match first.as_str() {
                "all" => format!("{first} {second}"),
                _ => first,
            };
            let what = format!("a privilege on {}", what.to_uppercase());
            return Err(Error::unsupported(what));
        }
        "table" => {
            c.take(&["table"]);
        }
        "model" if is_word => {
            c.take(&["model"]);
            return Ok(Objects::Models(names(c)?));
        }
        _ => {}
    }
    Ok(Objects::Relations(names(c)?))
}

fn names(c: &mut Cursor) -> Result<Vec<SqlName>> {
    let mut names = vec![c.name()?];
    while c.take_token(&Token::Comma) {
        names.push(c.name()?);
    }
    Ok(names)
}

fn identifiers(c: &mut Cursor) -> Result<Vec<String>> {
    let mut names = vec![c.identifier()?];
    while c.take_token(&Token::Comma) {
        names.push(c.identifier()?);
    }
    Ok(names)
}

fn grantee(c: &mut Cursor) -> Result<Grantee> {
    let [first, second] = c.leading_words::<2>();
    if first == "group" && !second.is_empty() {
        c.take(&["group"]);
    }
    Ok(match c.take(&["public"]) {
        true => Grantee::Public,
        false => Grantee::Role(RoleName::parse(c)?),
    })
}

/// The privileges of those names, which must be some of the objects'.
fn privileges(names: &[String], objects: &Objects) -> Result<Vec<Privilege>> {
    let possible = match objects {
        Objects::Schemas(_) => Privilege::OF_SCHEMAS,
        Objects::Models(_) => Privilege::OF_MODELS,
        _ => Privilege::OF_RELATIONS,
    };
    if names == ["all"] {
        return Ok(possible.to_vec());
    }
    let found = names.iter().map(|name| {
        let upper = name.to_uppercase();
        let Some(privilege) = Privilege::ALL.iter().find(|p| p.name() == upper) else {
            return Err(match OTHERS.contains(&name.as_str()) {
                true => Error::unsupported(format!("the privilege {upper}")),
                false => Error::new(
                    Kind::Syntax,
                    format!("unrecognized privilege type \"{name}\""),
                ),
            });
        };
        let kind = match (objects, privilege) {
            (Objects::Schemas(_), _) => "schema",
            (Objects::Models(_), _) => "model",
            (_, Privilege::Usage) => "table",
            _ => "relation",
        };
        match possible.contains(privilege) {
            true => Ok(*privilege),
            false => Err(Error::new(
                Kind::InvalidGrant,
                format!("invalid privilege type {upper} for {kind}"),
            )),
        }
    });
    found.collect()
}
