//! What went wrong at a store, in words for the user: the location, the cause, the way out.
//!
//! The libraries below put whole requests and answers into their errors. Of those only the status,
//! the service's error code and the innermost cause are kept, and no text leaves here with a secret
//! in it.

use std::error::Error as StdError;

use crate::error::{Error, Kind};
pub use crate::sql::without_secrets;

/// Codes by which services say that they do not believe who we are.
const BAD_CREDENTIALS: &[&str] = &[
    "AuthenticationFailed",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidAuthenticationInfo",
    "InvalidSecurity",
    "InvalidToken",
    "NotSignedUp",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
];
const NO_BUCKET: &[&str] = &["NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted"];
/// Where the clouds' machines ask who they are.
pub(super) const METADATA_HOSTS: &[&str] =
    &["169.254.169.254", "metadata.google.internal", "metadata"];

/// What a store's errors are told with.
#[derive(Clone)]
pub(super) struct Telling {
    pub secrets: Vec<String>,
    /// A hint on how this service is given credentials.
    pub credentials: &'static str,
}

impl std::fmt::Debug for Telling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Telling")
    }
}

impl Telling {
    /// The error with our words in place of the libraries'; which kind of error it is stays.
    pub fn translated(&self, error: object_store::Error, place: &str) -> object_store::Error {
        use object_store::Error as E;
        let source: Box<Error> = Box::new(self.told(&error, place));
        let path = without_secrets(place);
        match error {
            E::NotFound { .. } => E::NotFound { path, source },
            E::AlreadyExists { .. } => E::AlreadyExists { path, source },
            E::Precondition { .. } => E::Precondition { path, source },
            E::NotModified { .. } => E::NotModified { path, source },
            E::NotSupported { .. } | E::NotImplemented { .. } => E::NotSupported { source },
            _ => E::Generic {
                store: "object store",
                source,
            },
        }
    }

    /// The error as the user sees it.
    pub fn told(&self, error: &object_store::Error, place: &str) -> Error {
        if let Some(ours) = Error::within(error) {
            return ours;
        }
        let place = without_secrets(place);
        let text = error.to_string();
        let status = status(&text);
        let code = between(&text, "<Code>", "</Code>")
            .or_else(|| between(&text, "<Code xmlns=", "</Code>"))
            .unwrap_or_default();
        let detail = detail(&text, &code);
        let told = if NO_BUCKET.contains(&code.as_str()) {
            Error::new(
                Kind::UndefinedFile,
                format!("the bucket of \"{place}\" does not exist"),
            )
            .hint("Check its name, and that the endpoint and the region are the bucket's.")
        } else if matches!(error, object_store::Error::NotFound { .. }) || status == Some(404) {
            Error::new(
                Kind::UndefinedFile,
                format!("file \"{place}\" does not exist"),
            )
        } else if text.contains("Missing credentials")
            || METADATA_HOSTS.iter().any(|h| text.contains(h))
        {
            Error::new(
                Kind::StoreCredentials,
                format!("there are no credentials for \"{place}\""),
            )
            .hint(self.credentials)
        } else if BAD_CREDENTIALS.contains(&code.as_str()) || status == Some(401) {
            Error::new(
                Kind::StoreCredentials,
                format!("the credentials for \"{place}\" are not accepted"),
            )
            .hint(self.credentials)
        } else if status == Some(403) {
            Error::new(Kind::Privilege, format!("permission denied: \"{place}\""))
                .hint(self.credentials)
        } else {
            self.failed(&place, &text, status, error)
        };
        match detail {
            Some(detail) => told.detail(self.scrubbed(&detail)),
            None => told,
        }
    }

    fn failed(
        &self,
        place: &str,
        text: &str,
        status: Option<u16>,
        error: &object_store::Error,
    ) -> Error {
        let (what, hint) = if text.contains("redirect without LOCATION") || status == Some(301) {
            (
                "the bucket is in another region".to_string(),
                "Name its region: the option or setting aws_region.",
            )
        } else if let Some(status) = between(text, "status code: ", ":") {
            (
                format!("the server answers {}", status.trim()),
                "Try again later; quern.store_retry_timeout says how long a request is repeated.",
            )
        } else {
            (
                root(error),
                "Check the endpoint and the network; quern.store_retry_timeout says how long a request is repeated.",
            )
        };
        Error::new(
            Kind::Io,
            self.scrubbed(&format!("cannot read \"{place}\": {what}")),
        )
        .hint(hint)
    }

    /// The text without any secret.
    pub fn scrubbed(&self, text: &str) -> String {
        let mut text = without_secrets(text);
        for secret in &self.secrets {
            text = text.replace(secret.as_str(), "***");
        }
        text
    }
}

/// The service's code and how often the request was repeated.
fn detail(text: &str, code: &str) -> Option<String> {
    let repeated = between(text, ", after ", " retries")
        .filter(|n| n.bytes().all(|b| b.is_ascii_digit()))
        .map(|n| format!("The request was repeated {n} times."));
    let code = (!code.is_empty() && code.bytes().all(|b| b.is_ascii_alphanumeric()))
        .then(|| format!("The service's code is {code}."));
    match (code, repeated) {
        (Some(code), Some(repeated)) => Some(format!("{code} {repeated}")),
        (code, repeated) => code.or(repeated),
    }
}

/// Whether a GET may work where this HEAD failed: the server did answer, but not with what HEAD gives.
pub(super) fn of_head_alone(error: &object_store::Error) -> bool {
    let text = error.to_string();
    match status(&text) {
        Some(status) => (400..500).contains(&status) || status == 501,
        None => text.contains("Content-Length"),
    }
}

fn status(text: &str) -> Option<u16> {
    let rest = text.split("status code: ").nth(1)?;
    rest.get(..3)?.parse().ok()
}

fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let rest = text.split_once(before)?.1;
    Some(rest.split_once(after)?.0.to_string())
}

/// The innermost cause, which says what happened without saying of what.
fn root(error: &object_store::Error) -> String {
    let mut cause: &dyn StdError = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(source: &str) -> Error {
        let telling = Telling {
            secrets: vec!["hush-hush".into()],
            credentials: "Give a key.",
        };
        let error = object_store::Error::Generic {
            store: "S3",
            source: source.into(),
        };
        telling.told(&error, "s3://b/k")
    }

    #[test]
    fn the_kind_follows_from_what_the_service_says() {
        let body = |status: &str, code: &str| {
            format!(
                "Error performing GET http://h/b/k?X=hush-hush in 1s, after 3 retries - Server returned non-2xx status code: {status}: <Error><Code>{code}</Code><K>hush-hush</K></Error>"
            )
        };
        for (status, code, sqlstate) in [
            ("404 Not Found", "NoSuchBucket", "58P01"),
            ("404 Not Found", "NoSuchKey", "58P01"),
            ("403 Forbidden", "InvalidAccessKeyId", "28000"),
            ("403 Forbidden", "AccessDenied", "42501"),
            ("401 Unauthorized", "", "28000"),
            ("503 Slow Down", "SlowDown", "58030"),
        ] {
            let error = told(&body(status, code));
            assert_eq!(error.sqlstate(), sqlstate, "{status} {code}");
            assert!(error.message.contains("s3://b/k"), "{error:?}");
            assert!(!format!("{error:?}").contains("hush"), "{error:?}");
        }
        let error = told(&body("503 Slow Down", "SlowDown"));
        assert_eq!(
            error.message,
            "cannot read \"s3://b/k\": the server answers 503 Slow Down"
        );
        assert_eq!(
            error.detail.as_deref(),
            Some("The service's code is SlowDown. The request was repeated 3 times.")
        );
    }

    #[test]
    fn causes_are_told_without_secrets() {
        let error = told("connecting to https://u:p@h/?sig=x with hush-hush failed");
        assert_eq!(
            error.message,
            "cannot read \"s3://b/k\": connecting to https://***@h/?*** with *** failed"
        );
    }
}
