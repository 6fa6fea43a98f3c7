//! `system.functions`, `.settings`, `.queries`: what the engine knows and does.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use arrow::datatypes::DataType;
use datafusion::logical_expr::Documentation;
use futures::FutureExt;

use super::{INSTANT, SystemTable, count, instant, opt_text, text};
use crate::settings::{SETTINGS as DECLARED, Scope};

pub(super) const FUNCTIONS: SystemTable = SystemTable {
    schema: "system",
    name: "functions",
    doc: "Functions, by kind: scalar, aggregate, window, table.",
    columns: &[
        ("function_name", DataType::Utf8),
        ("kind", DataType::Utf8),
        ("syntax", DataType::Utf8),
        ("description", DataType::Utf8),
    ],
    fill: |system, rows| {
        async move {
            let mut found: BTreeMap<(String, &str), Option<Documentation>> = BTreeMap::new();
            let state = &system.state;
            for (name, f) in state.scalar_functions() {
                found.insert((name.clone(), "scalar"), f.documentation().cloned());
            }
            for (name, f) in state.aggregate_functions() {
                found.insert((name.clone(), "aggregate"), f.documentation().cloned());
            }
            for (name, f) in state.window_functions() {
                found.insert((name.clone(), "window"), f.documentation().cloned());
            }
            for name in state.table_functions().keys() {
                found.insert((name.clone(), "table"), None);
            }
            for name in crate::plan::READERS {
                found.insert((name.to_string(), "table"), None);
            }
            for ((name, kind), doc) in found {
                let syntax = doc.as_ref().map(|d| d.syntax_example.clone());
                let description = doc.map(|d| d.description.trim().to_string());
                rows.push([
                    text(name),
                    text(kind),
                    opt_text(syntax),
                    opt_text(description),
                ]);
            }
            Ok(())
        }
        .boxed()
    },
};

pub(super) const SETTINGS: SystemTable = SystemTable {
    schema: "system",
    name: "settings",
    doc: "Settings with the values of this session.",
    columns: &[
        ("name", DataType::Utf8),
        ("value", DataType::Utf8),
        ("default_value", DataType::Utf8),
        ("type", DataType::Utf8),
        ("set_by", DataType::Utf8),
        ("description", DataType::Utf8),
    ],
    fill: |system, rows| {
        async move {
            for setting in DECLARED.iter() {
                let set_by = match setting.scope {
                    Scope::Session => "SET",
                    Scope::Start => "start",
                    Scope::Fixed => "nobody",
                };
                rows.push([
                    text(setting.name),
                    text(system.settings.value(setting)),
                    text(setting.default),
                    text(setting.value_type.name()),
                    text(set_by),
                    text(setting.doc),
                ]);
            }
            Ok(())
        }
        .boxed()
    },
};

pub(super) const QUERIES: SystemTable = SystemTable {
    schema: "system",
    name: "queries",
    doc: "Running statements and the last ones that ended.",
    columns: &[
        ("id", DataType::Utf8),
        ("user", DataType::Utf8),
        ("application", DataType::Utf8),
        ("state", DataType::Utf8),
        ("query", DataType::Utf8),
        ("started", INSTANT),
        ("elapsed_ms", DataType::Int64),
        ("rows", DataType::Int64),
        ("rows_scanned", DataType::Int64),
        ("bytes_read", DataType::Int64),
        ("bytes_total", DataType::Int64),
        ("doing", DataType::Utf8),
        ("memory_bytes", DataType::Int64),
        ("spilled_bytes", DataType::Int64),
        ("shuffled_bytes", DataType::Int64),
        ("error", DataType::Utf8),
    ],
    fill: |system, rows| {
        async move {
            let is_superuser = system.snapshot().is_superuser(&system.user);
            let visible = |user: &str| is_superuser || user == system.user;
            for query in system
                .registry
                .queries()
                .into_iter()
                .filter(|q| visible(&q.user))
            {
                let progress = query.progress();
                let started = query
                    .started_at
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                rows.push([
                    text(&query.id),
                    text(&query.user),
                    text(&query.application),
                    text(progress.state.name()),
                    text(&query.text),
                    instant(started.as_millis().try_into().unwrap_or(i64::MAX)),
                    count(progress.elapsed.as_millis()),
                    count(progress.rows),
                    count(progress.rows_scanned),
                    count(progress.bytes_read),
                    count(progress.bytes_total),
                    opt_text((!progress.doing.is_empty()).then_some(progress.doing)),
                    count(progress.memory_bytes),
                    count(progress.spilled_bytes),
                    count(progress.shuffled_bytes),
                    opt_text(query.error()),
                ]);
            }
            Ok(())
        }
        .boxed()
    },
};
