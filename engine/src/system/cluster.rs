//! `system.executors`, `.stages`, `.tasks`: the cluster that queries run on, and what it does.
//!
//! All are empty where there is none. Stages and tasks of others' queries are for superusers.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use futures::FutureExt;

use super::{INSTANT, SystemTable, SystemTables, count, instant, opt_count, opt_text, text};
use crate::execution::Remote;

const NO_INSTANT: ScalarValue = ScalarValue::TimestampMillisecond(None, None);

pub(super) const EXECUTORS: SystemTable = SystemTable {
    schema: "system",
    name: "executors",
    doc: "Executors of the cluster that take tasks now.",
    columns: &[
        ("id", DataType::Utf8),
        ("address", DataType::Utf8),
        ("cores", DataType::Int64),
        ("busy_cores", DataType::Int64),
        ("memory_bytes", DataType::Int64),
        ("heartbeat", INSTANT),
    ],
    fill: |system, rows| {
        async move {
            for executor in system.cluster().iter().flat_map(|c| c.executors()) {
                rows.push([
                    text(executor.id),
                    text(executor.address),
                    count(executor.cores),
                    count(executor.busy_cores),
                    opt_count(executor.memory_bytes),
                    executor.heartbeat_ms.map_or(NO_INSTANT, instant),
                ]);
            }
            Ok(())
        }
        .boxed()
    },
};

pub(super) const STAGES: SystemTable = SystemTable {
    schema: "system",
    name: "stages",
    doc: "Stages of queries that run on the cluster.",
    columns: &[
        ("query_id", DataType::Utf8),
        ("job", DataType::Utf8),
        ("stage", DataType::Int64),
        ("attempt", DataType::Int64),
        ("state", DataType::Utf8),
        ("partitions", DataType::Int64),
        ("partitions_done", DataType::Int64),
    ],
    fill: |system, rows| {
        async move {
            let visible = system.visible_queries();
            for stage in system.cluster().iter().flat_map(|c| c.stages()) {
                if !visible.contains(&stage.query) {
                    continue;
                }
                rows.push([
                    text(stage.query),
                    text(stage.job),
                    count(stage.stage),
                    count(stage.attempt),
                    text(stage.state),
                    count(stage.partitions),
                    count(stage.partitions_done),
                ]);
            }
            Ok(())
        }
        .boxed()
    },
};

pub(super) const TASKS: SystemTable = SystemTable {
    schema: "system",
    name: "tasks",
    doc: "Tasks of queries that run on the cluster.",
    columns: &[
        ("query_id", DataType::Utf8),
        ("job", DataType::Utf8),
        ("stage", DataType::Int64),
        ("task", DataType::Int64),
        ("executor", DataType::Utf8),
        ("state", DataType::Utf8),
        ("partitions", DataType::Int64),
        ("started", INSTANT),
        ("ended", INSTANT),
        ("rows", DataType::Int64),
        ("bytes", DataType::Int64),
        ("error", DataType::Utf8),
    ],
    fill: |system, rows| {
        async move {
            let visible = system.visible_queries();
            for task in system.cluster().iter().flat_map(|c| c.tasks()) {
                if !visible.contains(&task.query) {
                    continue;
                }
                rows.push([
                    text(task.query),
                    text(task.job),
                    count(task.stage),
                    count(task.task),
                    text(task.executor),
                    text(task.state),
                    count(task.partitions),
                    task.started_ms.map_or(NO_INSTANT, instant),
                    task.ended_ms.map_or(NO_INSTANT, instant),
                    opt_count(task.rows),
                    opt_count(task.bytes),
                    opt_text(task.error),
                ]);
            }
            Ok(())
        }
        .boxed()
    },
};

impl SystemTables {
    fn cluster(&self) -> Option<Arc<dyn Remote>> {
        self.execution.remote()
    }

    /// The queries that the user may know of.
    fn visible_queries(&self) -> HashSet<String> {
        let is_superuser = self.snapshot().is_superuser(&self.user);
        let queries = self.registry.queries().into_iter();
        let visible = queries.filter(|q| is_superuser || q.user == self.user);
        visible.map(|q| q.id.clone()).collect()
    }
}
