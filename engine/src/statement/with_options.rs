//! The grammar of `WITH (k = v, …)` and its values.
//!
//! `'text'`, `1`, `-1e-3`, `TRUE`, `NULL`, `ARRAY[…]`, `(k = v, …)`, `MAP['k', v, …]`,
//! `MULTISET[…]` (an array), and a bare word, which is text.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use crate::error::{Error, Kind, Result};
use crate::options::{OptionValue, Options};

/// How deeply values may nest.
const DEPTH_LIMIT: usize = 32;

/// `(k = v, …)`, from the opening parenthesis on.
pub(super) fn parse(c: &mut Cursor) -> Result<Options> {
    Options::new(entries(c, 0)?)
}

fn entries(c: &mut Cursor, depth: usize) -> Result<Vec<(String, OptionValue)>> {
    c.expect_token(&Token::LParen)?;
    let mut entries = Vec::new();
    if c.take_token(&Token::RParen) {
        return Ok(entries);
    }
    loop {
        let name = key(c)?;
        let value = match c.peek() {
            // As in PostgreSQL, a name alone turns it on.
            Token::Comma | Token::RParen => OptionValue::Boolean(true),
            _ => {
                c.expect_token(&Token::Eq)?;
                value(c, depth + 1)?
            }
        };
        entries.push((name, value));
        if !c.take_token(&Token::Comma) {
            break;
        }
    }
    c.expect_token(&Token::RParen)?;
    Ok(entries)
}

/// A key is a word, a dotted name or a string.
fn key(c: &mut Cursor) -> Result<String> {
    match c.peek() {
        Token::SingleQuotedString(_) => c.string(),
        Token::Word(_) => {
            let mut name = word(c)?;
            while c.take_token(&Token::Period) {
                name = format!("{name}.{}", word(c)?);
            }
            Ok(name)
        }
        _ => Err(c.unexpected("the name of an option")),
    }
}

/// Any word, reserved or not.
fn word(c: &mut Cursor) -> Result<String> {
    match c.peek() {
        Token::Word(word) => {
            c.parser.next_token();
            Ok(word.value)
        }
        _ => Err(c.unexpected("a word")),
    }
}

fn value(c: &mut Cursor, depth: usize) -> Result<OptionValue> {
    if depth > DEPTH_LIMIT {
        return Err(Error::new(
            Kind::TooComplex,
            "option values are nested too deeply",
        ));
    }
    match c.peek() {
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => {
            c.parser.next_token();
            Ok(OptionValue::Text(text))
        }
        Token::Number(..) | Token::Minus | Token::Plus => number(c),
        Token::LParen => Ok(OptionValue::Map(entries(c, depth)?)),
        Token::LBracket => list(c, depth).map(OptionValue::Array),
        Token::Word(first) => {
            c.parser.next_token();
            let bracket = matches!(c.peek(), Token::LBracket);
            match first.value.to_lowercase().as_str() {
                "array" | "multiset" if bracket => list(c, depth).map(OptionValue::Array),
                "map" if bracket => map(c, depth),
                "true" if first.quote_style.is_none() => Ok(OptionValue::Boolean(true)),
                "false" if first.quote_style.is_none() => Ok(OptionValue::Boolean(false)),
                "null" if first.quote_style.is_none() => Ok(OptionValue::Null),
                _ => Ok(OptionValue::Text(first.value)),
            }
        }
        _ => Err(c.unexpected("a value")),
    }
}

fn number(c: &mut Cursor) -> Result<OptionValue> {
    let negative = c.take_token(&Token::Minus);
    if !negative {
        c.take_token(&Token::Plus);
    }
    match c.peek() {
        Token::Number(digits, _) => {
            c.parser.next_token();
            Ok(OptionValue::Number(if negative {
                format!("-{digits}")
            } else {
                digits
            }))
        }
        _ => Err(c.unexpected("a number")),
    }
}

/// `[v, …]`, from the opening bracket on.
fn list(c: &mut Cursor, depth: usize) -> Result<Vec<OptionValue>> {
    c.expect_token(&Token::LBracket)?;
    let mut values = Vec::new();
    if c.take_token(&Token::RBracket) {
        return Ok(values);
    }
    loop {
        values.push(value(c, depth + 1)?);
        if !c.take_token(&Token::Comma) {
            break;
        }
    }
    c.expect_token(&Token::RBracket)?;
    Ok(values)
}

/// `MAP['k', v, …]`: keys and values in turn.
fn map(c: &mut Cursor, depth: usize) -> Result<OptionValue> {
    let position = c.unexpected("").position;
    let mut values = list(c, depth)?.into_iter();
    let mut entries = Vec::new();
    while let Some(key) = values.next() {
        let (OptionValue::Text(key), Some(value)) = (key, values.next()) else {
            return Err(Error::new(
                Kind::Syntax,
                "MAP needs keys and values in turn: MAP['key', value, …]",
            )
            .at(position));
        };
        entries.push((key, value));
    }
    Ok(OptionValue::Map(entries))
}
