//! Schemas and relations: `pg_namespace`, `pg_class`, `pg_tables`, `pg_views` and their kin.

use std::collections::BTreeSet;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::cells::{Rows, row};
use super::fixed::role_oid;
use super::objects::{Entry, Objects, Origin};
use super::{Fill, RELATIONS};
use crate::catalog::{Access, Privilege, RelationKind, View};
use crate::error::Result;
use crate::plan;
use crate::sql::parse_query;
use crate::system::SystemTables;
use datafusion::sql::sqlparser::ast::{self, Visit, Visitor};
use std::ops::ControlFlow;

pub(super) const FILLS: &[(&str, Fill)] = &[
    ("pg_namespace", |system, rows| {
        async move {
            let objects = system.objects();
            for (name, oid) in &objects.namespaces {
                let access = system.schema_access(name);
                row!(rows,
                    "oid" => *oid,
                    "nspname" => name,
                    "nspowner" => role_oid(&access.owner),
                    "nspacl" => access.list(Privilege::OF_SCHEMAS),
                );
            }
            Ok(())
        }
        .boxed()
    }),
    ("pg_class", |system, rows| {
        async move {
            for entry in &system.objects().relations {
                let is_table = entry.kind() == 'r';
                row!(rows,
                    "oid" => entry.oid,
                    "relname" => &entry.name,
                    "relnamespace" => entry.namespace,
                    "relowner" => role_oid(entry.owner()),
                    "relacl" => access_list(entry),
                    "relam" => if is_table { 2_u32 } else { 0 },
                    "relfilenode" => if is_table { entry.oid } else { 0 },
                    "reltuples" => tuples(entry),
                    "relpersistence" => persistence(entry),
                    "relkind" => entry.kind(),
                    "relnatts" => known_width(entry),
                    "relhasrules" => entry.kind() == 'v',
                    "relispopulated" => true,
                    "reloptions" => options(entry),
                    "relreplident" => if is_table { 'd' } else { 'n' },
                );
            }
            Ok(())
        }
        .boxed()
    }),
    ("pg_tables", |system, rows| {
        async move {
            let objects = system.objects();
            for entry in objects.relations.iter().filter(|e| e.kind() == 'r') {
                row!(rows,
                    "schemaname" => &entry.schema,
                    "tablename" => &entry.name,
                    "tableowner" => entry.owner(),
                    "hasindexes" => false,
                    "hasrules" => false,
                    "hastriggers" => false,
                    "rowsecurity" => false,
                );
            }
            Ok(())
        }
        .boxed()
    }),
    ("pg_views", |system, rows| {
        async move {
            let objects = system.objects();
            for entry in objects.relations.iter().filter(|e| e.kind() == 'v') {
                row!(rows,
                    "schemaname" => &entry.schema,
                    "viewname" => &entry.name,
                    "viewowner" => entry.owner(),
                    "definition" => definition(entry),
                );
            }
            Ok(())
        }
        .boxed()
    }),
    ("pg_rewrite", |system, rows| {
        async move {
            for (rule, view, _) in views(&system.objects()) {
                row!(rows,
                    "oid" => rule,
                    "rulename" => "_RETURN",
                    "ev_class" => view.oid,
                    "ev_type" => '1',
                    "ev_enabled" => 'O',
                    "is_instead" => true,
                );
            }
            Ok(())
        }
        .boxed()
    }),
    ("pg_depend", |system, rows| {
        async move {
            let objects = system.objects();
            let (class, rewrite) = (catalog("pg_class"), catalog("pg_rewrite"));
            for (rule, view, query) in views(&objects) {
                let used = used_by(&objects, query).into_iter().map(|oid| (oid, 'n'));
                for (oid, kind) in [(view.oid, 'i')].into_iter().chain(used) {
                    row!(rows,
                        "classid" => rewrite,
                        "objid" => rule,
                        "refclassid" => class,
                        "refobjid" => oid,
                        "deptype" => kind,
                    );
                }
            }
            Ok(())
        }
        .boxed()
    }),
    ("pg_stat_all_tables", tables_read),
    ("pg_stat_user_tables", tables_read),
];

/// The tables of users: nobody counts what is done with those of the system.
fn tables_read<'a>(system: &'a SystemTables, rows: &'a mut Rows) -> BoxFuture<'a, Result<()>> {
    async move {
        let objects = system.objects();
        for entry in &objects.relations {
            let Origin::User(relation) = &entry.origin else {
                continue;
            };
            if entry.kind() != 'r' {
                continue;
            }
            let statistics = relation.statistics.as_ref();
            row!(rows,
                "relid" => entry.oid,
                "schemaname" => &entry.schema,
                "relname" => &entry.name,
                "n_live_tup" => statistics.and_then(|s| i64::try_from(s.rows).ok()).unwrap_or(0),
                "n_dead_tup" => 0,
                "last_analyze" => statistics.map(|s| s.analyzed_ms.saturating_mul(1000)),
            );
        }
        Ok(())
    }
    .boxed()
}

fn access_list(entry: &Entry) -> Option<Vec<String>> {
    match &entry.origin {
        Origin::User(relation) => relation.access.list(match relation.kind {
            RelationKind::Model(_) => Privilege::OF_MODELS,
            _ => Privilege::OF_RELATIONS,
        }),
        _ => None,
    }
}

/// Rows that ANALYZE counted, or -1.
fn tuples(entry: &Entry) -> f64 {
    match &entry.origin {
        #[allow(clippy::cast_precision_loss)]
        Origin::User(relation) => relation.statistics.as_ref().map_or(-1.0, |s| s.rows as f64),
        _ => -1.0,
    }
}

/// Rows that PERSIST keeps are lost with the process, as those of an unlogged table may be.
fn persistence(entry: &Entry) -> char {
    match &entry.origin {
        _ if entry.is_temporary() => 't',
        Origin::User(relation) if matches!(relation.kind, RelationKind::Persisted(_)) => 'u',
        _ => 'p',
    }
}

/// Columns, where they are known without opening the table; 0 elsewhere.
fn known_width(entry: &Entry) -> usize {
    match &entry.origin {
        Origin::Declared(declared) => declared.columns.len(),
        Origin::System(table) => table.columns.len(),
        Origin::User(relation) => match &relation.kind {
            RelationKind::External(definition) => definition.schema().fields().len(),
            _ => 0,
        },
    }
}

/// The query of a view of the user.
pub(super) fn definition(entry: &Entry) -> Option<String> {
    view_of(entry).map(|view| format!("{};", view.shown_sql()))
}

/// As PostgreSQL writes them, `None` where all are what they are by default.
fn options(entry: &Entry) -> Option<Vec<String>> {
    let is_barrier = view_of(entry).is_some_and(|view| view.security_barrier);
    is_barrier.then(|| vec!["security_barrier=true".to_string()])
}

fn view_of(entry: &Entry) -> Option<&View> {
    match &entry.origin {
        Origin::User(relation) => match &relation.kind {
            RelationKind::View(view) => Some(view),
            _ => None,
        },
        _ => None,
    }
}

fn catalog(name: &str) -> u32 {
    let found = RELATIONS.iter().find(|r| r.name == name);
    found.map_or(0, |r| r.oid)
}

/// The views of users, each with the OID of its rule.
fn views(objects: &Objects) -> Vec<(u32, &Entry, &View)> {
    let mut derived = super::objects::Derived::default();
    let found = objects
        .relations
        .iter()
        .filter_map(|entry| Some((entry, view_of(entry)?)));
    found
        .map(|(entry, view)| {
            (
                derived.next("rule", &entry.schema, &entry.name),
                entry,
                view,
            )
        })
        .collect()
}

/// The relations that a view reads, each once.
fn used_by(objects: &Objects, view: &View) -> Vec<u32> {
    #[derive(Default)]
    struct Named(Vec<ast::ObjectName>);
    impl Visitor for Named {
        type Break = ();

        fn pre_visit_relation(&mut self, name: &ast::ObjectName) -> ControlFlow<()> {
            self.0.push(name.clone());
            ControlFlow::Continue(())
        }
    }
    if let Some(meanings) = &view.meanings {
        let meant = meanings.values();
        let entries = meant.filter_map(|object| objects.relation(&object.schema, &object.name));
        let oids: BTreeSet<u32> = entries.map(|entry| entry.oid).collect();
        return oids.into_iter().collect();
    }
    let Ok(query) = parse_query(&view.sql) else {
        return Vec::new();
    };
    let mut named = Named::default();
    let _ = query.visit(&mut named);
    let mut oids: Vec<u32> = Vec::new();
    for name in &named.0 {
        let Ok(reference) = plan::reference(name) else {
            continue;
        };
        let schemas = match reference.schema() {
            Some(schema) => vec![objects.meant(schema).to_string()],
            None => view.search_path.clone(),
        };
        let table = reference.table();
        let entry = schemas
            .iter()
            .find_map(|schema| objects.relation(schema, table));
        if let Some(entry) = entry.filter(|e| !oids.contains(&e.oid)) {
            oids.push(entry.oid);
        }
    }
    oids
}

impl SystemTables {
    pub(super) fn objects(&self) -> Objects {
        let snapshot = self.snapshot();
        Objects::of(&snapshot).seen_by(&snapshot, &self.user)
    }

    /// Who may do what with a schema; those of the engine are the administrator's.
    pub(super) fn schema_access(&self, name: &str) -> Access {
        let snapshot = self.snapshot();
        let schema = snapshot.schemas.get(name);
        schema.map(|s| s.access.clone()).unwrap_or_default()
    }
}
