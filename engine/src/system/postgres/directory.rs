//! What functions ask of the catalog and the session, for one statement.

use std::fmt;
use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use futures::future::BoxFuture;

use super::objects::{DATABASE, Entry, Objects, Origin};
use super::{Functions, classes, fixed};
use crate::catalog::{CATALOG_NAME, PG_TEMP, Privilege, RelationKind, SessionCatalog, Snapshot};
use crate::error::{Error, Kind, Result};
use crate::execution::Registry;
use crate::function::directory::{Class, Directory};
use crate::settings::Settings;
use crate::sql::{pg_type, quote_identifier};
use crate::table::Warehouse;

/// Sets a setting of the session, by its name, its value and whether it ends with the transaction;
/// gives what it is then.
pub type Setter = Arc<dyn Fn(&str, &str, bool) -> Result<String> + Send + Sync>;

/// What is known of a session.
#[derive(Clone)]
pub struct SessionInfo {
    pub catalog: Arc<SessionCatalog>,
    pub warehouse: Arc<Warehouse>,
    pub registry: Arc<Registry>,
    pub functions: Arc<Functions>,
    pub search_path: Vec<String>,
    pub user: String,
    pub pid: i32,
    pub started_us: i64,
    pub set: Setter,
}

/// The directory of one statement; the objects are looked up when a function asks for the first.
pub struct SessionDirectory {
    info: SessionInfo,
    objects: OnceLock<Objects>,
}

impl fmt::Debug for SessionDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionDirectory").finish_non_exhaustive()
    }
}

impl SessionDirectory {
    pub fn new(info: SessionInfo) -> Self {
        Self {
            info,
            objects: OnceLock::new(),
        }
    }

    fn objects(&self) -> &Objects {
        self.objects
            .get_or_init(|| Objects::of(&self.info.catalog.snapshot()))
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.info.catalog.snapshot()
    }

    /// The relation, if the user may look at it.
    fn seen(&self, oid: u32) -> Option<&Entry> {
        let entry = self.objects().by_oid(oid)?;
        entry
            .is_seen_by(&self.snapshot(), &self.info.user)
            .then_some(entry)
    }

    /// The schemas in which a relation is looked up: the session's temporary one and PostgreSQL's own
    /// first, where the setting does not name them.
    fn path(&self) -> impl Iterator<Item = &str> {
        let objects = self.objects();
        let own = &self.info.search_path;
        let implicit = |name| (!own.iter().any(|s| s == name)).then(|| objects.meant(name));
        let implicit = [implicit(PG_TEMP), implicit("pg_catalog")];
        let own = own.iter().map(|schema| objects.meant(schema));
        implicit.into_iter().flatten().chain(own)
    }

    fn relation(&self, parts: &[String]) -> Option<u32> {
        let objects = self.objects();
        let found = match parts {
            [name] => self
                .path()
                .find_map(|schema| objects.relation(schema, name)),
            [schema, name] => objects.relation(objects.meant(schema), name),
            [catalog, schema, name] if catalog == CATALOG_NAME => objects.relation(schema, name),
            _ => None,
        };
        found.map(|entry| entry.oid)
    }
}

impl Directory for SessionDirectory {
    fn oid(&self, class: Class, name: &str) -> Option<u32> {
        if class == Class::Type {
            return pg_type::by_spelling(name).map(|t| t.oid);
        }
        let parts = parts(name)?;
        let last = parts.last()?;
        match class {
            Class::Relation => self.relation(&parts),
            Class::Function => {
                let name = last.split('(').next().unwrap_or(last);
                self.info.functions.by_name(name).map(|f| f.oid)
            }
            Class::Namespace => self.objects().namespaces.get(last).copied(),
            Class::Role => {
                let roles = fixed::roles(&self.snapshot());
                roles.into_iter().find(|r| r.name == *last).map(|r| r.oid)
            }
            Class::Collation => match last.as_str() {
                "default" => Some(100),
                "C" => Some(950),
                "POSIX" => Some(951),
                _ => None,
            },
            Class::Type => None,
        }
    }

    fn name(&self, class: Class, oid: u32) -> Option<String> {
        match class {
            Class::Relation => {
                let entry = self.objects().by_oid(oid)?;
                let name = quote_identifier(&entry.name);
                Some(match self.is_visible(class, oid) {
                    Some(true) => name,
                    _ => format!("{}.{name}", quote_identifier(&entry.schema)),
                })
            }
            Class::Type => pg_type::by_oid(oid).map(|_| pg_type::format_type(oid, None)),
            Class::Function => self.info.functions.by_oid(oid).map(|f| f.name.clone()),
            Class::Namespace => {
                let mut named = self.objects().namespaces.iter();
                named
                    .find(|(_, known)| **known == oid)
                    .map(|(name, _)| quote_identifier(name))
            }
            Class::Role => {
                let roles = fixed::roles(&self.snapshot());
                roles.into_iter().find(|r| r.oid == oid).map(|r| r.name)
            }
            Class::Collation => match oid {
                100 => Some("\"default\"".to_string()),
                950 => Some("\"C\"".to_string()),
                951 => Some("\"POSIX\"".to_string()),
                _ => None,
            },
        }
    }

    fn is_visible(&self, class: Class, oid: u32) -> Option<bool> {
        match class {
            Class::Relation => {
                let entry = self.objects().by_oid(oid)?;
                Some(self.relation(std::slice::from_ref(&entry.name)) == Some(oid))
            }
            _ => self.name(class, oid).map(|_| true),
        }
    }

    fn view_definition(&self, oid: u32) -> Option<String> {
        classes::definition(self.seen(oid)?)
    }

    fn description(&self, catalog: &str, oid: u32) -> Option<String> {
        match catalog {
            "pg_database" if oid == DATABASE => None,
            "pg_class" => match &self.objects().by_oid(oid)?.origin {
                Origin::System(table) => Some(table.doc.to_string()),
                _ => None,
            },
            _ => None,
        }
    }

    fn arguments(&self, oid: u32) -> Option<String> {
        self.info.functions.by_oid(oid).map(|f| f.arguments.clone())
    }

    fn user(&self) -> String {
        self.info.user.clone()
    }

    fn is_superuser(&self) -> bool {
        self.snapshot().is_superuser(&self.info.user)
    }

    fn allows(&self, user: &str, class: Class, oid: u32, privilege: &str) -> Option<bool> {
        let snapshot = self.snapshot();
        let is = |word: &str| privilege.eq_ignore_ascii_case(word);
        let access = match class {
            Class::Relation => match &self.objects().by_oid(oid)?.origin {
                Origin::User(relation) => relation.access.clone(),
                _ => return Some(is("select") || snapshot.is_superuser(user)),
            },
            Class::Namespace => {
                let mut named = self.objects().namespaces.iter();
                let (name, _) = named.find(|(_, known)| **known == oid)?;
                match snapshot.schemas.get(name) {
                    Some(schema) => schema.access.clone(),
                    None => return Some(is("usage") || snapshot.is_superuser(user)),
                }
            }
            _ => return None,
        };
        let known = Privilege::ALL.iter().find(|p| is(p.name()));
        // What cannot be granted only the owner may do.
        Some(match known {
            Some(privilege) => snapshot.may(user, &access, *privilege),
            None => snapshot.owns(user, &access),
        })
    }

    fn schemas(&self, with_implicit: bool) -> Vec<String> {
        let known = &self.objects().namespaces;
        let path = self.path().filter(|name| known.contains_key(*name));
        let own = &self.info.search_path;
        let named = |name: &str| own.iter().any(|s| self.objects().meant(s) == name);
        path.filter(|name| with_implicit || named(name))
            .map(str::to_string)
            .collect()
    }

    fn temporary_schema(&self) -> Option<u32> {
        let schema = self.snapshot().temporary.clone()?;
        self.objects().namespaces.get(&schema).copied()
    }

    fn backend_pid(&self) -> i32 {
        self.info.pid
    }

    fn cancel(&self, pid: i64) -> Result<bool> {
        let queries = self.info.registry.queries();
        let mut of_session = queries.iter().filter(|q| i64::from(q.session) == pid);
        let Some(query) = of_session.next_back() else {
            return Ok(false);
        };
        if !self.is_superuser() && query.user != self.info.user {
            return Err(Error::new(
                Kind::Privilege,
                "permission denied to cancel queries of other users",
            ));
        }
        query.cancel();
        Ok(true)
    }

    fn set(&self, name: &str, value: &str, local: bool) -> Result<String> {
        Settings::allow(name, self.is_superuser())?;
        (self.info.set)(name, value, local)
    }

    fn bytes(&self, oid: u32) -> BoxFuture<'static, Result<Option<i64>>> {
        let entry = self.seen(oid).map(|entry| entry.origin.clone());
        let warehouse = Arc::clone(&self.info.warehouse);
        async move {
            let folder = match entry {
                None => return Ok(None),
                Some(Origin::User(relation)) => match &relation.kind {
                    RelationKind::Managed(managed) => managed.folder.clone(),
                    _ => return Ok(Some(0)),
                },
                Some(_) => return Ok(Some(0)),
            };
            let version = warehouse.latest(&folder).await?;
            let files: Vec<usize> = (0..version.file_count()?).collect();
            Ok(i64::try_from(version.bytes(&files)?).ok())
        }
        .boxed()
    }

    fn started_us(&self) -> i64 {
        self.info.started_us
    }
}

/// `a."B c".d` → its parts, folded to lower case where they have no quotes.
fn parts(name: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = name.trim();
    loop {
        let part;
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut text = String::new();
            let mut letters = quoted.char_indices().peekable();
            let end = loop {
                match letters.next()? {
                    (_, '"') if letters.next_if(|(_, c)| *c == '"').is_some() => text.push('"'),
                    (at, '"') => break at + 1,
                    (_, letter) => text.push(letter),
                }
            };
            part = text;
            rest = quoted.get(end..)?.trim_start();
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            part = rest.get(..end)?.trim().to_lowercase();
            rest = rest.get(end..)?;
        }
        if part.is_empty() {
            return None;
        }
        parts.push(part);
        match rest.strip_prefix('.') {
            Some(more) => rest = more.trim_start(),
            None if rest.trim().is_empty() => return Some(parts),
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn names_are_read_as_sql_reads_them() {
        let read = |name: &str| parts(name).map(|p| p.join("|"));
        assert_eq!(read("T"), Some("t".to_string()));
        assert_eq!(read("a.\"B.\"\"c\""), Some("a|B.\"c".to_string()));
        assert_eq!(read("\"a\" . B"), Some("a|b".to_string()));
        assert_eq!(read("a."), None);
        assert_eq!(read("\"a"), None);
    }
}
