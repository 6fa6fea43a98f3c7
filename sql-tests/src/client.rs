//! Between the `sqllogictest` runner and a way: variables in, folders of this run out.

use std::path::Path;

use async_trait::async_trait;
use sqllogictest::{AsyncDB, DBOutput};

use crate::column::Column;
use crate::way::{Connection, Failure, Reply};

/// What `$DATA` and `$TEMP` stand for in one file.
#[derive(Debug, Clone)]
pub struct Variables(Vec<(&'static str, String)>);

impl Variables {
    /// `data` is the folder of fixtures, `temp` one that this run of the file has for itself.
    pub fn new(data: &Path, temp: &Path) -> Self {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        Self(vec![("$DATA", text(data)), ("$TEMP", text(temp))])
    }

    fn fill(&self, sql: &str) -> String {
        self.0.iter().fold(sql.to_string(), |sql, (name, value)| {
            sql.replace(name, value)
        })
    }

    /// The opposite of [`Variables::fill`], so that expected results hold no folder of a machine.
    fn mask(&self, text: &str) -> String {
        self.0.iter().fold(text.to_string(), |text, (name, value)| {
            let relative = value.trim_start_matches('/');
            text.replace(value, name).replace(relative, name)
        })
    }
}

/// One session as the runner sees it.
pub struct Client {
    pub way: &'static str,
    pub connection: Box<dyn Connection>,
    pub variables: Variables,
}

#[async_trait]
impl AsyncDB for Client {
    type Error = Failure;
    type ColumnType = Column;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<Column>, Failure> {
        match self.connection.run(&self.variables.fill(sql)).await {
            Ok(Reply::Done { affected_rows }) => Ok(DBOutput::StatementComplete(affected_rows)),
            Ok(Reply::Rows { columns, rows }) => {
                let masked =
                    |row: Vec<String>| row.iter().map(|v| self.variables.mask(v)).collect();
                Ok(DBOutput::Rows {
                    types: columns,
                    rows: rows.into_iter().map(masked).collect(),
                })
            }
            Err(failure) => Err(Failure {
                message: self.variables.mask(&failure.message),
                ..failure
            }),
        }
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        self.way
    }

    fn error_sql_state(error: &Failure) -> Option<String> {
        Some(error.sqlstate.clone())
    }
}
