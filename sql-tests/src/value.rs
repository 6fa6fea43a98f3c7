//! Rows as texts: the engine's own text of each value, on one line.

use arrow::array::RecordBatch;
use quern_engine::value_text::{TextColumn, TextStyle};

/// The rows of a batch. NULL is `NULL`, an empty text is `(empty)`; line ends and tabs are escaped,
/// for a row is one line and tabs separate its columns.
pub fn rows(batch: &RecordBatch, timezone: &str) -> Vec<Vec<String>> {
    let style = TextStyle::new(timezone);
    let columns: Vec<_> = batch
        .columns()
        .iter()
        .map(|column| TextColumn::new(column, &style))
        .collect();
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|column| text(column, row)).collect())
        .collect()
}

fn text(column: &TextColumn, row: usize) -> String {
    let mut value = String::new();
    match column.write(row, &mut value) {
        false => "NULL".into(),
        true => noted(&value),
    }
}

/// A value that is not NULL in the notation of the files.
pub fn noted(value: &str) -> String {
    match value {
        "" => "(empty)".into(),
        value => escaped(value),
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\t', "\\t")
        .replace('\r', "\\r")
}
