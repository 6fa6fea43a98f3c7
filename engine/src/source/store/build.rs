//! Makes a store from plain data: the one place where stores are constructed.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientConfigKey, ClientOptions, ObjectStore, RetryConfig};
use serde::{Deserialize, Serialize};

use super::address::{Address, Service};
use super::fault::Telling;
use super::options::StoreOptions;
use super::remote::Remote;
use super::transport::Connector;
use crate::error::{Error, Kind, Result};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest pause before a request is repeated.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Everything that a store is made from, except for the environment of the process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Plan {
    pub address: Address,
    /// `WITH` over the session's settings.
    pub options: StoreOptions,
    pub limits: Limits,
}

/// How long a store is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limits {
    /// Without an answer, or without a piece of the file.
    pub answer: Duration,
    /// For all tries of a request together.
    pub retry: Duration,
}

impl Plan {
    /// The name of the store in DataFusion's registry. Stores that are reached differently have
    /// different names, whatever users call them.
    pub fn url(&self) -> Result<ObjectStoreUrl> {
        let address = &self.address;
        let url = format!("{}://{}", self.distinct_scheme(), address.authority);
        Ok(ObjectStoreUrl::parse(url)?)
    }

    /// Where the store's files are in the paths of all stores, so that caches by path never mix
    /// two stores: `s3+0123…:/bucket`.
    pub fn mount(&self) -> Result<Path> {
        let path = format!("{}:/{}", self.distinct_scheme(), self.address.authority);
        Path::parse(path).map_err(Error::internal)
    }

    fn distinct_scheme(&self) -> String {
        format!(
            "{}+{:016x}{:016x}",
            self.address.scheme,
            self.fingerprint(1),
            self.fingerprint(2)
        )
    }

    fn fingerprint(&self, seed: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        (seed, self).hash(&mut hasher);
        hasher.finish()
    }

    pub fn build(&self) -> Result<Arc<dyn ObjectStore>> {
        self.build_over(&StoreOptions::of_environment(self.address.service))
    }

    /// The same with the environment of another process.
    pub(super) fn build_over(&self, environment: &StoreOptions) -> Result<Arc<dyn ObjectStore>> {
        let service = self.address.service;
        let options = self.options.over(environment);
        options.check()?;
        let telling = Telling {
            secrets: self.secrets(&options),
            credentials: credentials_hint(service),
        };
        let inner = self.inner(&options).map_err(|error| {
            let place = self.address.shown();
            let cause = telling.scrubbed(&error.to_string());
            Error::new(
                Kind::InvalidParameterValue,
                format!("the options of \"{place}\" are not usable"),
            )
            .detail(cause)
            .hint(credentials_hint(service))
        })?;
        Ok(Arc::new(Remote::new(
            inner,
            self.mount()?,
            &self.address,
            telling,
            self.limits,
        )))
    }

    pub(super) fn secrets(&self, options: &StoreOptions) -> Vec<String> {
        let mut secrets = options.secrets();
        if let Some((_, password)) = self.address.user.as_ref().and_then(|u| u.split_once(':')) {
            secrets.push(password.to_string());
        }
        secrets.extend(self.address.queries.values().cloned());
        secrets.retain(|secret| secret.len() >= 4);
        secrets
    }

    fn inner(&self, options: &StoreOptions) -> object_store::Result<Arc<dyn ObjectStore>> {
        let authority = self.address.authority.as_str();
        let connector = Connector {
            answer_timeout: self.limits.answer,
            authorization: self.authorization(),
            queries: self.address.queries.clone(),
        };
        let retry = retry_config(self.limits);
        let client = self.client_options(options);
        Ok(match self.address.service {
            Service::S3 => {
                let mut builder = AmazonS3Builder::new()
                    .with_bucket_name(authority)
                    .with_client_options(client);
                for (key, value) in options.iter() {
                    builder = builder.with_config(key.parse::<AmazonS3ConfigKey>()?, value);
                }
                let builder = builder.with_retry(retry).with_http_connector(connector);
                Arc::new(builder.build()?)
            }
            Service::Gcs => {
                let mut builder = GoogleCloudStorageBuilder::new()
                    .with_bucket_name(authority)
                    .with_client_options(client);
                for (key, value) in options.iter() {
                    builder = builder.with_config(key.parse::<GoogleConfigKey>()?, value);
                }
                let builder = builder.with_retry(retry).with_http_connector(connector);
                Arc::new(builder.build()?)
            }
            Service::Azure => {
                let mut builder = MicrosoftAzureBuilder::new().with_client_options(client);
                for (key, value) in options.iter() {
                    builder = builder.with_config(key.parse::<AzureConfigKey>()?, value);
                }
                builder = match authority.contains('@') {
                    true => builder.with_url(format!("abfss://{authority}/")),
                    false => builder.with_container_name(authority),
                };
                let builder = builder.with_retry(retry).with_http_connector(connector);
                Arc::new(builder.build()?)
            }
            Service::Http => {
                let mut builder = HttpBuilder::new()
                    .with_url(self.address.base_url())
                    .with_client_options(client);
                for (key, value) in options.iter() {
                    builder = builder.with_config(key.parse::<ClientConfigKey>()?, value);
                }
                let builder = builder.with_retry(retry).with_http_connector(connector);
                Arc::new(builder.build()?)
            }
        })
    }

    fn authorization(&self) -> Option<String> {
        let user = self.address.user.as_ref()?;
        Some(format!("Basic {}", base64(user.as_bytes())))
    }

    fn client_options(&self, options: &StoreOptions) -> ClientOptions {
        // Whoever writes http:// says that it shall be http.
        let endpoints = [
            "aws_endpoint",
            "aws_endpoint_url_s3",
            "azure_storage_endpoint",
            "google_base_url",
        ];
        let plain = endpoints
            .iter()
            .filter_map(|key| options.get(key))
            .any(|endpoint| endpoint.starts_with("http://"));
        let emulator = options.get("azure_storage_use_emulator") == Some("true");
        ClientOptions::new()
            .with_timeout_disabled()
            .with_connect_timeout(CONNECT_TIMEOUT.min(self.limits.answer))
            .with_allow_http(plain || emulator || self.address.scheme == "http")
    }
}

/// As many tries as there is time for.
fn retry_config(limits: Limits) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: LONGEST_PAUSE.min(limits.retry / 4),
            base: 2.0,
        },
        max_retries: match limits.retry.is_zero() {
            true => 0,
            false => usize::MAX,
        },
        retry_timeout: limits.retry,
    }
}

fn credentials_hint(service: Service) -> &'static str {
    match service {
        Service::S3 => {
            "Give aws_access_key_id, aws_secret_access_key, aws_region and, for other services than Amazon's, aws_endpoint as options, settings or environment variables; aws_skip_signature = true reads public data."
        }
        Service::Azure => {
            "Give azure_storage_account_name and azure_storage_account_key (or azure_storage_sas_key) as options, settings or environment variables; azure_skip_signature = true reads public data."
        }
        Service::Gcs => {
            "Give google_service_account (a file) or google_service_account_key (its text) as an option, a setting or an environment variable; google_skip_signature = true reads public data."
        }
        Service::Http => "Give a user in the URL, https://user:password@host/…, or a signed URL.",
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |n: u32| char::from(*DIGITS.get((n & 63) as usize).unwrap_or(&b'='));
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        text.push(digit(bits >> 18));
        text.push(digit(bits >> 12));
        text.push(if group.len() > 1 {
            digit(bits >> 6)
        } else {
            '='
        });
        text.push(if group.len() > 2 { digit(bits) } else { '=' });
    }
    text
}
