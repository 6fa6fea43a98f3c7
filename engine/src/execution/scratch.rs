//! The folder of this process for files that end with it: what queries spill, and the tables of an
//! engine without a data folder.
//!
//! It has a name of its own in the spill folder and a file that stays locked as long as the process
//! lives. A process that is killed leaves its folder behind; the next one finds it unlocked and removes
//! it. What has no such file, or another owner, is left alone.

use std::fs::{DirEntry, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::{Error, Kind, Result};
use crate::settings::Settings;

/// Begins the folders' names.
const PREFIX: &str = "quern-process-";

/// The file that stays locked.
const LOCK: &str = "lock";

/// What the file says, by which our folders are known.
const MARK: &str = "The folder of a Quern process: removed when nobody holds this file locked.\n";

#[derive(Debug)]
pub struct ProcessFolder {
    folder: TempDir,
    _lock: File,
}

impl ProcessFolder {
    /// The folder of this process; those of processes that are gone are removed. `None` when the
    /// system's temporary folder cannot be written, which matters only to queries that spill.
    pub fn make(settings: &Settings) -> Result<Option<Self>> {
        let Some(parent) = settings.spill_dir() else {
            let made = Self::below(&std::env::temp_dir());
            return Ok(made
                .inspect_err(|error| tracing::warn!(%error, "no folder to spill to"))
                .ok());
        };
        let made = std::fs::create_dir_all(parent).and_then(|()| Self::below(Path::new(parent)));
        made.map(Some).map_err(|e| {
            let message = format!("cannot write to the spill folder \"{parent}\": {e}");
            Error::new(Kind::Io, message)
                .hint("Set quern.spill_dir to a folder that can be written.")
        })
    }

    fn below(parent: &Path) -> std::io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let folder = builder.prefix(PREFIX).tempdir_in(parent)?;
        let unlocked = folder.path().join("lock.new");
        let mut lock = File::create_new(&unlocked)?;
        lock.write_all(MARK.as_bytes())?;
        // Under its name it is always locked; where files cannot be, it does not get the name.
        if lock.try_lock().is_ok() {
            std::fs::rename(unlocked, folder.path().join(LOCK))?;
        }
        remove_abandoned(parent, folder.path());
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().to_path_buf()
    }
}

/// Removes the folders of processes that are gone.
fn remove_abandoned(parent: &Path, own: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let named = entry.file_name();
        let named = named.to_str().is_some_and(|name| name.starts_with(PREFIX));
        if !named || !same_owner(&entry, own) {
            continue;
        }
        if let Some(_lock) = abandoned(&entry.path())
            && let Err(error) = std::fs::remove_dir_all(entry.path())
        {
            let path = entry.path();
            tracing::warn!(path = %path.display(), %error, "a dead process's folder stays");
        }
    }
}

/// Whether the entry is a folder, not a link to one, of the owner of `own`.
fn same_owner(entry: &DirEntry, own: &Path) -> bool {
    let (Ok(theirs), Ok(ours)) = (entry.metadata(), std::fs::metadata(own)) else {
        return false;
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        theirs.is_dir() && theirs.uid() == ours.uid()
    }
    #[cfg(not(unix))]
    {
        theirs.is_dir() && ours.is_dir()
    }
}

/// The folder's lock, if nobody else has it.
fn abandoned(folder: &Path) -> Option<File> {
    let path = folder.join(LOCK);
    if !std::fs::symlink_metadata(&path).ok()?.is_file() {
        return None;
    }
    let lock = File::open(path).ok()?;
    let mut mark = String::new();
    let most = MARK.len() as u64;
    (&lock).take(most).read_to_string(&mut mark).ok()?;
    (mark == MARK && lock.try_lock().is_ok()).then_some(lock)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_abandoned_folders_of_ours_are_removed() {
        let parent = tempfile::tempdir().unwrap();
        let place = |name: &str| parent.path().join(name);
        let alive = ProcessFolder::below(parent.path()).unwrap();
        for (name, lock) in [
            ("quern-process-dead", Some(MARK)),
            ("quern-process-unmarked", Some("something else")),
            ("quern-process-starting", None),
            ("another", Some(MARK)),
        ] {
            std::fs::create_dir(place(name)).unwrap();
            std::fs::write(place(name).join("file"), "x").unwrap();
            if let Some(lock) = lock {
                std::fs::write(place(name).join(LOCK), lock).unwrap();
            }
        }
        let second = ProcessFolder::below(parent.path()).unwrap();
        assert!(!place("quern-process-dead").exists());
        for name in [
            "quern-process-unmarked",
            "quern-process-starting",
            "another",
        ] {
            assert!(place(name).join("file").exists(), "{name}");
        }
        assert!(alive.path().exists());
        let path = second.path();
        drop(second);
        assert!(!path.exists());
    }
}
