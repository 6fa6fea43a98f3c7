//! What the statements about users share: names of roles, and the options of CREATE and ALTER USER.

use std::fmt;

use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::{Context, Notice};
use crate::catalog::{Role, Snapshot, Verifier};
use crate::error::{Error, Kind, Result};

/// A role that a statement names.
#[derive(Debug, Clone)]
pub(super) enum RoleName {
    Named(String),
    /// CURRENT_USER and its sisters.
    Current,
}

impl RoleName {
    pub fn parse(c: &mut Cursor) -> Result<Self> {
        let current = ["current_user", "current_role", "session_user"];
        match current.iter().any(|word| c.take(&[word])) {
            true => Ok(Self::Current),
            false => c.identifier().map(Self::Named),
        }
    }

    pub fn list(c: &mut Cursor) -> Result<Vec<Self>> {
        let mut names = vec![Self::parse(c)?];
        while c.take_token(&Token::Comma) {
            names.push(Self::parse(c)?);
        }
        Ok(names)
    }

    pub fn of<'a>(&'a self, ctx: &'a Context) -> &'a str {
        match self {
            Self::Named(name) => name,
            Self::Current => &ctx.variables.user,
        }
    }
}

/// A password that nothing prints.
#[derive(Clone, PartialEq)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct RoleOptions {
    is_superuser: Option<bool>,
    can_login: Option<bool>,
    /// `Some(None)` is CONNECTION LIMIT -1.
    connection_limit: Option<Option<u32>>,
    /// `Some(None)` is PASSWORD NULL.
    password: Option<Option<Secret>>,
    /// IN ROLE: those that it becomes a member of.
    pub groups: Vec<RoleName>,
    /// ROLE: those that become its members.
    pub members: Vec<RoleName>,
}

/// Options that a role without further rights meets, and those that ask for more.
const MET: &[&str] = &[
    "inherit",
    "nocreatedb",
    "nocreaterole",
    "noreplication",
    "nobypassrls",
];
const UNMET: &[&str] = &["noinherit", "replication", "admin", "sysid", "unencrypted"];
/// A superuser has these anyway.
const OF_SUPERUSERS: &[&str] = &["createdb", "createrole", "bypassrls"];

impl RoleOptions {
    /// `[WITH] option …`; those of membership only where a role is made.
    pub fn parse(c: &mut Cursor, creates: bool) -> Result<Self> {
        c.take(&["with"]);
        let mut options = Self::default();
        let mut wanted = None;
        while !c.at_end() {
            let [word] = c.leading_words::<1>();
            match word.as_str() {
                "superuser" => once(c, &mut options.is_superuser, true)?,
                "nosuperuser" => once(c, &mut options.is_superuser, false)?,
                "login" => once(c, &mut options.can_login, true)?,
                "nologin" => once(c, &mut options.can_login, false)?,
                "password" => {
                    let password = password(c)?;
                    set_once(&mut options.password, password)?;
                }
                "encrypted" => {
                    c.take(&["encrypted"]);
                    let password = password(c)?;
                    set_once(&mut options.password, password)?;
                }
                "connection" => {
                    let limit = connection_limit(c)?;
                    set_once(&mut options.connection_limit, limit)?;
                }
                "valid" => valid_until(c)?,
                "in" if creates => {
                    c.take(&["in"]);
                    c.expect_one_of(&["role", "group"])?;
                    options.groups.extend(RoleName::list(c)?);
                }
                "role" | "user" if creates => {
                    c.expect_one_of(&["role", "user"])?;
                    options.members.extend(RoleName::list(c)?);
                }
                met if MET.contains(&met) => drop(c.identifier()?),
                of if OF_SUPERUSERS.contains(&of) => {
                    wanted = Some(of.to_uppercase());
                    c.identifier()?;
                }
                unmet if UNMET.contains(&unmet) => {
                    return Err(Error::unsupported(format!(
                        "the option {} of a role",
                        unmet.to_uppercase()
                    )));
                }
                _ => return Err(c.unexpected("PASSWORD, SUPERUSER, LOGIN or another option")),
            }
        }
        match wanted {
            Some(option) if options.is_superuser != Some(true) => {
                Err(Error::unsupported(format!("the option {option} of a role"))
                    .hint("Only a superuser can do it: say SUPERUSER."))
            }
            _ => Ok(options),
        }
    }

    /// Whether nothing but the password is to change.
    pub fn only_password(&self) -> bool {
        self.is_superuser.is_none() && self.can_login.is_none() && self.connection_limit.is_none()
    }

    pub fn asks_for_superuser(&self) -> bool {
        self.is_superuser == Some(true)
    }

    /// What would take from a role its power or its way in.
    pub fn weakens(&self) -> bool {
        self.is_superuser == Some(false) || self.can_login == Some(false)
    }

    /// The role with the options, and what to say about it.
    pub fn apply(&self, role: &Role) -> Result<(Role, Option<Notice>)> {
        let mut role = role.clone();
        let mut notice = None;
        role.is_superuser = self.is_superuser.unwrap_or(role.is_superuser);
        role.can_login = self.can_login.unwrap_or(role.can_login);
        role.connection_limit = self.connection_limit.unwrap_or(role.connection_limit);
        match &self.password {
            None => {}
            Some(None) => role.verifier = None,
            Some(Some(Secret(text))) if text.is_empty() => {
                role.verifier = None;
                let cleared = "empty string is not a valid password, clearing password";
                notice = Some(Notice::info(cleared));
            }
            Some(Some(Secret(text))) => role.verifier = Some(verifier(text)?),
        }
        Ok((role, notice))
    }
}

/// As PostgreSQL, which also takes a verifier in the place of a password.
fn verifier(password: &str) -> Result<Verifier> {
    let is_md5 = |hash: &str| hash.len() == 32 && hash.bytes().all(|b| b.is_ascii_hexdigit());
    match Verifier::try_from(password.to_string()) {
        Ok(verifier) => Ok(verifier),
        Err(_) if password.strip_prefix("md5").is_some_and(is_md5) => {
            Err(Error::unsupported("the MD5 hash of a password").hint("Give the password itself."))
        }
        Err(_) => Verifier::of_password(password),
    }
}

fn password(c: &mut Cursor) -> Result<Option<Secret>> {
    c.expect(&["password"])?;
    if c.take(&["null"]) {
        return Ok(None);
    }
    let text = match c.peek() {
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => text,
        Token::DollarQuotedString(text) => text.value,
        // The word is not repeated: it may be the password.
        _ => {
            return Err(Error::new(Kind::Syntax, "syntax error after PASSWORD")
                .detail("Expected a string in single quotes, or NULL."));
        }
    };
    c.parser.next_token();
    Ok(Some(Secret(text)))
}

/// -1 is no limit.
fn connection_limit(c: &mut Cursor) -> Result<Option<u32>> {
    c.expect(&["connection", "limit"])?;
    let is_negative = c.take_token(&Token::Minus);
    let limit = c.whole_number()?;
    match (is_negative, i32::try_from(limit)) {
        (true, Ok(1)) => Ok(None),
        (false, Ok(limit)) => Ok(u32::try_from(limit).ok()),
        (true, _) => Err(Error::new(
            Kind::InvalidParameterValue,
            format!("invalid connection limit: -{limit}"),
        )),
        (false, Err(_)) => Err(Error::new(
            Kind::Syntax,
            format!("syntax error at or near \"{limit}\""),
        )),
    }
}

fn valid_until(c: &mut Cursor) -> Result<()> {
    c.expect(&["valid", "until"])?;
    match c.string()?.as_str() {
        "infinity" => Ok(()),
        _ => Err(Error::unsupported("VALID UNTIL of a role")),
    }
}

fn once(c: &mut Cursor, option: &mut Option<bool>, value: bool) -> Result<()> {
    c.identifier()?;
    set_once(option, value)
}

fn set_once<T>(option: &mut Option<T>, value: T) -> Result<()> {
    match option.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::new(Kind::Syntax, "conflicting or redundant options")),
    }
}

/// A name that a role can get.
pub(super) fn check_new(name: &RoleName) -> Result<&str> {
    let RoleName::Named(name) = name else {
        return Err(Error::new(
            Kind::ReservedName,
            "CURRENT_USER cannot be used as a role name here",
        ));
    };
    if name.is_empty() {
        return Err(Error::new(Kind::Syntax, "zero-length delimited identifier"));
    }
    if ["public", "none"].contains(&name.as_str()) || name.starts_with("pg_") {
        return Err(Error::new(
            Kind::ReservedName,
            format!("role name \"{name}\" is reserved"),
        ));
    }
    Ok(name)
}

/// 42704 unless there is such a role.
pub(super) fn known<'a>(snapshot: &'a Snapshot, name: &str) -> Result<&'a Role> {
    snapshot.roles.get(name).map(AsRef::as_ref).ok_or_else(|| {
        Error::new(
            Kind::UndefinedObject,
            format!("role \"{name}\" does not exist"),
        )
    })
}

pub(super) fn already_exists(name: &str) -> Error {
    Error::new(
        Kind::DuplicateObject,
        format!("role \"{name}\" already exists"),
    )
}

/// Who is to own something from now on: any role for a superuser, else one that the user is in.
pub(super) fn new_owner<'a>(
    ctx: &'a Context,
    snapshot: &Snapshot,
    owner: &'a RoleName,
) -> Result<&'a str> {
    let (user, owner) = (&ctx.variables.user, owner.of(ctx));
    known(snapshot, owner)?;
    match snapshot.is_superuser(user) || snapshot.roles_of(user).contains(owner) {
        true => Ok(owner),
        false => Err(Error::new(
            Kind::Privilege,
            format!("must be member of role \"{owner}\""),
        )),
    }
}
