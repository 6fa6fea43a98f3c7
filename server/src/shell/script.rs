//! Text, line by line → statements and meta-commands, in order.
//!
//! A line that begins with `\` where no statement is open is a meta-command; all else is SQL up to a
//! `;` outside strings and comments. At the end of the text, what is left is a statement too.

use quern_engine::sql::{self, LexemeKind};

/// Something to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A statement and the number of its first line in the input.
    Statement { text: String, first_line: usize },
    /// A meta-command, its backslash included.
    Meta(String),
}

/// Collects lines until they make statements.
#[derive(Debug)]
pub struct Script {
    pending: String,
    /// The number of the line on which `pending` begins.
    pending_line: usize,
    next_line: usize,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            pending: String::new(),
            pending_line: 1,
            next_line: 1,
        }
    }
}

impl Script {
    /// Takes one line, with or without its end, and gives what it completes.
    pub fn push_line(&mut self, line: &str) -> Vec<Item> {
        let line_number = self.next_line;
        self.next_line += 1;
        if self.is_blank() {
            self.pending.clear();
            self.pending_line = line_number;
            if line.trim_start().starts_with('\\') {
                self.pending_line = self.next_line;
                return vec![Item::Meta(line.trim().to_string())];
            }
        }
        self.pending.push_str(line);
        if !line.ends_with('\n') {
            self.pending.push('\n');
        }
        if line.contains(';') {
            self.take_complete()
        } else {
            Vec::new()
        }
    }

    /// The statement that is left at the end of the input, if any.
    pub fn finish(&mut self) -> Option<Item> {
        let text = std::mem::take(&mut self.pending);
        let open = sql::cut(&text).open;
        let item = self.statement(&text);
        self.pending_line = self.next_line;
        item.filter(|_| open)
    }

    fn is_blank(&self) -> bool {
        self.pending.trim().is_empty()
    }

    fn take_complete(&mut self) -> Vec<Item> {
        let text = std::mem::take(&mut self.pending);
        let cut = sql::cut(&text);
        let mut items = Vec::new();
        for range in cut.complete {
            let piece = text.get(range).unwrap_or_default();
            items.extend(self.statement(piece));
            self.pending_line += piece.matches('\n').count();
        }
        self.pending = text.get(cut.rest..).unwrap_or_default().to_string();
        items
    }

    fn statement(&self, piece: &str) -> Option<Item> {
        let text = piece.trim_start();
        let skipped = &piece[..piece.len() - text.len()];
        let text = text.trim_end();
        has_sql(text).then(|| Item::Statement {
            text: text.to_string(),
            first_line: self.pending_line + skipped.matches('\n').count(),
        })
    }
}

/// Whether there is more than comments and an end.
fn has_sql(text: &str) -> bool {
    let solid =
        |l: &sql::Lexeme| l.kind != LexemeKind::Comment && text.get(l.range.clone()) != Some(";");
    sql::lexemes(text).iter().any(solid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str) -> Vec<Item> {
        let mut script = Script::default();
        let mut items: Vec<_> = text.lines().flat_map(|l| script.push_line(l)).collect();
        items.extend(script.finish());
        items
    }

    fn statement(text: &str, first_line: usize) -> Item {
        Item::Statement {
            text: text.to_string(),
            first_line,
        }
    }

    #[test]
    fn statements_and_meta_commands_come_in_order() {
        assert_eq!(
            items("SELECT 1;\n\\timing on\nSELECT\n 2; SELECT 3\n"),
            [
                statement("SELECT 1;", 1),
                Item::Meta("\\timing on".into()),
                statement("SELECT\n 2;", 3),
                statement("SELECT 3", 4),
            ]
        );
    }

    #[test]
    fn a_backslash_inside_a_statement_is_sql() {
        assert_eq!(
            items("SELECT '\n\\d\n';"),
            [statement("SELECT '\n\\d\n';", 1)]
        );
    }

    #[test]
    fn comments_alone_are_no_statement() {
        assert_eq!(items("-- nothing;\n/* at\n all */\n;;\n"), []);
        assert_eq!(
            items("-- one\nSELECT 1;"),
            [statement("-- one\nSELECT 1;", 1)]
        );
    }

    #[test]
    fn an_open_string_is_left_for_the_parser_to_refuse() {
        assert_eq!(
            items("SELECT 1; SELECT 'x;"),
            [statement("SELECT 1;", 1), statement("SELECT 'x;", 1)]
        );
    }
}
