//! `system.models`: every version of every model.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use futures::FutureExt;

use super::{INSTANT, SystemTable, count, instant, text};
use crate::catalog::RelationKind;

pub(super) const MODELS: SystemTable = SystemTable {
    schema: "system",
    name: "models",
    doc: "Models, a row for each version.",
    columns: &[
        ("model_schema", DataType::Utf8),
        ("model_name", DataType::Utf8),
        ("version", DataType::Int32),
        ("is_default", DataType::Boolean),
        ("is_experiment", DataType::Boolean),
        ("model_class", DataType::Utf8),
        ("rows", DataType::Int64),
        ("scans", DataType::Int64),
        ("seconds", DataType::Float64),
        ("created", INSTANT),
        ("owner", DataType::Utf8),
    ],
    fill: |system, rows| {
        async move {
            for (name, relation) in system.models() {
                let RelationKind::Model(model) = &relation.kind else {
                    continue;
                };
                for version in &model.versions {
                    rows.push([
                        text(&name.schema),
                        text(&name.name),
                        ScalarValue::Int32(i32::try_from(version.version).ok()),
                        ScalarValue::Boolean(Some(version.version == model.default)),
                        ScalarValue::Boolean(Some(model.experiment)),
                        text(&version.class),
                        count(version.rows),
                        count(version.scans),
                        ScalarValue::Float64(Some(version.train_ms as f64 / 1e3)),
                        instant(version.created_ms),
                        text(&relation.access.owner),
                    ]);
                }
            }
            Ok(())
        }
        .boxed()
    },
};
