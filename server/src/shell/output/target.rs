//! Where bytes go: standard output, or a file that appears only when everything succeeded.

use std::fs::{File, Permissions};
use std::io::{BufWriter, IsTerminal, Stdout, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quern_engine::{Error, Kind, Result};
use tempfile::NamedTempFile;

use super::super::Problem;

const BUFFER_BYTES: usize = 128 << 10;

/// A handle on the destination; clones write to the same one.
#[derive(Clone)]
pub struct Target {
    /// Guards the destination; one sink at a time writes to it.
    shared: Arc<Mutex<Shared>>,
    is_terminal: bool,
    is_file: bool,
}

struct Shared {
    writer: BufWriter<Destination>,
    has_written: bool,
    /// A result that fills a whole file was written.
    is_full: bool,
}

enum Destination {
    Stdout(Stdout),
    /// Something that is no regular file, such as a pipe or a device.
    Direct(File),
    Pending(NamedTempFile, PathBuf),
    Gone,
}

impl Target {
    pub fn stdout() -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        Self::new(Destination::Stdout(std::io::stdout()), is_terminal, false)
    }

    /// A file beside `path`, which takes its name at [`Target::commit`] and vanishes without.
    pub fn file(path: &Path) -> Result<Self> {
        let failed = |e: std::io::Error| {
            let message = format!("cannot write \"{}\": {e}", path.display());
            Error::new(Kind::Io, message).hint("Check that its folder exists and can be written.")
        };
        // Through a link, the file that it names is replaced, not the link.
        let real = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let existing = std::fs::metadata(&real).ok();
        if existing.as_ref().is_some_and(|m| !m.is_file()) {
            let file = File::options().write(true).open(&real).map_err(failed)?;
            let is_terminal = file.is_terminal();
            return Ok(Self::new(Destination::Direct(file), is_terminal, false));
        }
        let folder = match real.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let temporary = tempfile::Builder::new()
            .prefix(".quern-")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)
            .map_err(failed)?;
        if let Some(existing) = existing {
            temporary
                .as_file()
                .set_permissions(existing.permissions())
                .map_err(failed)?;
        }
        Ok(Self::new(
            Destination::Pending(temporary, real),
            false,
            true,
        ))
    }

    fn new(destination: Destination, is_terminal: bool, is_file: bool) -> Self {
        let shared = Shared {
            writer: BufWriter::with_capacity(BUFFER_BYTES, destination),
            has_written: false,
            is_full: false,
        };
        Self {
            shared: Arc::new(Mutex::new(shared)),
            is_terminal,
            is_file,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// True for a file that can be written from its beginning to its end only.
    pub fn is_file(&self) -> bool {
        self.is_file
    }

    pub fn has_written(&self) -> bool {
        self.lock().has_written
    }

    pub fn forget_written(&self) {
        self.lock().has_written = false;
    }

    /// Takes the target for a result that must be alone in its file.
    pub fn fill(&self, format: &str) -> Result<()> {
        if std::mem::replace(&mut self.lock().is_full, true) {
            let message = format!("one result fills a {format} file");
            return Err(Error::new(Kind::Unsupported, message)
                .hint("Run one statement that gives rows for each file."));
        }
        Ok(())
    }

    /// Gives the file its name. Nothing can be written after.
    pub fn commit(&self) -> Result<(), Problem> {
        let mut shared = self.lock();
        shared.writer.flush()?;
        match std::mem::replace(shared.writer.get_mut(), Destination::Gone) {
            Destination::Pending(temporary, path) => {
                temporary.persist(&path).map_err(|e| e.error)?;
            }
            other => *shared.writer.get_mut() = other,
        }
        Ok(())
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut shared = self.lock();
        shared.has_written = true;
        shared.writer.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.lock().writer.flush()
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Destination::Stdout(out) => out.write(bytes),
            Destination::Direct(file) => file.write(bytes),
            Destination::Pending(file, _) => file.write(bytes),
            Destination::Gone => Err(std::io::Error::other("the file is complete")),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Destination::Stdout(out) => out.flush(),
            Destination::Direct(file) => file.flush(),
            Destination::Pending(file, _) => file.flush(),
            Destination::Gone => Ok(()),
        }
    }
}
