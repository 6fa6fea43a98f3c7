//! Errors and notices on standard error: what happened, where in the SQL, and what to do.

use std::io::Write;

use quern_engine::sql::Places;
use quern_engine::{Error, Notice};
use unicode_width::UnicodeWidthChar;

use super::terminal;

/// Columns of a source line that are shown; longer ones get a window around the position.
const LINE_COLUMNS: usize = 76;
/// Columns after the position that a window keeps.
const COLUMNS_AFTER: usize = 24;

/// The text that an error's position refers to.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    pub text: &'a str,
    /// The number of the text's first line.
    pub first_line: usize,
}

pub fn error(error: &Error, source: Option<Source>) {
    say(&render(error, source, terminal::stderr_colours()));
}

pub fn notice(notice: &Notice) {
    let colour = terminal::stderr_colours().then_some(match notice.severity {
        "WARNING" => YELLOW,
        _ => CYAN,
    });
    let message = printable(&notice.message);
    say(&format!(
        "{}  {message}\n",
        painted(&format!("{}:", notice.severity), colour)
    ));
}

/// Writes to standard error; when that is gone there is nobody to tell.
pub fn say(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

const RED: &str = "1;31";
const YELLOW: &str = "1;33";
const CYAN: &str = "1;36";

fn painted(text: &str, colour: Option<&str>) -> String {
    match colour {
        Some(code) => format!("\x1b[{code}m{text}\x1b[0m"),
        None => text.to_string(),
    }
}

fn render(error: &Error, source: Option<Source>, colours: bool) -> String {
    let colour = |code| colours.then_some(code);
    let mut text = format!(
        "{}  {}\n",
        painted("ERROR:", colour(RED)),
        printable(&error.message)
    );
    if let (Some(source), Some(position)) = (source, error.position) {
        let (excerpt, caret) = excerpt(source, position);
        text += &format!("{excerpt}\n{}\n", painted(&caret, colour(RED)));
    }
    if let Some(detail) = &error.detail {
        text += &format!("DETAIL:  {}\n", printable(detail));
    }
    if let Some(hint) = &error.hint {
        text += &format!("{}  {}\n", painted("HINT:", colour(CYAN)), printable(hint));
    }
    text + &format!("SQLSTATE: {}\n", error.sqlstate())
}

/// The line of the position, and a line with a caret under it.
fn excerpt(source: Source, position: usize) -> (String, String) {
    let places = Places::new(source.text);
    let (line, column, text) = places.line_of(position);
    let label = format!("LINE {}: ", line + source.first_line - 1);
    // One entry a character: tabs are one blank, and what cannot be seen is one question mark.
    let shown: Vec<(char, usize)> = text.chars().map(cell).collect();
    let at = (column - 1).min(shown.len());
    let width = |cells: &[(char, usize)]| cells.iter().map(|(_, width)| width).sum::<usize>();
    let (mut from, mut to) = (0, shown.len());
    if width(&shown) > LINE_COLUMNS {
        while to > at + 1 && width(&shown[at..to]) > COLUMNS_AFTER {
            to -= 1;
        }
        while from < at && width(&shown[from..to]) > LINE_COLUMNS {
            from += 1;
        }
        while to < shown.len() && width(&shown[from..=to]) <= LINE_COLUMNS {
            to += 1;
        }
    }
    let before = if from > 0 { "..." } else { "" };
    let after = if to < shown.len() { "..." } else { "" };
    let middle: String = shown[from..to].iter().map(|(c, _)| c).collect();
    let indent = label.len() + before.len() + width(&shown[from..at]);
    (
        format!("{label}{before}{middle}{after}"),
        format!("{}^", " ".repeat(indent)),
    )
}

fn cell(c: char) -> (char, usize) {
    match c {
        '\t' => (' ', 1),
        c if c.is_control() => ('?', 1),
        c => (c, c.width().unwrap_or(1)),
    }
}

/// Messages quote data: control characters other than line ends must not reach the terminal.
fn printable(text: &str) -> String {
    let clean = |c: char| {
        if c.is_control() && c != '\n' {
            '\u{fffd}'
        } else {
            c
        }
    };
    text.chars().map(clean).collect()
}

#[cfg(test)]
mod tests {
    use quern_engine::Kind;

    use super::*;

    fn shown(text: &str, position: usize) -> String {
        let source = Source {
            text,
            first_line: 1,
        };
        let (line, caret) = excerpt(source, position);
        format!("{line}\n{caret}")
    }

    #[test]
    fn the_caret_stands_under_the_position() {
        assert_eq!(
            shown("SELECT conuty\nFROM t", 8),
            "LINE 1: SELECT conuty\n               ^"
        );
        assert_eq!(shown("SELECT\n\tx", 9), "LINE 2:  x\n         ^");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(
            shown("SELECT '東京', x", 14),
            "LINE 1: SELECT '東京', x\n                       ^"
        );
    }

    #[test]
    fn a_position_behind_the_end_is_the_end() {
        assert_eq!(shown("SELECT", 99), "LINE 1: SELECT\n              ^");
    }

    #[test]
    fn long_lines_are_cut_around_the_position() {
        let text = format!("SELECT {}nope, {}", "a, ".repeat(100), "b, ".repeat(100));
        let position = text.find("nope").unwrap_or(0) + 1;
        let shown = shown(&text, position);
        let (line, caret) = shown.split_once('\n').unwrap_or_default();
        assert!(
            line.starts_with("LINE 1: ...") && line.ends_with("..."),
            "{line}"
        );
        assert_eq!(line.find("nope"), caret.find('^'));
        assert!(line.len() <= LINE_COLUMNS + 16, "{line}");
    }

    #[test]
    fn every_part_of_an_error_has_its_line() {
        let error = Error::new(Kind::UndefinedColumn, "column \"conuty\" does not exist")
            .detail("A detail.")
            .hint("Did you mean \"county\"?")
            .at(8);
        let source = Source {
            text: "SELECT conuty FROM t",
            first_line: 3,
        };
        assert_eq!(
            render(&error, Some(source), false),
            "ERROR:  column \"conuty\" does not exist\n\
             LINE 3: SELECT conuty FROM t\n               ^\n\
             DETAIL:  A detail.\nHINT:  Did you mean \"county\"?\nSQLSTATE: 42703\n"
        );
    }
}
