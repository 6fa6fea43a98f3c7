//! What can be wrong with a model's parameters, its rows or its file. The engine gives each kind its
//! SQLSTATE.

use std::fmt;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of error it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No such class, parameter or output: the hint names the nearest ones.
    Undefined,
    /// A parameter's value is not allowed.
    InvalidParameter,
    /// The rows cannot be learned from: too few, one class only, no finite value.
    InvalidRows,
    /// More rows, features or categories than the class takes.
    Limit,
    /// The bytes are not a model, or not an intact one.
    Corrupt,
    /// The class or the model has no such thing.
    Unsupported,
    /// Whoever waited for it ended it.
    Cancelled,
    /// A defect of ours.
    Internal,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    pub kind: Kind,
    pub message: String,
    pub hint: Option<String>,
}

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
        }
    }

    pub fn parameter(message: impl Into<String>) -> Self {
        Self::new(Kind::InvalidParameter, message)
    }

    pub fn rows(message: impl Into<String>) -> Self {
        Self::new(Kind::InvalidRows, message)
    }

    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::new(Kind::Corrupt, message)
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
