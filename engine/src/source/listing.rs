//! The files that a location stands for, listed each time a table is opened: files that came or
//! went are seen. The list is sorted by path and has no file twice.
//!
//! On the local disk a folder is known as one; in an object store a name is a file if there is an
//! object of that name, and a folder if there are objects below it. HTTP servers list nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::glob;
use super::location::object_error;
use super::store::{Service, Store};
use crate::error::{Error, Kind, Result};

/// Folders that are listed at a time.
const CONCURRENT: usize = 16;

/// The files that one location stands for.
#[derive(Debug, Clone)]
pub struct Found {
    pub files: Vec<ObjectMeta>,
    /// The location names one file, so its name need not look like the table's format.
    pub exact: bool,
}

/// Lists the files of an absolute location; `place` is the location's.
pub async fn list(place: &Store, location: &str) -> Result<Found> {
    let found = match place.service {
        None => list_local(place, location).await?,
        Some(Service::Http) => list_http(place, location).await?,
        Some(_) => list_remote(place, location).await?,
    };
    if found.files.is_empty() {
        return Err(nothing(place, location));
    }
    Ok(found)
}

fn nothing(place: &Store, location: &str) -> Error {
    let shown = &place.shown;
    let (message, hint) = if glob::is_pattern(location) {
        (
            format!("no files match \"{shown}\""),
            "Check the pattern; it is matched from the root.",
        )
    } else if place.service.is_some() && !location.ends_with('/') {
        (
            format!("file \"{shown}\" does not exist"),
            "There is no object of that name, and none below it.",
        )
    } else {
        (
            format!("folder \"{shown}\" has no data files"),
            "Check the path. Names that start with \"_\" or \".\" are not data.",
        )
    };
    Error::new(Kind::UndefinedFile, message).hint(hint)
}

/// All that a pattern matches, each once.
async fn list_patterns(place: &Store, root: &Path, pattern: &str) -> Result<Found> {
    let mut files = BTreeMap::new();
    for pattern in glob::expand_braces(pattern)? {
        let found = match place.service.is_some() && pattern.split('/').any(|s| s == "**") {
            true => match_all(&place.store, root, &pattern).await?,
            false => list_pattern(&place.store, root, &pattern).await?,
        };
        files.extend(found.into_iter().map(|f| (f.location.clone(), f)));
    }
    Ok(Found {
        files: files.into_values().collect(),
        exact: false,
    })
}

async fn list_local(place: &Store, location: &str) -> Result<Found> {
    if glob::is_pattern(location) && tokio::fs::metadata(location).await.is_err() {
        return list_patterns(place, &Path::default(), location).await;
    }
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
            files: sorted(walk(&place.store, &path).await?),
            exact: false,
        });
    }
    if !metadata.is_file() {
        return Err(Error::new(
            Kind::Io,
            format!("\"{location}\" is neither a file nor a folder"),
        ));
    }
    let file = place.store.head(&path).await.map_err(object_error)?;
    Ok(Found {
        files: vec![file],
        exact: true,
    })
}

async fn list_http(place: &Store, location: &str) -> Result<Found> {
    let path = location.split(['?', '#']).next().unwrap_or(location);
    let what = if path.ends_with('/') {
        "a folder"
    } else if path.contains(['*', '{']) {
        "a pattern"
    } else {
        let file = place
            .store
            .head(&place.prefix)
            .await
            .map_err(object_error)?;
        return Ok(exactly(file));
    };
    Err(
        Error::unsupported(format!("{what} on an HTTP server (\"{}\")", place.shown))
            .hint("An HTTP server does not list its files: name them, location = ARRAY['…', '…']."),
    )
}

fn exactly(file: ObjectMeta) -> Found {
    Found {
        files: vec![file],
        exact: true,
    }
}

async fn list_remote(place: &Store, location: &str) -> Result<Found> {
    let key = key_of(location);
    if glob::is_pattern(key) {
        let bucket: Path = place.prefix.parts().take(BUCKET_PARTS).collect();
        let found = list_patterns(place, &bucket, key).await?;
        if !found.files.is_empty() {
            return Ok(found);
        }
    }
    // A name that ends with a slash is a folder's.
    let named = match key.is_empty() || key.ends_with('/') {
        true => None,
        false => Some(place.store.head(&place.prefix).await),
    };
    if let Some(Ok(file)) = &named
        && file.size > 0
    {
        return Ok(exactly(file.clone()));
    }
    let below = walk(&place.store, &place.prefix).await;
    match (below, named) {
        (Ok(files), _) if !files.is_empty() => Ok(Found {
            files: sorted(files),
            exact: false,
        }),
        (_, Some(Ok(file))) => Ok(exactly(file)),
        // The answer to HEAD has no body, so the list knows better what is wrong with us.
        (Err(error), Some(Err(head))) => Err(match (error.kind, &head) {
            (Kind::StoreCredentials, _) | (_, object_store::Error::NotFound { .. }) => error,
            _ => object_error(head),
        }),
        (Err(error), None) => Err(error),
        (_, Some(Err(object_store::Error::NotFound { .. })) | None) => Ok(Found {
            files: vec![],
            exact: false,
        }),
        (_, Some(Err(error))) => Err(object_error(error)),
    }
}

/// The first parts of a path in an object store: the scheme and the bucket.
const BUCKET_PARTS: usize = 2;

/// The location's text after the bucket.
fn key_of(location: &str) -> &str {
    let after = location
        .split_once("://")
        .map_or(location, |(_, rest)| rest);
    after.split_once('/').map_or("", |(_, key)| key)
}

/// In the order of paths; without the empty objects that stand for folders.
fn sorted(mut files: Vec<ObjectMeta>) -> Vec<ObjectMeta> {
    files.sort_by(|a, b| a.location.cmp(&b.location));
    let mut kept: Vec<ObjectMeta> = Vec::with_capacity(files.len());
    for file in files {
        while let Some(last) = kept.last()
            && last.size == 0
            && file.location.prefix_matches(&last.location)
            && file.location != last.location
        {
            kept.pop();
        }
        kept.push(file);
    }
    kept
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
            // In an object store an empty object may stand for the folder itself.
            futures::future::ready(!hidden && file.location != *folder)
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
async fn list_pattern(
    store: &Arc<dyn ObjectStore>,
    root: &Path,
    pattern: &str,
) -> Result<Vec<ObjectMeta>> {
    let segments: Vec<&str> = pattern.split('/').filter(|s| !s.is_empty()).collect();
    let Some((last, parents)) = segments.split_last() else {
        return Ok(vec![]);
    };
    let mut folders = vec![root.clone()];
    for segment in parents {
        let found: Vec<Vec<Path>> = futures::stream::iter(folders)
            .map(|folder| below(store, folder, segment))
            .buffered(CONCURRENT)
            .try_collect()
            .await?;
        folders = found.into_iter().flatten().collect();
        folders.sort();
        folders.dedup();
    }
    let files: Vec<Vec<ObjectMeta>> = futures::stream::iter(folders)
        .map(|folder| files_in(store, folder, last))
        .buffered(CONCURRENT)
        .try_collect()
        .await?;
    Ok(files.into_iter().flatten().collect())
}

/// The folders that a segment before the last means.
async fn below(store: &Arc<dyn ObjectStore>, folder: Path, segment: &str) -> Result<Vec<Path>> {
    match segment {
        "**" => folders_below(store, folder).await,
        literal if !glob::is_pattern(literal) => Ok(Path::parse(format!("{folder}/{literal}"))
            .into_iter()
            .collect()),
        pattern => Ok(level(store, &folder, pattern).await?.1),
    }
}

/// The files that the last segment means.
async fn files_in(
    store: &Arc<dyn ObjectStore>,
    folder: Path,
    segment: &str,
) -> Result<Vec<ObjectMeta>> {
    if segment == "**" {
        return walk(store, &folder).await;
    }
    let (mut files, below) = level(store, &folder, segment).await?;
    // `year=*` names folders only: all they hold is meant.
    if files.is_empty() {
        for folder in below {
            files.extend(walk(store, &folder).await?);
        }
    }
    Ok(files)
}

/// The same for a pattern with `**` in an object store: one long list, matched as it comes, is
/// sooner there than a list of each folder.
async fn match_all(
    store: &Arc<dyn ObjectStore>,
    root: &Path,
    pattern: &str,
) -> Result<Vec<ObjectMeta>> {
    let segments: Vec<&str> = pattern.split('/').filter(|s| !s.is_empty()).collect();
    let literal = segments.iter().take_while(|s| !glob::is_pattern(s)).count();
    let (literal, segments) = segments.split_at(literal.min(segments.len()));
    let folder = Path::parse(format!("{root}/{}", literal.join("/")));
    let Ok(folder) = folder else {
        return Ok(vec![]);
    };
    let skipped = folder.parts().count();
    let mut files = Vec::new();
    let mut in_folders = Vec::new();
    let mut listed = store.list(Some(&folder));
    while let Some(file) = listed.try_next().await.map_err(object_error)? {
        let parts: Vec<_> = file.location.parts().skip(skipped).collect();
        let names: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
        match segments_match(segments, &names) {
            Some(0) => files.push(file.clone()),
            Some(_) => in_folders.push(file.clone()),
            None => {}
        }
    }
    Ok(match files.is_empty() {
        true => in_folders,
        false => files,
    })
}

/// How many names are left over, and not hidden, when the pattern's segments are used up; the
/// fewest.
fn segments_match(pattern: &[&str], names: &[&str]) -> Option<usize> {
    let Some((first, pattern)) = pattern.split_first() else {
        return names
            .iter()
            .all(|name| !is_hidden(name))
            .then_some(names.len());
    };
    if *first == "**" && pattern.is_empty() {
        return names.iter().all(|name| !is_hidden(name)).then_some(0);
    }
    if *first == "**" {
        let counts = (0..=names.len()).filter_map(|skip| {
            let (skipped, rest) = names.split_at(skip);
            let open = skipped.iter().all(|name| !is_hidden(name));
            open.then(|| segments_match(pattern, rest)).flatten()
        });
        return counts.min();
    }
    let (name, names) = names.split_first()?;
    let fits = match glob::is_pattern(first) {
        true => glob::matches(first, name),
        false => first == name,
    };
    fits.then(|| segments_match(pattern, names)).flatten()
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path as LocalPath;

    use datafusion::execution::SessionStateBuilder;

    use super::super::location::shown;
    use super::super::store::StoreOptions;
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
        let location = format!("{}/{pattern}", root.display());
        let state = SessionStateBuilder::new().build();
        let place = Store::open(&location, &StoreOptions::default(), &state).unwrap();
        match list(&place, &location).await {
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
    fn long_patterns_match_as_folders_do() {
        let matched = |pattern: &str, path: &str| {
            let pattern: Vec<&str> = pattern.split('/').collect();
            let names: Vec<&str> = path.split('/').collect();
            segments_match(&pattern, &names)
        };
        for (pattern, path, left) in [
            ("**", "a/b", Some(0)),
            ("**/*.csv", "a.csv", Some(0)),
            ("**/*.csv", "a/b.csv", Some(0)),
            ("a/**/b", "a/b", Some(0)),
            ("a/**/y=*", "a/x/y=1/f", Some(1)),
            ("**/*.csv", "_tmp/a.csv", None),
            ("**", ".hidden", None),
            ("**/b", "a/c", None),
        ] {
            assert_eq!(matched(pattern, path), left, "{pattern} {path}");
        }
    }

    #[test]
    fn markers_of_folders_are_no_files() {
        let file = |path: &str, size| ObjectMeta {
            location: Path::from(path),
            last_modified: chrono::DateTime::UNIX_EPOCH,
            size,
            e_tag: None,
            version: None,
        };
        let files = vec![file("a/b/c", 1), file("a", 0), file("a/b", 0), file("d", 0)];
        let kept: Vec<_> = sorted(files)
            .into_iter()
            .map(|f| f.location.to_string())
            .collect();
        assert_eq!(kept, ["a/b/c", "d"]);
    }
}
