//! What runs and what is set: `pg_settings`, `pg_stat_activity`, `pg_timezone_names`.

use std::time::UNIX_EPOCH;

use futures::FutureExt;

use super::Fill;
use super::cells::row;
use super::objects::{DATABASE, OWNER};
use crate::catalog::CATALOG_NAME;
use crate::execution::Query;
use crate::settings::{SETTINGS, Scope, ValueType};
use crate::system::SystemTables;

pub(super) const FILLS: &[(&str, Fill)] = &[
    ("pg_settings", |system, rows| {
        async move {
            for setting in SETTINGS.iter() {
                let value = system.settings.value(setting);
                row!(rows,
                    "name" => setting.name,
                    "setting" => value,
                    "category" => "Quern",
                    "short_desc" => setting.doc,
                    "context" => match setting.scope {
                        Scope::Session => "user",
                        Scope::Start => "postmaster",
                        Scope::Fixed => "internal",
                    },
                    "vartype" => match setting.value_type {
                        ValueType::Count | ValueType::Integer(..) => "integer",
                        ValueType::Switch => "bool",
                        ValueType::Choice(_) => "enum",
                        _ => "string",
                    },
                    "source" => if value == setting.default { "default" } else { "session" },
                    "boot_val" => setting.default,
                    "reset_val" => setting.default,
                    "pending_restart" => false,
                );
            }
            Ok(())
        }
        .boxed()
    }),
    ("pg_stat_activity", |system, rows| {
        async move {
            for query in latest(system) {
                let at = query
                    .started_at
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                let started = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
                let over = query.progress().state.is_over();
                row!(rows,
                    "datid" => DATABASE,
                    "datname" => CATALOG_NAME,
                    "pid" => query.session,
                    "usesysid" => OWNER,
                    "usename" => &query.user,
                    "application_name" => &query.application,
                    "xact_start" => (!over).then_some(started),
                    "query_start" => started,
                    "state_change" => started,
                    "state" => if over { "idle" } else { "active" },
                    "query" => &query.text,
                    "backend_type" => "client backend",
                );
            }
            Ok(())
        }
        .boxed()
    }),
    ("pg_timezone_names", |system, rows| {
        async move {
            row!(rows, "name" => "UTC", "abbrev" => "UTC", "is_dst" => false);
            let own = system.settings.timezone();
            if own != "UTC" {
                row!(rows, "name" => own, "abbrev" => own, "is_dst" => false);
            }
            Ok(())
        }
        .boxed()
    }),
];

/// The last statement of each session that the registry knows.
fn latest(system: &SystemTables) -> Vec<std::sync::Arc<Query>> {
    let is_superuser = system.snapshot().is_superuser(&system.user);
    let visible = |user: &str| is_superuser || user == system.user;
    let mut found: Vec<std::sync::Arc<Query>> = Vec::new();
    let queries = system.registry.queries();
    for query in queries.into_iter().rev().filter(|q| visible(&q.user)) {
        if !found.iter().any(|known| known.session == query.session) {
            found.push(query);
        }
    }
    found
}
