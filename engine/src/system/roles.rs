//! `system.roles` and `system.grants`: who there is, and who may do what.

use arrow::datatypes::DataType;
use futures::FutureExt;

use super::{ScalarValue, SystemTable, TableRows, opt_text, text};
use crate::catalog::{Access, PUBLIC, Privilege};

pub(super) const ROLES: SystemTable = SystemTable {
    schema: "system",
    name: "roles",
    doc: "Users and other roles.",
    columns: &[
        ("role_name", DataType::Utf8),
        ("is_superuser", DataType::Boolean),
        ("can_login", DataType::Boolean),
        ("has_password", DataType::Boolean),
        ("member_of", DataType::Utf8),
    ],
    fill: |system, rows| {
        async move {
            let snapshot = system.snapshot();
            let sees_all = snapshot.is_superuser(&system.user);
            for (name, role) in &snapshot.roles {
                let has_password =
                    (sees_all || *name == system.user).then_some(role.verifier.is_some());
                let groups: Vec<_> = role.member_of.iter().map(String::as_str).collect();
                rows.push([
                    text(name),
                    ScalarValue::Boolean(Some(role.is_superuser)),
                    ScalarValue::Boolean(Some(role.can_login)),
                    ScalarValue::Boolean(has_password),
                    opt_text((!groups.is_empty()).then(|| groups.join(", "))),
                ]);
            }
            Ok(())
        }
        .boxed()
    },
};

pub(super) const GRANTS: SystemTable = SystemTable {
    schema: "system",
    name: "grants",
    doc: "What owners granted to others, on schemas, tables, views and models.",
    columns: &[
        ("object_type", DataType::Utf8),
        ("object_schema", DataType::Utf8),
        ("object_name", DataType::Utf8),
        ("owner", DataType::Utf8),
        ("grantee", DataType::Utf8),
        ("privilege", DataType::Utf8),
    ],
    fill: |system, rows| {
        async move {
            for (name, schema) in system.schemas() {
                push(rows, ["schema", &name], None, &schema.access);
            }
            for (name, relation) in system.relations().into_iter().chain(system.models()) {
                let object = [relation.kind.word(), &name.schema];
                push(rows, object, Some(&name.name), &relation.access);
            }
            Ok(())
        }
        .boxed()
    },
};

/// A row for each privilege of each grantee.
fn push(rows: &mut TableRows, object: [&str; 2], name: Option<&str>, access: &Access) {
    for (grantee, held) in &access.grants {
        let grantee = match grantee.as_str() {
            PUBLIC => "PUBLIC",
            role => role,
        };
        for privilege in held.iter().copied().map(Privilege::name) {
            rows.push([
                text(object[0]),
                text(object[1]),
                opt_text(name),
                text(&access.owner),
                text(grantee),
                text(privilege),
            ]);
        }
    }
}
