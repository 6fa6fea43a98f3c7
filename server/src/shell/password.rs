//! The password for a server: from the environment, from a file as psql has it, or from the user.

use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal;
use quern_engine::{Error, Kind, Notice, Result};

use super::report;
use crate::postgres::client::Config;

/// The password that is known without asking.
pub fn known(config: &Config) -> Result<Option<String>> {
    for name in ["QUERN_PASSWORD", "PGPASSWORD"] {
        if let Ok(password) = std::env::var(name) {
            return Ok(Some(password));
        }
    }
    match file() {
        Some(path) if path.is_file() => of_file(&path, config),
        _ => Ok(None),
    }
}

fn file() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|v| !v.is_empty());
    match variable("PGPASSFILE") {
        Some(path) => Some(path.into()),
        None => Some(PathBuf::from(variable("HOME")?).join(".pgpass")),
    }
}

/// The password of the first line that fits. A file that others can read is not used, as in psql.
fn of_file(path: &Path, config: &Config) -> Result<Option<String>> {
    let failed = |e: std::io::Error| {
        let message = format!("cannot read the password file \"{}\": {e}", path.display());
        Error::new(Kind::Io, message)
    };
    if std::fs::metadata(path).map_err(failed)?.mode() & 0o077 != 0 {
        let file = path.display();
        report::notice(&Notice::warning(format!(
            "the password file \"{file}\" is not used: others may read it (chmod 600)"
        )));
        return Ok(None);
    }
    let lines = std::fs::read_to_string(path).map_err(failed)?;
    Ok(lines.lines().find_map(|line| of_line(line, config)))
}

/// `host:port:database:user:password`, where `*` fits anything and `\` escapes.
fn of_line(line: &str, config: &Config) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let port = config.port.to_string();
    let mut rest = line;
    for wanted in [&config.host, &port, &config.database, &config.user] {
        let (field, after) = field(rest);
        rest = after?;
        if field != "*" && field != *wanted {
            return None;
        }
    }
    // Colons of the password need no escape.
    let mut password = String::new();
    let mut letters = rest.chars();
    while let Some(letter) = letters.next() {
        password.extend(if letter == '\\' {
            letters.next()
        } else {
            Some(letter)
        });
    }
    Some(password)
}

/// The first field, and what follows its colon.
fn field(line: &str) -> (String, Option<&str>) {
    let mut text = String::new();
    let mut letters = line.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            ':' => return (text, line.get(at + 1..)),
            '\\' => text.extend(letters.next().map(|(_, escaped)| escaped)),
            other => text.push(other),
        }
    }
    (text, None)
}

/// Asks on the terminal, without showing what is typed; `None` when there is nobody to ask, or no
/// answer.
pub fn ask(user: &str) -> Option<String> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    terminal::enable_raw_mode().ok()?;
    report::say(&format!("Password for user {user}: "));
    let password = read_keys();
    let _ = terminal::disable_raw_mode();
    report::say("\n");
    password
}

fn read_keys() -> Option<String> {
    let mut password = String::new();
    loop {
        let Event::Key(key) = event::read().ok()? else {
            continue;
        };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter => return Some(password),
            KeyCode::Esc => return None,
            KeyCode::Char('c' | 'd') if control => return None,
            KeyCode::Char('u') if control => password.clear(),
            KeyCode::Char(letter) if !control => password.push(letter),
            KeyCode::Backspace => {
                password.pop();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::client::TlsMode;

    fn found(line: &str) -> Option<String> {
        let config = Config {
            host: "h:1".to_string(),
            port: 5433,
            user: "me".to_string(),
            database: "quern".to_string(),
            password: None,
            tls: TlsMode::Prefer,
            tls_ca: None,
            application: String::new(),
        };
        of_line(line, &config)
    }

    #[test]
    fn lines_of_the_password_file_fit_by_their_fields() {
        assert_eq!(found("*:*:*:me:se:cret"), Some("se:cret".to_string()));
        assert_eq!(found(r"h\:1:5433:quern:*:a\\b"), Some(r"a\b".to_string()));
        assert_eq!(found("h:5433:quern:me:x"), None);
        assert_eq!(found("*:*:*:you:x"), None);
        assert_eq!(found("# *:*:*:me:x"), None);
        assert_eq!(found("*:*:*:me"), None);
    }
}
