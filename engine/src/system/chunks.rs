//! `system.chunks`: the pieces of stored data that tasks read.

use arrow::datatypes::DataType;
use futures::FutureExt;

use super::{SystemTable, count, opt_count, opt_text, text};
use crate::plan::{Need, open_table};

pub(super) const CHUNKS: SystemTable = SystemTable {
    schema: "system",
    name: "chunks",
    doc: "Chunks of tables: the pieces of stored data that tasks read.",
    columns: &[
        ("table_schema", DataType::Utf8),
        ("table_name", DataType::Utf8),
        ("chunk", DataType::Int64),
        ("location", DataType::Utf8),
        ("offset_bytes", DataType::Int64),
        ("bytes", DataType::Int64),
        ("row_groups", DataType::Utf8),
        ("rows", DataType::Int64),
    ],
    fill: |system, rows| {
        async move {
            let names = system.names();
            let select = Need::SELECT;
            for (name, relation) in system.relations() {
                if names.require(&name, &relation, select).is_err() {
                    continue;
                }
                let opened = open_table(&system.state, &names, &name, &relation, None);
                let Ok(Some(table)) = opened.await else {
                    continue;
                };
                for (at, chunk) in table.chunks(&system.state).await?.into_iter().enumerate() {
                    let groups = chunk.row_groups.map(|g| match g.len() {
                        1 => g.start.to_string(),
                        _ => format!("{}-{}", g.start, g.end.saturating_sub(1)),
                    });
                    rows.push([
                        text(&name.schema),
                        text(&name.name),
                        count(at),
                        text(chunk.location),
                        count(chunk.offset_bytes),
                        count(chunk.length_bytes),
                        opt_text(groups),
                        opt_count(chunk.rows),
                    ]);
                }
            }
            Ok(())
        }
        .boxed()
    },
};
