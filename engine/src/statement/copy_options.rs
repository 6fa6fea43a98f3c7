//! The options of COPY: in parentheses, or as words like before PostgreSQL 9.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::{Cursor, fold};
use crate::error::Result;
use crate::options::{OptionValue, Options};
use crate::sql::literal;

pub(super) fn parse(c: &mut Cursor) -> Result<Options> {
    match c.peek() {
        _ if c.at_end() => Ok(Options::default()),
        Token::LParen => options(c),
        _ => old_options(c),
    }
}

/// `(NAME value, NAME = value, NAME, …)`; a name alone is TRUE.
fn options(c: &mut Cursor) -> Result<Options> {
    c.expect_token(&Token::LParen)?;
    let mut entries = Vec::new();
    while !c.take_token(&Token::RParen) {
        let name = c.identifier()?;
        c.take_token(&Token::Eq);
        let value = match c.peek() {
            Token::Comma | Token::RParen => OptionValue::Boolean(true),
            Token::Mul => names(c)?,
            Token::LParen => {
                let names = c.sql(|p| {
                    p.expect_token(&Token::LParen)?;
                    let names = p.parse_comma_separated(|p| p.parse_identifier())?;
                    p.expect_token(&Token::RParen)?;
                    Ok(names)
                })?;
                OptionValue::Array(names.iter().map(|n| OptionValue::Text(fold(n))).collect())
            }
            Token::Word(word) => {
                let _ = c.identifier()?;
                match word.value.to_lowercase().as_str() {
                    "true" | "on" => OptionValue::Boolean(true),
                    "false" | "off" => OptionValue::Boolean(false),
                    other => OptionValue::Text(other.to_string()),
                }
            }
            _ => literal::value_of(&c.sql(|p| p.parse_expr())?)?,
        };
        entries.push((name, value));
        if !c.take_token(&Token::Comma) {
            c.expect_token(&Token::RParen)?;
            break;
        }
    }
    Options::new(entries)
}

/// `BINARY`, `CSV HEADER`, `DELIMITER AS ','`, `NULL ''`, …: as before PostgreSQL 9.
fn old_options(c: &mut Cursor) -> Result<Options> {
    let mut entries = Vec::new();
    while !c.at_end() {
        let word = c.expect_one_of(&[
            "binary",
            "csv",
            "header",
            "delimiter",
            "null",
            "quote",
            "escape",
            "force",
        ])?;
        let (name, value) = match word {
            "binary" | "csv" => ("format", OptionValue::Text(word.to_string())),
            "header" => (word, OptionValue::Boolean(true)),
            "force" => {
                let name = match c.expect_one_of(&["quote", "not", "null"])? {
                    "quote" => "force_quote",
                    "null" => "force_null",
                    _ => {
                        c.expect(&["null"])?;
                        "force_not_null"
                    }
                };
                (name, names(c)?)
            }
            _ => {
                c.take(&["as"]);
                (word, OptionValue::Text(c.string()?))
            }
        };
        entries.push((name.to_string(), value));
    }
    Options::new(entries)
}

/// `*` or names of columns.
fn names(c: &mut Cursor) -> Result<OptionValue> {
    if c.take_token(&Token::Mul) {
        return Ok(OptionValue::Text("*".to_string()));
    }
    let names = c.sql(|p| p.parse_comma_separated(|p| p.parse_identifier()))?;
    let names = names.iter().map(|n| OptionValue::Text(fold(n)));
    Ok(OptionValue::Array(names.collect()))
}
