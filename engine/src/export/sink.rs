//! Where the bytes of one file go: a temporary file beside its place, renamed when it is whole, or
//! an object store, which shows a file when its upload is complete.

use std::fmt;
use std::path::{Path as LocalPath, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use async_compression::tokio::write::{BzEncoder, GzipEncoder, XzEncoder, ZstdEncoder};
use object_store::ObjectStore;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use parking_lot::Mutex;
use tempfile::TempPath;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::error::{Error, Kind, Result};
use crate::source::Compression;

/// A file or folder on this machine or in a store.
#[derive(Clone)]
pub enum Place {
    Local(PathBuf),
    Remote(Arc<dyn ObjectStore>, Path),
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Local(path) => write!(f, "{}", path.display()),
            Place::Remote(_, path) => write!(f, "{path}"),
        }
    }
}

impl Place {
    pub fn below(&self, parts: &[String]) -> Self {
        match self {
            Place::Local(path) => Place::Local(parts.iter().fold(path.clone(), |p, n| p.join(n))),
            Place::Remote(store, path) => {
                let names = parts
                    .iter()
                    .map(|n| object_store::path::PathPart::from(n.as_str()));
                let path = path.parts().chain(names).collect();
                Place::Remote(Arc::clone(store), path)
            }
        }
    }
}

/// Complete files of a statement on this machine; `None` when it failed, and no more are to appear.
#[derive(Debug)]
pub struct Finished {
    paths: Mutex<Option<Vec<PathBuf>>>,
}

impl Default for Finished {
    fn default() -> Self {
        Self {
            paths: Mutex::new(Some(Vec::new())),
        }
    }
}

impl Finished {
    /// Removes them, because the statement failed after all.
    pub fn remove(&self) {
        for path in self.paths.lock().take().into_iter().flatten() {
            let _ = std::fs::remove_file(path);
        }
    }
}

pub(super) struct Sink {
    writer: Pin<Box<dyn AsyncWrite + Send>>,
    /// The temporary file and its place.
    local: Option<(TempPath, PathBuf)>,
}

impl Sink {
    pub fn open(place: &Place, compression: Compression) -> Result<Self> {
        let (raw, local): (Pin<Box<dyn AsyncWrite + Send>>, _) = match place {
            Place::Remote(store, path) => (
                Box::pin(BufWriter::new(Arc::clone(store), path.clone())),
                None,
            ),
            Place::Local(path) => {
                let (file, temporary) = beside(path).map_err(|e| cannot_write(path, &e))?;
                let file = tokio::fs::File::from_std(file);
                (Box::pin(file) as _, Some((temporary, path.clone())))
            }
        };
        let writer: Pin<Box<dyn AsyncWrite + Send>> = match compression {
            Compression::None => raw,
            Compression::Gzip => Box::pin(GzipEncoder::new(raw)),
            Compression::Bzip2 => Box::pin(BzEncoder::new(raw)),
            Compression::Xz => Box::pin(XzEncoder::new(raw)),
            Compression::Zstd => Box::pin(ZstdEncoder::new(raw)),
        };
        Ok(Self { writer, local })
    }

    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.writer
            .write_all(bytes)
            .await
            .map_err(|e| self.failed(&e))
    }

    /// Makes the file appear.
    pub async fn finish(mut self, finished: &Finished) -> Result<()> {
        self.writer.shutdown().await.map_err(|e| self.failed(&e))?;
        let Some((temporary, path)) = self.local.take() else {
            return Ok(());
        };
        drop(self.writer);
        // Held meanwhile, so that no file appears after the others were removed.
        if let Some(paths) = finished.paths.lock().as_mut() {
            temporary
                .persist(&path)
                .map_err(|e| cannot_write(&path, &e.error))?;
            paths.push(path);
        }
        Ok(())
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        match &self.local {
            Some((_, path)) => cannot_write(path, error),
            None => Error::new(Kind::Io, format!("cannot write: {error}")),
        }
    }
}

/// A temporary file in the folder of a path, which is made if it is not there.
fn beside(path: &LocalPath) -> std::io::Result<(std::fs::File, TempPath)> {
    let folder = path.parent().unwrap_or(LocalPath::new("/"));
    std::fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    Ok(builder
        .prefix(".quern-copy-")
        .tempfile_in(folder)?
        .into_parts())
}

fn cannot_write(path: &LocalPath, error: &std::io::Error) -> Error {
    let message = format!("cannot write file \"{}\": {error}", path.display());
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            Error::new(Kind::DiskFull, message)
        }
        _ => Error::new(Kind::Io, message).hint("Check the path, its rights, and the disk."),
    }
}
