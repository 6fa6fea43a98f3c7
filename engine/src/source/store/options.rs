//! How a store is reached: options in the names of the store's own configuration keys.
//!
//! Three layers, the higher winning: `WITH (…)`, the session's settings, the environment of the
//! process. Where a higher layer says how to prove who we are, nothing of that is taken from a
//! lower one: half of two credentials is none.

use std::collections::BTreeMap;
use std::fmt;

use object_store::ClientConfigKey;
use object_store::aws::AmazonS3ConfigKey;
use object_store::azure::AzureConfigKey;
use object_store::gcp::GoogleConfigKey;
use serde::{Deserialize, Serialize};
use url::Url;

use super::address::Service;
use crate::error::Result;
use crate::options::{OptionValue, Options, wrong};
use crate::sql::is_secret;

/// Configuration keys of one service and their values; secrets among them, so it is never shown.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoreOptions(BTreeMap<String, String>);

impl fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What the error of an unknown option lists; more names are understood.
const S3: &[&str] = &[
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_region",
    "aws_endpoint",
    "aws_allow_http",
    "aws_virtual_hosted_style_request",
    "aws_skip_signature",
    "aws_request_payer",
    "aws_role_arn",
    "aws_web_identity_token_file",
];
const AZURE: &[&str] = &[
    "azure_storage_account_name",
    "azure_storage_account_key",
    "azure_storage_sas_key",
    "azure_storage_token",
    "azure_storage_client_id",
    "azure_storage_client_secret",
    "azure_storage_tenant_id",
    "azure_storage_endpoint",
    "azure_storage_use_emulator",
    "azure_skip_signature",
    "azure_allow_http",
];
const GCS: &[&str] = &[
    "google_service_account",
    "google_service_account_key",
    "google_application_credentials",
    "google_skip_signature",
    "google_base_url",
];
const CLIENT: &[&str] = &[
    "allow_http",
    "allow_invalid_certificates",
    "connect_timeout",
    "proxy_url",
    "timeout",
    "user_agent",
];

const PREFIXES: &[&str] = &["aws_", "azure_", "google_"];

/// Refuses a value that cannot be part of a request: the libraries below would panic.
fn check(key: &str, value: &str) -> Result<()> {
    let is_text = matches!(key, "google_service_account_key" | "proxy_ca_certificate");
    let printable = value.bytes().all(|b| (b' '..=b'~').contains(&b));
    let is_url = ["endpoint", "base_url", "proxy_url", "authority_host"]
        .iter()
        .any(|part| key.contains(part) && !key.contains("use_"));
    let is_name = [
        "aws_region",
        "aws_default_region",
        "azure_storage_account_name",
        "azure_storage_tenant_id",
    ]
    .contains(&key);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let expected = if !is_text && !printable {
        "printable ASCII characters"
    } else if is_url
        && !Url::parse(value).is_ok_and(|u| matches!(u.scheme(), "http" | "https") && u.has_host())
    {
        "a URL such as https://host:port"
    } else if is_name && !value.chars().all(plain) {
        "letters, digits and hyphens"
    } else {
        return Ok(());
    };
    let shown = match is_secret(key) || !printable {
        true => "***".to_string(),
        false => value.to_string(),
    };
    Err(wrong(key, &OptionValue::Text(shown), expected))
}

/// Keys of which a higher layer's replaces all of a lower layer's.
const TOGETHER: &[&[&str]] = &[
    &[
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "aws_skip_signature",
        "aws_web_identity_token_file",
        "aws_role_arn",
        "aws_container_credentials_relative_uri",
        "aws_container_credentials_full_uri",
    ],
    &["aws_endpoint", "aws_endpoint_url_s3"],
    &["aws_region", "aws_default_region"],
    &[
        "azure_storage_account_key",
        "azure_storage_sas_key",
        "azure_storage_token",
        "azure_storage_client_id",
        "azure_storage_client_secret",
        "azure_storage_tenant_id",
        "azure_federated_token_file",
        "azure_skip_signature",
        "azure_use_azure_cli",
    ],
    &[
        "google_service_account",
        "google_service_account_key",
        "google_application_credentials",
        "google_skip_signature",
    ],
];

/// Keys that name files of a machine, or services that only it can ask.
const OF_A_MACHINE: &[&str] = &[
    "aws_container_credentials_relative_uri",
    "aws_container_credentials_full_uri",
    "aws_container_authorization_token_file",
    "aws_web_identity_token_file",
    "aws_role_arn",
    "aws_role_session_name",
    "aws_metadata_endpoint",
    "azure_federated_token_file",
    "azure_msi_endpoint",
    "azure_use_azure_cli",
    "google_service_account",
    "google_application_credentials",
];

/// The key's one name; None if the service has no such key, or if the location says it.
pub(super) fn canonical(service: Service, name: &str) -> Option<String> {
    let key = match service {
        Service::S3 => match name.parse::<AmazonS3ConfigKey>().ok()? {
            AmazonS3ConfigKey::Bucket => return None,
            key => key.as_ref().to_string(),
        },
        Service::Azure => match name.parse::<AzureConfigKey>().ok()? {
            AzureConfigKey::ContainerName => return None,
            key => key.as_ref().to_string(),
        },
        Service::Gcs => match name.parse::<GoogleConfigKey>().ok()? {
            GoogleConfigKey::Bucket => return None,
            key => key.as_ref().to_string(),
        },
        Service::Http => name.parse::<ClientConfigKey>().ok()?.as_ref().to_string(),
    };
    Some(key)
}

/// The names that an error lists.
fn listed(service: Service) -> Vec<&'static str> {
    let own = match service {
        Service::S3 => S3,
        Service::Azure => AZURE,
        Service::Gcs => GCS,
        Service::Http => &[],
    };
    own.iter().chain(CLIENT).copied().collect()
}

impl StoreOptions {
    /// Takes the options of the service, by any of the names that it knows.
    pub fn take(service: Service, options: &mut Options) -> Result<Self> {
        let mut taken = BTreeMap::new();
        for (name, value) in
            options.take_known(listed(service), |name| canonical(service, name).is_some())
        {
            let text = match value {
                OptionValue::Text(text) | OptionValue::Number(text) => text,
                OptionValue::Boolean(value) => value.to_string(),
                _ if is_secret(&name) => {
                    let hidden = OptionValue::Text("***".to_string());
                    return Err(wrong(&name, &hidden, "a string"));
                }
                other => return Err(wrong(&name, &other, "a string, a number or TRUE or FALSE")),
            };
            if let Some(key) = canonical(service, &name) {
                check(&key, &text)?;
                taken.insert(key, text);
            }
        }
        // Before anything is requested with too few options.
        options.refuse(|name| PREFIXES.iter().any(|prefix| name.starts_with(prefix)))?;
        Ok(Self(taken))
    }

    /// From pairs that are known to be right, such as settings.
    pub fn of<'a>(service: Service, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let pairs = pairs.into_iter().filter_map(|(name, value)| {
            let key = canonical(service, name)?;
            (!value.is_empty()).then(|| (key, value.to_string()))
        });
        Self(pairs.collect())
    }

    /// What the environment says: `AWS_…`, `AZURE_…`, `GOOGLE_…`.
    pub fn of_environment(service: Service) -> Self {
        let prefix = match service {
            Service::S3 => "aws_",
            Service::Azure => "azure_",
            Service::Gcs => "google_",
            Service::Http => return Self::default(),
        };
        let variables: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| {
                let name = name.to_str()?.to_ascii_lowercase();
                Some((name, value.to_str()?.to_string()))
            })
            .filter(|(name, _)| name.starts_with(prefix))
            .collect();
        Self::of(
            service,
            variables.iter().map(|(n, v)| (n.as_str(), v.as_str())),
        )
    }

    /// These options over those of a lower layer.
    pub fn over(&self, lower: &Self) -> Self {
        let mut merged = lower.0.clone();
        for group in TOGETHER {
            if group.iter().any(|key| self.0.contains_key(*key)) {
                merged.retain(|key, _| !group.contains(&key.as_str()));
            }
        }
        merged.extend(self.0.clone());
        Self(merged)
    }

    /// Refuses values that cannot be part of a request.
    pub(super) fn check(&self) -> Result<()> {
        self.iter().try_for_each(|(key, value)| check(key, value))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// Without files and services that are credentials of one machine.
    pub(super) fn without_those_of_a_machine(mut self) -> Self {
        self.0
            .retain(|key, _| !OF_A_MACHINE.contains(&key.as_str()));
        self
    }

    pub(super) fn has_secrets(&self) -> bool {
        let is_told = |(key, value): (&str, &str)| {
            is_secret(key) || super::fault::without_secrets(value) != value
        };
        self.iter().any(is_told)
    }

    /// The values that no text may contain.
    pub(super) fn secrets(&self) -> Vec<String> {
        self.iter()
            .filter(|(key, value)| is_secret(key) && value.len() >= 4)
            .map(|(_, value)| value.to_string())
            .collect()
    }

    /// As options of `CREATE TABLE … WITH`, secrets hidden.
    pub fn to_sql_options(&self) -> Vec<(String, OptionValue)> {
        let shown = |(key, value): (&str, &str)| {
            let value = match is_secret(key) {
                true => "***".to_string(),
                false => super::fault::without_secrets(value),
            };
            (key.to_string(), OptionValue::Text(value))
        };
        self.iter().map(shown).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(service: Service, entries: &[(&str, &str)]) -> Result<StoreOptions> {
        let entries = entries
            .iter()
            .map(|(name, value)| (name.to_string(), OptionValue::Text(value.to_string())));
        let mut options = Options::new(entries.collect())?;
        let taken = StoreOptions::take(service, &mut options)?;
        options.finish()?;
        Ok(taken)
    }

    #[test]
    fn options_go_by_any_of_their_names() {
        let by_one = taken(
            Service::S3,
            &[("endpoint", "http://h"), ("AWS_REGION", "r")],
        )
        .unwrap();
        let by_other = taken(
            Service::S3,
            &[("aws_endpoint_url", "http://h"), ("region", "r")],
        )
        .unwrap();
        assert_eq!(by_one, by_other);
        let error = taken(Service::S3, &[("aws_regoin", "r")]).unwrap_err();
        assert_eq!(error.sqlstate(), "42704");
        assert!(error.hint.unwrap().contains("aws_region"));
        for (service, name) in [
            (Service::Gcs, "aws_region"),
            (Service::S3, "aws_bucket"),
            (Service::Http, "aws_region"),
        ] {
            assert!(taken(service, &[(name, "x")]).is_err(), "{name}");
        }
    }

    #[test]
    fn listed_names_are_understood_and_canonical() {
        for service in [Service::S3, Service::Azure, Service::Gcs, Service::Http] {
            for name in listed(service) {
                assert!(canonical(service, name).is_some(), "{name}");
            }
        }
        for key in TOGETHER.iter().flat_map(|group| group.iter()) {
            let known = [Service::S3, Service::Azure, Service::Gcs]
                .into_iter()
                .any(|service| canonical(service, key).as_deref() == Some(*key));
            assert!(known, "{key}");
        }
    }

    #[test]
    fn values_that_no_request_can_have_are_refused() {
        for (service, name, value) in [
            (Service::S3, "aws_endpoint", "x"),
            (Service::S3, "aws_endpoint", "ftp://h"),
            (Service::S3, "aws_region", "eu west"),
            (Service::S3, "aws_session_token", "hush\nhush"),
            (Service::S3, "aws_access_key_id", "hüsh"),
            (Service::Azure, "account_name", "a/b"),
            (Service::Gcs, "google_base_url", "//h"),
            (Service::Http, "proxy_url", "h"),
        ] {
            let error = taken(service, &[(name, value)]).unwrap_err();
            assert_eq!(error.sqlstate(), "22023", "{name}");
            assert!(!format!("{error:?}").contains("hush"), "{error:?}");
        }
        let text = "{\n}";
        assert!(taken(Service::Gcs, &[("google_service_account_key", text)]).is_ok());
    }

    #[test]
    fn credentials_are_not_mixed() {
        let environment = StoreOptions::of(
            Service::S3,
            [
                ("aws_access_key_id", "env"),
                ("aws_session_token", "env"),
                ("aws_region", "env"),
            ],
        );
        let with = StoreOptions::of(
            Service::S3,
            [
                ("aws_access_key_id", "with"),
                ("aws_secret_access_key", "with"),
            ],
        );
        let merged = with.over(&environment);
        assert_eq!(merged.get("aws_session_token"), None);
        assert_eq!(merged.get("aws_access_key_id"), Some("with"));
        assert_eq!(merged.get("aws_region"), Some("env"));
    }

    #[test]
    fn secrets_are_hidden() {
        let options = StoreOptions::of(
            Service::S3,
            [("aws_secret_access_key", "hush-hush"), ("aws_region", "r")],
        );
        let sql = format!("{options:?} {:?}", options.to_sql_options());
        assert!(!sql.contains("hush"), "{sql}");
        assert_eq!(options.secrets(), ["hush-hush"]);
    }
}
