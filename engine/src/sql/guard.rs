//! What keeps a statement from taking down the process: limits on its size, its depth and its
//! width, checked before anything recurses over it.
//!
//! Order: [`admit_text`] before tokens are made, [`admit_tokens`] after, [`on_deep_stack`] around the
//! parser, [`shape`] over each syntax tree. The limits are far above what people and tools write:
//! long lists of values, of `OR` and of `UNION ALL` are fine, for [`shape`] makes balanced trees of
//! such chains; an expression may be [`MAX_DEPTH`] deep.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, Query, Select, SetExpr, SetOperator, SetQuantifier, VisitMut,
    VisitorMut,
};

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{Error, Kind, Result};

/// How deeply parentheses, functions and subqueries may nest in the text.
pub const MAX_NESTING: usize = 200;

/// How many prefixes, such as NOT, may follow each other, and how deeply CASE may nest.
const MAX_PREFIXES: usize = 100;

/// How deeply arrays and subscripts may nest: the parser tries each level twice.
const MAX_BRACKETS: usize = 12;

/// How deep an expression may be, with chains of operators such as `a + b + c + …`.
pub const MAX_DEPTH: usize = 500;

/// Relations that one FROM may join.
const MAX_JOINED: usize = 1000;

/// Columns of one SELECT list; a client of the wire protocol can take no more.
pub const MAX_COLUMNS: usize = 32_767;

/// Text that is taken as it is; longer text only if it has few tokens.
const PLAIN_TEXT_BYTES: usize = 8 << 20;
const MAX_TEXT_BYTES: usize = 64 << 20;
const MAX_TOKENS: usize = 1_000_000;

/// Chains shorter than this are left as they are.
const LONG_CHAIN: usize = 64;

/// Stack that one level of a syntax tree needs while it is built, walked and dropped.
const LEVEL_BYTES: usize = 16 << 10;
const DROPPED_LEVEL_BYTES: usize = 512;
const BASE_BYTES: usize = 512 << 10;

/// Refuses a text that would make too many tokens. Each takes far more memory than its text.
pub fn admit_text(text: &str) -> Result<()> {
    if text.len() <= PLAIN_TEXT_BYTES {
        return Ok(());
    }
    if text.len() > MAX_TEXT_BYTES || !has_few_tokens(text) {
        return Err(too_long());
    }
    Ok(())
}

/// Whether the text surely has no more tokens than are allowed: strings are skipped, so texts with
/// comments, escapes or dollar quotes, where strings may end elsewhere, are not trusted.
fn has_few_tokens(text: &str) -> bool {
    if ["\\", "$", "--", "/*", "`", "["]
        .iter()
        .any(|odd| text.contains(odd))
    {
        return false;
    }
    let mut tokens = 0;
    let (mut quote, mut in_word) = (None, false);
    for byte in text.bytes() {
        if quote.is_some() {
            if quote == Some(byte) {
                quote = None;
            }
            continue;
        }
        let word = byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
        if !(word && in_word) {
            tokens += 1;
        }
        in_word = word;
        quote = matches!(byte, b'\'' | b'"').then_some(byte);
    }
    tokens <= MAX_TOKENS
}

/// Refuses too many tokens, and what the parser would refuse late or with a misleading error: prefixes,
/// arrays and `CASE` inside of each other.
pub fn admit_tokens(tokens: &[TokenWithSpan]) -> Result<()> {
    if tokens.len() > MAX_TOKENS {
        return Err(too_long());
    }
    let (mut prefixes, mut cases, mut brackets) = (0, 0_usize, 0_usize);
    for token in tokens {
        let word = match &token.token {
            Token::Whitespace(_) => continue,
            Token::Word(word) => Some(word.keyword),
            _ => None,
        };
        let prefix = word == Some(Keyword::NOT)
            || matches!(token.token, Token::Minus | Token::Plus | Token::Tilde);
        prefixes = if prefix { prefixes + 1 } else { 0 };
        match word {
            Some(Keyword::CASE) => cases += 1,
            Some(Keyword::END) => cases = cases.saturating_sub(1),
            _ => {}
        }
        match token.token {
            Token::LBracket => brackets += 1,
            Token::RBracket => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        if prefixes > MAX_PREFIXES || cases > MAX_PREFIXES || brackets > MAX_BRACKETS {
            return Err(too_deep());
        }
    }
    Ok(())
}

fn too_long() -> Error {
    Error::new(Kind::LimitExceeded, "the statement is too long")
        .hint("Put the values into a file and read it as a table, or send the statement in parts.")
}

/// Runs the parser over so many tokens with a stack that fits the tree they can make.
pub fn on_deep_stack<T>(tokens: usize, parse: impl FnOnce() -> T) -> T {
    let walked = tokens.min(MAX_DEPTH + MAX_NESTING) * LEVEL_BYTES;
    let needed = BASE_BYTES + walked + tokens * DROPPED_LEVEL_BYTES;
    stacker::maybe_grow(needed, needed + BASE_BYTES, parse)
}

/// Balances long chains and refuses what is too deep or too wide.
pub fn shape<T: VisitMut>(tree: &mut T) -> Result<()> {
    let mut guard = Guard { depth: 0 };
    match tree.visit(&mut guard) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(refused) => Err(*refused),
    }
}

struct Guard {
    depth: usize,
}

type Refused = Box<Error>;

fn refuse(error: Error) -> ControlFlow<Refused> {
    ControlFlow::Break(Box::new(error))
}

/// The error of what is too deep.
pub fn too_deep() -> Error {
    Error::new(Kind::TooComplex, "the statement is nested too deeply")
        .hint("Split it with common table expressions or views.")
}

impl VisitorMut for Guard {
    type Break = Refused;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Refused> {
        balance_sets(&mut query.body)
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Refused> {
        if select.projection.len() > MAX_COLUMNS {
            return refuse(too_many_columns());
        }
        let joined: usize = select.from.iter().map(|f| 1 + f.joins.len()).sum();
        if joined > MAX_JOINED {
            return refuse(
                Error::new(
                    Kind::TooComplex,
                    format!("{joined} relations are joined, {MAX_JOINED} are allowed"),
                )
                .hint("Split the query with views or temporary results."),
            );
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Refused> {
        balance_logic(expr);
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return refuse(too_deep());
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, _: &mut Expr) -> ControlFlow<Refused> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

pub fn too_many_columns() -> Error {
    Error::new(
        Kind::TooManyColumns,
        format!("a result can have at most {MAX_COLUMNS} columns"),
    )
}

/// `a AND b AND c …` parses to a tree as deep as the chain is long; AND and OR are associative.
fn balance_logic(expr: &mut Expr) {
    let Expr::BinaryOp { op, .. } = expr else {
        return;
    };
    let op = op.clone();
    if !matches!(op, BinaryOperator::And | BinaryOperator::Or)
        || logic_chain(expr, &op) < LONG_CHAIN
    {
        return;
    }
    let mut operands = Vec::new();
    let mut rest = std::mem::replace(expr, nothing());
    loop {
        match rest {
            Expr::BinaryOp {
                left,
                op: found,
                right,
            } if found == op => {
                operands.push(*right);
                rest = *left;
            }
            first => {
                operands.push(first);
                break;
            }
        }
    }
    operands.reverse();
    let join = |left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: op.clone(),
        right: Box::new(right),
    };
    if let Some(balanced) = balanced(operands, &join) {
        *expr = balanced;
    }
}

fn nothing() -> Expr {
    Expr::Identifier(Ident::new(""))
}

fn logic_chain(expr: &Expr, wanted: &BinaryOperator) -> usize {
    let (mut length, mut at) = (0, expr);
    while let Expr::BinaryOp { left, op, .. } = at {
        if op != wanted {
            break;
        }
        length += 1;
        at = left;
    }
    length
}

/// The items in their order under a tree of the least depth.
fn balanced<T>(items: Vec<T>, join: &impl Fn(T, T) -> T) -> Option<T> {
    let mut level = items;
    while level.len() > 1 {
        let mut next = Vec::with_capacity(level.len().div_ceil(2));
        let mut items = level.into_iter();
        while let Some(left) = items.next() {
            next.push(match items.next() {
                Some(right) => join(left, right),
                None => left,
            });
        }
        level = next;
    }
    level.pop()
}

/// `q UNION ALL q UNION ALL q …`, and `UNION` alike: the set is the same however it is bracketed.
fn balance_sets(body: &mut Box<SetExpr>) -> ControlFlow<Refused> {
    let (length, chain) = set_chain(body);
    if length < LONG_CHAIN {
        return ControlFlow::Continue(());
    }
    let Some(quantifier) = chain else {
        return match length > MAX_NESTING {
            true => refuse(too_deep()),
            false => ControlFlow::Continue(()),
        };
    };
    let placeholder = || {
        SetExpr::Values(datafusion::sql::sqlparser::ast::Values {
            explicit_row: false,
            rows: Vec::new(),
            value_keyword: false,
        })
    };
    let mut operands = Vec::with_capacity(length + 1);
    let mut rest = std::mem::replace(body.as_mut(), placeholder());
    loop {
        match rest {
            SetExpr::SetOperation { left, right, .. } => {
                operands.push(*right);
                rest = *left;
            }
            first => {
                operands.push(first);
                break;
            }
        }
    }
    operands.reverse();
    let join = |left, right| SetExpr::SetOperation {
        op: SetOperator::Union,
        set_quantifier: quantifier,
        left: Box::new(left),
        right: Box::new(right),
    };
    if let Some(tree) = balanced(operands, &join) {
        **body = tree;
    }
    ControlFlow::Continue(())
}

/// The length of a chain of set operations, and its quantifier if it is one of UNIONs all alike.
fn set_chain(body: &SetExpr) -> (usize, Option<SetQuantifier>) {
    let (mut length, mut at) = (0, body);
    let mut alike = None;
    let mut mixed = false;
    while let SetExpr::SetOperation {
        op,
        set_quantifier,
        left,
        ..
    } = at
    {
        mixed |= *op != SetOperator::Union || alike.is_some_and(|a| a != *set_quantifier);
        alike = Some(*set_quantifier);
        length += 1;
        at = left;
    }
    (length, alike.filter(|_| !mixed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::parse_query;

    fn kind(sql: &str) -> Option<Kind> {
        parse_query(sql).err().map(|e| e.kind)
    }

    #[test]
    fn long_chains_are_balanced_in_their_order() {
        let terms: Vec<_> = (0..200).map(|i| format!("a = {i}")).collect();
        let before = format!("SELECT 1 WHERE {}", terms.join(" OR "));
        assert_eq!(parse_query(&before).unwrap().to_string(), before);
        let many = vec!["SELECT 1"; 5000].join(" UNION ALL ");
        assert_eq!(parse_query(&many).unwrap().to_string(), many);
        assert_eq!(
            kind(
                &vec!["1 = 0"; 20_000]
                    .join(" OR ")
                    .replacen("1", "SELECT 1", 1)
            ),
            None
        );
    }

    #[test]
    fn what_is_too_deep_or_too_long_is_refused() {
        let deep = Some(Kind::TooComplex);
        assert_eq!(
            kind(&format!("SELECT {}", vec!["1"; 20_000].join("+"))),
            deep
        );
        assert_eq!(kind(&format!("SELECT {}", vec!["1"; 400].join("+"))), None);
        assert_eq!(
            kind(&format!("SELECT {}1{}", "(".repeat(3000), ")".repeat(3000))),
            deep
        );
        assert_eq!(kind(&format!("SELECT 1{}", "::int".repeat(100_000))), deep);
        assert_eq!(kind(&vec!["SELECT 1"; 300].join(" EXCEPT ")), deep);
        let many = format!("SELECT {}", vec!["1"; 600_000].join(","));
        assert_eq!(kind(&many), Some(Kind::LimitExceeded));
        let long = format!("SELECT '{}'", "a b".repeat(10 << 20));
        assert_eq!(kind(&long), None);
        assert_eq!(kind(&"1+".repeat(25 << 20)), Some(Kind::LimitExceeded));
        let wide = format!("SELECT {}", vec!["1"; 40_000].join(","));
        assert_eq!(kind(&wide), Some(Kind::TooManyColumns));
    }
}
