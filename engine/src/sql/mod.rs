//! SQL text: the dialect, the tokens of a script, and places in the text.
//!
//! A script is tokenized once, as a whole, so that every token, every syntax error and every span
//! in a plan knows its place in the text that the user gave. Statements are cut at `;` between
//! tokens, never inside strings or comments; text is never rewritten.

pub mod array_text;
mod dialect;
pub mod guard;
mod iso_time;
pub mod literal;
pub mod model_syntax;
pub mod pg_type;
mod place;
mod redact;
mod script;
mod types;

pub use dialect::QuernDialect;
pub use iso_time::iso_time;
pub use place::Places;
pub use redact::{is_secret, redacted, redacted_text, secrets, without_secrets};
pub use script::{Cut, Lexeme, LexemeKind, cut, lexemes};
pub use types::{type_name, widen_float};

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{
    Span, Token, TokenWithSpan, Tokenizer, TokenizerError,
};

use crate::error::{Error, Kind, Result};

/// One statement of a script, as tokens whose places refer to the whole script.
#[derive(Debug, Clone)]
pub struct StatementTokens {
    pub tokens: Vec<TokenWithSpan>,
    /// The statement's text, without what precedes and follows it.
    pub text: String,
}

/// Cuts a script into statements. Empty statements vanish.
pub fn split(script: &str) -> Result<Vec<StatementTokens>> {
    guard::admit_text(script)?;
    let places = Places::new(script);
    let tokens = tokenize(script).map_err(|e| {
        Error::new(Kind::Syntax, format!("syntax error: {}", e.message))
            .at(places.position(e.location.line, e.location.column))
    })?;
    guard::admit_tokens(&tokens)?;
    let mut statements = Vec::new();
    let mut current = Vec::new();
    for token in tokens {
        match token.token {
            Token::SemiColon => {
                statements.extend(finish(script, &places, std::mem::take(&mut current)))
            }
            Token::EOF => {}
            _ => current.push(token),
        }
    }
    statements.extend(finish(script, &places, current));
    Ok(statements)
}

fn finish(
    script: &str,
    places: &Places,
    mut tokens: Vec<TokenWithSpan>,
) -> Option<StatementTokens> {
    let solid = |t: &TokenWithSpan| !matches!(t.token, Token::Whitespace(_));
    let first = tokens.iter().position(solid)?;
    let last = tokens.iter().rposition(solid)?;
    let start = tokens[first].span.start;
    let end = tokens[last].span.end;
    tokens.truncate(last + 1);
    tokens.drain(..first);
    tokens.push(TokenWithSpan::new(Token::EOF, Span::new(end, end)));
    let from = places.offset(start.line, start.column);
    let to = places.offset(end.line, end.column);
    let text = script.get(from..to).unwrap_or(script).trim().to_string();
    Some(StatementTokens { tokens, text })
}

fn tokenize(script: &str) -> Result<Vec<TokenWithSpan>, TokenizerError> {
    Tokenizer::new(&QuernDialect::default(), script).tokenize_with_location()
}

/// A parser over the tokens of one statement.
pub fn parser(tokens: Vec<TokenWithSpan>) -> Parser<'static> {
    Parser::new(dialect_for(&tokens))
        .with_tokens_with_locations(tokens)
        .with_recursion_limit(guard::MAX_NESTING)
}

/// Joins nest unless there is a NATURAL one, whose right side would take in what follows, or so many
/// that the parser would need too much stack for them.
fn dialect_for(tokens: &[TokenWithSpan]) -> &'static QuernDialect {
    let count = |keyword: Keyword| {
        let is_it = |t: &&TokenWithSpan| matches!(&t.token, Token::Word(w) if w.keyword == keyword);
        tokens.iter().filter(is_it).count()
    };
    match count(Keyword::NATURAL) == 0 && count(Keyword::JOIN) <= guard::MAX_NESTING {
        true => &QuernDialect { nests_joins: true },
        false => &QuernDialect { nests_joins: false },
    }
}

/// Parses text that must be exactly one query: a stored view, or a query of ours.
pub fn parse_query(text: &str) -> Result<Box<ast::Query>> {
    guard::admit_text(text)?;
    let tokens = tokenize(text)
        .map_err(|e| Error::new(Kind::Syntax, format!("syntax error: {}", e.message)))?;
    guard::admit_tokens(&tokens)?;
    guard::on_deep_stack(tokens.len(), || {
        let mut parser = parser(tokens);
        let mut query = parser.parse_query()?;
        guard::shape(&mut query)?;
        match parser.next_token().token {
            Token::EOF | Token::SemiColon => Ok(query),
            other => Err(Error::new(
                Kind::Syntax,
                format!("syntax error at or near \"{other}\""),
            )),
        }
    })
}

/// The name as an identifier that reads back to it: quoted only where it must be.
pub fn quote_identifier(name: &str) -> String {
    let plain = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !is_reserved(name);
    if plain {
        name.to_string()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

fn is_reserved(name: &str) -> bool {
    use datafusion::sql::sqlparser::keywords;
    let upper = name.to_ascii_uppercase();
    let Ok(at) = keywords::ALL_KEYWORDS.binary_search(&upper.as_str()) else {
        return false;
    };
    let keyword = &keywords::ALL_KEYWORDS_INDEX[at];
    keywords::RESERVED_FOR_COLUMN_ALIAS.contains(keyword)
        || keywords::RESERVED_FOR_TABLE_ALIAS.contains(keyword)
}

/// A string as a literal that reads back to it.
pub fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_cut_between_tokens() {
        let parts = split("SELECT ';' -- ; no\n; ;\n /* ; */ SELECT 2").unwrap();
        let texts: Vec<_> = parts.iter().map(|p| p.text.as_str()).collect();
        assert_eq!(texts, ["SELECT ';'", "SELECT 2"]);
    }

    #[test]
    fn an_open_string_is_a_syntax_error_with_its_place() {
        let error = split("SELECT 1;\nSELECT 'abc").unwrap_err();
        assert_eq!((error.kind, error.position), (Kind::Syntax, Some(18)));
    }

    #[test]
    fn identifiers_are_quoted_only_where_they_must_be() {
        assert_eq!(quote_identifier("county"), "county");
        assert_eq!(quote_identifier("select"), "\"select\"");
        assert_eq!(quote_identifier("a\"B"), "\"a\"\"B\"");
    }
}
