//! What the user may do with the relations and schemas that names are resolved to.

use super::Names;
use crate::catalog::{ObjectName, Privilege, Relation};
use crate::error::{Error, Kind, Result};
use crate::source::Reach;

/// What a statement needs of a relation that it names.
#[derive(Debug, Clone, Copy)]
pub enum Need {
    /// To know that it is there.
    Nothing,
    /// To have any privilege on it: enough to look at its definition.
    Any,
    Privilege(Privilege),
    Owner,
    /// To own it, or its schema.
    Drop,
}

impl Need {
    pub const SELECT: Self = Self::Privilege(Privilege::Select);
    pub const INSERT: Self = Self::Privilege(Privilege::Insert);
    pub const UPDATE: Self = Self::Privilege(Privilege::Update);
    pub const DELETE: Self = Self::Privilege(Privilege::Delete);
    pub const TRUNCATE: Self = Self::Privilege(Privilege::Truncate);
}

impl Names {
    pub fn is_superuser(&self) -> bool {
        self.snapshot.is_superuser(&self.user)
    }

    /// 42501 unless the user may do with the relation what the statement needs.
    pub fn require(&self, name: &ObjectName, relation: &Relation, need: Need) -> Result<()> {
        let (snapshot, access) = (&self.snapshot, &relation.access);
        let owns = || snapshot.owns(&self.user, access);
        let word = relation.kind.word();
        let refused = match need {
            Need::Nothing => false,
            Need::Any => !snapshot.may_any(&self.user, access, Privilege::OF_RELATIONS),
            Need::Privilege(privilege) => !snapshot.may(&self.user, access, privilege),
            Need::Owner if owns() => false,
            Need::Drop if owns() || self.owns_schema(&name.schema) => false,
            Need::Owner | Need::Drop => return Err(must_own(word, &name.name)),
        };
        match refused {
            true => Err(denied(word, &name.name)),
            false => Ok(()),
        }
    }

    /// Whether the user may do it in the schema; those of the system are open to everybody.
    pub fn may_in_schema(&self, schema: &str, privilege: Privilege) -> bool {
        let Some(schema) = self.snapshot.schemas.get(schema) else {
            return true;
        };
        self.snapshot.may(&self.user, &schema.access, privilege)
    }

    pub fn require_schema(&self, schema: &str, privilege: Privilege) -> Result<()> {
        match self.may_in_schema(schema, privilege) {
            true => Ok(()),
            false => Err(denied("schema", schema)),
        }
    }

    fn owns_schema(&self, schema: &str) -> bool {
        let schema = self.snapshot.schemas.get(schema);
        schema.is_some_and(|s| self.snapshot.owns(&self.user, &s.access))
    }

    /// The files that the user may name.
    pub fn reach(&self) -> Reach {
        self.reach_of(&self.user)
    }

    /// The files that a table or view of that owner may stand for.
    pub fn reach_of(&self, owner: &str) -> Reach {
        match self.snapshot.is_superuser(owner) {
            true => Reach::Everything,
            false => Reach::Within(self.allowed_locations.clone()),
        }
    }
}

pub fn denied(word: &str, name: &str) -> Error {
    Error::new(
        Kind::Privilege,
        format!("permission denied for {word} {name}"),
    )
}

pub fn must_own(word: &str, name: &str) -> Error {
    Error::new(Kind::Privilege, format!("must be owner of {word} {name}"))
}
