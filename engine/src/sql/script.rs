//! Where statements end in text that may still grow: what a shell needs to know line by line.

use std::ops::Range;

use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::{Places, QuernDialect};

/// How far a text is cut into statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Byte ranges of the statements that end with `;`, which is part of the range.
    pub complete: Vec<Range<usize>>,
    /// Byte offset of what follows the last `;`.
    pub rest: usize,
    /// True when something but white space and comments follows the last `;`.
    pub open: bool,
}

/// Cuts a text at each `;` outside of strings, quoted names and comments.
pub fn cut(text: &str) -> Cut {
    let mut tokens = Vec::new();
    let failed = Tokenizer::new(&QuernDialect, text)
        .tokenize_with_location_into_buf(&mut tokens)
        .is_err();
    let places = Places::new(text);
    let mut cut = Cut {
        complete: Vec::new(),
        rest: 0,
        open: false,
    };
    for token in tokens {
        match token.token {
            Token::SemiColon => {
                let end = places.offset(token.span.end.line, token.span.end.column);
                cut.complete.push(cut.rest..end);
                cut.rest = end;
                cut.open = false;
            }
            Token::Whitespace(_) | Token::EOF => {}
            _ => cut.open = true,
        }
    }
    cut.open |= failed;
    cut
}

#[cfg(test)]
mod tests {
    use super::cut;

    fn statements(text: &str) -> (Vec<&str>, &str, bool) {
        let cut = cut(text);
        let complete = cut.complete.iter().map(|range| &text[range.clone()]);
        (complete.collect(), &text[cut.rest..], cut.open)
    }

    #[test]
    fn statements_end_at_semicolons_between_tokens() {
        assert_eq!(
            statements("SELECT ';' /* ; */; SELECT 2; -- ü"),
            (vec!["SELECT ';' /* ; */;", " SELECT 2;"], " -- ü", false)
        );
        assert_eq!(statements("SELECT 1"), (vec![], "SELECT 1", true));
    }

    #[test]
    fn open_strings_and_comments_go_on() {
        for open in [
            "SELECT 'a;",
            "SELECT \"a;",
            "SELECT /* ;",
            "SELECT $$ ;",
            ";; /* x",
        ] {
            assert!(cut(open).open, "{open}");
        }
        assert_eq!(statements("SELECT 1; SELECT 'x;").0, ["SELECT 1;"]);
    }
}
