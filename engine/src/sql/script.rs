//! Where statements end in text that may still grow: what a shell needs to know line by line.

use std::ops::Range;

use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer, Whitespace};

use super::{Places, QuernDialect, guard};

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
    if guard::admit_text(text).is_err() {
        return uncut(text);
    }
    let mut tokens = Vec::new();
    let failed = Tokenizer::new(&QuernDialect::default(), text)
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

/// A text that is too long to be looked at is one statement, which will be refused.
fn uncut(text: &str) -> Cut {
    let ends = text.trim_end().ends_with(';');
    Cut {
        complete: if ends {
            std::iter::once(0..text.len()).collect()
        } else {
            Vec::new()
        },
        rest: if ends { text.len() } else { 0 },
        open: !ends,
    }
}

/// What a piece of a text is, for highlighting and completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LexemeKind {
    /// A name or a keyword, unquoted.
    Word,
    /// A name in double quotes.
    QuotedName,
    Number,
    Text,
    Comment,
    Symbol,
    /// A string, a quoted name or a comment that does not end.
    Open,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lexeme {
    pub kind: LexemeKind,
    /// Byte range in the text.
    pub range: Range<usize>,
}

/// The pieces of a text without the white space. Never fails: what is not finished is `Open`.
pub fn lexemes(text: &str) -> Vec<Lexeme> {
    if guard::admit_text(text).is_err() {
        return vec![Lexeme {
            kind: LexemeKind::Open,
            range: 0..text.len(),
        }];
    }
    let mut tokens = Vec::new();
    let failed = Tokenizer::new(&QuernDialect::default(), text)
        .tokenize_with_location_into_buf(&mut tokens)
        .is_err();
    let places = Places::new(text);
    let mut lexemes = Vec::new();
    let mut end = 0;
    for token in tokens {
        let span = token.span;
        let start = places.offset(span.start.line, span.start.column);
        end = places.offset(span.end.line, span.end.column);
        let kind = match &token.token {
            Token::Whitespace(
                Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_),
            ) => LexemeKind::Comment,
            Token::Whitespace(_) | Token::EOF => continue,
            Token::Word(word) if word.quote_style.is_some() => LexemeKind::QuotedName,
            Token::Word(_) => LexemeKind::Word,
            Token::Number(_, _) => LexemeKind::Number,
            Token::SingleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::SingleQuotedByteStringLiteral(_) => LexemeKind::Text,
            _ => LexemeKind::Symbol,
        };
        lexemes.push(Lexeme {
            kind,
            range: start..end,
        });
    }
    let rest = text.get(end..).unwrap_or_default();
    let blank = rest.len() - rest.trim_start().len();
    if failed && blank < rest.len() {
        lexemes.push(Lexeme {
            kind: LexemeKind::Open,
            range: end + blank..text.len(),
        });
    }
    lexemes
}

#[cfg(test)]
mod tests {
    use super::{LexemeKind, cut, lexemes};

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

    #[test]
    fn lexemes_cover_what_is_not_blank() {
        let text = "SELECT \"a\", 1.5 -- c\n, 'x' FROM 'da";
        let found = lexemes(text);
        let shown: Vec<_> = found
            .iter()
            .map(|l| (l.kind, &text[l.range.clone()]))
            .collect();
        assert_eq!(
            shown,
            [
                (LexemeKind::Word, "SELECT"),
                (LexemeKind::QuotedName, "\"a\""),
                (LexemeKind::Symbol, ","),
                (LexemeKind::Number, "1.5"),
                (LexemeKind::Comment, "-- c\n"),
                (LexemeKind::Symbol, ","),
                (LexemeKind::Text, "'x'"),
                (LexemeKind::Word, "FROM"),
                (LexemeKind::Open, "'da"),
            ]
        );
    }
}
