//! The seam between the test files and a surface of Quern: what a new way has to implement.

use std::fmt;

use async_trait::async_trait;
use sqllogictest::{ColumnTypeValidator, strict_column_validator};

use crate::cluster::Cluster;
use crate::column::Column;
use crate::in_process::InProcess;
use crate::postgres::{Postgres, Protocol};

/// Every way that the files are run over. A new surface is one more entry.
pub static WAYS: &[&dyn Way] = &[
    &InProcess,
    &Postgres(Protocol::Simple),
    &Postgres(Protocol::Extended),
    &Cluster,
];

/// A road from SQL text to rows.
#[async_trait]
pub trait Way: Send + Sync {
    /// The label for `onlyif` and `skipif` in the files.
    fn name(&self) -> &'static str;

    /// Which kinds of columns pass for the letters of a file.
    fn column_validator(&self) -> ColumnTypeValidator<Column> {
        strict_column_validator
    }

    /// Starts a server with an empty catalog in memory: one for each file.
    async fn start(&self) -> Result<Box<dyn Server>, Failure>;
}

/// What one file talks to. Dropping it ends it.
#[async_trait]
pub trait Server: Send + Sync {
    /// A new session of a user who may read the server's files.
    async fn connect(&self) -> Result<Box<dyn Connection>, Failure>;
}

/// One session.
#[async_trait]
pub trait Connection: Send {
    /// Runs one statement and gives its whole reply.
    async fn run(&mut self, sql: &str) -> Result<Reply, Failure>;
}

/// What a statement gave.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The statement is of a kind that gives rows, also when there are none.
    Rows {
        columns: Vec<Column>,
        rows: Vec<Vec<String>>,
    },
    Done {
        affected_rows: u64,
    },
}

/// An error as the files see it: `SQLSTATE: message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub sqlstate: String,
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.sqlstate, self.message)
    }
}

impl std::error::Error for Failure {}

/// A connection that broke, or that makes no sense.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self {
            sqlstate: "08000".into(),
            message: error.to_string(),
        }
    }
}

impl From<quern_engine::Error> for Failure {
    fn from(error: quern_engine::Error) -> Self {
        Self {
            sqlstate: error.sqlstate().to_string(),
            message: error.message,
        }
    }
}
