//! Walking over the tokens of a statement: what the grammars of our own statements are written with.
//!
//! Words of ours are matched by their text and are not reserved, so tables and columns may have
//! their names. Whatever is an expression, a type or a query is sqlparser's to parse.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{self, ObjectName as SqlName, VisitMut};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{Error, Kind, Result};
use crate::sql::model_syntax::ModelName;
use crate::sql::{self, Places, guard};

pub(super) struct Cursor {
    pub parser: Parser<'static>,
    places: Arc<Places>,
}

impl Cursor {
    pub fn new(tokens: Vec<TokenWithSpan>, places: Arc<Places>) -> Self {
        Self {
            parser: sql::parser(tokens),
            places,
        }
    }

    /// The next words in lower case, empty from the first token on that is no unquoted word.
    pub fn leading_words<const N: usize>(&self) -> [String; N] {
        let mut over = false;
        self.parser.peek_tokens::<N>().map(|token| match token {
            Token::Word(word) if word.quote_style.is_none() && !over => word.value.to_lowercase(),
            _ => {
                over = true;
                String::new()
            }
        })
    }

    /// The tokens that are left.
    pub fn rest(&self) -> Vec<TokenWithSpan> {
        (0..)
            .map(|at| self.parser.peek_nth_token(at).clone())
            .take_while(|token| token.token != Token::EOF)
            .collect()
    }

    pub fn peek(&self) -> Token {
        self.parser.peek_token().token
    }

    fn is_word(token: &Token, expected: &str) -> bool {
        matches!(token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(expected))
    }

    /// Takes the words if all of them come next.
    pub fn take(&mut self, words: &[&str]) -> bool {
        let all = words
            .iter()
            .enumerate()
            .all(|(at, word)| Self::is_word(&self.parser.peek_nth_token(at).token, word));
        if all {
            words.iter().for_each(|_| drop(self.parser.next_token()));
        }
        all
    }

    pub fn take_token(&mut self, token: &Token) -> bool {
        self.parser.consume_token(token)
    }

    /// Takes words that must come next.
    pub fn expect(&mut self, words: &[&str]) -> Result<()> {
        for word in words {
            if !self.take(&[word]) {
                return Err(self.unexpected(&word.to_uppercase()));
            }
        }
        Ok(())
    }

    pub fn expect_token(&mut self, token: &Token) -> Result<()> {
        if self.take_token(token) {
            Ok(())
        } else {
            Err(self.unexpected(&token.to_string()))
        }
    }

    /// Takes one of the words, which must come next.
    pub fn expect_one_of(&mut self, words: &[&'static str]) -> Result<&'static str> {
        match words.iter().find(|word| self.take(&[word])) {
            Some(word) => Ok(word),
            None => {
                let list: Vec<_> = words.iter().map(|w| w.to_uppercase()).collect();
                Err(self.unexpected(&list.join(" or ")))
            }
        }
    }

    pub fn expect_end(&mut self) -> Result<()> {
        match self.peek() {
            Token::EOF => Ok(()),
            _ => Err(self.unexpected("the end of the statement")),
        }
    }

    pub fn at_end(&self) -> bool {
        matches!(self.peek(), Token::EOF)
    }

    /// 42601 at the next token.
    pub fn unexpected(&self, expected: &str) -> Error {
        let token = self.parser.peek_token();
        let message = match token.token {
            Token::EOF => "syntax error at end of input".to_string(),
            other => format!("syntax error at or near \"{other}\""),
        };
        Error::new(Kind::Syntax, message)
            .detail(format!("Expected {expected}."))
            .at(self
                .places
                .position(token.span.start.line, token.span.start.column))
    }

    /// Runs a rule of sqlparser's; its errors get their place, its tree is fit to be walked.
    pub fn sql<T: VisitMut>(
        &mut self,
        rule: impl FnOnce(&mut Parser<'static>) -> Result<T, ParserError>,
    ) -> Result<T> {
        let start = self.parser.peek_token().span.start;
        let mut tree = rule(&mut self.parser).map_err(|error| self.explain(error))?;
        guard::shape(&mut tree)
            .map_err(|error| error.at(self.places.position(start.line, start.column)))?;
        Ok(tree)
    }

    /// The same for a rule that gives two trees.
    pub fn sql_pair<A: VisitMut, B: VisitMut>(
        &mut self,
        rule: impl FnOnce(&mut Parser<'static>) -> Result<(A, B), ParserError>,
    ) -> Result<(A, B)> {
        let mut second = None;
        let first = self.sql(|parser| {
            let (first, other) = rule(parser)?;
            second = Some(other);
            Ok(first)
        })?;
        let mut second = second.ok_or_else(|| Error::internal("a rule gave one tree of two"))?;
        guard::shape(&mut second)?;
        Ok((first, second))
    }

    /// A parser error in PostgreSQL's words, at the token where the parser stood.
    fn explain(&self, error: ParserError) -> Error {
        let text = match &error {
            ParserError::ParserError(text) | ParserError::TokenizerError(text) => text.clone(),
            ParserError::RecursionLimitExceeded => return Error::from(error),
        };
        let (message, place) = crate::error::strip_location(&text);
        let position = place.and_then(|(line, column)| self.places.position(line, column));
        let Some((expected, found)) = message.split_once(", found: ") else {
            return Error::from(error).at(position);
        };
        let near = match found.trim() {
            "EOF" => "syntax error at end of input".to_string(),
            token => format!("syntax error at or near \"{token}\""),
        };
        let expected = expected
            .trim_start_matches("Expected: ")
            .trim_start_matches("Expected ");
        let error = Error::new(Kind::Syntax, near)
            .detail(format!("Expected {expected}."))
            .at(position);
        if expected.contains("SQL statement") {
            error.candidates(found.trim(), STATEMENT_WORDS.iter().copied())
        } else {
            error
        }
    }

    /// An identifier: lower case unless quoted.
    pub fn identifier(&mut self) -> Result<String> {
        let ident = self.sql(|p| p.parse_identifier())?;
        Ok(fold(&ident))
    }

    /// A name of one to three parts.
    pub fn name(&mut self) -> Result<SqlName> {
        self.sql(|p| p.parse_object_name(false))
    }

    pub fn query(&mut self) -> Result<Box<ast::Query>> {
        self.sql(|p| p.parse_query())
    }

    pub fn whole_number(&mut self) -> Result<u64> {
        match self.peek() {
            Token::Number(digits, _) if digits.parse::<u64>().is_ok() => {
                self.parser.next_token();
                Ok(digits.parse().unwrap_or_default())
            }
            _ => Err(self.unexpected("a whole number")),
        }
    }

    /// `m`, `s.m`, `m@3`
    pub fn model(&mut self) -> Result<ModelName> {
        let name = self.name()?;
        let version = match self.peek().to_string().as_str() {
            "@" => {
                self.parser.next_token();
                Some(u32::try_from(self.whole_number()?).unwrap_or(u32::MAX))
            }
            _ => None,
        };
        let parts = name.0.iter().filter_map(|part| part.as_ident().cloned());
        Ok(ModelName {
            parts: parts.collect(),
            version,
        })
    }

    pub fn string(&mut self) -> Result<String> {
        match self.peek() {
            Token::SingleQuotedString(text) => {
                self.parser.next_token();
                Ok(text)
            }
            _ => Err(self.unexpected("a string in single quotes")),
        }
    }

    pub fn if_exists(&mut self) -> bool {
        self.take(&["if", "exists"])
    }

    pub fn if_not_exists(&mut self) -> bool {
        self.take(&["if", "not", "exists"])
    }
}

/// Words that statements begin with, for "Did you mean".
const STATEMENT_WORDS: &[&str] = &[
    "ALTER",
    "ANALYZE",
    "BEGIN",
    "CANCEL",
    "CLOSE",
    "COMMIT",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DECLARE",
    "DESCRIBE",
    "DISCARD",
    "DROP",
    "EXECUTE",
    "EXPLAIN",
    "FETCH",
    "GRANT",
    "PREPARE",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SELECT",
    "SET",
    "SHOW",
    "SUMMARIZE",
    "USE",
    "VALUES",
    "WITH",
];

/// An identifier as the catalog knows it: lower case unless quoted.
pub(super) fn fold(ident: &ast::Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}
