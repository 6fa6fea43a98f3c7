//! The files that a user may name: all of them, or those at the locations that the administrator
//! lists in `quern.allowed_locations`.
//!
//! A path of the local disk is judged by where it really leads, after all symbolic links: first
//! what a pattern's fixed part names, so that nothing outside is even listed, then each file that
//! was found. A URL is judged by its parts.

use std::path::{Path as LocalPath, PathBuf};
use std::sync::Arc;

use object_store::ObjectMeta;
use object_store::local::LocalFileSystem;

use super::glob;
use super::location::absolute;
use super::store::{Address, Service};
use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone, Default)]
pub enum Reach {
    #[default]
    Everything,
    /// What is at or below one of these locations.
    Within(Arc<[String]>),
}

/// What a location is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Read,
    Write,
}

impl Reach {
    pub fn is_everything(&self) -> bool {
        matches!(self, Self::Everything)
    }

    /// 42501 unless all of the absolute locations are within reach.
    pub fn admit(&self, locations: &[String], wish: Wish) -> Result<()> {
        let Self::Within(allowed) = self else {
            return Ok(());
        };
        let folders = Folders::of(allowed);
        for location in locations {
            let is_within = match Address::parse(location)? {
                Some((address, key)) => is_below_url(allowed, &address, &key),
                None => patterns(location, wish)?.all(|path| folders.hold(&path)),
            };
            if !is_within {
                return Err(refused(wish));
            }
        }
        Ok(())
    }

    /// The same for files that were found on the local disk: a link in a folder may lead elsewhere.
    pub fn admit_files(&self, files: &[ObjectMeta]) -> Result<()> {
        let Self::Within(allowed) = self else {
            return Ok(());
        };
        let folders = Folders::of(allowed);
        let disk = LocalFileSystem::new();
        let is_within = |file: &ObjectMeta| {
            let path = disk.path_to_filesystem(&file.location);
            path.is_ok_and(|path| folders.hold(&path))
        };
        match files.iter().all(is_within) {
            true => Ok(()),
            false => Err(refused(Wish::Read)),
        }
    }

    /// How a store is reached is the administrator's to say: a user's own endpoint would be anywhere.
    pub fn admit_store_options(&self, is_empty: bool) -> Result<()> {
        match self {
            Self::Within(_) if !is_empty => Err(Error::new(
                Kind::Privilege,
                "permission denied to say how an object store is reached",
            )
            .hint("Only superusers can; leave the options of the store out.")),
            _ => Ok(()),
        }
    }
}

fn refused(wish: Wish) -> Error {
    let (verb, instead) = match wish {
        Wish::Read => ("read", "make a table of them"),
        Wish::Write => ("write", "write them"),
    };
    Error::new(
        Kind::Privilege,
        format!("permission denied to {verb} files of the server"),
    )
    .hint(format!(
        "Ask the administrator to {instead}, or to list their folder in quern.allowed_locations."
    ))
}

/// The allowed folders of the local disk, as they really are.
struct Folders(Vec<PathBuf>);

impl Folders {
    fn of(allowed: &[String]) -> Self {
        let local = allowed.iter().filter(|text| {
            let parsed = Address::parse(text.trim());
            matches!(parsed, Ok(None))
        });
        let real = local.filter_map(|text| real_path(LocalPath::new(&absolute(text).ok()?)));
        Self(real.collect())
    }

    fn hold(&self, path: &LocalPath) -> bool {
        let Some(real) = real_path(path) else {
            return false;
        };
        self.0.iter().any(|folder| real.starts_with(folder))
    }
}

/// Where a path leads, whether or not its last parts exist; `None` when that cannot be told.
fn real_path(path: &LocalPath) -> Option<PathBuf> {
    let mut missing = Vec::new();
    let mut known = path;
    loop {
        match std::fs::canonicalize(known) {
            Ok(mut real) => {
                real.extend(missing.iter().rev());
                return Some(real);
            }
            // A link that leads nowhere would be followed once its target is made.
            Err(_) if std::fs::symlink_metadata(known).is_ok() => return None,
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return None,
            Err(_) => {
                missing.push(known.file_name()?);
                known = known.parent()?;
            }
        }
    }
}

/// The fixed part of each pattern that a location stands for. A location that is written is none.
fn patterns(location: &str, wish: Wish) -> Result<impl Iterator<Item = PathBuf>> {
    let is_pattern = wish == Wish::Read && glob::is_pattern(location);
    let expanded = match is_pattern {
        true => glob::expand_braces(location)?,
        false => vec![location.to_string()],
    };
    Ok(expanded.into_iter().map(move |text| {
        let fixed = text
            .split('/')
            .take_while(|part| !is_pattern || !glob::is_pattern(part));
        let fixed = fixed.collect::<Vec<_>>().join("/");
        match fixed.is_empty() {
            true => PathBuf::from("/"),
            false => PathBuf::from(fixed),
        }
    }))
}

/// Whether a key of a store is at or below an allowed URL, part by part.
fn is_below_url(allowed: &[String], address: &Address, key: &str) -> bool {
    let parts: Vec<&str> = key.split('/').collect();
    // A server may take these for what they are on a disk.
    let climbs = |part: &str| part.contains("..") || part == ".";
    let again = address.service == Service::Http && has_escape(key);
    if parts.iter().any(|part| climbs(part)) || key.contains('\\') || again {
        return false;
    }
    allowed.iter().any(|text| {
        let Ok(Some((place, prefix))) = Address::parse(text.trim()) else {
            return false;
        };
        let prefix = prefix.trim_end_matches('/');
        let mut expected = prefix.split('/').filter(|_| !prefix.is_empty());
        let mut found = parts.iter();
        place.scheme == address.scheme
            && place.authority == address.authority
            // A pattern's part is no fixed name.
            && expected.all(|part| found.next().is_some_and(|p| *p == part))
    })
}

/// Whether a key that was decoded would change if it were decoded once more, as some servers do.
fn has_escape(key: &str) -> bool {
    key.as_bytes().windows(3).any(|three| match three {
        [b'%', digits @ ..] => digits.iter().all(u8::is_ascii_hexdigit),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(allowed: &[&str]) -> Reach {
        Reach::Within(allowed.iter().map(|a| a.to_string()).collect())
    }

    fn admits(reach: &Reach, location: &str) -> bool {
        absolute(location).is_ok_and(|location| reach.admit(&[location], Wish::Read).is_ok())
    }

    #[test]
    fn only_what_is_below_a_listed_folder() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["data/in", "data2", "other"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let at = |path: &str| format!("{}/{path}", root.path().display());
        let reach = within(&[&at("data")]);
        for path in [
            "data",
            "data/",
            "data/in/x.csv",
            "data/*.csv",
            "data/in/../y",
            "data/{a,b}.csv",
        ] {
            assert!(admits(&reach, &at(path)), "{path}");
        }
        for path in [
            "data2",
            "data2/x.csv",
            "dat*/x.csv",
            "data/../other/x.csv",
            "data/in/../../other",
            "{data,other}/x.csv",
            "data/{in,../other}/x.csv",
            "data/{..,in}/other/x.csv",
            "*/x.csv",
        ] {
            assert!(!admits(&reach, &at(path)), "{path}");
        }
        assert!(!admits(&within(&[]), &at("data")));
        assert!(!admits(&reach, "/etc/passwd"));
        assert!(!admits(&reach, "/*/passwd"));
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_nowhere_else() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        std::fs::create_dir_all(at("data")).unwrap();
        std::fs::create_dir_all(at("other")).unwrap();
        std::fs::write(at("other/x.csv"), "a\n1\n").unwrap();
        symlink(at("other"), at("data/folder")).unwrap();
        symlink(at("other/x.csv"), at("data/file.csv")).unwrap();
        symlink(at("other/new.csv"), at("data/dangling.csv")).unwrap();
        symlink(at("data"), at("alias")).unwrap();
        let reach = within(&[at("data").to_str().unwrap()]);
        let admits = |path: &str| {
            let location = at(path).to_str().unwrap().to_string();
            let read = reach.admit(std::slice::from_ref(&location), Wish::Read);
            let write = reach.admit(&[location], Wish::Write);
            assert_eq!(read.is_ok(), write.is_ok(), "{path}");
            read.is_ok()
        };
        assert!(admits("data/new/x.csv"));
        assert!(admits("alias/x.csv"));
        assert!(!admits("data/folder/x.csv"));
        assert!(!admits("data/file.csv"));
        assert!(!admits("data/dangling.csv"));
        let found = |path: &str| ObjectMeta {
            location: object_store::path::Path::from_absolute_path(at(path)).unwrap(),
            last_modified: chrono::Utc::now(),
            size: 1,
            e_tag: None,
            version: None,
        };
        assert!(reach.admit_files(&[found("data/file.csv")]).is_err());
        assert!(reach.admit_files(&[found("data/folder/x.csv")]).is_err());
        std::fs::write(at("data/own.csv"), "a\n1\n").unwrap();
        assert!(reach.admit_files(&[found("data/own.csv")]).is_ok());
    }

    #[test]
    fn urls_are_compared_part_by_part() {
        let reach = within(&["s3://bucket/in", "https://host/a/", "gs://all"]);
        for url in [
            "s3://bucket/in",
            "s3a://bucket/in/x.csv",
            "s3://bucket/in/*.csv",
            "https://host/a/b.csv?sig=1",
            "https://user:pw@host/a/b.csv",
            "https://host/a/100%25.csv",
            "gs://all/x/y",
        ] {
            assert!(admits(&reach, url), "{url}");
        }
        for url in [
            "s3://bucket/input/x.csv",
            "s3://bucket/i*/x.csv",
            "s3://bucket/in/../out/x.csv",
            "s3://bucket/in/{..,x}/out/x.csv",
            "s3://bucket2/in/x.csv",
            "gs://bucket/in/x.csv",
            "http://host/a/b.csv",
            "https://host/ab.csv",
            "https://host/a/../b.csv",
            "https://host/a/%2e%2e/b.csv",
            "https://host/a/..%2fb.csv",
            "https://host/a/%252e%252e/b.csv",
            "https://host/a/x%252Fb.csv",
            "https://host:8080/a/b.csv",
            "https://host@evil/a/b.csv",
            "https://host.evil/a/b.csv",
        ] {
            assert!(!admits(&reach, url), "{url}");
        }
    }
}
