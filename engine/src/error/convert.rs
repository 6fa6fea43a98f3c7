//! Errors of the libraries below us, turned into ours.
//!
//! DataFusion reports most planning errors as text. Where it has a typed error we use it; where it
//! has only text, [`PLAN_PATTERNS`] maps a stable piece of the text to a kind, in one table.

use arrow::error::ArrowError;
use datafusion::common::{DataFusionError, SchemaError};
use datafusion::sql::sqlparser::parser::ParserError;

use super::{Error, Kind};

/// A piece of a DataFusion message (lower case) and the kind of error it means; first match wins.
const PLAN_PATTERNS: &[(&str, Kind)] = &[
    ("more than one row", Kind::Cardinality),
    ("returned more than one", Kind::Cardinality),
    ("divide by zero", Kind::DivisionByZero),
    ("division by zero", Kind::DivisionByZero),
    ("invalid function", Kind::UndefinedFunction),
    ("no function matches", Kind::UndefinedFunction),
    ("does not support zero arguments", Kind::UndefinedFunction),
    ("candidate functions", Kind::UndefinedFunction),
    ("table function", Kind::UndefinedFunction),
    ("function expects", Kind::UndefinedFunction),
    ("failed to coerce arguments", Kind::UndefinedFunction),
    ("calls cannot be nested", Kind::Grouping),
    ("to grouping function is not in", Kind::Grouping),
    ("must be in group by clause", Kind::Grouping),
    ("must appear in the group by", Kind::Grouping),
    ("non-aggregate", Kind::Grouping),
    ("cannot contain window", Kind::Windowing),
    ("invalid window frame", Kind::Windowing),
    ("logical expression windowfunction", Kind::Windowing),
    ("the window ", Kind::UndefinedObject),
    ("window functions are not allowed", Kind::Windowing),
    ("aggregate functions are not allowed", Kind::Grouping),
    ("non-boolean predicate", Kind::TypeMismatch),
    ("must be boolean type", Kind::TypeMismatch),
    ("different number of columns", Kind::Syntax),
    ("same number of columns", Kind::Syntax),
    ("inconsistent data length across values", Kind::Syntax),
    ("with no tables specified", Kind::Syntax),
    ("correlated scalar subquery", Kind::Unsupported),
    ("too large to store in a decimal", Kind::OutOfRange),
    ("overflow", Kind::OutOfRange),
    ("out of range", Kind::OutOfRange),
    ("not implemented", Kind::Unsupported),
    ("unsupported", Kind::Unsupported),
    ("not supported", Kind::Unsupported),
    ("placeholder", Kind::UndefinedParameter),
    ("cannot coerce", Kind::TypeMismatch),
    ("cannot infer common", Kind::TypeMismatch),
    ("type mismatch", Kind::TypeMismatch),
    ("can't cast", Kind::TypeMismatch),
    ("cast error", Kind::InvalidText),
    ("cannot cast string", Kind::InvalidText),
    ("error parsing timestamp", Kind::InvalidDatetime),
    ("not found", Kind::UndefinedObject),
];

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        match error {
            DataFusionError::External(e) => from_external(e),
            DataFusionError::ArrowError(e, _) => Error::from(*e),
            DataFusionError::SQL(e, _) => Error::from(*e),
            DataFusionError::SchemaError(e, _) => from_schema(*e),
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
                Error::from(*inner)
            }
            DataFusionError::Shared(e) => from_shared(&e),
            DataFusionError::Collection(errors) => match errors.into_iter().next() {
                Some(first) => Error::from(first),
                None => Error::internal("an empty collection of errors"),
            },
            DataFusionError::NotImplemented(m) => not_implemented(&m),
            DataFusionError::ResourcesExhausted(m) => out_of_memory(&m),
            DataFusionError::IoError(e) => Error::from(e),
            DataFusionError::ObjectStore(e) => from_object_store(*e),
            DataFusionError::ParquetError(e) => Error::within(e.as_ref())
                .unwrap_or_else(|| Error::new(Kind::BadData, tidy(&e.to_string()))),
            DataFusionError::Plan(m) => from_text(&m, Kind::InvalidStatement),
            DataFusionError::Configuration(m) => Error::new(Kind::InvalidParameterValue, tidy(&m)),
            DataFusionError::Execution(m) => from_text(&m, Kind::InvalidText),
            DataFusionError::ExecutionJoin(e) if e.is_cancelled() => cancelled(),
            other => Error::internal(tidy(&other.strip_backtrace())),
        }
    }
}

/// What the physical planner cannot do comes with the whole expression, which says nothing to a user.
fn not_implemented(message: &str) -> Error {
    const PREFIX: &str = "Physical plan does not support logical expression ";
    let expression = message.split(PREFIX).nth(1).unwrap_or_default();
    let word = expression.split('(').next().unwrap_or_default();
    match word {
        "WindowFunction" => Error::new(Kind::Windowing, "window functions are not allowed here")
            .hint("Use QUALIFY, or a subquery that computes it."),
        "Exists" | "InSubquery" | "SetComparison" | "ScalarSubquery" => {
            Error::unsupported("a subquery in this place").hint("Write it as a join.")
        }
        "OuterReferenceColumn" => Error::unsupported("a correlated subquery of this form")
            .hint("Write it as a join, or with an aggregate."),
        _ => Error::new(Kind::Unsupported, tidy(message)),
    }
}

/// The error behind an `Arc`, which cannot be taken apart: ours is cloned, others go by their text.
fn from_shared(error: &DataFusionError) -> Error {
    if let Some(ours) = Error::within(error) {
        return ours;
    }
    match error.find_root() {
        DataFusionError::External(e) => from_text(&e.to_string(), Kind::Internal),
        DataFusionError::ArrowError(e, _) => from_arrow(e),
        DataFusionError::ResourcesExhausted(m) => out_of_memory(m),
        DataFusionError::IoError(e) => from_io(e),
        root => from_text(&root.strip_backtrace(), Kind::InvalidStatement),
    }
}

fn from_external(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(ours) => return *ours,
        Err(other) => other,
    };
    let error = match error.downcast::<DataFusionError>() {
        Ok(e) => return Error::from(*e),
        Err(other) => other,
    };
    let error = match error.downcast::<ArrowError>() {
        Ok(e) => return Error::from(*e),
        Err(other) => other,
    };
    if let Some(ours) = Error::within(error.as_ref()) {
        return ours;
    }
    match error.downcast::<std::io::Error>() {
        Ok(e) => Error::from(*e),
        Err(other) => from_text(&other.to_string(), Kind::Internal),
    }
}

impl From<ArrowError> for Error {
    fn from(error: ArrowError) -> Self {
        match error {
            ArrowError::ExternalError(e) => from_external(e),
            ArrowError::IoError(_, e) => Error::from(e),
            other => from_arrow(&other),
        }
    }
}

fn from_arrow(error: &ArrowError) -> Error {
    match error {
        ArrowError::DivideByZero => Error::new(Kind::DivisionByZero, "division by zero")
            .hint("Guard the divisor: x / NULLIF(y, 0)."),
        ArrowError::ArithmeticOverflow(m) => Error::new(
            Kind::OutOfRange,
            format!("number out of range: {}", tidy(m)),
        )
        .hint("Cast to a wider type first, for instance CAST(x AS DECIMAL(38, 0)) or DOUBLE."),
        ArrowError::CastError(m) => invalid_cast(m),
        ArrowError::ParseError(m) => from_text(m, Kind::InvalidText),
        ArrowError::CsvError(m)
        | ArrowError::JsonError(m)
        | ArrowError::AvroError(m)
        | ArrowError::ParquetError(m) => Error::new(Kind::BadData, tidy(m)),
        ArrowError::IpcError(m) => Error::new(Kind::BadData, tidy(m)),
        ArrowError::NotYetImplemented(m) => Error::new(Kind::Unsupported, tidy(m)),
        ArrowError::OffsetOverflowError(_) => {
            Error::new(Kind::OutOfRange, "a batch holds more text than 2 GiB")
                .hint("Lower quern.batch_size.")
        }
        ArrowError::ComputeError(m)
        | ArrowError::InvalidArgumentError(m)
        | ArrowError::SchemaError(m) => from_text(m, Kind::TypeMismatch),
        other => Error::internal(tidy(&other.to_string())),
    }
}

/// `Cannot cast string 'x' to value of Int64 type` → `invalid input syntax for type bigint: "x"`.
fn invalid_cast(message: &str) -> Error {
    let quoted = message.split('\'').nth(1);
    let arrow_type = message
        .split("value of ")
        .nth(1)
        .and_then(|rest| rest.split(" type").next());
    match (quoted, arrow_type) {
        (Some(value), Some(arrow_type))
            if arrow_type.contains("Int") && value.trim().parse::<i128>().is_ok() =>
        {
            Error::new(
                Kind::OutOfRange,
                format!(
                    "value \"{value}\" is out of range for type {}",
                    sql_name(arrow_type)
                ),
            )
            .hint("Cast to a wider type, or use TRY_CAST for NULL.")
        }
        (Some(value), Some(arrow_type)) => Error::new(
            match arrow_type {
                t if t.starts_with("Date") || t.starts_with("Time") => Kind::InvalidDatetime,
                _ => Kind::InvalidText,
            },
            format!(
                "invalid input syntax for type {}: \"{value}\"",
                sql_name(arrow_type)
            ),
        )
        .hint("TRY_CAST gives NULL instead of an error."),
        _ if message.contains("too large")
            || message.contains("out of range")
            || message.contains("can't be represented")
            || message.contains("Can't cast value") =>
        {
            Error::new(Kind::OutOfRange, tidy(message))
                .hint("Cast to a wider type, or use TRY_CAST for NULL.")
        }
        _ => Error::new(Kind::InvalidText, tidy(message))
            .hint("TRY_CAST gives NULL instead of an error."),
    }
}

fn sql_name(arrow_type: &str) -> String {
    match arrow_type {
        "Int8" => "tinyint",
        "Int16" => "smallint",
        "Int32" => "integer",
        "Int64" => "bigint",
        "Float32" => "real",
        "Float64" => "double precision",
        "Boolean" => "boolean",
        "Date32" => "date",
        other => return other.to_lowercase(),
    }
    .to_string()
}

fn from_schema(error: SchemaError) -> Error {
    match error {
        SchemaError::AmbiguousReference { field } => Error::new(
            Kind::AmbiguousColumn,
            format!("column reference \"{}\" is ambiguous", field.name),
        )
        .hint("Qualify it with the name of its table."),
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => Error::new(
            Kind::DuplicateColumn,
            format!("column \"{name}\" specified more than once"),
        ),
        SchemaError::FieldNotFound {
            field,
            valid_fields,
        } => {
            let known: Vec<_> = valid_fields.iter().map(|c| c.name.as_str()).collect();
            Error::new(
                Kind::UndefinedColumn,
                format!("column \"{}\" does not exist", field.flat_name()),
            )
            .candidates(&field.name, known)
        }
    }
}

impl From<ParserError> for Error {
    fn from(error: ParserError) -> Self {
        match error {
            ParserError::RecursionLimitExceeded => {
                Error::new(Kind::TooComplex, "the statement is nested too deeply")
                    .hint("Split it with common table expressions or views.")
            }
            ParserError::TokenizerError(m) | ParserError::ParserError(m) => Error::new(
                Kind::Syntax,
                format!("syntax error: {}", strip_location(&m).0),
            ),
        }
    }
}

/// Splits `… at Line: 2, Column: 7` off a parser message.
pub(crate) fn strip_location(message: &str) -> (&str, Option<(u64, u64)>) {
    let Some(at) = message.rfind(" at Line: ") else {
        return (message.trim(), None);
    };
    let mut numbers = message[at..]
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|n| n.parse().ok());
    let place = numbers.next().zip(numbers.next());
    (message[..at].trim(), place)
}

impl Error {
    /// Our own error, if a library's error was made of one, or that of a full disk.
    pub(crate) fn within(error: &(dyn std::error::Error + 'static)) -> Option<Error> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(ours) = error.downcast_ref::<Error>() {
                return Some(ours.clone());
            }
            if let Some(full) = error.downcast_ref().and_then(disk_full) {
                return Some(full);
            }
            let io = error.downcast_ref::<std::io::Error>();
            cause = match io.and_then(std::io::Error::get_ref) {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        None
    }
}

fn from_object_store(error: object_store::Error) -> Error {
    if let Some(ours) = Error::within(&error) {
        return ours;
    }
    match error {
        object_store::Error::NotFound { path, .. } => Error::new(
            Kind::UndefinedFile,
            format!("file \"{path}\" does not exist"),
        ),
        object_store::Error::PermissionDenied { path, .. } => {
            Error::new(Kind::Io, format!("permission denied: \"{path}\""))
        }
        other => Error::new(Kind::Io, tidy(&other.to_string())),
    }
}

impl From<parquet::errors::ParquetError> for Error {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Error::from(DataFusionError::from(error))
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        from_io(&error)
    }
}

/// The error for a disk or a quota that is used up.
fn disk_full(error: &std::io::Error) -> Option<Error> {
    use std::io::ErrorKind;
    let is_full = matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    );
    is_full.then(|| {
        Error::new(Kind::DiskFull, "no space left on the disk")
            .hint("Free space, or set quern.spill_dir elsewhere.")
    })
}

fn from_io(error: &std::io::Error) -> Error {
    use std::io::ErrorKind;
    if let Some(ours) = Error::within(error) {
        return ours;
    }
    let message = error.to_string();
    match error.kind() {
        ErrorKind::NotFound => Error::new(Kind::UndefinedFile, message),
        // The quota of spilling is told by its text only.
        _ if message.contains("disk space during the spilling") => out_of_memory(&message),
        _ => Error::new(Kind::Io, message),
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Error::new(
            Kind::Io,
            format!("the catalog cannot be read or written: {error}"),
        )
        .hint("Check that the data folder is writable and that its disk has space.")
    }
}

/// The error of a query that was cancelled from outside.
pub(crate) fn cancelled() -> Error {
    Error::new(Kind::Cancelled, "canceling statement due to user request")
}

fn out_of_memory(message: &str) -> Error {
    let kind = if message.contains("disk") || message.contains("temp") {
        Kind::DiskFull
    } else {
        Kind::OutOfMemory
    };
    let (text, hint) = match kind {
        Kind::DiskFull => (
            "the spill space is used up",
            "Raise quern.spill_limit, or free disk space.",
        ),
        _ => (
            "the memory limit is reached and nothing more can be spilled",
            "Raise quern.memory_limit, or lower quern.threads.",
        ),
    };
    Error::new(kind, text).detail(tidy(message)).hint(hint)
}

fn from_text(message: &str, otherwise: Kind) -> Error {
    let lower = message.to_lowercase();
    let kind = PLAN_PATTERNS
        .iter()
        .find(|(piece, _)| lower.contains(piece))
        .map_or(otherwise, |(_, kind)| *kind);
    if let Some(reason) = message.split("regex parse error:").nth(1) {
        return regular_expression(reason);
    }
    match kind {
        Kind::DivisionByZero => from_arrow(&ArrowError::DivideByZero),
        Kind::Grouping => grouping(message),
        _ if lower.contains("should only return one column") => {
            Error::new(Kind::Syntax, "subquery must return only one column")
        }
        _ => with_suggestion(kind, message),
    }
}

/// What a regular expression is refused for, whose report has several lines.
pub(crate) fn regular_expression(report: &str) -> Error {
    let reason = report.lines().last().unwrap_or("").trim();
    let reason = reason.strip_prefix("error: ").unwrap_or(reason);
    Error::new(
        Kind::InvalidRegularExpression,
        format!("invalid regular expression: {reason}"),
    )
}

/// A column outside GROUP BY, in PostgreSQL's words.
fn grouping(message: &str) -> Error {
    let column = message
        .split("column \"")
        .nth(1)
        .and_then(|rest| rest.split("\" must appear").next());
    match column {
        Some(column) if message.contains("must appear in the GROUP BY") => Error::new(
            Kind::Grouping,
            format!(
                "column \"{column}\" must appear in the GROUP BY clause or be used in an aggregate function"
            ),
        ),
        _ => with_suggestion(Kind::Grouping, message),
    }
}

/// DataFusion's own "Did you mean" becomes our hint.
fn with_suggestion(kind: Kind, message: &str) -> Error {
    let mut lines = message.splitn(2, "\nDid you mean ");
    let first = lines.next().unwrap_or(message);
    let error = Error::new(kind, tidy(first));
    match lines.next() {
        Some(suggestion) => {
            let name = suggestion.trim().trim_end_matches('?').trim_matches('\'');
            error.hint(format!("Did you mean \"{name}\"?"))
        }
        None => error,
    }
}

/// One line without the prefixes that libraries stack in front of their messages.
fn tidy(message: &str) -> String {
    const PREFIXES: &[&str] = &[
        "Error during planning: ",
        "Execution error: ",
        "External error: ",
        "Arrow error: ",
        "Parser error: ",
        "Cast error: ",
        "Compute error: ",
        "Invalid argument error: ",
        "Optimizer rule ",
        "type_coercion\ncaused by\n",
        "Schema error: ",
        "This feature is not implemented: ",
        "Internal error: ",
        "Csv error: ",
        "Json error: ",
        "Parquet error: ",
        "DataFusion error: ",
        "Object Store error: ",
    ];
    let mut text = message.trim();
    while let Some(rest) = PREFIXES.iter().find_map(|p| text.strip_prefix(p)) {
        text = rest.trim();
    }
    let text = text.split("\n\nbacktrace:").next().unwrap_or(text);
    let text = text
        .split("This issue was likely caused by a bug")
        .next()
        .unwrap_or(text);
    text.trim_end_matches(['.', '\n', ' ']).to_string()
}
