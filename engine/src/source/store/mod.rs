//! Object stores: the local disk, S3, GCS, Azure and HTTP servers behind one interface.
//!
//! [`Store::open`] goes from the text of a location to a store that is registered with DataFusion
//! under a URL of its own, so that two tables with different credentials for one bucket never share
//! a store, a cache entry or a right. What users see is always `s3://bucket/key`.

mod address;
mod body;
mod build;
mod carried;
mod fault;
mod options;
mod remote;
mod service;
mod transport;

use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::ObjectStore;
use object_store::path::Path;

pub use address::{Address, Service, is_remote};
pub use build::{Limits, Plan};
pub use carried::{CarriedStore, OpenedStores};
pub use options::StoreOptions;
pub use transport::retries;

use crate::error::{Error, Kind, Result};
use crate::settings::Settings;
use crate::sql::without_secrets;

/// What a session's settings say of stores; an extension of its `SessionConfig`.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    values: Vec<(&'static str, String)>,
    limits: Limits,
}

impl StoreSettings {
    pub fn of(settings: &Settings) -> Self {
        Self {
            values: settings.store_values(),
            limits: Limits {
                answer: settings.store_timeout(),
                retry: settings.store_retry_timeout(),
            },
        }
    }

    /// The same, but stores are reached as `other` says.
    pub fn reached_as(self, other: &Settings) -> Self {
        Self {
            values: other.store_values(),
            ..self
        }
    }

    fn options(&self, service: Service) -> StoreOptions {
        let pairs = self
            .values
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        StoreOptions::of(service, pairs)
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self::of(&Settings::default())
    }
}

/// A place in a store, ready to be read and written.
#[derive(Clone)]
pub struct Store {
    /// Under this URL the store is registered with the session's runtime.
    pub url: ObjectStoreUrl,
    pub store: Arc<dyn ObjectStore>,
    /// The location's path in the store. A glob is not resolved.
    pub prefix: Path,
    /// None: the local disk.
    pub service: Option<Service>,
    /// The location as users know it, without secrets.
    pub shown: String,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Store {
    /// Opens the store of an absolute location (see [`absolute`]). Nothing is requested yet.
    pub fn open(location: &str, options: &StoreOptions, state: &dyn Session) -> Result<Self> {
        let locations = [location.to_string()];
        let opened = Self::open_all(&locations, options, state)?;
        let nothing = || Error::internal("a location without a store");
        opened.into_iter().next().ok_or_else(nothing)
    }

    /// Opens several locations, which must be in one store.
    pub fn open_all(
        locations: &[String],
        options: &StoreOptions,
        state: &dyn Session,
    ) -> Result<Vec<Self>> {
        let mut keys = Vec::new();
        let mut whole: Option<Option<Address>> = None;
        for location in locations {
            let (address, key) = match Address::parse(location)? {
                Some((address, key)) => (Some(address), key),
                None => (None, location.clone()),
            };
            keys.push(key);
            let same = match (&mut whole, address) {
                (None, address) => {
                    whole = Some(address);
                    true
                }
                (Some(Some(known)), Some(address)) => known.join(address),
                (Some(None), None) => true,
                _ => false,
            };
            if !same {
                return Err(several_stores());
            }
        }
        let address = whole.flatten();
        let service = address.as_ref().map(|address| address.service);
        let (url, store, mount) = match address {
            Some(address) => remote(address, options, state)?,
            None => {
                let url = ObjectStoreUrl::local_filesystem();
                let store = state.runtime_env().object_store(&url)?;
                (url, store, Path::default())
            }
        };
        let places = locations.iter().zip(keys).map(|(location, key)| {
            let shown = without_secrets(location);
            let key = Path::parse(&key).map_err(|e| unusable(&shown, &e))?;
            Ok(Self {
                url: url.clone(),
                store: Arc::clone(&store),
                prefix: mount.parts().chain(key.parts()).collect(),
                service,
                shown,
            })
        });
        places.collect()
    }
}

/// The store of an address, made unless there is one already.
fn remote(
    address: Address,
    options: &StoreOptions,
    state: &dyn Session,
) -> Result<(ObjectStoreUrl, Arc<dyn ObjectStore>, Path)> {
    let settings = state.config().get_extension::<StoreSettings>();
    let settings = settings.unwrap_or_default();
    let plan = Plan {
        options: options.over(&settings.options(address.service)),
        address,
        limits: settings.limits,
    };
    let (url, mount) = (plan.url()?, plan.mount()?);
    let runtime = state.runtime_env();
    let store = match runtime.object_store(&url) {
        Ok(store) => store,
        Err(_) => {
            let store = plan.build()?;
            if let Some(opened) = state.config().get_extension::<OpenedStores>() {
                opened.add(&url, plan);
            }
            runtime.register_object_store(url.as_ref(), Arc::clone(&store));
            store
        }
    };
    Ok((url, store, mount))
}

fn several_stores() -> Error {
    Error::unsupported("a table whose locations are in several stores")
        .hint("Make a table of each, and a view with UNION ALL over them.")
}

fn unusable(shown: &str, error: &object_store::path::Error) -> Error {
    Error::new(
        Kind::UndefinedFile,
        format!("not a usable path: \"{shown}\""),
    )
    .detail(without_secrets(&error.to_string()))
}

/// The path of a file of any store as users know it: `/folder/file`, `s3://bucket/key`.
pub fn shown(path: &Path) -> String {
    let text = path.as_ref();
    let remote = text.split_once(":/").and_then(|(first, rest)| {
        let (scheme, _) = first.split_once('+')?;
        Some((address::known_scheme(scheme)?, rest))
    });
    match remote {
        Some((scheme, rest)) => format!("{scheme}://{rest}"),
        None => format!("/{text}"),
    }
}

/// A text in which paths stand as DataFusion prints them, with the paths that users know.
pub fn readable(text: &str) -> String {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('+') {
        let (before, after) = rest.split_at(at);
        let hex = after.get(1..1 + FINGERPRINT_DIGITS);
        let hex = hex.filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()));
        let end = hex.and_then(|_| after.get(1 + FINGERPRINT_DIGITS..)?.strip_prefix(":/"));
        done.push_str(before);
        match end {
            Some(end) => {
                done.push_str("://");
                rest = end.strip_prefix('/').unwrap_or(end);
            }
            None => {
                done.push('+');
                rest = after.get(1..).unwrap_or("");
            }
        }
    }
    done.push_str(rest);
    done
}

/// Of the part of a scheme that tells stores apart.
const FINGERPRINT_DIGITS: usize = 32;
