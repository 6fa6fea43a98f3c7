//! The pages that are made from [`SETTINGS`]: `config/quern.toml` and `docs/settings.md`.

use super::{SETTINGS, Scope, Setting, ValueType};

/// The sample configuration file: every setting with its default, commented out.
pub fn sample_file() -> String {
    let mut file = String::from(
        "# The settings of Quern with their defaults. Remove the `#` before a name to change one.\n\
         # Use the file with `--config FILE` or $QUERN_CONFIG; flags of the command line win over it.\n",
    );
    // Keys of the top level come before the first table, or they would belong to it.
    let mut settings: Vec<_> = SETTINGS
        .iter()
        .filter(|s| s.scope != Scope::Fixed)
        .map(|s| (split(s.name), *s))
        .collect();
    settings.sort_by_key(|((table, _), _)| *table);
    let mut current = "";
    for ((table, key), setting) in settings {
        if table != current {
            file += &format!("\n[{table}]\n");
            current = table;
        }
        file.push('\n');
        for line in wrapped(setting.doc, 96) {
            file += &format!("# {line}\n");
        }
        file += &format!("#{key} = {}\n", value(setting));
    }
    file
}

/// `quern.memory_limit` → table `quern`, key `memory_limit`.
fn split(name: &'static str) -> (&'static str, &'static str) {
    name.rsplit_once('.').unwrap_or(("", name))
}

fn value(setting: &Setting) -> String {
    match setting.value_type {
        ValueType::Count | ValueType::CountTo(_) if setting.default.parse::<u64>().is_ok() => {
            setting.default.to_string()
        }
        _ => format!("\"{}\"", setting.default),
    }
}

fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

/// The reference page of all settings.
pub fn reference_page() -> String {
    let mut page = String::from(
        "# Settings\n\n\
         <!-- Made from engine/src/settings/; a test says how to make it again. -->\n\n\
         Where a value comes from, the last one winning: the default, the configuration file (`--config`, or\n\
         `$QUERN_CONFIG`), the flags of the command line (`--set name=value`), and [`SET`](sql/set.md) for one\n\
         session. [`config/quern.toml`](../config/quern.toml) is a configuration file with all defaults.\n\n\
         Sizes are numbers with a unit: `512MiB`, `2GB`; without one they are bytes. Durations are numbers with\n\
         a unit, `500ms`, `30s`, `5min`, `1h`, `1d`; without one they are milliseconds. The prefix `quern.` may\n\
         be left out.\n",
    );
    for setting in SETTINGS.iter() {
        let default = match setting.default {
            "" => "empty".to_string(),
            default => format!("`{default}`"),
        };
        let scope = match setting.scope {
            Scope::Session => "can be changed with `SET`",
            Scope::Start => "only at start",
            Scope::Fixed => "never changes",
        };
        page += &format!(
            "\n## {}\n\n{}, default {default}, {scope}\n\n{}\n",
            setting.name,
            capitalized(setting.value_type.name()),
            wrapped(setting.doc, 104).join("\n")
        );
    }
    page
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}
