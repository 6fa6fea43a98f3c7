//! What never changes: the database, its roles, access methods, languages, collations.

use futures::FutureExt;

use super::Fill;
use super::cells::row;
use super::objects::{DATABASE, Derived, OWNER, PG_CATALOG};
use crate::catalog::{ADMINISTRATOR, CATALOG_NAME, Snapshot};
use crate::system::SystemTables;

/// Someone who owns objects, or may open a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Role {
    pub oid: u32,
    pub name: String,
    pub is_superuser: bool,
    pub can_login: bool,
    /// -1 for none.
    pub connection_limit: i32,
    pub member_of: Vec<String>,
}

/// The OID of a role follows from its name; the administrator's is PostgreSQL's first.
pub(super) fn role_oid(name: &str) -> u32 {
    match name {
        ADMINISTRATOR => OWNER,
        other => Derived::default().next("role", "", other),
    }
}

/// Every role: the one place that knows who there is.
pub(super) fn roles(snapshot: &Snapshot) -> Vec<Role> {
    let roles = snapshot.roles.iter().map(|(name, role)| Role {
        oid: role_oid(name),
        name: name.clone(),
        is_superuser: role.is_superuser,
        can_login: role.can_login,
        connection_limit: role
            .connection_limit
            .map_or(-1, |n| n.try_into().unwrap_or(i32::MAX)),
        member_of: role.member_of.iter().cloned().collect(),
    });
    roles.collect()
}

pub(super) const FILLS: &[(&str, Fill)] = &[
    ("pg_database", |_, rows| {
        async move {
            row!(rows,
                "oid" => DATABASE,
                "datname" => CATALOG_NAME,
                "datdba" => OWNER,
                "encoding" => 6,
                "datlocprovider" => 'c',
                "datallowconn" => true,
                "datconnlimit" => -1,
                "datfrozenxid" => 3,
                "datminmxid" => 1,
                "dattablespace" => 1663,
                "datcollate" => "C",
                "datctype" => "C",
            );
            Ok(())
        }
        .boxed()
    }),
    ("pg_roles", |system, rows| {
        async move {
            for role in all(system) {
                row!(rows,
                    "rolname" => role.name,
                    "rolsuper" => role.is_superuser,
                    "rolinherit" => true,
                    "rolcreaterole" => role.is_superuser,
                    "rolcreatedb" => role.is_superuser,
                    "rolcanlogin" => role.can_login,
                    "rolreplication" => false,
                    "rolconnlimit" => role.connection_limit,
                    "rolpassword" => "********",
                    "rolbypassrls" => role.is_superuser,
                    "oid" => role.oid,
                );
            }
            Ok(())
        }
        .boxed()
    }),
    ("pg_authid", |system, rows| {
        async move {
            for role in all(system) {
                row!(rows,
                    "oid" => role.oid,
                    "rolname" => role.name,
                    "rolsuper" => role.is_superuser,
                    "rolinherit" => true,
                    "rolcreaterole" => role.is_superuser,
                    "rolcreatedb" => role.is_superuser,
                    "rolcanlogin" => role.can_login,
                    "rolbypassrls" => role.is_superuser,
                    "rolconnlimit" => role.connection_limit,
                );
            }
            Ok(())
        }
        .boxed()
    }),
    ("pg_auth_members", |system, rows| {
        async move {
            for role in all(system) {
                for group in &role.member_of {
                    row!(rows,
                        "roleid" => role_oid(group),
                        "member" => role.oid,
                        "grantor" => OWNER,
                        "admin_option" => false,
                    );
                }
            }
            Ok(())
        }
        .boxed()
    }),
    ("pg_user", |system, rows| {
        async move {
            for role in all(system).into_iter().filter(|role| role.can_login) {
                row!(rows,
                    "usename" => role.name,
                    "usesysid" => role.oid,
                    "usecreatedb" => role.is_superuser,
                    "usesuper" => role.is_superuser,
                    "userepl" => false,
                    "usebypassrls" => role.is_superuser,
                    "passwd" => "********",
                );
            }
            Ok(())
        }
        .boxed()
    }),
    ("pg_am", |_, rows| {
        async move {
            for (oid, name, kind) in [(2, "heap", 't'), (403, "btree", 'i'), (405, "hash", 'i')] {
                row!(rows, "oid" => oid, "amname" => name, "amtype" => kind);
            }
            Ok(())
        }
        .boxed()
    }),
    ("pg_language", |_, rows| {
        async move {
            for (oid, name, trusted) in
                [(12, "internal", false), (13, "c", false), (14, "sql", true)]
            {
                row!(rows,
                    "oid" => oid,
                    "lanname" => name,
                    "lanowner" => OWNER,
                    "lanpltrusted" => trusted,
                );
            }
            Ok(())
        }
        .boxed()
    }),
    ("pg_collation", |_, rows| {
        async move {
            for (oid, name) in [(100, "default"), (950, "C"), (951, "POSIX")] {
                row!(rows,
                    "oid" => oid,
                    "collname" => name,
                    "collnamespace" => PG_CATALOG,
                    "collowner" => OWNER,
                    "collprovider" => if oid == 100 { 'd' } else { 'c' },
                    "collisdeterministic" => true,
                    "collencoding" => -1,
                    "collcollate" => (oid != 100).then_some(name),
                    "collctype" => (oid != 100).then_some(name),
                );
            }
            Ok(())
        }
        .boxed()
    }),
    ("pg_tablespace", |_, rows| {
        async move {
            for (oid, name) in [(1663, "pg_default"), (1664, "pg_global")] {
                row!(rows, "oid" => oid, "spcname" => name, "spcowner" => OWNER);
            }
            Ok(())
        }
        .boxed()
    }),
    ("pg_range", |_, rows| {
        async move {
            let ranges = [
                (3904_u32, 23_u32, 4451_u32),
                (3906, 1700, 4532),
                (3908, 1114, 4533),
                (3910, 1184, 4534),
                (3912, 1082, 4535),
                (3926, 20, 4536),
            ];
            for (range, of, multirange) in ranges {
                row!(rows, "rngtypid" => range, "rngsubtype" => of, "rngmultitypid" => multirange);
            }
            Ok(())
        }
        .boxed()
    }),
];

fn all(system: &SystemTables) -> Vec<Role> {
    roles(&system.snapshot())
}
