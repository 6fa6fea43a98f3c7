//! The memory that queries share and the disk they spill to.
//!
//! Invariant: there is always a pool with a limit, and it is fair: each operator that can spill gets
//! its share, so one query cannot starve another.

use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use sysinfo::{MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System};

use super::ProcessFolder;
use crate::error::Result;
use crate::settings::Settings;

/// Share of the machine's memory when the limit is `auto`.
const AUTO_SHARE: f64 = 0.6;

/// Sorted runs that are merged at a time: few enough that the merge's buffers fit a small pool.
const SPILL_MERGE_FAN_IN: usize = 8;

/// Operators that an out-of-memory error names.
const CONSUMERS_IN_ERRORS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(3);

/// The limit in force: the setting, or a share of what the container or the machine allows.
pub fn memory_limit_bytes(settings: &Settings) -> u64 {
    settings.memory_limit_bytes().unwrap_or_else(|| {
        let system = System::new_with_specifics(
            RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram()),
        );
        let container = system
            .cgroup_limits()
            .map_or(u64::MAX, |limits| limits.total_memory);
        (container.min(system.total_memory()) as f64 * AUTO_SHARE) as u64
    })
}

/// Memory that this process holds, as the operating system counts it; 0 when it cannot be told.
pub fn resident_bytes() -> u64 {
    let Ok(pid) = sysinfo::get_current_pid() else {
        return 0;
    };
    let mut system = System::new();
    system.refresh_processes_specifics(
        ProcessesToUpdate::Some(&[pid]),
        false,
        ProcessRefreshKind::nothing().with_memory(),
    );
    system.process(pid).map_or(0, |process| process.memory())
}

/// The runtime that every query of an engine shares.
pub(crate) fn runtime(
    settings: &Settings,
    folder: Option<&ProcessFolder>,
) -> Result<Arc<RuntimeEnv>> {
    let limit = usize::try_from(memory_limit_bytes(settings)).unwrap_or(usize::MAX);
    let pool = TrackConsumersPool::new(FairSpillPool::new(limit), CONSUMERS_IN_ERRORS);
    let mode = match folder {
        Some(folder) => DiskManagerMode::Directories(vec![folder.path()]),
        None => DiskManagerMode::OsTmpDirectory,
    };
    let disk = DiskManagerBuilder::default()
        .with_mode(mode)
        .with_max_temp_directory_size(settings.spill_limit_bytes())
        .with_max_spill_merge_fan_in(SPILL_MERGE_FAN_IN);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(pool))
        .with_disk_manager_builder(disk);
    Ok(runtime.build_arc()?)
}
