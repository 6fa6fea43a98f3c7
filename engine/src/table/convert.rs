//! Errors of delta-rs as ours: what the user can do about them, without its type names.

use datafusion::common::DataFusionError;
use deltalake_core::DeltaTableError;
use deltalake_core::kernel::transaction::TransactionError;

use super::warehouse::store_error;
use crate::error::{Error, Kind};

pub(super) fn error(error: DeltaTableError) -> Error {
    if let Some(ours) = Error::within(&error) {
        return ours;
    }
    match error {
        DeltaTableError::ObjectStore { source } => store_error(source),
        DeltaTableError::Transaction {
            source: TransactionError::ObjectStore { source },
        } => store_error(source),
        DeltaTableError::NotATable(what) => {
            Error::new(Kind::UndefinedFile, format!("no table log: {what}"))
        }
        DeltaTableError::InvalidVersion(version) => {
            Error::new(Kind::UndefinedObject, format!("no version {version}"))
        }
        DeltaTableError::Parquet { source } => Error::from(DataFusionError::from(source)),
        DeltaTableError::Arrow { source } => Error::from(source),
        other => Error::new(Kind::Io, format!("the table's log cannot be used: {other}"))
            .hint("Look at the files in the folder _delta_log of the table."),
    }
}

pub(super) fn kernel(kernel: deltalake_core::kernel::Error) -> Error {
    error(DeltaTableError::from(kernel))
}
