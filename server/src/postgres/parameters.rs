//! Settings that travel outside of SQL: those of the startup message, and those whose values the
//! client is told whenever they change.

use std::collections::BTreeMap;
use std::sync::Arc;

use pgwire::messages::PgWireBackendMessage as Reply;
use pgwire::messages::startup::ParameterStatus;
use quern_engine::{Result, Settings};

/// As PostgreSQL reports them; `search_path` since 18.
const REPORTED: [&str; 14] = [
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "search_path",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone",
];

/// What the client was told last.
#[derive(Debug, Default)]
pub struct Told {
    values: BTreeMap<&'static str, String>,
    /// The settings that they are of.
    settings: Option<Arc<Settings>>,
}

impl Told {
    /// Messages for the values that the client does not know yet.
    pub fn news(&mut self, settings: Arc<Settings>) -> Vec<Reply> {
        let mut news = Vec::new();
        let told = self.settings.as_ref();
        if told.is_some_and(|told| Arc::ptr_eq(told, &settings)) {
            return news;
        }
        for name in REPORTED {
            let value = settings.get(name).unwrap_or_default();
            if self.values.get(name).is_none_or(|told| told != value) {
                self.values.insert(name, value.to_string());
                let status = ParameterStatus::new(name.to_string(), value.to_string());
                news.push(Reply::ParameterStatus(status));
            }
        }
        self.settings = Some(settings);
        news
    }
}

/// Takes over the parameters of the startup message, and the switches of its `options`.
pub fn from_startup(
    settings: &mut Settings,
    parameters: &BTreeMap<String, String>,
    is_superuser: bool,
) -> Result<()> {
    let mut set = |name: &str, value: &str| {
        Settings::allow(name, is_superuser)?;
        settings.set(name, value)
    };
    if let Some(options) = parameters.get("options") {
        for (name, value) in switches(options) {
            set(&name, &value)?;
        }
    }
    for (name, value) in parameters {
        let own = ["user", "database", "options", "replication"];
        if !own.contains(&name.as_str()) && !name.starts_with("_pq_.") {
            set(name, value)?;
        }
    }
    Ok(())
}

/// `-c name=value` and `--name=value`, with spaces escaped by backslashes.
fn switches(options: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut words = words(options).into_iter();
    while let Some(word) = words.next() {
        let assignment = match word.strip_prefix("-c") {
            Some("") => words.next(),
            Some(rest) => Some(rest.to_string()),
            None => word.strip_prefix("--").map(str::to_string),
        };
        if let Some((name, value)) = assignment.as_deref().and_then(|a| a.split_once('=')) {
            found.push((name.replace('-', "_"), value.to_string()));
        }
    }
    found
}

fn words(options: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut letters = options.chars();
    while let Some(letter) = letters.next() {
        let last = words.len() - 1;
        match letter {
            '\\' => words[last].extend(letters.next()),
            c if c.is_whitespace() => words.push(String::new()),
            c => words[last].push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_of_the_options_are_read() {
        let options = r"-c search_path=a,\ b --statement-timeout=5s -cTimeZone=UTC";
        let expected = [
            ("search_path", "a, b"),
            ("statement_timeout", "5s"),
            ("TimeZone", "UTC"),
        ];
        let expected = expected.map(|(n, v)| (n.to_string(), v.to_string()));
        assert_eq!(switches(options), expected);
    }
}
