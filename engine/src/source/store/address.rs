//! Which service and which bucket a location names: `s3://bucket/key`, `https://host/file`, ….
//!
//! Everything before the key decides the store; what is secret in it (a user, the query of a signed
//! URL) is kept apart, so that an [`Address`] shown or listed tells no secret.

use std::borrow::Cow;
use std::collections::BTreeMap;

use object_store::path::Path;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Service {
    S3,
    Gcs,
    Azure,
    Http,
}

/// The schemes of locations, the one that stands for all of its service's, and the service.
const SCHEMES: &[(&str, &str, Service)] = &[
    ("s3", "s3", Service::S3),
    ("s3a", "s3", Service::S3),
    ("gs", "gs", Service::Gcs),
    ("gcs", "gs", Service::Gcs),
    ("az", "az", Service::Azure),
    ("azure", "az", Service::Azure),
    ("abfs", "abfss", Service::Azure),
    ("abfss", "abfss", Service::Azure),
    ("http", "http", Service::Http),
    ("https", "https", Service::Http),
];

/// A bucket, a container or a host.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address {
    pub service: Service,
    pub scheme: Cow<'static, str>,
    /// The bucket; `container` or `container@account.host`; `host[:port]`.
    pub authority: String,
    /// `user:password` of an HTTP URL.
    pub user: Option<String>,
    /// What follows `?` in an HTTP URL, by the key before it: it may be a signature.
    pub queries: BTreeMap<String, String>,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

/// The scheme of a location, unless it is a path of the local disk.
fn scheme_of(location: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = location.split_once("://")?;
    let plain = !scheme.is_empty()
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    (plain && !scheme.eq_ignore_ascii_case("file")).then_some((scheme, rest))
}

/// Whether the location is in an object store rather than on the local disk.
pub fn is_remote(location: &str) -> bool {
    scheme_of(location.trim()).is_some()
}

/// The canonical scheme if it is one of an object store.
pub(super) fn known_scheme(scheme: &str) -> Option<&'static str> {
    SCHEMES
        .iter()
        .find(|(_, canonical, _)| *canonical == scheme)
        .map(|(_, canonical, _)| *canonical)
}

impl Address {
    /// The address and the key in it; None for a path of the local disk.
    ///
    /// The key is raw, except that an HTTP URL is decoded; a `/` at its end stays.
    pub fn parse(location: &str) -> Result<Option<(Self, String)>> {
        let Some((scheme, rest)) = scheme_of(location) else {
            return Ok(None);
        };
        let lower = scheme.to_ascii_lowercase();
        let Some((_, scheme, service)) = SCHEMES.iter().find(|(known, ..)| *known == lower) else {
            return Err(unknown_scheme(scheme));
        };
        if *service == Service::Http {
            return Self::http(scheme, location).map(Some);
        }
        let (authority, key) = rest.split_once('/').unwrap_or((rest, ""));
        let account = authority.split_once('@').map(|(_, host)| host);
        let named = match account {
            None => !authority.is_empty(),
            Some(host) => *scheme == "abfss" && host.contains('.') && !host.contains('@'),
        };
        // `$` is in the names of Azure's own containers.
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.$@".contains(c);
        if !named || !authority.chars().all(plain) {
            return Err(bad_location(location, scheme));
        }
        let address = Self {
            service: *service,
            scheme: Cow::Borrowed(scheme),
            authority: authority.to_string(),
            user: None,
            queries: BTreeMap::new(),
        };
        Ok(Some((address, key.to_string())))
    }

    fn http(scheme: &'static str, location: &str) -> Result<(Self, String)> {
        let bad = || bad_location(location, scheme);
        let url = Url::parse(location).map_err(|_| bad())?;
        let host = url.host_str().ok_or_else(bad)?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        let key = Path::from_url_path(url.path()).map_err(|_| bad())?;
        let folder = match url.path().ends_with('/') && !key.as_ref().is_empty() {
            true => "/",
            false => "",
        };
        let user = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => Some(format!("{user}:{}", password.unwrap_or_default())),
        };
        let key = format!("{key}{folder}");
        let query = url.query().map(|query| (key.clone(), query.to_string()));
        let queries = query.into_iter().collect();
        let address = Self {
            service: Service::Http,
            scheme: Cow::Borrowed(scheme),
            authority,
            user,
            queries,
        };
        Ok((address, key))
    }

    /// The address as users know it.
    pub fn shown(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// The URL that an HTTP store starts from.
    pub(super) fn base_url(&self) -> String {
        format!("{}://{}/", self.scheme, self.authority)
    }

    /// Takes another address of the same server in; false if it is another server's.
    pub(super) fn join(&mut self, other: Address) -> bool {
        let same = self.scheme == other.scheme
            && self.authority == other.authority
            && self.user == other.user;
        if same {
            self.queries.extend(other.queries);
        }
        same
    }
}

fn unknown_scheme(scheme: &str) -> Error {
    let known: Vec<_> = SCHEMES.iter().map(|(name, ..)| *name).collect();
    Error::unsupported(format!("a location at {scheme}://"))
        .hint(format!(
            "Locations are paths of the local disk, or at {}.",
            known.join("://, ") + "://"
        ))
        .candidates(scheme, known)
}

fn bad_location(location: &str, scheme: &str) -> Error {
    let form = match scheme {
        "abfss" => "abfss://container@account.dfs.core.windows.net/path",
        "az" => "az://container/path",
        "gs" => "gs://bucket/path",
        "s3" => "s3://bucket/path",
        _ => "https://host/path/file",
    };
    let shown = super::fault::without_secrets(location);
    Error::new(
        Kind::InvalidParameterValue,
        format!("\"{shown}\" is not a location"),
    )
    .hint(format!(
        "It has the form {form}; credentials are given as options or settings."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(location: &str) -> Option<(String, String)> {
        let (address, key) = Address::parse(location).unwrap()?;
        Some((address.shown(), key))
    }

    fn some(address: &str, key: &str) -> Option<(String, String)> {
        Some((address.to_string(), key.to_string()))
    }

    #[test]
    fn locations_are_taken_apart() {
        assert_eq!(parsed("/a/b://c"), None);
        assert_eq!(parsed("file:///a"), None);
        assert_eq!(parsed("S3a://b/x y/%20.csv"), some("s3://b", "x y/%20.csv"));
        assert_eq!(parsed("gs://b"), some("gs://b", ""));
        assert_eq!(
            parsed("abfs://c@a.dfs.core.windows.net/x/"),
            some("abfss://c@a.dfs.core.windows.net", "x/")
        );
        assert_eq!(
            parsed("http://u:p@h:81/a%20b/c.csv?sig=x#f"),
            some("http://h:81", "a b/c.csv")
        );
    }

    #[test]
    fn what_is_secret_is_not_shown() {
        let (address, _) = Address::parse("https://u:p@h/f.csv?sig=x")
            .unwrap()
            .unwrap();
        assert_eq!(address.user.as_deref(), Some("u:p"));
        assert_eq!(
            address.queries.get("f.csv").map(String::as_str),
            Some("sig=x")
        );
        assert_eq!(format!("{address:?}"), "https://h");
    }

    #[test]
    fn bad_locations_are_refused() {
        for (location, code) in [
            ("s3://", "22023"),
            ("s3://u:secret@b/x", "22023"),
            ("az://c@a/x", "22023"),
            ("s3://bück/x", "22023"),
            ("gs://a b/x", "22023"),
            ("https://", "22023"),
            ("ftp://h/x", "0A000"),
            ("hdfs://h/x", "0A000"),
        ] {
            match Address::parse(location) {
                Err(error) => {
                    assert_eq!(error.sqlstate(), code, "{location}");
                    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
                }
                Ok(_) => assert_eq!(location, "an error"),
            }
        }
    }
}
