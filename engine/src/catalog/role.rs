//! Roles: who may log in, with what proof, and who may do everything.
//!
//! Of a password only its SCRAM-SHA-256 verifier is kept ([RFC 5803]): it can check a proof, and
//! nobody can log in with it.
//!
//! [RFC 5803]: https://www.rfc-editor.org/rfc/rfc5803

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Tells it from one of the same name that was dropped; 0 in those of before there were numbers.
    #[serde(default)]
    pub id: u64,
    pub is_superuser: bool,
    pub can_login: bool,
    /// Without one the role has no password, and only `trust` lets it in.
    pub verifier: Option<Verifier>,
    /// Roles whose privileges it has too.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub member_of: BTreeSet<String>,
    /// How many sessions it may have at a server at a time; `None` for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_limit: Option<u32>,
}

impl Role {
    /// A new one.
    pub fn made(can_login: bool) -> Result<Self> {
        let mut id = [0; 8];
        fill_randomly(&mut id)?;
        Ok(Self {
            id: u64::from_ne_bytes(id),
            can_login,
            ..Self::default()
        })
    }
}

/// What checks the proof of a password.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(into = "String", try_from = "String")]
pub struct Verifier {
    pub salt: Vec<u8>,
    pub iterations: usize,
    pub stored_key: Vec<u8>,
    pub server_key: Vec<u8>,
}

/// As PostgreSQL 15 does by default.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).unwrap();
const SALT_BYTES: usize = 16;
const METHOD: &str = "SCRAM-SHA-256";

impl Verifier {
    pub fn of_password(password: &str) -> Result<Self> {
        let mut salt = vec![0; SALT_BYTES];
        fill_randomly(&mut salt)?;
        Ok(Self::with_salt(password, salt))
    }

    fn with_salt(password: &str, salt: Vec<u8>) -> Self {
        // Text that SASLprep refuses is taken as it is, as PostgreSQL does.
        let prepared = stringprep::saslprep(password).unwrap_or(password.into());
        let mut salted = [0; digest::SHA256_OUTPUT_LEN];
        let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::derive(
            algorithm,
            ITERATIONS,
            &salt,
            prepared.as_bytes(),
            &mut salted,
        );
        let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
        let client_key = hmac::sign(&key, b"Client Key");
        Self {
            salt,
            iterations: ITERATIONS.get() as usize,
            stored_key: digest::digest(&digest::SHA256, client_key.as_ref())
                .as_ref()
                .to_vec(),
            server_key: hmac::sign(&key, b"Server Key").as_ref().to_vec(),
        }
    }

    /// A verifier that no password meets, for a user that does not exist: asking for the password
    /// twice shows the same salt, as it does for one that exists.
    pub fn of_nobody(user: &str) -> Self {
        static SECRET: LazyLock<[u8; 32]> = LazyLock::new(|| {
            let mut secret = [0; 32];
            if fill_randomly(&mut secret).is_err() {
                tracing::warn!("the system gives no random numbers");
            }
            secret
        });
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*SECRET);
        let of = |what: &str| {
            let tag = hmac::sign(&key, format!("{what} {user}").as_bytes());
            tag.as_ref().to_vec()
        };
        let mut salt = of("salt");
        salt.truncate(SALT_BYTES);
        Self {
            salt,
            iterations: ITERATIONS.get() as usize,
            stored_key: of("stored key"),
            server_key: of("server key"),
        }
    }

    /// Reads PostgreSQL's text of a verifier.
    fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(METHOD)?.strip_prefix('$')?;
        let (head, keys) = rest.split_once('$')?;
        let (iterations, salt) = head.split_once(':')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        let key = |text: &str| {
            let key = STANDARD.decode(text).ok()?;
            (key.len() == digest::SHA256_OUTPUT_LEN).then_some(key)
        };
        Some(Self {
            salt: STANDARD.decode(salt).ok()?,
            iterations: iterations.parse().ok().filter(|n| *n > 0)?,
            stored_key: key(stored_key)?,
            server_key: key(server_key)?,
        })
    }
}

/// A password of letters and digits that nobody can guess.
pub fn random_password() -> Result<String> {
    let mut bytes = [0; 18];
    fill_randomly(&mut bytes)?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD
        .encode(bytes)
        .replace(['-', '_'], "x"))
}

fn fill_randomly(bytes: &mut [u8]) -> Result<()> {
    let filled = SystemRandom::new().fill(bytes);
    filled.map_err(|_| Error::new(Kind::Io, "the system gives no random numbers"))
}

impl From<Verifier> for String {
    fn from(v: Verifier) -> Self {
        let [salt, stored, server] =
            [&v.salt, &v.stored_key, &v.server_key].map(|bytes| STANDARD.encode(bytes));
        format!("{METHOD}${}:{salt}${stored}:{server}", v.iterations)
    }
}

impl TryFrom<String> for Verifier {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a SCRAM-SHA-256 verifier")
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The user and password of RFC 7677, as PostgreSQL keeps them.
    #[test]
    fn a_verifier_is_postgresqls() {
        let text = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
        let known = Verifier::parse(text).unwrap();
        assert_eq!(Verifier::with_salt("pencil", known.salt.clone()), known);
        assert_eq!(String::from(known), text);
    }

    #[test]
    fn other_texts_are_no_verifiers() {
        for text in [
            "",
            "md5abc",
            "SCRAM-SHA-256$4096:AA==$AA==:AA==",
            "SCRAM-SHA-256$0:a$b:c",
        ] {
            assert!(Verifier::parse(text).is_none(), "{text}");
        }
    }
}
