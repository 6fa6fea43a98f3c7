//! Decoders of other crates trust the structure of what they read in places. A panic there is the
//! error of a damaged file, not the end of the query's thread.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::error::ArrowError;
use datafusion::common::DataFusionError;
use futures::FutureExt;
use futures::stream::{BoxStream, Stream, StreamExt};

use crate::error::{Error, Kind};

const DAMAGED: &str = "its structure is damaged";

/// Runs a step of a decoder of Arrow's.
pub fn arrow<T>(decode: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, ArrowError> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(result) => result,
        Err(_) => Err(ArrowError::ParseError(DAMAGED.into())),
    }
}

/// Waits for a step that may panic.
pub async fn future<T>(
    work: impl Future<Output = Result<T, DataFusionError>>,
) -> Result<T, DataFusionError> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(result) => result,
        Err(_) => Err(damaged()),
    }
}

/// A stream that may panic; a panic is its last item.
pub fn stream<T: Send + 'static>(
    stream: impl Stream<Item = Result<T, DataFusionError>> + Send + 'static,
) -> BoxStream<'static, Result<T, DataFusionError>> {
    let caught = AssertUnwindSafe(stream).catch_unwind();
    caught
        .map(|item| item.unwrap_or_else(|_| Err(damaged())))
        .boxed()
}

pub fn damaged() -> DataFusionError {
    Error::new(Kind::BadData, DAMAGED).into()
}
