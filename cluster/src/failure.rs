//! Errors between processes. Ballista carries them as texts: an executor encodes ours into the text, the
//! coordinator takes them out again, and tells which failures are worth another try.

use arrow::error::ArrowError;
use ballista_core::error::BallistaError;
use datafusion::common::DataFusionError;
use quern_engine::wire::{carried, carry, within};
use quern_engine::{Error, Kind};

/// The error of a task as it is told to the coordinator. Ballista's own stay as they are: it runs the
/// task, or those before it, once more because of them.
pub fn told(error: DataFusionError) -> DataFusionError {
    let ours = match inside(&error) {
        Inside::Ballistas => return error,
        Inside::Ours(ours) => ours,
        Inside::Others => Error::from(error),
    };
    let text = carry(&ours);
    match ours.kind {
        // Another executor, or another try, may find the file.
        Kind::Io => DataFusionError::IoError(std::io::Error::other(text)),
        _ => DataFusionError::Execution(text),
    }
}

/// What an error is about, behind all that is around it.
enum Inside {
    Ballistas,
    Ours(Error),
    /// To be converted whole.
    Others,
}

fn inside(error: &DataFusionError) -> Inside {
    let ours = |error: &ArrowError| Inside::Ours(Error::from(copied(error)));
    match error.find_root() {
        DataFusionError::External(inner) => match inner.downcast_ref::<BallistaError>() {
            Some(BallistaError::DataFusionError(inner)) => match inside(inner) {
                Inside::Others => Inside::Ours(Error::internal(inner)),
                known => known,
            },
            Some(BallistaError::ArrowError(inner)) => ours(inner),
            Some(_) => Inside::Ballistas,
            None => within(inner.as_ref()).map_or(Inside::Others, Inside::Ours),
        },
        DataFusionError::ArrowError(inner, _) => ours(inner),
        DataFusionError::ResourcesExhausted(m) => {
            Inside::Ours(DataFusionError::ResourcesExhausted(m.clone()).into())
        }
        DataFusionError::Execution(m) => Inside::Ours(DataFusionError::Execution(m.clone()).into()),
        DataFusionError::Plan(m) => Inside::Ours(DataFusionError::Plan(m.clone()).into()),
        _ => Inside::Others,
    }
}

/// Arrow's errors cannot be cloned.
fn copied(error: &ArrowError) -> ArrowError {
    match error {
        ArrowError::ExternalError(inner) => match within(inner.as_ref()) {
            Some(ours) => ArrowError::ExternalError(Box::new(ours)),
            None => ArrowError::ComputeError(inner.to_string()),
        },
        ArrowError::DivideByZero => ArrowError::DivideByZero,
        ArrowError::ArithmeticOverflow(m) => ArrowError::ArithmeticOverflow(m.clone()),
        ArrowError::CastError(m) => ArrowError::CastError(m.clone()),
        ArrowError::ParseError(m) => ArrowError::ParseError(m.clone()),
        ArrowError::CsvError(m) => ArrowError::CsvError(m.clone()),
        ArrowError::JsonError(m) => ArrowError::JsonError(m.clone()),
        ArrowError::AvroError(m) => ArrowError::AvroError(m.clone()),
        ArrowError::ParquetError(m) => ArrowError::ParquetError(m.clone()),
        ArrowError::IpcError(m) => ArrowError::IpcError(m.clone()),
        ArrowError::NotYetImplemented(m) => ArrowError::NotYetImplemented(m.clone()),
        ArrowError::ComputeError(m) => ArrowError::ComputeError(m.clone()),
        ArrowError::InvalidArgumentError(m) => ArrowError::InvalidArgumentError(m.clone()),
        ArrowError::SchemaError(m) => ArrowError::SchemaError(m.clone()),
        ArrowError::IoError(m, _) => {
            ArrowError::IoError(m.clone(), std::io::Error::other(m.clone()))
        }
        other => ArrowError::ComputeError(other.to_string()),
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
