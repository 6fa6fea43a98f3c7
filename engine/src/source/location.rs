//! Where a table's files are: a file, a folder (with all below it) or a glob, on the local disk.
//!
//! A location is made absolute when the table is made, so that it means the same in any later
//! process. Listing is done each time a table is opened: files that came or went are seen.
//! The list is sorted by path and has no file twice.

use std::collections::BTreeMap;
use std::path::{Component, Path as LocalPath, PathBuf};
use std::sync::Arc;

use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::glob;
use crate::error::{Error, Kind, Result};

/// The files that one location stands for.
#[derive(Debug, Clone)]
pub struct Found {
    pub files: Vec<ObjectMeta>,
    /// The location names one file, so its name need not look like the table's format.
    pub exact: bool,
}

/// The store that all locations are in.
pub fn store_url() -> ObjectStoreUrl {
    ObjectStoreUrl::local_filesystem()
}

pub fn store(runtime: &RuntimeEnv) -> Result<Arc<dyn ObjectStore>> {
    Ok(runtime.object_store(store_url())?)
}

/// The path of a listed file as users know it.
pub fn shown(path: &Path) -> String {
    format!("/{path}")
}

/// Makes a location absolute: `~` and `file://` are resolved, a relative path starts at the
/// process's current directory. Globs stay as they are.
pub fn absolute(location: &str) -> Result<String> {
    let text = location.trim();
    if text.is_empty() {
        return Err(Error::new(
            Kind::InvalidParameterValue,
            "the location of a table cannot be empty",
        ));
    }
    let text = match text.split_once("://") {
        Some(("file", path)) => path,
        Some((scheme, _)) if is_scheme(scheme) => return Err(remote(scheme)),
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

fn is_scheme(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

fn remote(scheme: &str) -> Error {
    Error::unsupported(format!("a location at {scheme}://"))
        .hint("Name a local file or folder; copy the data to a local disk first.")
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

/// Lists the files of an absolute location.
pub async fn list(store: &Arc<dyn ObjectStore>, location: &str) -> Result<Found> {
    let mut files = BTreeMap::new();
    let mut exact = false;
    if !glob::is_pattern(location) || tokio::fs::metadata(location).await.is_ok() {
        let found = list_literal(store, location).await?;
        exact = found.exact;
        files.extend(found.files.into_iter().map(|f| (f.location.clone(), f)));
    } else {
        for pattern in glob::expand_braces(location) {
            let found = list_pattern(store, &pattern).await?;
            files.extend(found.into_iter().map(|f| (f.location.clone(), f)));
        }
    }
    if files.is_empty() {
        return Err(nothing(location));
    }
    Ok(Found {
        files: files.into_values().collect(),
        exact,
    })
}

fn nothing(location: &str) -> Error {
    let (message, hint) = if glob::is_pattern(location) {
        (
            format!("no files match \"{location}\""),
            "Check the pattern; it is matched from the root.",
        )
    } else {
        (
            format!("folder \"{location}\" has no data files"),
            "Check the path. Names that start with \"_\" or \".\" are not data.",
        )
    };
    Error::new(Kind::UndefinedFile, message).hint(hint)
}

async fn list_literal(store: &Arc<dyn ObjectStore>, location: &str) -> Result<Found> {
    let metadata = tokio::fs::metadata(location)
        .await
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::new(
                Kind::UndefinedFile,
                format!("file \"{location}\" does not exist"),
            )
            .hint("A relative path starts at the folder in which Quern was started."),
            std::io::ErrorKind::PermissionDenied => {
                Error::new(Kind::Io, format!("permission denied: \"{location}\""))
            }
            _ => Error::new(Kind::Io, format!("cannot read \"{location}\": {error}")),
        })?;
    let path = Path::from_absolute_path(location).map_err(|e| {
        Error::new(
            Kind::UndefinedFile,
            format!("not a usable path: \"{location}\""),
        )
        .detail(e.to_string())
    })?;
    if metadata.is_dir() {
        return Ok(Found {
            files: walk(store, &path).await?,
            exact: false,
        });
    }
    if !metadata.is_file() {
        return Err(Error::new(
            Kind::Io,
            format!("\"{location}\" is neither a file nor a folder"),
        ));
    }
    let file = store.head(&path).await.map_err(object_error)?;
    Ok(Found {
        files: vec![file],
        exact: true,
    })
}

/// Every file below a folder, except those in or with a name that starts with `_` or `.`.
async fn walk(store: &Arc<dyn ObjectStore>, folder: &Path) -> Result<Vec<ObjectMeta>> {
    let skipped = folder.parts().count();
    store
        .list(Some(folder))
        .try_filter(|file| {
            let hidden = file
                .location
                .parts()
                .skip(skipped)
                .any(|part| is_hidden(part.as_ref()));
            futures::future::ready(!hidden)
        })
        .try_collect()
        .await
        .map_err(object_error)
}

/// Names of markers and temporary files; a partition folder (`_k=v`) is not one.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
}

/// Walks the segments of a pattern, listing a folder only where a segment is not literal.
async fn list_pattern(store: &Arc<dyn ObjectStore>, pattern: &str) -> Result<Vec<ObjectMeta>> {
    let segments: Vec<&str> = pattern.split('/').filter(|s| !s.is_empty()).collect();
    let Some((last, parents)) = segments.split_last() else {
        return Ok(vec![]);
    };
    let mut folders = vec![Path::default()];
    for segment in parents {
        let mut next = Vec::new();
        for folder in folders {
            match *segment {
                "**" => next.extend(folders_below(store, folder).await?),
                literal if !glob::is_pattern(literal) => next.push(folder.join(literal)),
                pattern => next.extend(level(store, &folder, pattern).await?.1),
            }
        }
        next.sort();
        next.dedup();
        folders = next;
    }
    let mut files = Vec::new();
    for folder in folders {
        match *last {
            "**" => files.extend(walk(store, &folder).await?),
            pattern => {
                let (found, below) = level(store, &folder, pattern).await?;
                // `year=*` names folders only: all they hold is meant.
                if found.is_empty() {
                    for folder in below {
                        files.extend(walk(store, &folder).await?);
                    }
                }
                files.extend(found);
            }
        }
    }
    Ok(files)
}

/// The files and folders of one folder whose names fit the pattern.
async fn level(
    store: &Arc<dyn ObjectStore>,
    folder: &Path,
    pattern: &str,
) -> Result<(Vec<ObjectMeta>, Vec<Path>)> {
    let prefix = (folder.parts().next().is_some()).then_some(folder);
    let fits = |path: &Path| {
        path.filename()
            .is_some_and(|name| glob::matches(pattern, name))
    };
    let listed = match store.list_with_delimiter(prefix).await {
        Ok(listed) => listed,
        Err(object_store::Error::NotFound { .. }) => return Ok((vec![], vec![])),
        Err(error) => return Err(object_error(error)),
    };
    let files = listed
        .objects
        .into_iter()
        .filter(|f| fits(&f.location))
        .collect();
    let folders = listed.common_prefixes.into_iter().filter(fits).collect();
    Ok((files, folders))
}

/// The folder itself and every folder below it.
async fn folders_below(store: &Arc<dyn ObjectStore>, top: Path) -> Result<Vec<Path>> {
    let mut found = vec![top];
    let mut at = 0;
    while let Some(folder) = found.get(at).cloned() {
        found.extend(level(store, &folder, "*").await?.1);
        at += 1;
    }
    Ok(found)
}

/// An error of the store while it lists or opens.
pub fn object_error(error: object_store::Error) -> Error {
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

    fn names(found: &[ObjectMeta], root: &LocalPath) -> Vec<String> {
        let root = format!("{}/", root.display());
        let mut names: Vec<_> = found
            .iter()
            .map(|f| shown(&f.location).replace(&root, ""))
            .collect();
        names.sort();
        names
    }

    async fn listed(root: &LocalPath, pattern: &str) -> Vec<String> {
        let store = store(&RuntimeEnv::default()).unwrap();
        match list(&store, &format!("{}/{pattern}", root.display())).await {
            Ok(found) => names(&found.files, root),
            Err(error) => vec![error.sqlstate().to_string()],
        }
    }

    #[tokio::test]
    async fn files_folders_and_globs() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in [
            "a.csv",
            "b.csv",
            ".c.csv",
            "_SUCCESS",
            "x/y=1/d.csv",
            "x/y=2/e.csv",
            "x/_tmp/f.csv",
            "a b%20[1].csv",
        ] {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "a\n1\n").unwrap();
        }
        assert_eq!(listed(&root, "a.csv").await, ["a.csv"]);
        assert_eq!(listed(&root, "a b%20[1].csv").await, ["a b%20[1].csv"]);
        assert_eq!(listed(&root, "x").await, ["x/y=1/d.csv", "x/y=2/e.csv"]);
        assert_eq!(listed(&root, "[ab].csv").await, ["a.csv", "b.csv"]);
        assert_eq!(
            listed(&root, "{a,x/y=2/e}.csv").await,
            ["a.csv", "x/y=2/e.csv"]
        );
        assert_eq!(
            listed(&root, "**/[de].csv").await,
            ["x/y=1/d.csv", "x/y=2/e.csv"]
        );
        assert_eq!(listed(&root, "x/y=*").await, ["x/y=1/d.csv", "x/y=2/e.csv"]);
        assert_eq!(listed(&root, "*/**/e.csv").await, ["x/y=2/e.csv"]);
        assert_eq!(listed(&root, "none*").await, ["58P01"]);
        assert_eq!(listed(&root, "none").await, ["58P01"]);
    }

    #[test]
    fn locations_become_absolute() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(
            absolute("x/./*.csv").unwrap(),
            format!("{}/x/*.csv", here.display())
        );
        assert_eq!(absolute("file:///a/b/").unwrap(), "/a/b/");
        assert_eq!(absolute("s3://bucket/x").unwrap_err().sqlstate(), "0A000");
        assert_eq!(absolute(" ").unwrap_err().sqlstate(), "22023");
    }
}
