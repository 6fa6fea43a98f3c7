//! The configuration: defaults, then the configuration file, then the command line.
//!
//! The file is TOML; its keys are the names of the settings, a dotted name being a key in a table.
//! A key that is no setting is an error, so that a typo does not go unseen.

use std::path::{Path, PathBuf};

use quern_engine::{Error, Kind, Result, Settings};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::args::EngineArgs;

/// Names the configuration file when the command line does not.
const CONFIG_VARIABLE: &str = "QUERN_CONFIG";

/// Why there is no configuration.
#[derive(Debug)]
pub enum Wrong {
    /// The command line is to blame.
    Usage(Error),
    /// The configuration file is to blame.
    File(Error),
}

/// The settings to start with. `own` are defaults of the role, which anything else overrides.
pub fn settings(args: &EngineArgs, own: &[(&str, &str)]) -> Result<Settings, Wrong> {
    let mut settings = Settings::default();
    for (name, value) in own {
        settings.set_at_start(name, value).map_err(Wrong::Usage)?;
    }
    if let Some(path) = config_file(args) {
        read_file(&path, &mut settings).map_err(Wrong::File)?;
    }
    let data_dir = args.data_dir.as_ref().map(|p| p.display().to_string());
    let flags = [
        ("quern.data_dir", &data_dir),
        ("quern.memory_limit", &args.memory_limit),
        ("quern.threads", &args.threads),
    ];
    for (name, value) in flags {
        if let Some(value) = value {
            settings.set_at_start(name, value).map_err(Wrong::Usage)?;
        }
    }
    for (name, value) in &args.settings {
        settings.set_at_start(name, value).map_err(Wrong::Usage)?;
    }
    Ok(settings)
}

fn config_file(args: &EngineArgs) -> Option<PathBuf> {
    let variable = || std::env::var_os(CONFIG_VARIABLE).filter(|path| !path.is_empty());
    args.config
        .clone()
        .or_else(|| variable().map(PathBuf::from))
}

fn read_file(path: &Path, settings: &mut Settings) -> Result<()> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        let message = format!(
            "cannot read the configuration file \"{}\": {e}",
            path.display()
        );
        Error::new(Kind::Io, message)
    })?;
    read(&text, settings).map_err(|(offset, error)| {
        let line = text.get(..offset).unwrap_or_default().matches('\n').count() + 1;
        Error {
            message: format!("{}:{line}: {}", path.display(), error.message),
            ..error
        }
    })
}

/// An error and the byte offset of what it is about.
type Misplaced = (usize, Error);

fn read(text: &str, settings: &mut Settings) -> Result<(), Misplaced> {
    let table = DeTable::parse(text).map_err(|e| {
        let offset = e.span().map_or(0, |span| span.start);
        (offset, Error::new(Kind::Syntax, e.message().to_string()))
    })?;
    read_table("", table.get_ref(), settings)
}

fn read_table(prefix: &str, table: &DeTable, settings: &mut Settings) -> Result<(), Misplaced> {
    for (key, value) in table {
        let name = format!("{prefix}{}", key.get_ref());
        if let DeValue::Table(inner) = value.get_ref() {
            read_table(&format!("{name}."), inner, settings)?;
            continue;
        }
        let offset = key.span().start;
        let text = text_of(value).ok_or_else(|| {
            let message = format!("\"{name}\" must be a string, a number or true or false");
            (offset, Error::new(Kind::InvalidParameterValue, message))
        })?;
        settings
            .set_at_start(&name, &text)
            .map_err(|e| (offset, e))?;
    }
    Ok(())
}

/// A list is written as its items with commas between.
fn text_of(value: &Spanned<DeValue>) -> Option<String> {
    Some(match value.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Array(items) => items
            .iter()
            .map(text_of)
            .collect::<Option<Vec<_>>>()?
            .join(", "),
        DeValue::Datetime(_) | DeValue::Table(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn tables_of_the_file_are_dotted_names() {
        let mut settings = Settings::default();
        let text =
            "search_path = [\"a\", \"b\"]\n[quern]\nbatch_size = 100\nmemory_limit = \"1GiB\"\n";
        read(text, &mut settings).unwrap();
        assert_eq!(settings.search_path(), ["a", "b"]);
        assert_eq!(settings.batch_size_rows(), 100);
        assert_eq!(settings.memory_limit_bytes(), Some(1 << 30));
    }

    #[test]
    fn an_unknown_key_is_an_error_with_the_nearest() {
        let text = "\n[quern]\nmemory_limt = \"1GiB\"\n";
        let (offset, error) = read(text, &mut Settings::default()).unwrap_err();
        assert_eq!(offset, 9);
        let hint = error.hint.unwrap_or_default();
        assert!(
            hint.starts_with("Did you mean \"quern.memory_limit\""),
            "{hint}"
        );
    }

    #[test]
    fn what_is_no_toml_is_an_error() {
        assert!(read("a = = 1", &mut Settings::default()).is_err());
    }
}
