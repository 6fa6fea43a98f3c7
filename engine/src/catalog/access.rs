//! Who may do what with a schema or a relation: its owner everything, others what was granted.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{ADMINISTRATOR, DEFAULT_SCHEMA, Snapshot};

/// What can be granted. The order is that of PostgreSQL's access lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Privilege {
    Insert,
    Select,
    Update,
    Delete,
    Truncate,
    /// Of a schema: to use what is in it.
    Usage,
    /// Of a schema: to make tables and views in it.
    Create,
}

impl Privilege {
    pub const ALL: &[Self] = &[
        Self::Insert,
        Self::Select,
        Self::Update,
        Self::Delete,
        Self::Truncate,
        Self::Usage,
        Self::Create,
    ];
    pub const OF_RELATIONS: &[Self] = &[
        Self::Insert,
        Self::Select,
        Self::Update,
        Self::Delete,
        Self::Truncate,
    ];
    /// To predict with it, look at it and export it.
    pub const OF_MODELS: &[Self] = &[Self::Select];
    pub const OF_SCHEMAS: &[Self] = &[Self::Usage, Self::Create];

    pub fn name(self) -> &'static str {
        match self {
            Self::Insert => "INSERT",
            Self::Select => "SELECT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Truncate => "TRUNCATE",
            Self::Usage => "USAGE",
            Self::Create => "CREATE",
        }
    }

    /// Its letter in PostgreSQL's access lists.
    pub fn letter(self) -> char {
        match self {
            Self::Insert => 'a',
            Self::Select => 'r',
            Self::Update => 'w',
            Self::Delete => 'd',
            Self::Truncate => 'D',
            Self::Usage => 'U',
            Self::Create => 'C',
        }
    }
}

/// The grantee that stands for everybody; no role has this name.
pub const PUBLIC: &str = "";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    pub owner: String,
    /// By grantee; nobody has an empty set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub grants: BTreeMap<String, BTreeSet<Privilege>>,
}

/// What was made before there were owners is the administrator's.
impl Default for Access {
    fn default() -> Self {
        Self::of(ADMINISTRATOR)
    }
}

impl Access {
    pub fn of(owner: &str) -> Self {
        Self {
            owner: owner.to_string(),
            grants: BTreeMap::new(),
        }
    }

    /// That of a schema on which nothing was granted yet.
    pub(super) fn of_schema(name: &str) -> Self {
        let mut access = Self::default();
        if name == DEFAULT_SCHEMA {
            access.grant(PUBLIC, &[Privilege::Usage]);
        }
        access
    }

    /// The owner has every privilege anyway.
    pub fn grant(&mut self, grantee: &str, privileges: &[Privilege]) {
        if grantee != self.owner && !privileges.is_empty() {
            let held = self.grants.entry(grantee.to_string()).or_default();
            held.extend(privileges);
        }
    }

    pub fn revoke(&mut self, grantee: &str, privileges: &[Privilege]) {
        if let Some(held) = self.grants.get_mut(grantee) {
            held.retain(|privilege| !privileges.contains(privilege));
            if held.is_empty() {
                self.grants.remove(grantee);
            }
        }
    }

    /// The same with another owner, whose own grants mean nothing any more.
    pub fn owned_by(&self, owner: &str) -> Self {
        let mut access = self.clone();
        access.owner = owner.to_string();
        access.grants.remove(owner);
        access
    }

    /// The same after a role got another name; `None` when it does not know the role.
    pub fn renamed(&self, from: &str, to: &str) -> Option<Self> {
        let mut access = self.clone();
        if access.owner == from {
            access.owner = to.to_string();
        }
        if let Some(held) = access.grants.remove(from) {
            access.grants.insert(to.to_string(), held);
        }
        (access != *self).then_some(access)
    }

    /// PostgreSQL's texts of it, `None` when nothing was granted: `quern=arwdD/quern`, `ann=r/quern`.
    pub fn list(&self, of_owner: &[Privilege]) -> Option<Vec<String>> {
        if self.grants.is_empty() {
            return None;
        }
        let owner = listed(&self.owner);
        let letters = |held: &mut dyn Iterator<Item = Privilege>| -> String {
            held.map(Privilege::letter).collect()
        };
        let mut items = vec![format!(
            "{owner}={}/{owner}",
            letters(&mut of_owner.iter().copied())
        )];
        for (grantee, held) in &self.grants {
            let held = letters(&mut held.iter().copied());
            items.push(format!("{}={held}/{owner}", listed(grantee)));
        }
        Some(items)
    }
}

/// A role in an access list, quoted where PostgreSQL quotes it.
fn listed(role: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match role.chars().all(plain) {
        true => role.to_string(),
        false => format!("\"{}\"", role.replace('"', "\"\"")),
    }
}

impl Snapshot {
    pub fn is_superuser(&self, user: &str) -> bool {
        self.roles.get(user).is_some_and(|role| role.is_superuser)
    }

    /// The user and every role that it is a member of, directly or through others.
    pub fn roles_of<'a>(&'a self, user: &'a str) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::from([user]);
        let mut open = vec![user];
        while let Some(role) = open.pop().and_then(|name| self.roles.get(name)) {
            for group in &role.member_of {
                if found.insert(group) {
                    open.push(group);
                }
            }
        }
        found
    }

    /// Whether the user may do everything with it.
    pub fn owns(&self, user: &str, access: &Access) -> bool {
        self.is_superuser(user) || self.roles_of(user).contains(access.owner.as_str())
    }

    pub fn may(&self, user: &str, access: &Access, privilege: Privilege) -> bool {
        self.may_any(user, access, &[privilege])
    }

    /// Whether the user has one of the privileges.
    pub fn may_any(&self, user: &str, access: &Access, privileges: &[Privilege]) -> bool {
        if self.owns(user, access) {
            return true;
        }
        let roles = self.roles_of(user);
        access.grants.iter().any(|(grantee, held)| {
            (grantee == PUBLIC || roles.contains(grantee.as_str()))
                && privileges.iter().any(|p| held.contains(p))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Change, Role};

    #[test]
    fn memberships_reach_through_others() {
        let mut snapshot = Snapshot::initial();
        for (name, groups) in [("staff", &[][..]), ("team", &["staff"]), ("ann", &["team"])] {
            let role = Role {
                member_of: groups.iter().map(|g| g.to_string()).collect(),
                ..Role::default()
            };
            snapshot.apply(Change::PutRole(name.to_string(), role));
        }
        let mut access = Access::of("quern");
        access.grant("staff", &[Privilege::Select]);
        assert!(snapshot.may("ann", &access, Privilege::Select));
        assert!(!snapshot.may("ann", &access, Privilege::Insert));
        assert!(!snapshot.may("bob", &access, Privilege::Select));
        assert!(snapshot.owns("ann", &Access::of("staff")));
        assert!(!snapshot.owns("staff", &Access::of("ann")));
        assert!(snapshot.owns("quern", &Access::of("ann")));
    }

    #[test]
    fn lists_are_postgresqls() {
        let mut access = Access::of("quern");
        assert_eq!(access.list(Privilege::OF_RELATIONS), None);
        access.grant("Ann-Lee", &[Privilege::Select, Privilege::Insert]);
        access.grant(PUBLIC, &[Privilege::Select]);
        assert_eq!(
            access.list(Privilege::OF_RELATIONS).unwrap(),
            ["quern=arwdD/quern", "=r/quern", "\"Ann-Lee\"=ar/quern"]
        );
    }

    #[test]
    fn what_was_stored_without_an_owner_is_the_administrators() {
        let access: Access = serde_json::from_str(r#"{"owner":"ann"}"#).unwrap();
        assert_eq!(access, Access::of("ann"));
        assert_eq!(Access::default().owner, ADMINISTRATOR);
    }
}
