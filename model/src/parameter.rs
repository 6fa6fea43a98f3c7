//! Parameters of model classes: what a class declares, and what a statement gives, checked.
//!
//! Names, defaults and meanings are scikit-learn's. A parameter that a class does not have is an
//! error that lists those it has; one that has no effect here is accepted and reported.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};

/// A value of a parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(Cow<'static, str>),
    List(Vec<Value>),
    #[serde(with = "entries")]
    Map(Vec<(String, Value)>),
}

/// A map of values as an object of JSON, in its order.
mod entries {
    use std::fmt;

    use serde::de::{Deserializer, MapAccess, Visitor};
    use serde::ser::Serializer;

    use super::Value;

    pub fn serialize<S: Serializer>(
        entries: &[(String, Value)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(entries.iter().map(|(name, value)| (name, value)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(String, Value)>, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Vec<(String, Value)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

impl Value {
    pub const fn text(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    pub fn as_number(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The numbers of a list, or of a single number.
    pub fn numbers(&self) -> Option<Vec<f64>> {
        match self {
            Value::Number(number) => Some(vec![*number]),
            Value::List(values) => values.iter().map(Value::as_number).collect(),
            _ => None,
        }
    }
}

/// As it would stand in SQL.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Bool(value) => f.write_str(if *value { "true" } else { "false" }),
            Value::Number(number) => write!(f, "{number}"),
            Value::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Value::List(values) => {
                let texts: Vec<_> = values.iter().map(ToString::to_string).collect();
                write!(f, "ARRAY[{}]", texts.join(", "))
            }
            Value::Map(entries) => {
                let texts: Vec<_> = entries.iter().map(|(k, v)| format!("{k} = {v}")).collect();
                write!(f, "({})", texts.join(", "))
            }
        }
    }
}

/// What a parameter takes. NULL is for those whose default it is, or that list it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Domain {
    Bool,
    /// One of the two, because we do not do what the other asks for.
    Only(bool),
    /// False, because we do not do it at all; the text says what to do instead.
    Never(&'static str),
    /// Whole numbers from `min` on.
    Whole {
        min: f64,
    },
    /// Finite numbers of an interval; `open` leaves `min` out.
    Number {
        min: f64,
        max: f64,
        open: bool,
    },
    Choice(&'static [&'static str]),
    /// A list of numbers.
    Numbers,
    /// Any of several.
    Either(&'static [Domain]),
    /// Checked by the class itself.
    Any,
    /// Accepted for the sake of scripts written for others, without effect.
    Ignored,
}

pub const POSITIVE: Domain = Domain::Number {
    min: 0.0,
    max: f64::MAX,
    open: true,
};
pub const NOT_NEGATIVE: Domain = Domain::Number {
    min: 0.0,
    max: f64::MAX,
    open: false,
};
pub const FRACTION: Domain = Domain::Number {
    min: 0.0,
    max: 1.0,
    open: false,
};
pub const COUNT: Domain = Domain::Whole { min: 1.0 };
/// Of chance: whole numbers from 0 on. NULL is 0, so that every training can be repeated.
pub const SEED: Domain = Domain::Whole { min: 0.0 };

impl Domain {
    fn takes(&self, value: &Value) -> bool {
        match (self, value) {
            (Domain::Any | Domain::Ignored, _) => true,
            (Domain::Bool, Value::Bool(_)) => true,
            (Domain::Only(word), Value::Bool(given)) => word == given,
            (Domain::Never(_), Value::Bool(given)) => !given,
            (Domain::Whole { min }, Value::Number(n)) => {
                n.fract() == 0.0 && n >= min && *n <= 9_007_199_254_740_992.0
            }
            (Domain::Number { min, max, open }, Value::Number(n)) => {
                n.is_finite() && n <= max && (n > min || (n == min && !open))
            }
            (Domain::Choice(words), Value::Text(text)) => words.contains(&text.as_ref()),
            (Domain::Numbers, Value::List(values)) => {
                !values.is_empty()
                    && values
                        .iter()
                        .all(|v| v.as_number().is_some_and(f64::is_finite))
            }
            (Domain::Either(domains), value) => domains.iter().any(|d| d.takes(value)),
            _ => false,
        }
    }
}

/// What the domain takes, in words.
impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Domain::Bool => f.write_str("true or false"),
            Domain::Only(word) => write!(f, "{word}, and nothing else yet"),
            Domain::Never(instead) => write!(f, "false only: {instead}"),
            Domain::Whole { min } => write!(f, "a whole number of at least {min}"),
            Domain::Number { min, max, .. } if min == max => {
                write!(f, "{min}, and nothing else yet")
            }
            Domain::Number { min, max, open } => {
                let from = if *open { "above" } else { "of at least" };
                match *max == f64::MAX {
                    true => write!(f, "a number {from} {min}"),
                    false => write!(f, "a number {from} {min} and at most {max}"),
                }
            }
            Domain::Choice(words) => {
                let quoted: Vec<_> = words.iter().map(|w| format!("'{w}'")).collect();
                write!(f, "one of {}", quoted.join(", "))
            }
            Domain::Numbers => f.write_str("a list of numbers"),
            Domain::Either(domains) => {
                let texts: Vec<_> = domains.iter().map(ToString::to_string).collect();
                f.write_str(&texts.join(", or "))
            }
            Domain::Any | Domain::Ignored => f.write_str("any value"),
        }
    }
}

/// A parameter of a class.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    pub name: &'static str,
    pub domain: Domain,
    pub default: Value,
    /// A sentence for the documentation.
    pub about: &'static str,
}

pub const fn parameter(
    name: &'static str,
    domain: Domain,
    default: Value,
    about: &'static str,
) -> Parameter {
    Parameter {
        name,
        domain,
        default,
        about,
    }
}

/// Every parameter of a class with its value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    values: BTreeMap<String, Value>,
}

/// Accepted everywhere: they say how scikit-learn or Dask would go about it.
pub const IGNORED: &[&str] = &[
    "n_jobs",
    "verbose",
    "copy_X",
    "copy",
    "wrap_predict",
    "wrap_fit",
];

impl Parameters {
    /// The declared parameters with their defaults, and those given over them. Also gives the names
    /// of those that were given and have no effect.
    pub fn check(
        class: &str,
        declared: &[Parameter],
        given: &[(String, Value)],
    ) -> Result<(Self, Vec<String>)> {
        let mut values: BTreeMap<String, Value> = declared
            .iter()
            .filter(|p| p.domain != Domain::Ignored)
            .map(|p| (p.name.to_string(), p.default.clone()))
            .collect();
        let mut ignored = Vec::new();
        for (name, value) in given {
            match declared.iter().find(|p| p.name.eq_ignore_ascii_case(name)) {
                Some(known) if known.domain == Domain::Ignored => ignored.push(name.clone()),
                Some(known) => {
                    known.check(class, value)?;
                    values.insert(known.name.to_string(), value.clone());
                }
                None if IGNORED.iter().any(|i| i.eq_ignore_ascii_case(name)) => {
                    ignored.push(name.clone());
                }
                None => return Err(unknown(class, declared, name)),
            }
        }
        Ok((Self { values }, ignored))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// The value; NULL where the class has no such parameter.
    pub fn get(&self, name: &str) -> &Value {
        self.values.get(name).unwrap_or(&Value::Null)
    }

    /// A declared number. A missing one is a defect of the class, not of the statement.
    pub fn number(&self, name: &str) -> Result<f64> {
        let value = self.get(name).as_number();
        value.ok_or_else(|| Error::internal(format!("the parameter {name} is no number")))
    }

    pub fn count(&self, name: &str) -> Result<usize> {
        Ok(self.number(name)? as usize)
    }

    pub fn flag(&self, name: &str) -> bool {
        *self.get(name) == Value::Bool(true)
    }

    pub fn word(&self, name: &str) -> &str {
        self.get(name).as_text().unwrap_or_default()
    }

    pub fn seed(&self) -> u64 {
        self.get("random_state").as_number().unwrap_or(0.0) as u64
    }

    /// The same with another value, which is not checked again.
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.values.insert(name.to_string(), value);
        self
    }
}

impl Parameter {
    fn check(&self, class: &str, value: &Value) -> Result<()> {
        if self.domain.takes(value) || (*value == Value::Null && self.default == Value::Null) {
            return Ok(());
        }
        let name = self.name;
        let message = format!("invalid value for parameter \"{name}\" of {class}: {value}");
        Err(Error::parameter(message).hint(format!("It takes {}.", self.domain)))
    }
}

fn unknown(class: &str, declared: &[Parameter], name: &str) -> Error {
    let mut names: Vec<&str> = declared.iter().map(|p| p.name).collect();
    names.sort_unstable();
    let list = names.join(", ");
    let hint = match nearest(name, names.iter().copied()) {
        Some(near) => format!("Did you mean \"{near}\"? It has: {list}."),
        None if names.is_empty() => "It has none.".to_string(),
        None => format!("It has: {list}."),
    };
    Error::new(
        Kind::Undefined,
        format!("{class} has no parameter \"{name}\""),
    )
    .hint(hint)
}

/// The name that is most like the one given, if any is.
pub fn nearest<'a>(given: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    names
        .map(|name| (strsim::jaro_winkler(&given, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_from_json() {
        let entries = [("b", Value::Number(2.5)), ("a", Value::text("x"))];
        let entries = entries.map(|(name, value)| (name.to_string(), value));
        for value in [
            Value::Null,
            Value::Bool(true),
            Value::List(vec![Value::text("a"), Value::Number(1.0)]),
            Value::Map(entries.to_vec()),
        ] {
            let text = serde_json::to_string(&value).unwrap();
            assert_eq!(
                serde_json::from_str::<Value>(&text).unwrap(),
                value,
                "{text}"
            );
        }
    }
}
