//! A field in quotes: from its opening quote to what comes after the closing one.

use memchr::{memchr, memchr2};

use super::records::{Records, Syntax};
use super::span::Span;

/// What comes after a field, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    Field(usize),
    Record(usize),
}

pub enum Quoted {
    Closed(Span, After),
    /// The input ends first.
    Open,
    /// The file ends first.
    Unterminated,
    TextFollows,
}

impl Records {
    /// Reads the field whose opening quote is at `open`.
    pub(super) fn quoted(&mut self, input: &[u8], open: usize, at_end: bool) -> Quoted {
        let (mut at, mut copied_to) = (open + 1, open + 1);
        let arena_start = self.arena.len();
        let mut copied = false;
        let ended = match at_end {
            true => Quoted::Unterminated,
            false => Quoted::Open,
        };
        loop {
            let Some(next) = self.syntax.next_quote(input, at) else {
                return ended;
            };
            let is_quote = input.get(next).copied() == self.syntax.quote;
            let following = input.get(next + 1).copied();
            if !is_quote || following == self.syntax.quote {
                // An escaped byte, or a doubled quote: the second of the two bytes counts.
                let Some(literal) = following else {
                    return ended;
                };
                self.arena
                    .extend_from_slice(input.get(copied_to..next).unwrap_or(&[]));
                self.arena.push(literal);
                (at, copied_to, copied) = (next + 2, next + 2, true);
                continue;
            }
            let after = match self.syntax.after_quote(input, next + 1, at_end) {
                Ok(after) => after,
                Err(problem) => return problem,
            };
            let span = match copied {
                true => {
                    self.arena
                        .extend_from_slice(input.get(copied_to..next).unwrap_or(&[]));
                    Span::arena(arena_start, self.arena.len())
                }
                false => Span::input(open + 1, next, true),
            };
            return Quoted::Closed(span, after);
        }
    }
}

impl Syntax {
    /// The next quote or escape.
    fn next_quote(&self, input: &[u8], from: usize) -> Option<usize> {
        let rest = input.get(from..)?;
        let quote = self.quote?;
        let found = match self.escape {
            Some(escape) => memchr2(quote, escape, rest),
            None => memchr(quote, rest),
        };
        found.map(|at| from + at)
    }

    /// What follows a closing quote: a delimiter, a line end or the end of the file.
    fn after_quote(&self, input: &[u8], at: usize, at_end: bool) -> Result<After, Quoted> {
        let returns = self.line_end == b'\n';
        match (input.get(at).copied(), input.get(at + 1).copied()) {
            (Some(byte), _) if byte == self.delimiter => Ok(After::Field(at + 1)),
            (Some(byte), _) if byte == self.line_end => Ok(After::Record(at + 1)),
            (Some(b'\r'), Some(b'\n')) if returns => Ok(After::Record(at + 2)),
            (Some(b'\r'), None) if returns && at_end => Ok(After::Record(at + 1)),
            (None, _) if at_end => Ok(After::Record(at)),
            (None, _) => Err(Quoted::Open),
            (Some(b'\r'), None) if returns => Err(Quoted::Open),
            _ => Err(Quoted::TextFollows),
        }
    }
}
