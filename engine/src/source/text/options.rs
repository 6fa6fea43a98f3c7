//! The options that CSV and JSON share, checked.

use serde::{Deserialize, Serialize};

use super::Encoding;
use crate::error::Result;
use crate::options::{OptionValue, Options, wrong};
use crate::settings::parse_bytes;

/// A record may be so long unless the option says otherwise.
const DEFAULT_MAX_LINE_BYTES: u64 = 64 << 20;
/// Places in a record are 32 bits wide.
const LARGEST_MAX_LINE_BYTES: u64 = 1 << 30;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Text {
    pub encoding: Encoding,
    pub bad_rows: BadRows,
    /// Longer records are taken for a quote that never closes.
    pub max_line_bytes: usize,
}

/// What becomes of a row that is not as the table says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BadRows {
    /// It ends the query.
    #[default]
    Error,
    /// It is left out and counted.
    Skip,
    /// What cannot be read of it is NULL, and counted.
    Null,
}

impl Default for Text {
    fn default() -> Self {
        Self {
            encoding: Encoding::default(),
            bad_rows: BadRows::default(),
            max_line_bytes: DEFAULT_MAX_LINE_BYTES as usize,
        }
    }
}

impl BadRows {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Error, "error"),
        (Self::Skip, "skip"),
        (Self::Null, "null"),
    ];

    fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == self)
            .map_or("error", |(_, name)| name)
    }
}

impl Text {
    pub fn take(options: &mut Options) -> Result<Self> {
        let mut text = Self::default();
        if let Some(name) = options.take_text("encoding")? {
            text.encoding = Encoding::parse(&name).ok_or_else(|| {
                let expected = "'utf-8', 'latin-1', 'windows-1252', 'utf-16' or another name of the web's standard of encodings";
                wrong("encoding", &OptionValue::Text(name), expected)
            })?;
        }
        if let Some(name) = options.take_text("bad_rows")? {
            let found = BadRows::ALL
                .iter()
                .find(|(_, known)| known.eq_ignore_ascii_case(&name));
            let expected = "'error', 'skip' or 'null'";
            text.bad_rows = found
                .map(|(bad_rows, _)| *bad_rows)
                .ok_or_else(|| wrong("bad_rows", &OptionValue::Text(name), expected))?;
        }
        if let Some(value) = options.take("max_line_size") {
            text.max_line_bytes = max_line_bytes(&value)?;
        }
        Ok(text)
    }

    /// The options as written in `WITH`, only those that differ from the default.
    pub fn shown(&self) -> Vec<(String, OptionValue)> {
        let default = Self::default();
        let mut options = Vec::new();
        let mut add = |name: &str, value| options.push((name.to_string(), value));
        if self.encoding != default.encoding {
            add("encoding", OptionValue::Text(self.encoding.name()));
        }
        if self.bad_rows != default.bad_rows {
            add("bad_rows", OptionValue::Text(self.bad_rows.name().into()));
        }
        if self.max_line_bytes != default.max_line_bytes {
            let bytes = self.max_line_bytes.to_string();
            add("max_line_size", OptionValue::Number(bytes));
        }
        options
    }
}

fn max_line_bytes(value: &OptionValue) -> Result<usize> {
    let bytes = match value {
        OptionValue::Number(text) | OptionValue::Text(text) => parse_bytes(text),
        _ => None,
    };
    bytes
        .filter(|bytes| (1..=LARGEST_MAX_LINE_BYTES).contains(bytes))
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or_else(|| {
            wrong(
                "max_line_size",
                value,
                "a size such as '64MiB', at most 1GiB",
            )
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn options_come_back_as_written() {
        let written = vec![
            (
                "encoding".to_string(),
                OptionValue::Text("windows-1252".into()),
            ),
            ("bad_rows".to_string(), OptionValue::Text("skip".into())),
            (
                "max_line_size".to_string(),
                OptionValue::Number("1000".into()),
            ),
        ];
        let text = Text::take(&mut Options::new(written.clone()).unwrap()).unwrap();
        assert_eq!(text.shown(), written);
        let stored = serde_json::to_string(&text).unwrap();
        assert_eq!(serde_json::from_str::<Text>(&stored).unwrap(), text);
        assert_eq!(serde_json::from_str::<Text>("{}").unwrap(), Text::default());
    }

    #[test]
    fn wrong_values_are_refused() {
        for (name, value) in [
            ("encoding", OptionValue::Text("klingon".into())),
            ("bad_rows", OptionValue::Text("ignore".into())),
            ("max_line_size", OptionValue::Number("0".into())),
            ("max_line_size", OptionValue::Text("2GiB".into())),
        ] {
            let mut options = Options::new(vec![(name.to_string(), value)]).unwrap();
            assert_eq!(Text::take(&mut options).unwrap_err().sqlstate(), "22023");
        }
    }
}
