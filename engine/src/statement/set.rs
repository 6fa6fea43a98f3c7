//! `SET [SESSION|LOCAL] name {=|TO} value[, …]` and `SET TIME ZONE 'zone'`.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::{Context, Outcome};
use crate::error::Result;

#[derive(Debug, Clone)]
pub(crate) struct Set {
    name: String,
    /// `None` is DEFAULT.
    value: Option<String>,
}

pub(super) fn parse(c: &mut Cursor) -> Result<Set> {
    c.expect(&["set"])?;
    if !c.take(&["session"]) {
        c.take(&["local"]);
    }
    let name = if c.take(&["time", "zone"]) {
        "timezone".to_string()
    } else {
        let name = setting_name(c)?;
        if !c.take_token(&Token::Eq) && !c.take(&["to"]) {
            return Err(c.unexpected("= or TO"));
        }
        name
    };
    if c.take(&["default"]) {
        return Ok(Set { name, value: None });
    }
    let mut values = vec![value(c)?];
    while c.take_token(&Token::Comma) {
        values.push(value(c)?);
    }
    Ok(Set {
        name,
        value: Some(values.join(", ")),
    })
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
fn value(c: &mut Cursor) -> Result<String> {
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
            Ok(word.to_string())
        }
        _ => Err(c.unexpected("a value")),
    }
}

impl Set {
    pub fn run(&self, ctx: &Context) -> Result<Outcome> {
        let mut settings = ctx.variables.settings.write();
        match &self.value {
            Some(value) => settings.set(&self.name, value)?,
            None => settings.reset(&self.name, &ctx.variables.initial)?,
        }
        Ok(Outcome::done("SET"))
    }
}
