//! The texts that users write for a table's files: a file, a folder (with all below it) or a glob,
//! on the local disk or in an object store.
//!
//! A location is made absolute when the table is made, so that it means the same in any later
//! process.

use std::path::{Component, Path as LocalPath, PathBuf};

use super::store::{Address, is_remote};
use crate::error::{Error, Kind, Result};

pub use super::store::shown;

/// No system has longer paths; the braces of a pattern may be longer than what they stand for.
const MAX_LOCATION_BYTES: usize = 64 << 10;

/// Makes a location absolute: `~` and `file://` are resolved, a relative path starts at the
/// process's current directory. Globs stay as they are, and so do locations in an object store.
pub fn absolute(location: &str) -> Result<String> {
    let text = location.trim();
    if text.len() > MAX_LOCATION_BYTES {
        return Err(Error::new(
            Kind::LimitExceeded,
            format!("a location of {} bytes is too long", text.len()),
        )
        .hint("Name a folder, or give several locations."));
    }
    if text.is_empty() {
        return Err(Error::new(
            Kind::InvalidParameterValue,
            "the location of a table cannot be empty",
        ));
    }
    if is_remote(text) {
        Address::parse(text)?;
        return Ok(text.to_string());
    }
    let text = match text.split_once("://") {
        Some((scheme, path)) if scheme.eq_ignore_ascii_case("file") => path,
        _ => text,
    };
    let path = match text.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            let home = std::env::var("HOME").map_err(|_| {
                Error::new(
                    Kind::UndefinedFile,
                    format!("no home folder for \"{text}\""),
                )
                .hint("Write the whole path.")
            })?;
            PathBuf::from(format!("{home}{rest}"))
        }
        _ => PathBuf::from(text),
    };
    let path = match path.is_absolute() {
        true => path,
        false => std::env::current_dir()?.join(path),
    };
    let folder = if text.ends_with('/') { "/" } else { "" };
    let clean = normal(&path);
    Ok(format!("{}{folder}", clean.display()))
}

/// The path without `.` and `..`; `..` after a symbolic link means the link's target's parent.
fn normal(path: &LocalPath) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean = std::fs::canonicalize(&clean).unwrap_or(clean);
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

/// An error of the store while it lists or opens.
pub fn object_error(error: object_store::Error) -> Error {
    if let Some(ours) = Error::within(&error) {
        return ours;
    }
    match error {
        object_store::Error::NotFound { path, .. } => Error::new(
            Kind::UndefinedFile,
            format!("file \"/{}\" does not exist", path.trim_start_matches('/')),
        ),
        object_store::Error::PermissionDenied { path, .. } => Error::new(
            Kind::Io,
            format!("permission denied: \"/{}\"", path.trim_start_matches('/')),
        ),
        other => Error::new(Kind::Io, format!("cannot read the files: {other}")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn locations_become_absolute() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(
            absolute("x/./*.csv").unwrap(),
            format!("{}/x/*.csv", here.display())
        );
        assert_eq!(absolute("file:///a/b/").unwrap(), "/a/b/");
        assert_eq!(absolute(" s3://bucket/./x ").unwrap(), "s3://bucket/./x");
        assert_eq!(absolute("ftp://host/x").unwrap_err().sqlstate(), "0A000");
        assert_eq!(absolute(" ").unwrap_err().sqlstate(), "22023");
        let long = "x".repeat(MAX_LOCATION_BYTES + 1);
        assert_eq!(absolute(&long).unwrap_err().sqlstate(), "54000");
    }
}
