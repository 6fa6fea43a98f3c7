//! The history of lines: in a file that only its owner can read, and without lines that have secrets.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use quern_engine::sql::{self, LexemeKind};
use reedline::{
    FileBackedHistory, History, HistoryItem, HistoryItemId, HistorySessionId, Result, SearchQuery,
};

const ENTRIES: usize = 10_000;

/// The file of the history: with the catalog, or where the user's programs keep their state.
pub fn file(data_dir: Option<&str>) -> Option<PathBuf> {
    if let Some(folder) = data_dir {
        return Some(Path::new(folder).join("history"));
    }
    let absolute = |name| {
        let path = std::env::var_os(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local").join("state")))?;
    Some(state.join("quern").join("history"))
}

pub struct DiscreetHistory(FileBackedHistory);

impl DiscreetHistory {
    /// A history in memory when there is no file or it cannot be used.
    pub fn open(file: Option<PathBuf>) -> Self {
        let opened = file.and_then(|path| {
            create_private(&path).ok()?;
            FileBackedHistory::with_file(ENTRIES, path).ok()
        });
        Self(opened.unwrap_or_default())
    }
}

fn create_private(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = File::options();
    options.create(true).append(true).mode(0o600).open(path)?;
    Ok(())
}

/// Whether a line gives a text to something whose name is a secret's.
fn has_secret(line: &str) -> bool {
    let lexemes = sql::lexemes(line);
    let name = |l: &sql::Lexeme| {
        let text = line.get(l.range.clone()).unwrap_or_default();
        matches!(l.kind, LexemeKind::Word | LexemeKind::QuotedName) && sql::is_secret(text)
    };
    let address = |l: &sql::Lexeme| {
        let text = line.get(l.range.clone()).unwrap_or_default();
        let authority = text
            .split_once("://")
            .and_then(|(_, rest)| rest.split('/').next());
        l.kind == LexemeKind::Text && authority.is_some_and(|a| a.contains('@'))
    };
    let text = |l: &sql::Lexeme| matches!(l.kind, LexemeKind::Text | LexemeKind::Open);
    lexemes.iter().any(address) || (lexemes.iter().any(name) && lexemes.iter().any(text))
}

impl History for DiscreetHistory {
    fn save(&mut self, item: HistoryItem) -> Result<HistoryItem> {
        if has_secret(&item.command_line) {
            return Ok(item);
        }
        self.0.save(item)
    }

    fn load(&self, id: HistoryItemId) -> Result<HistoryItem> {
        self.0.load(id)
    }

    fn count(&self, query: SearchQuery) -> Result<i64> {
        self.0.count(query)
    }

    fn search(&self, query: SearchQuery) -> Result<Vec<HistoryItem>> {
        self.0.search(query)
    }

    fn update(
        &mut self,
        id: HistoryItemId,
        updater: &dyn Fn(HistoryItem) -> HistoryItem,
    ) -> Result<()> {
        self.0.update(id, updater)
    }

    fn clear(&mut self) -> Result<()> {
        self.0.clear()
    }

    fn delete(&mut self, id: HistoryItemId) -> Result<()> {
        self.0.delete(id)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        self.0.sync()
    }

    fn session(&self) -> Option<HistorySessionId> {
        self.0.session()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_secrets_are_not_kept() {
        assert!(has_secret(
            "CREATE TABLE t WITH (secret_access_key = 'abc');"
        ));
        assert!(has_secret("SELECT * FROM 'https://me:pw@host/a.csv';"));
        assert!(!has_secret("SELECT token FROM t;"));
        assert!(!has_secret("SELECT 'password';"));
    }

    #[test]
    fn the_history_lies_with_the_catalog() {
        assert_eq!(file(Some("/data")), Some(PathBuf::from("/data/history")));
    }
}
