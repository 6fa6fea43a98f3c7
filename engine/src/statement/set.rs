//! `SET [SESSION|LOCAL] name {=|TO} value[, …]`, `SET TIME ZONE 'zone'`, and what sets a
//! transaction's modes.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::context::TransactionState;
use super::cursor::Cursor;
use super::transaction::{Modes, apply, modes};
use super::{Context, Notice, Outcome};
use crate::error::{Error, Result};
use crate::settings::Settings;

#[derive(Debug, Clone)]
pub(crate) enum Set {
    Setting {
        name: String,
        /// `None` is DEFAULT.
        value: Option<String>,
        /// For the rest of the transaction only.
        local: bool,
    },
    /// `SET ROLE NONE`: everybody is who they are.
    Nothing,
    /// `SET TRANSACTION …`
    Transaction(Modes),
    /// `SET SESSION CHARACTERISTICS AS TRANSACTION …`
    Characteristics(Modes),
}

pub(super) fn parse(c: &mut Cursor) -> Result<Set> {
    c.expect(&["set"])?;
    if c.take(&["session", "characteristics", "as", "transaction"]) {
        return Ok(Set::Characteristics(modes(c)?));
    }
    if c.take(&["transaction"]) {
        return Ok(Set::Transaction(modes(c)?));
    }
    if c.take(&["role"]) || c.take(&["session", "authorization"]) {
        // To what it is already.
        if c.take(&["none"]) || c.take(&["default"]) {
            return Ok(Set::Nothing);
        }
        return Err(Error::unsupported("acting as another role")
            .hint("Connect as that user; a member of a role has its privileges anyway."));
    }
    let local = !c.take(&["session"]) && c.take(&["local"]);
    let name = if c.take(&["time", "zone"]) {
        "timezone".to_string()
    } else if c.take(&["names"]) {
        "client_encoding".to_string()
    } else {
        let name = setting_name(c)?;
        if !c.take_token(&Token::Eq) && !c.take(&["to"]) {
            return Err(c.unexpected("= or TO"));
        }
        name
    };
    let value = match c.take(&["default"]) {
        true => None,
        false => Some(values(c, name == "search_path")?),
    };
    Ok(Set::Setting { name, value, local })
}

/// In a list of names quotes keep their meaning; elsewhere a quoted word is a text.
fn values(c: &mut Cursor, names: bool) -> Result<String> {
    let mut values = vec![value(c, names)?];
    while c.take_token(&Token::Comma) {
        values.push(value(c, names)?);
    }
    Ok(values.join(", "))
}

/// `word[.word…]` in lower case.
pub(super) fn setting_name(c: &mut Cursor) -> Result<String> {
    let mut name = c.identifier()?;
    while c.take_token(&Token::Period) {
        name = format!("{name}.{}", c.identifier()?);
    }
    Ok(name.to_lowercase())
}

/// A string, a number with an optional unit, or words.
fn value(c: &mut Cursor, names: bool) -> Result<String> {
    let negative = c.take_token(&Token::Minus);
    match c.peek() {
        Token::SingleQuotedString(text) if !negative => {
            c.parser.next_token();
            Ok(text)
        }
        Token::Number(digits, _) => {
            c.parser.next_token();
            let unit = match c.peek() {
                Token::Word(unit) => {
                    c.parser.next_token();
                    unit.value
                }
                _ => String::new(),
            };
            Ok(format!("{}{digits}{unit}", if negative { "-" } else { "" }))
        }
        Token::Word(word) if !negative => {
            c.parser.next_token();
            Ok(if names { word.to_string() } else { word.value })
        }
        _ => Err(c.unexpected("a value")),
    }
}

impl Set {
    pub fn run(&self, ctx: &Context) -> Result<Outcome> {
        match self {
            Set::Nothing => Ok(Outcome::done("SET")),
            Set::Setting { name, value, local } => set(ctx, name, value.as_deref(), *local),
            Set::Transaction(modes) => {
                if *ctx.variables.transaction.lock() == TransactionState::Idle {
                    let warning = "SET TRANSACTION can only be used in transaction blocks";
                    return Ok(Outcome::done("SET").with(Notice::warning(warning)));
                }
                apply(ctx, *modes)?;
                Ok(Outcome::done("SET"))
            }
            Set::Characteristics(modes) => {
                if let Some(read_only) = modes.read_only {
                    let value = if read_only { "on" } else { "off" };
                    set(ctx, "default_transaction_read_only", Some(value), false)?;
                }
                if let Some(level) = modes.isolation {
                    set(ctx, "default_transaction_isolation", Some(level), false)?;
                }
                Ok(Outcome::done("SET"))
            }
        }
    }
}

fn set(ctx: &Context, name: &str, value: Option<&str>, local: bool) -> Result<Outcome> {
    let variables = &ctx.variables;
    Settings::allow(name, ctx.is_superuser())?;
    variables.set(name, value, local)?;
    if local && *variables.transaction.lock() == TransactionState::Idle {
        let warning = "SET LOCAL can only be used in transaction blocks";
        return Ok(Outcome::done("SET").with(Notice::warning(warning)));
    }
    Ok(Outcome::done("SET"))
}
