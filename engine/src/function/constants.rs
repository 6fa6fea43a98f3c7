//! What a statement may build of constants alone, all together.
//!
//! The optimizer calls a function whose arguments are constants and keeps what it gives in the plan, of which
//! the memory pool knows nothing. Each value is bounded; this bounds their sum.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::common::Result;
use datafusion::common::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};

use crate::error::{Error, Kind};

/// What is shorter is not counted.
const SHORT_BYTES: usize = 64 << 10;

/// The part of the memory of all queries that the constants of one may take.
const POOL_SHARE: usize = 8;

/// The bytes that are left to a statement, as an extension of DataFusion's options.
#[derive(Debug, Clone)]
pub struct Constants {
    left_bytes: Arc<AtomicUsize>,
}

impl Constants {
    /// For one statement.
    pub fn within(pool_bytes: usize) -> Self {
        Self {
            left_bytes: Arc::new(AtomicUsize::new(pool_bytes / POOL_SHARE)),
        }
    }
}

/// 54000 when the statement has built too much of constants, with these bytes.
pub(super) fn count(config: &ConfigOptions, bytes: usize) -> Result<()> {
    let Some(constants) = config.extensions.get::<Constants>() else {
        return Ok(());
    };
    if bytes < SHORT_BYTES {
        return Ok(());
    }
    let order = Ordering::Relaxed;
    let taken = constants
        .left_bytes
        .fetch_update(order, order, |left| left.checked_sub(bytes));
    match taken {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::new(
            Kind::LimitExceeded,
            "the constants of the query take too much memory",
        )
        .hint("Long values that functions make of constants count together.")
        .into()),
    }
}

impl ExtensionOptions for Constants {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, _: &str) -> Result<()> {
        Err(Error::unsupported(format!("the option {key}")).into())
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        Vec::new()
    }
}

impl ConfigExtension for Constants {
    const PREFIX: &'static str = "quern_constants";
}
