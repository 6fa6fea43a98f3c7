//! Rows to bytes: one file per format, all behind [`Sink`], all streaming.
//!
//! A sink is opened for each result with its columns, takes batches, and is finished when the last
//! one came; a sink that is dropped instead belongs to a query that failed.

mod aligned;
mod binary;
mod csv;
mod expanded;
mod json;
mod markdown;
mod table;
mod target;
mod text;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use clap::ValueEnum;
use quern_engine::value_text::TextStyle;

pub use target::Target;

use super::Problem;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns for people
    Table,
    /// Comma-separated, with a header
    Csv,
    /// Tab-separated, with a header
    Tsv,
    /// One array of objects
    Json,
    /// One object a line
    Ndjson,
    /// A Markdown table
    Markdown,
    /// A Parquet file, compressed with zstd
    Parquet,
    /// An Arrow IPC file; to standard output, an Arrow IPC stream
    Arrow,
}

impl Format {
    pub fn name(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Markdown => "markdown",
            Format::Parquet => "parquet",
            Format::Arrow => "arrow",
        }
    }

    /// Not for a terminal, and one result to a file.
    pub fn is_binary(self) -> bool {
        matches!(self, Format::Parquet | Format::Arrow)
    }
}

/// Whether a table shows one column below the other, a block for each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expanded {
    On,
    Off,
    /// When the table is wider than the terminal.
    Auto,
}

/// How results look now.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub format: Format,
    pub expanded: Expanded,
    pub style: TextStyle,
    pub colours: bool,
}

/// Takes the rows of one result.
pub trait Sink {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Problem>;

    /// The last batch came.
    fn finish(self: Box<Self>) -> Result<(), Problem>;
}

pub fn open(look: &Look, schema: SchemaRef, target: Target) -> Result<Box<dyn Sink>, Problem> {
    let style = look.style;
    Ok(match look.format {
        Format::Table => Box::new(table::Table::new(look, &schema, target)),
        Format::Csv => Box::new(csv::Csv::new(',', style, &schema, target)),
        Format::Tsv => Box::new(csv::Csv::new('\t', style, &schema, target)),
        Format::Json => Box::new(json::Json::array(style, &schema, target)),
        Format::Ndjson => Box::new(json::Json::lines(style, &schema, target)),
        Format::Markdown => Box::new(markdown::Markdown::new(style, &schema, target)),
        Format::Parquet => Box::new(binary::Parquet::new(&schema, target)?),
        Format::Arrow => Box::new(binary::Arrow::new(&schema, target)?),
    })
}
