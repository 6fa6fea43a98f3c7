//! Stores as other processes of a cluster get them: what this process made them from.

use std::collections::HashMap;

use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::build::Plan;
use super::options::StoreOptions;
use crate::error::Result;

/// The stores that were opened, by the URLs under which they are registered; an extension of every
/// session's `SessionConfig`.
#[derive(Debug, Default)]
pub struct OpenedStores(Mutex<HashMap<String, Plan>>);

impl OpenedStores {
    pub(super) fn add(&self, url: &ObjectStoreUrl, plan: Plan) {
        self.0.lock().insert(url.as_str().to_string(), plan);
    }

    /// The store of a URL for another process; `None` for one that was not opened here.
    pub fn carried(&self, url: &ObjectStoreUrl) -> Option<CarriedStore> {
        let plan = self.0.lock().get(url.as_str())?.clone();
        let environment =
            StoreOptions::of_environment(plan.address.service).without_those_of_a_machine();
        Some(CarriedStore { plan, environment })
    }
}

/// All that a store is made from, secrets among it. What proves who a machine is does not travel: the process
/// that makes the store takes its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CarriedStore {
    plan: Plan,
    /// What the environment of the process that opened it says.
    environment: StoreOptions,
}

impl CarriedStore {
    pub fn has_secrets(&self) -> bool {
        let address = &self.plan.address;
        let options = self.plan.options.over(&self.environment);
        address.user.is_some() || !address.queries.is_empty() || options.has_secrets()
    }

    /// Makes the store in this process, unless it is there, under the URL that it has in the other one.
    pub fn register(&self, runtime: &RuntimeEnv) -> Result<()> {
        let url = self.plan.url()?;
        if runtime.object_store(&url).is_err() {
            let own = StoreOptions::of_environment(self.plan.address.service);
            let store = self.plan.build_over(&self.environment.over(&own))?;
            runtime.register_object_store(url.as_ref(), store);
        }
        Ok(())
    }
}
