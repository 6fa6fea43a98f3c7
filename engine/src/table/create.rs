//! Making a new table's log: its first version, with rows or without.

use arrow::datatypes::{DataType, SchemaRef};
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake_core::kernel::{Action, Add, Metadata, Protocol, StructType, new_metadata};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use serde_json::{Value, json};

use super::commit::{sync_data, sync_entry};
use super::convert;
use super::files::Written;
use super::layout::Layout;
use super::types::plain_schema;
use super::warehouse::Warehouse;
use crate::error::{Error, Result};

/// Commits version 0 of a table in a folder of its own.
pub async fn create(
    warehouse: &Warehouse,
    folder: &str,
    schema: &SchemaRef,
    layout: &Layout,
    adds: Vec<Add>,
    written: &Written,
) -> Result<()> {
    let place = warehouse.place(folder);
    let (protocol, metadata) = (protocol(schema)?, metadata(schema, layout)?);
    let operation = DeltaOperation::Create {
        mode: SaveMode::ErrorIfExists,
        location: place.url()?,
        protocol: protocol.clone(),
        metadata: metadata.clone(),
    };
    let mut actions = vec![Action::Protocol(protocol), Action::Metadata(metadata)];
    actions.extend(adds.into_iter().map(Action::Add));
    sync_data(&place, written).await?;
    let committed = CommitBuilder::from(CommitProperties::default().with_max_retries(0))
        .with_actions(actions)
        .build(None, warehouse.log_store(folder)?, operation)
        .into_prepared_commit_future()
        .await
        .map_err(convert::error)?
        .await
        .map_err(convert::error)?;
    sync_entry(&place, committed.version).await
}

/// The definition of a table as its log says it.
pub(super) fn metadata(schema: &SchemaRef, layout: &Layout) -> Result<Metadata> {
    let stored: StructType = delta_schema(schema)?;
    new_metadata(&stored, &layout.partitioned_by, layout.properties()).map_err(convert::kernel)
}

pub(super) fn delta_schema(schema: &SchemaRef) -> Result<StructType> {
    (&plain_schema(schema))
        .try_into_kernel()
        .map_err(|e: arrow::error::ArrowError| Error::from(e))
}

/// The oldest protocol that has what the columns need, so that most programs can read the table.
fn protocol(schema: &SchemaRef) -> Result<Protocol> {
    let plain_timestamps = schema
        .fields()
        .iter()
        .any(|f| has_plain_timestamp(f.data_type()));
    let value: Value = match plain_timestamps {
        true => json!({
            "minReaderVersion": 3,
            "minWriterVersion": 7,
            "readerFeatures": ["timestampNtz"],
            "writerFeatures": ["timestampNtz"],
        }),
        false => json!({"minReaderVersion": 1, "minWriterVersion": 2}),
    };
    serde_json::from_value(value).map_err(Error::internal)
}

fn has_plain_timestamp(data_type: &DataType) -> bool {
    match data_type {
        DataType::Timestamp(_, None) => true,
        DataType::List(item) | DataType::Map(item, _) => has_plain_timestamp(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|f| has_plain_timestamp(f.data_type())),
        _ => false,
    }
}
