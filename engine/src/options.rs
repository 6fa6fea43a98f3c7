//! The values of `WITH (k = v, …)`: one type for tables, models and copies.
//!
//! The parser makes [`Options`] of the text; whoever understands them *takes* the ones it knows by
//! typed readers and calls [`Options::finish`], so that an unknown option is an error that names
//! the accepted ones. Nothing is read later than when the statement runs.

use std::fmt;

use crate::error::{Error, Kind, Result};

/// A value as written in the SQL.
#[derive(Debug, Clone, PartialEq)]
pub enum OptionValue {
    Text(String),
    /// The digits as written, so that no precision is lost.
    Number(String),
    Boolean(bool),
    Null,
    Array(Vec<OptionValue>),
    /// `(k = v, …)` or `MAP['k', v, …]`.
    Map(Vec<(String, OptionValue)>),
}

/// The value as SQL that reads back to the same value.
impl fmt::Display for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OptionValue::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            OptionValue::Number(digits) => f.write_str(digits),
            OptionValue::Boolean(value) => write!(f, "{}", if *value { "TRUE" } else { "FALSE" }),
            OptionValue::Null => f.write_str("NULL"),
            OptionValue::Array(values) => {
                let values: Vec<_> = values.iter().map(ToString::to_string).collect();
                write!(f, "ARRAY[{}]", values.join(", "))
            }
            OptionValue::Map(entries) => {
                let entries: Vec<_> = entries.iter().map(|(k, v)| format!("{k} = {v}")).collect();
                write!(f, "({})", entries.join(", "))
            }
        }
    }
}

/// Options not yet taken, in the order written; names are lower case.
#[derive(Clone, Default, PartialEq)]
pub struct Options {
    entries: Vec<(String, OptionValue)>,
    /// Every name that some reader asked for: what the error of an unknown one lists.
    accepted: Vec<&'static str>,
}

/// The names alone: a value may be a secret.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.entries.iter().map(|(name, _)| name);
        f.debug_set().entries(names).finish()
    }
}

impl Options {
    /// Fails when an option is given twice.
    pub fn new(entries: Vec<(String, OptionValue)>) -> Result<Self> {
        let mut options = Self::default();
        for (name, value) in entries {
            let name = name.to_lowercase();
            if options.entries.iter().any(|(known, _)| *known == name) {
                return Err(Error::new(
                    Kind::Syntax,
                    format!("option \"{name}\" is given twice"),
                ));
            }
            options.entries.push((name, value));
        }
        Ok(options)
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn entries(&self) -> &[(String, OptionValue)] {
        &self.entries
    }

    pub fn take(&mut self, name: &'static str) -> Option<OptionValue> {
        self.accepted.push(name);
        let at = self.entries.iter().position(|(known, _)| known == name)?;
        Some(self.entries.remove(at).1)
    }

    /// Gives an option the name under which it is taken.
    pub fn rename(&mut self, from: &str, to: &str) {
        for (name, _) in self.entries.iter_mut().filter(|(name, _)| name == from) {
            *name = to.to_string();
        }
    }

    /// Takes every option whose name `knows`; `listed` are the names that an error lists.
    pub fn take_known(
        &mut self,
        listed: impl IntoIterator<Item = &'static str>,
        knows: impl Fn(&str) -> bool,
    ) -> Vec<(String, OptionValue)> {
        self.accepted.extend(listed);
        self.entries
            .extract_if(.., |(name, _)| knows(name))
            .collect()
    }

    pub fn take_text(&mut self, name: &'static str) -> Result<Option<String>> {
        self.take(name)
            .map(|value| match value {
                OptionValue::Text(text) => Ok(text),
                other => Err(wrong(name, &other, "a string")),
            })
            .transpose()
    }

    pub fn take_boolean(&mut self, name: &'static str) -> Result<Option<bool>> {
        self.take(name)
            .map(|value| match &value {
                OptionValue::Boolean(b) => Ok(*b),
                OptionValue::Text(t) if is_one_of(t, &["true", "on", "yes"]) => Ok(true),
                OptionValue::Text(t) if is_one_of(t, &["false", "off", "no"]) => Ok(false),
                other => Err(wrong(name, other, "TRUE or FALSE")),
            })
            .transpose()
    }

    pub fn take_count(&mut self, name: &'static str) -> Result<Option<u64>> {
        self.take(name)
            .map(|value| match &value {
                OptionValue::Number(n) | OptionValue::Text(n) => {
                    n.parse().map_err(|_| wrong(name, &value, "a whole number"))
                }
                other => Err(wrong(name, other, "a whole number")),
            })
            .transpose()
    }

    /// A string, or an array of strings.
    pub fn take_texts(&mut self, name: &'static str) -> Result<Option<Vec<String>>> {
        let text = |value| match value {
            OptionValue::Text(text) => Ok(text),
            other => Err(wrong(name, &other, "a string or an ARRAY of strings")),
        };
        self.take(name)
            .map(|value| match value {
                OptionValue::Array(values) => values.into_iter().map(text).collect(),
                one => Ok(vec![text(one)?]),
            })
            .transpose()
    }

    /// Refuses what nobody took.
    pub fn finish(self) -> Result<()> {
        self.refuse(|_| true)
    }

    /// Refuses what nobody took so far and whose name is such.
    pub fn refuse(&self, is_such: impl Fn(&str) -> bool) -> Result<()> {
        let Some((name, _)) = self.entries.iter().find(|(name, _)| is_such(name)) else {
            return Ok(());
        };
        let mut accepted = self.accepted.clone();
        accepted.sort_unstable();
        accepted.dedup();
        let error = Error::new(Kind::UndefinedObject, format!("unknown option \"{name}\""))
            .detail(format!("Accepted here: {}.", accepted.join(", ")));
        Err(error.candidates(name, accepted.iter().copied()))
    }
}

fn is_one_of(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// The error of a value that the option cannot take.
pub fn wrong(name: &str, value: &OptionValue, expected: &str) -> Error {
    Error::new(
        Kind::InvalidParameterValue,
        format!("option \"{name}\" cannot be {value}"),
    )
    .hint(format!("It takes {expected}."))
}
