//! The hash of a model: of its class, what was asked for, its encoding, its target and its arrays.
//!
//! Models that say the same have the same hash, wherever and whenever they were trained. Parameters
//! with their default value do not count, so that a class may get new ones. Every part is preceded by
//! its length, so that no two models make the same bytes.

use serde::Serialize;
use serde_json::Value;

use crate::class::Class;
use crate::error::{Error, Result};
use crate::model::Definition;

/// Hexadecimal, 64 digits.
pub fn hash(class: &Class, definition: &Definition) -> Result<String> {
    let mut digest = Digest(blake3::Hasher::new());
    digest.text("quern model 1");
    digest.text(class.name);
    for (name, value) in definition.parameters.iter() {
        let declared = class.parameters.iter().find(|p| p.name == name);
        if declared.is_none_or(|declared| declared.default != *value) {
            digest.text(name);
            digest.json(&as_json(value)?);
        }
    }
    digest.json(&as_json(&definition.encoding)?);
    digest.json(&as_json(&definition.target)?);
    for (name, array) in &definition.fitted.arrays {
        digest.text(name);
        digest.count(array.shape.len());
        array.shape.iter().for_each(|size| digest.count(*size));
        array.data.iter().for_each(|number| digest.number(*number));
    }
    Ok(digest.0.finalize().to_hex().to_string())
}

fn as_json(value: &impl Serialize) -> Result<Value> {
    let failed = |error| Error::internal(format!("the model cannot be hashed: {error}"));
    serde_json::to_value(value).map_err(failed)
}

struct Digest(blake3::Hasher);

impl Digest {
    fn count(&mut self, count: usize) {
        self.0.update(&(count as u64).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.update(text.as_bytes());
    }

    /// Both zeros are one number.
    fn number(&mut self, number: f64) {
        self.0.update(&(number + 0.0).to_le_bytes());
    }

    fn json(&mut self, value: &Value) {
        match value {
            Value::Null => self.text("null"),
            Value::Bool(word) => self.text(if *word { "true" } else { "false" }),
            Value::Number(number) => {
                self.text("number");
                self.number(number.as_f64().unwrap_or(f64::NAN));
            }
            Value::String(text) => {
                self.text("text");
                self.text(text);
            }
            Value::Array(values) => {
                self.text("list");
                self.count(values.len());
                values.iter().for_each(|value| self.json(value));
            }
            Value::Object(entries) => {
                self.text("map");
                self.count(entries.len());
                // The order of a map depends on how serde_json was built.
                let mut entries: Vec<_> = entries.iter().collect();
                entries.sort_by_key(|(name, _)| *name);
                for (name, value) in entries {
                    self.text(name);
                    self.json(value);
                }
            }
        }
    }
}
