//! One process at a time in a data folder.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::error::{Error, Kind, Result};

/// Held as long as the catalog is open; the operating system gives it back when the process dies.
#[derive(Debug)]
pub(super) struct FolderLock {
    _file: File,
}

impl FolderLock {
    pub fn acquire(folder: &Path) -> Result<Self> {
        let file = File::options()
            .create(true)
            .write(true)
            .truncate(false)
            .open(folder.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::new(
                Kind::Io,
                format!(
                    "the data folder \"{}\" is in use by another process",
                    folder.display()
                ),
            )
            .hint("Connect to that process, end it, or choose another folder with --data-dir.")),
            Err(TryLockError::Error(e)) => Err(Error::from(e)),
        }
    }
}
