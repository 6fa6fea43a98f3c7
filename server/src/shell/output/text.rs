//! What the formats for people share: cells whose text is safe to show, and their width.

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use quern_engine::value_text::{TextColumn, TextStyle};
use unicode_width::UnicodeWidthStr;

/// How NULL reads.
pub const NULL: &str = "NULL";

/// One value as it is shown; `None` is NULL.
pub type Cell = Option<String>;

/// A column's heading.
#[derive(Debug, Clone)]
pub struct Heading {
    pub name: String,
    pub align_right: bool,
}

pub fn headings(schema: &SchemaRef) -> Vec<Heading> {
    let fields = schema.fields().iter();
    fields
        .map(|field| Heading {
            name: printable(field.name()),
            align_right: is_number(field.data_type()),
        })
        .collect()
}

fn is_number(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, value) => is_number(value),
        other => other.is_numeric(),
    }
}

/// The cells of a batch, row by row.
pub fn rows(batch: &RecordBatch, style: &TextStyle) -> impl Iterator<Item = Vec<Cell>> + use<> {
    let columns: Vec<TextColumn> = batch
        .columns()
        .iter()
        .map(|array| TextColumn::new(array, style))
        .collect();
    (0..batch.num_rows()).map(move |row| columns.iter().map(|column| cell(column, row)).collect())
}

fn cell(column: &TextColumn, row: usize) -> Cell {
    let mut text = String::new();
    column.write(row, &mut text).then(|| {
        if text.contains(|c: char| c.is_control() && c != '\n') {
            printable(&text)
        } else {
            text
        }
    })
}

/// The text with control characters other than line ends made visible: none may reach a terminal.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push('\n'),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            c if c.is_control() => shown.push_str(&format!("\\x{:02x}", c as u32)),
            c => shown.push(c),
        }
    }
    shown
}

/// Columns that the widest line of a cell takes.
pub fn width(text: &str) -> usize {
    text.split('\n')
        .map(UnicodeWidthStr::width)
        .max()
        .unwrap_or(0)
}

pub fn cell_width(cell: &Cell) -> usize {
    cell.as_deref().map_or(NULL.len(), width)
}

/// `(3 rows)`.
pub fn row_count(rows: u64) -> String {
    let plural = if rows == 1 { "" } else { "s" };
    format!("({rows} row{plural})")
}
