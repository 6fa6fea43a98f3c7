//! The line editor: what reedline asks us for: prompt, colours, when a line is done, what Tab offers.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use nu_ansi_term::{Color, Style};
use quern_engine::sql::{self, LexemeKind};
use reedline::{
    ColumnarMenu, Completer, CompletionResult, DefaultHinter, EditCommand, Emacs, Highlighter,
    InputMode, KeyCode, KeyModifiers, MenuBuilder, Prompt, PromptEditMode, PromptHistorySearch,
    PromptHistorySearchStatus, Reedline, ReedlineEvent, ReedlineMenu, Span, StyledText, Suggestion,
    ValidationResult, Validator, default_emacs_keybindings,
};

use super::completion::{self, Place};
use super::history::DiscreetHistory;
use super::keywords::is_keyword;
use super::names::NameCache;
use super::{meta, terminal};

const MENU: &str = "completion";

/// The editor with everything in place. Without a history file, lines are remembered until the end.
pub fn editor(names: NameCache, history: Option<PathBuf>) -> Reedline {
    let mut keys = default_emacs_keybindings();
    let tab = vec![
        ReedlineEvent::Menu(MENU.to_string()),
        ReedlineEvent::MenuNext,
    ];
    keys.add_binding(
        KeyModifiers::NONE,
        KeyCode::Tab,
        ReedlineEvent::UntilFound(tab),
    );
    keys.add_binding(
        KeyModifiers::SHIFT,
        KeyCode::BackTab,
        ReedlineEvent::MenuPrevious,
    );
    let newline = ReedlineEvent::Edit(vec![EditCommand::InsertNewline]);
    keys.add_binding(KeyModifiers::ALT, KeyCode::Enter, newline);
    let menu = ColumnarMenu::default()
        .with_name(MENU)
        .with_marker("> ")
        .with_input_mode(InputMode::FullBuffer)
        .with_columns(4);
    let colours = terminal::stdout_colours();
    let mut editor = Reedline::create()
        .with_history(Box::new(DiscreetHistory::open(history)))
        .with_validator(Box::new(EndsWithSemicolon))
        .with_completer(Box::new(Names(names)))
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_ansi_colors(colours)
        .use_bracketed_paste(true)
        .with_highlighter(Box::new(Colours));
    if colours {
        let grey = Style::new().fg(Color::DarkGray);
        editor = editor.with_hinter(Box::new(DefaultHinter::default().with_style(grey)));
    }
    editor
}

/// `quern> `, and `   ... ` for the lines that follow.
pub struct QuernPrompt;

impl Prompt for QuernPrompt {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed("quern")
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("> ")
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed("   ... ")
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        let failing = match search.status {
            PromptHistorySearchStatus::Passing => "",
            PromptHistorySearchStatus::Failing => "nothing found ",
        };
        Cow::Owned(format!("({failing}search: {}) ", search.term))
    }

    fn get_prompt_color(&self) -> Color {
        Color::Default
    }

    fn get_indicator_color(&self) -> Color {
        Color::Default
    }

    fn get_prompt_multiline_color(&self) -> Color {
        Color::Default
    }
}

/// Enter runs what ends with `;` and any meta-command; else it begins a new line.
pub struct EndsWithSemicolon;

impl Validator for EndsWithSemicolon {
    fn validate(&self, line: &str) -> ValidationResult {
        if is_complete(line) {
            ValidationResult::Complete
        } else {
            ValidationResult::Incomplete
        }
    }
}

fn is_complete(line: &str) -> bool {
    let trimmed = line.trim();
    trimmed.is_empty()
        || trimmed.starts_with('\\')
        || meta::is_bare_word(trimmed)
        || !sql::cut(line).open
}

struct Colours;

impl Highlighter for Colours {
    fn highlight(&self, line: &str, _cursor: usize) -> StyledText {
        let mut styled = StyledText::new();
        let mut done = 0;
        for lexeme in sql::lexemes(line) {
            let text = line.get(lexeme.range.clone()).unwrap_or_default();
            let before = line.get(done..lexeme.range.start).unwrap_or_default();
            styled.push((Style::new(), before.to_string()));
            styled.push((style(lexeme.kind, text), text.to_string()));
            done = lexeme.range.end;
        }
        let rest = line.get(done..).unwrap_or_default();
        styled.push((Style::new(), rest.to_string()));
        styled
    }
}

fn style(kind: LexemeKind, text: &str) -> Style {
    match kind {
        LexemeKind::Word if is_keyword(text) => Style::new().fg(Color::Blue).bold(),
        LexemeKind::Text => Style::new().fg(Color::Green),
        LexemeKind::Open if text.starts_with('\'') => Style::new().fg(Color::Green),
        LexemeKind::Comment | LexemeKind::Open => Style::new().fg(Color::DarkGray),
        LexemeKind::Number => Style::new().fg(Color::Cyan),
        LexemeKind::Word | LexemeKind::QuotedName | LexemeKind::Symbol => Style::new(),
    }
}

struct Names(NameCache);

impl Completer for Names {
    fn complete(&mut self, line: &str, cursor: usize) -> CompletionResult {
        let suggestion = |value: String, from: usize, blank: bool| Suggestion {
            value,
            span: Span::new(from, cursor),
            append_whitespace: blank,
            ..Suggestion::default()
        };
        let suggestions: Vec<_> = match completion::complete(&self.0.get(), line, cursor) {
            Place::Names(offer) => {
                let texts = offer.texts.into_iter();
                texts
                    .map(|c| suggestion(c.text, offer.from, c.blank))
                    .collect()
            }
            Place::File { from, typed } => {
                let files = files(typed).into_iter();
                files.map(|path| suggestion(path, from, false)).collect()
            }
        };
        CompletionResult::fresh(suggestions)
    }
}

/// Paths that begin with what is typed; folders end with `/`.
fn files(typed: &str) -> Vec<String> {
    let (folder, start) = match typed.rfind('/') {
        Some(at) => typed.split_at(at + 1),
        None => ("", typed),
    };
    let path = if folder.is_empty() { "." } else { folder };
    let Ok(entries) = std::fs::read_dir(Path::new(path)) else {
        return Vec::new();
    };
    let mut paths: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let hidden = name.starts_with('.') && !start.starts_with('.');
            let fits = name.starts_with(start) && !hidden;
            let end = if entry.path().is_dir() { "/" } else { "" };
            fits.then(|| format!("{folder}{name}{end}"))
        })
        .collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn enter_runs_complete_statements_and_commands() {
        for complete in [
            "",
            "SELECT 1;",
            "\\d",
            "quit",
            "SELECT 1; -- done",
            ";",
            "-- nothing",
        ] {
            assert!(is_complete(complete), "{complete}");
        }
        for open in [
            "SELECT 1",
            "SELECT ';",
            "SELECT 1; SELECT",
            "SELECT /* ;",
            "help me",
        ] {
            assert!(!is_complete(open), "{open}");
        }
    }

    #[test]
    fn highlighting_changes_no_character() {
        for line in ["SELECT 'a', \"b\" -- c", "sel 'open", "  ü x\n y;", ""] {
            let styled = Colours.highlight(line, 0);
            let text: String = styled
                .buffer
                .iter()
                .map(|(_, text)| text.as_str())
                .collect();
            assert_eq!(text, line);
        }
    }

    #[test]
    fn files_are_offered_with_their_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        for name in ["data.csv", "other.csv", ".hidden"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let prefix = format!("{}/", folder.path().display());
        let offered = |typed: &str| files(&format!("{prefix}{typed}"));
        assert_eq!(
            offered("da"),
            [format!("{prefix}data.csv"), format!("{prefix}data/")]
        );
        assert_eq!(offered("").len(), 3);
        assert_eq!(files("/no/such/folder/x"), Vec::<String>::new());
    }
}
