//! What models add to expressions: `MODEL m[@version]` and a bare query as arguments of the functions
//! that take them, such as `PREDICT(MODEL m, SELECT …)`.
//!
//! Neither word is reserved: they are looked for in the arguments of these functions alone.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, ObjectName, ObjectNamePart, Query, Value,
};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// Functions whose first argument may be a model and whose second a query.
pub const FUNCTIONS: &[&str] = &[
    "predict",
    "ml_centroids",
    "ml_confusion_matrix",
    "ml_evaluate",
    "ml_feature_importance",
    "ml_roc_curve",
    "ml_training_info",
    "ml_weights",
];

const MODEL: &str = "MODEL";

/// An argument of ours, if one comes next.
pub(super) fn parse(parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
    let next = parser.peek_token_ref();
    let Token::Word(word) = &next.token else {
        return None;
    };
    let is_model = word.quote_style.is_none() && word.value.eq_ignore_ascii_case(MODEL);
    let begins_query = matches!(
        word.keyword,
        Keyword::SELECT | Keyword::WITH | Keyword::TABLE | Keyword::VALUES
    );
    if !(is_model || begins_query) || word.quote_style.is_some() || !is_argument(parser, is_model) {
        return None;
    }
    match is_model {
        true if matches!(parser.peek_nth_token(1).token, Token::Word(_)) => {
            parser.next_token();
            Some(model(parser))
        }
        true => None,
        false => Some(bare_query(parser)),
    }
}

/// A query up to the options behind it, or to the end of the arguments. Its own commas do not end it.
fn bare_query(parser: &mut Parser) -> Result<Expr, ParserError> {
    let mut tokens = Vec::new();
    let mut depth = 0;
    // Where an argument may begin that is an option.
    let mut commas = Vec::new();
    loop {
        let token = parser.token_at(parser.index() + tokens.len()).clone();
        match token.token {
            Token::EOF => break,
            Token::RParen if depth == 0 => break,
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            Token::Comma if depth == 0 => commas.push(tokens.len()),
            _ => {}
        }
        tokens.push(token);
    }
    let mut end = tokens.len();
    for comma in commas.into_iter().rev() {
        match is_option(&tokens[comma + 1..end]) {
            true => end = comma,
            false => break,
        }
    }
    tokens.truncate(end);
    // `TABLE t` is short for `SELECT * FROM t`.
    let first = tokens
        .iter()
        .position(|t| !matches!(t.token, Token::Whitespace(_)));
    if let Some(at) = first
        && matches!(&tokens[at].token, Token::Word(word) if word.keyword == Keyword::TABLE)
    {
        let span = tokens[at].span;
        let select = [
            Token::make_keyword("SELECT"),
            Token::Mul,
            Token::make_keyword("FROM"),
        ];
        tokens.splice(at..=at, select.map(|token| TokenWithSpan::new(token, span)));
    }
    let mut inner = super::parser(tokens);
    let query = inner.parse_query()?;
    if inner.peek_token_ref().token != Token::EOF {
        return inner.expected_ref("the end of the query", inner.peek_token_ref());
    }
    for _ in 0..end {
        parser.next_token_no_skip();
    }
    Ok(Expr::Subquery(query))
}

/// Options of PREDICT.
pub const OPTIONS: &[&str] = &["output_column", "probabilities"];

/// Whether these tokens are `option = value`, of an option that there is.
fn is_option(tokens: &[TokenWithSpan]) -> bool {
    let mut tokens = tokens
        .iter()
        .map(|t| &t.token)
        .filter(|t| !matches!(t, Token::Whitespace(_)));
    let named = match tokens.next() {
        Some(Token::Word(word)) => OPTIONS.iter().any(|o| word.value.eq_ignore_ascii_case(o)),
        _ => false,
    };
    named && matches!(tokens.next(), Some(Token::Eq | Token::RArrow)) && tokens.count() == 1
}

/// `m`, `s.m`, `m@3`, behind the word MODEL.
fn model(parser: &mut Parser) -> Result<Expr, ParserError> {
    let name = parser.parse_object_name(false)?;
    let parts = name.0.iter().filter_map(|part| part.as_ident().cloned());
    let name = Expr::CompoundIdentifier(parts.collect());
    let value = match parser.peek_token_ref().token.to_string().as_str() {
        "@" => {
            parser.next_token();
            let version = Expr::Value(parser.parse_number_value()?);
            Expr::BinaryOp {
                left: Box::new(name),
                op: BinaryOperator::Custom("@".to_string()),
                right: Box::new(version),
            }
        }
        _ => name,
    };
    Ok(Expr::Prefixed {
        prefix: Ident::new(MODEL),
        value: Box::new(value),
    })
}

/// Whether the next token begins an argument of one of the functions: the first, or any.
fn is_argument(parser: &Parser, first: bool) -> bool {
    let mut depth = 0;
    let before = (0..parser.index())
        .rev()
        .map(|at| &parser.token_at(at).token);
    let mut before = before
        .filter(|token| !matches!(token, Token::Whitespace(_)))
        .peekable();
    let begins = match before.peek() {
        Some(Token::LParen) => true,
        Some(Token::Comma) => !first,
        _ => false,
    };
    if !begins {
        return false;
    }
    // Back to the parenthesis that is still open.
    for token in before.by_ref() {
        match token {
            Token::RParen => depth += 1,
            Token::LParen if depth == 0 => break,
            Token::LParen => depth -= 1,
            _ => {}
        }
    }
    match before.next() {
        Some(Token::Word(word)) => FUNCTIONS.iter().any(|f| word.value.eq_ignore_ascii_case(f)),
        _ => false,
    }
}

/// A model as a statement names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelName {
    pub parts: Vec<Ident>,
    pub version: Option<u32>,
}

impl ModelName {
    /// The name without the version.
    pub fn sql_name(&self) -> ObjectName {
        let parts = self.parts.iter().cloned();
        ObjectName(parts.map(ObjectNamePart::Identifier).collect())
    }
}

/// The model that an argument names: `MODEL m@3`.
pub fn model_name(argument: &Expr) -> Option<ModelName> {
    let Expr::Prefixed { prefix, value } = argument else {
        return None;
    };
    if prefix.value != MODEL {
        return None;
    }
    let of = |name: &Expr, version| match name {
        Expr::CompoundIdentifier(parts) => Some(ModelName {
            parts: parts.clone(),
            version,
        }),
        _ => None,
    };
    match value.as_ref() {
        Expr::BinaryOp { left, right, .. } => of(left, Some(number(right)?)),
        name => of(name, None),
    }
}

/// The model that a text names: `'m'`, `'s.m@3'`.
pub fn model_named(text: &str) -> Option<ModelName> {
    let (name, version) = match text.split_once('@') {
        Some((name, version)) => (name, Some(version.trim().parse().ok()?)),
        None => (text, None),
    };
    let parts = name
        .trim()
        .split('.')
        .map(|part| match part.strip_prefix('"') {
            Some(quoted) => Ident::with_quote('"', quoted.trim_end_matches('"')),
            None => Ident::new(part),
        });
    Some(ModelName {
        parts: parts.collect(),
        version,
    })
}

fn number(value: &Expr) -> Option<u32> {
    match value {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

/// The query that an argument is.
pub fn query(argument: &Expr) -> Option<&Query> {
    match argument {
        Expr::Subquery(query) => Some(query),
        _ => None,
    }
}
