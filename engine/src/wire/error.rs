//! Errors on their way from an executor to the session: a scheduler carries nothing but text, in which
//! ours stand encoded, so that they arrive with their SQLSTATE, detail and hint.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::{from_bytes, to_bytes};
use crate::error::{Error, Kind};

/// Stands before and after an encoded error; nothing else has it.
const MARK: &str = "quern-error:";
const END: &str = ":";

#[derive(Serialize, Deserialize)]
struct Carried {
    kind: String,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
}

/// The error as a text that survives being quoted, escaped and put into other texts.
pub fn carry(error: &Error) -> String {
    let carried = Carried {
        kind: error.kind.name().to_string(),
        message: error.message.clone(),
        detail: error.detail.clone(),
        hint: error.hint.clone(),
    };
    let bytes = to_bytes(&carried).unwrap_or_default();
    format!("{MARK}{}{END}", URL_SAFE_NO_PAD.encode(bytes))
}

/// Our error, if a library's error was made of one.
pub fn within(error: &(dyn std::error::Error + 'static)) -> Option<Error> {
    Error::within(error)
}

/// The first error that stands in a text.
pub fn carried(text: &str) -> Option<Error> {
    let rest = text.split(MARK).nth(1)?;
    let encoded = rest.split(END).next()?;
    let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    let carried: Carried = from_bytes(&bytes).ok()?;
    let kind = Kind::ALL
        .iter()
        .find(|(kind, ..)| kind.name() == carried.kind)?
        .0;
    Some(Error {
        kind,
        message: carried.message,
        detail: carried.detail,
        hint: carried.hint,
        position: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_arrives_whole() {
        let error = Error::new(Kind::DivisionByZero, "division by \"zero\"\n:")
            .detail("é: \\")
            .hint("none");
        let text = format!("Job failed: {:?} and so on", carry(&error));
        let arrived = carried(&text).unwrap();
        assert_eq!(arrived.kind, Kind::DivisionByZero);
        assert_eq!(arrived.message, error.message);
        assert_eq!(arrived.detail, error.detail);
        assert_eq!(arrived.hint, error.hint);
        assert!(carried("nothing of ours").is_none());
    }
}
