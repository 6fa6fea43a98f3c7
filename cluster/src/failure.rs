//! Errors between processes. Ballista carries them as texts: an executor encodes ours into the text, the
//! coordinator takes them out again, and tells which failures are worth another try.

use ballista_core::error::BallistaError;
use datafusion::common::DataFusionError;
use quern_engine::wire::{carried, carry};
use quern_engine::{Error, Kind};

/// The error of a task as it is told to the coordinator. Ballista's own stay as they are: it runs the
/// task, or those before it, once more because of them.
pub fn told(error: DataFusionError) -> DataFusionError {
    let is_ballistas = match error.find_root() {
        DataFusionError::External(inner) => inner.downcast_ref::<BallistaError>().is_some(),
        _ => false,
    };
    if is_ballistas {
        return error;
    }
    let error = Error::from(error);
    let text = carry(&error);
    match error.kind {
        // Another executor, or another try, may find the file.
        Kind::Io => DataFusionError::IoError(std::io::Error::other(text)),
        _ => DataFusionError::Execution(text),
    }
}

/// Why a job failed.
pub fn of_job(text: &str) -> Error {
    if let Some(error) = carried(text) {
        return error;
    }
    if text.contains("all executors were lost") {
        return Error::new(Kind::Connection, "the cluster lost all its executors").hint(
            "Run the query again when executors have joined, or with quern.execution = local.",
        );
    }
    Error::internal("a job of the cluster failed").detail(text)
}

/// Whether the job may succeed when it is submitted again: nothing is wrong with the query.
pub fn is_worth_another_try(text: &str) -> bool {
    carried(text).is_none()
        && [
            "FetchFailed",
            "fetch partition",
            "Fetch",
            "GrpcConnectionError",
        ]
        .iter()
        .any(|sign| text.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_a_task_arrives_with_its_code() {
        let error = Error::new(Kind::DivisionByZero, "division by zero");
        let text = format!("Job failed: {:?}", told(error.into()));
        assert_eq!(of_job(&text).kind, Kind::DivisionByZero);
        assert!(!is_worth_another_try(&text));
    }
}
