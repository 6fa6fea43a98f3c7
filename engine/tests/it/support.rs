//! What the tests share: a session, and rows as text.

use arrow::util::display::{ArrayFormatter, FormatOptions};
use quern_engine::{Engine, Error, Outcome, Session, SessionOptions, Settings};

/// A local session of an engine without a data folder.
pub fn session() -> Session {
    Engine::open(Settings::default())
        .unwrap()
        .session(SessionOptions::local())
}

/// The rows of a statement: columns separated by `|`, NULL as `NULL`.
pub async fn rows(session: &Session, sql: &str) -> Result<Vec<String>, Error> {
    rows_of(session.sql(sql).await?).await
}

/// The rows of an outcome, or its tag.
pub async fn rows_of(outcome: Outcome) -> Result<Vec<String>, Error> {
    let Some(rows) = outcome.rows else {
        return Ok(vec![outcome.tag.to_string()]);
    };
    let options = FormatOptions::default().with_null("NULL");
    let mut lines = Vec::new();
    for batch in rows.collect().await? {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|c| ArrayFormatter::try_new(c, &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let values: Vec<_> = columns.iter().map(|c| c.value(row).to_string()).collect();
            lines.push(values.join("|"));
        }
    }
    Ok(lines)
}

/// The error of a statement that must fail, as `SQLSTATE message`.
pub async fn error(session: &Session, sql: &str) -> Error {
    match rows(session, sql).await {
        Ok(rows) => panic!("{sql} gave {rows:?}"),
        Err(error) => error,
    }
}
