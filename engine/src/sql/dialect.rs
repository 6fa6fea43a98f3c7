//! The dialect: PostgreSQL's, plus what users of analytical engines type.

use std::any::TypeId;

use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};

use super::model_syntax;

const POSTGRES: PostgreSqlDialect = PostgreSqlDialect {};

/// `IS [NOT] DISTINCT FROM`.
const DISTINCTIONS: [(&[Keyword], Comparison); 2] = [
    (
        &[Keyword::IS, Keyword::DISTINCT, Keyword::FROM],
        Expr::IsDistinctFrom,
    ),
    (
        &[Keyword::IS, Keyword::NOT, Keyword::DISTINCT, Keyword::FROM],
        Expr::IsNotDistinctFrom,
    ),
];

type Comparison = fn(Box<Expr>, Box<Expr>) -> Expr;

/// PostgreSQL's dialect with additions; to the parser it *is* PostgreSQL's.
#[derive(Debug, Default, Clone, Copy)]
pub struct QuernDialect {
    /// Whether a join may stand between another join and its ON: `a JOIN b JOIN c ON … ON …`.
    pub nests_joins: bool,
}

macro_rules! yes {
    ($($method:ident),+ $(,)?) => { $(fn $method(&self) -> bool { true })+ };
}

impl Dialect for QuernDialect {
    fn dialect(&self) -> TypeId {
        TypeId::of::<PostgreSqlDialect>()
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        POSTGRES.identifier_quote_style(identifier)
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        POSTGRES.is_delimited_identifier_start(ch)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        POSTGRES.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        POSTGRES.is_identifier_part(ch)
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        POSTGRES.is_reserved_for_identifier(keyword)
    }

    fn is_custom_operator_part(&self, ch: char) -> bool {
        POSTGRES.is_custom_operator_part(ch)
    }

    fn supports_left_associative_joins_without_parens(&self) -> bool {
        !self.nests_joins
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        POSTGRES.get_next_precedence(parser)
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        POSTGRES.prec_value(precedence)
    }

    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        model_syntax::parse(parser)
    }

    fn parse_infix(
        &self,
        parser: &mut Parser,
        expr: &Expr,
        precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        // The parser's own takes all that follows as the right side, AND and OR included.
        for (words, comparison) in DISTINCTIONS {
            if parser.parse_keywords(words) {
                let right = parser.parse_subexpr(precedence);
                let left = Box::new(expr.clone());
                return Some(right.map(|right| comparison(left, Box::new(right))));
            }
        }
        POSTGRES.parse_infix(parser, expr, precedence)
    }

    // PostgreSQL's own, but for expressions as names of arguments, which only JSON functions of later
    // versions have: the parser would read each argument twice, and nested calls would take for ever.
    yes!(
        supports_unicode_string_literal,
        supports_filter_during_aggregation,
        supports_group_by_expr,
        allow_extract_custom,
        allow_extract_single_quotes,
        supports_explain_with_utility_options,
        supports_bitwise_shift_operators,
        supports_comment_on,
        supports_named_fn_args_with_colon_operator,
        supports_empty_projections,
        supports_nested_comments,
        supports_string_escape_constant,
        supports_numeric_literal_underscores,
        supports_array_typedef_with_brackets,
        supports_set_names,
        supports_notnull_operator,
        supports_interval_options,
        supports_insert_table_alias,
        supports_comma_separated_trim,
    );

    // DuckDB's and others', where PostgreSQL has nothing in their place.
    yes!(
        supports_select_wildcard_exclude,
        supports_select_wildcard_except,
        supports_select_wildcard_replace,
        supports_from_first_select,
        supports_window_clause_named_window_reference,
        supports_window_function_null_treatment_arg,
        supports_dictionary_syntax,
        supports_table_versioning,
    );
}
