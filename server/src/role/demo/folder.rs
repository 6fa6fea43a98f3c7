//! The data folder of the demo: whether it is complete, whose it is, and one run at a time in it.
//!
//! `quern-demo.json` lists every file with its size and is written last, so what it lists is there.
//! A folder that holds it, or `quern-demo.unfinished` from a run that was cut short, is ours; any
//! other folder with content is not touched. This holds when the process is killed at any instant;
//! the data is not worth the time to make it hold when the power fails.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use quern_engine::{Error, Kind, Result};
use serde::{Deserialize, Serialize};

use super::scale::Scale;
use super::work::{FOLDERS, Made};

/// Raised when the same scale gives other data.
const VERSION: u32 = 1;

const MANIFEST: &str = "quern-demo.json";
const UNFINISHED: &str = "quern-demo.unfinished";
const LOCK: &str = "quern-demo.lock";

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    version: u32,
    scale: String,
    files: Vec<Made>,
}

/// The folder, held by this process until it is dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

/// Where the data goes unless the user says.
pub fn default_path() -> PathBuf {
    std::env::temp_dir().join("quern-demo")
}

impl DataFolder {
    /// Opens the folder, which is made when it is not there.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |e: io::Error| unusable(path, &e);
        fs::create_dir_all(path).map_err(failed)?;
        let path = path.canonicalize().map_err(failed)?;
        let ours = [MANIFEST, UNFINISHED, LOCK]
            .iter()
            .any(|name| path.join(name).exists());
        let is_empty = fs::read_dir(&path).map_err(failed)?.next().is_none();
        if !ours && !is_empty {
            return Err(Error::new(
                Kind::Io,
                format!(
                    "the folder \"{}\" holds something else than the demo's data",
                    path.display()
                ),
            )
            .hint("Name an empty folder, or one that is not there yet, with --dir."));
        }
        let lock = File::options()
            .create(true)
            .write(true)
            .truncate(false)
            .open(path.join(LOCK))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::new(
                Kind::Io,
                format!("another demo is using the folder \"{}\"", path.display()),
            )
            .hint("Wait for it to end, or name another folder with --dir.")),
            Err(TryLockError::Error(e)) => Err(failed(e)),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether all data of the scale is there.
    pub fn is_complete(&self, scale: Scale) -> bool {
        let Some(manifest) = self.manifest() else {
            return false;
        };
        let there = |made: &Made| {
            fs::metadata(self.path.join(&made.path))
                .is_ok_and(|m| m.is_file() && m.len() == made.bytes)
        };
        manifest.version == VERSION
            && manifest.scale == scale.name()
            && !manifest.files.is_empty()
            && manifest.files.iter().all(there)
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        let files = self.manifest().map(|m| m.files).unwrap_or_default();
        files.iter().map(|made| made.bytes).sum()
    }

    fn manifest(&self) -> Option<Manifest> {
        let text = fs::read_to_string(self.path.join(MANIFEST)).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Removes what is there; until [`DataFolder::complete`] the folder counts as unfinished.
    pub fn start_over(&self) -> Result<()> {
        let start_over = || -> io::Result<()> {
            File::create(self.path.join(UNFINISHED))?;
            remove(&self.path.join(MANIFEST))?;
            FOLDERS
                .iter()
                .try_for_each(|name| remove(&self.path.join(name)))
        };
        start_over().map_err(|e| unusable(&self.path, &e))
    }

    /// Writes the manifest: from now on the data is trusted.
    pub fn complete(&self, scale: Scale, files: Vec<Made>) -> Result<()> {
        let manifest = Manifest {
            version: VERSION,
            scale: scale.name().to_string(),
            files,
        };
        let write = || -> io::Result<()> {
            let text = serde_json::to_string_pretty(&manifest)?;
            let temporary = self.path.join(UNFINISHED);
            fs::write(&temporary, text)?;
            fs::rename(temporary, self.path.join(MANIFEST))
        };
        write().map_err(|e| unusable(&self.path, &e))
    }

    /// Removes the data, and the folder if nothing else is in it.
    pub fn remove(self) -> Result<()> {
        self.start_over()?;
        for name in [UNFINISHED, LOCK] {
            remove(&self.path.join(name)).map_err(|e| unusable(&self.path, &e))?;
        }
        // It may hold something that the user put there.
        let _ = fs::remove_dir(&self.path);
        Ok(())
    }
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(e) => Err(e),
    };
    match removed {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// An error of the disk, with what the user can do.
pub fn unusable(path: &Path, error: &io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Kind::DiskFull,
        io::ErrorKind::Interrupted => Kind::Cancelled,
        _ => Kind::Io,
    };
    Error::new(
        kind,
        format!("cannot use the folder \"{}\": {error}", path.display()),
    )
    .hint("Name another folder with --dir, or less data with --scale tiny.")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_a_listed_and_unchanged_file_is_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        assert!(!data.is_complete(Scale::Tiny));
        data.start_over().unwrap();
        fs::create_dir(folder.path().join("tpch")).unwrap();
        fs::write(folder.path().join("tpch/a"), "abc").unwrap();
        let made = Made {
            path: "tpch/a".into(),
            bytes: 3,
        };
        data.complete(Scale::Tiny, vec![made]).unwrap();
        assert!(data.is_complete(Scale::Tiny));
        assert!(!data.is_complete(Scale::Normal));
        assert_eq!(data.bytes(), 3);
        fs::write(folder.path().join("tpch/a"), "ab").unwrap();
        assert!(!data.is_complete(Scale::Tiny));
        data.start_over().unwrap();
        assert!(!folder.path().join("tpch").exists());
    }

    #[test]
    fn folders_of_others_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.txt"), "").unwrap();
        assert_eq!(DataFolder::open(folder.path()).unwrap_err().kind, Kind::Io);
    }

    #[test]
    fn one_demo_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataFolder::open(folder.path()).unwrap();
        assert!(DataFolder::open(folder.path()).is_err());
        drop(first);
        DataFolder::open(folder.path()).unwrap();
    }

    #[test]
    fn a_removed_folder_is_gone() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("demo");
        let data = DataFolder::open(&path).unwrap();
        data.start_over().unwrap();
        data.remove().unwrap();
        assert!(!path.exists());
    }
}
