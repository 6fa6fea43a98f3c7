//! The engine's limits as plans and functions see them: an extension of DataFusion's options.

use datafusion::common::config::ConfigExtension;
use datafusion::common::extensions_options;
use datafusion::prelude::SessionConfig;

extensions_options! {
    /// What bounds a running query.
    pub struct Limits {
        /// Memory that all queries share, in bytes.
        pub pool_bytes: usize, default = usize::MAX
        /// The longest value that a function builds, in bytes.
        pub value_bytes: usize, default = 256 * 1024 * 1024
        /// Whether the plan is to need as little memory as it can, at the cost of time.
        pub frugal: bool, default = false
    }
}

impl ConfigExtension for Limits {
    const PREFIX: &'static str = "quern_limits";
}

/// Sort buffers that are set aside, so that a sort can always begin to merge what it spilled.
const MAX_SORT_RESERVATION_BYTES: usize = 10 << 20;
const MIN_SORT_RESERVATION_BYTES: usize = 512 << 10;

/// A plan may have some sorts at work in each partition.
const SORTS_AT_WORK: usize = 16;

impl Limits {
    /// Limits for a pool of this size.
    pub fn of_pool(pool_bytes: usize) -> Self {
        let default = Self::default();
        Self {
            pool_bytes,
            // Constants are copied some times while a query is planned.
            value_bytes: (pool_bytes / 16).clamp(16 << 20, default.value_bytes),
            ..default
        }
    }

    /// Sets the options of DataFusion that depend on the limits.
    pub fn apply(self, config: &mut SessionConfig) {
        let partitions = config.target_partitions().max(1);
        let reservation = self.pool_bytes / SORTS_AT_WORK / partitions;
        let options = config.options_mut();
        options.execution.sort_spill_reservation_bytes =
            reservation.clamp(MIN_SORT_RESERVATION_BYTES, MAX_SORT_RESERVATION_BYTES);
        options.extensions.insert(self);
    }
}
