//! Separated values after RFC 4180, with a header; NULL is empty, and an empty text is `""`.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use quern_engine::value_text::{TextColumn, TextStyle};

use super::super::Problem;
use super::{Sink, Target};

pub struct Csv {
    delimiter: char,
    style: TextStyle,
    target: Target,
    /// Written before the first row, or at the end when there is none.
    header: Option<String>,
}

impl Csv {
    pub fn new(delimiter: char, style: TextStyle, schema: &SchemaRef, target: Target) -> Self {
        let mut header = String::new();
        for (at, field) in schema.fields().iter().enumerate() {
            if at > 0 {
                header.push(delimiter);
            }
            write_field(field.name(), delimiter, &mut header);
        }
        header.push('\n');
        Self {
            delimiter,
            style,
            target,
            header: Some(header),
        }
    }

    fn write_header(&mut self) -> std::io::Result<()> {
        match self.header.take() {
            Some(header) => self.target.write_all(header.as_bytes()),
            None => Ok(()),
        }
    }
}

impl Sink for Csv {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Problem> {
        self.write_header()?;
        let columns: Vec<TextColumn> = batch
            .columns()
            .iter()
            .map(|array| TextColumn::new(array, &self.style))
            .collect();
        let (mut out, mut value) = (String::new(), String::new());
        for row in 0..batch.num_rows() {
            for (at, column) in columns.iter().enumerate() {
                if at > 0 {
                    out.push(self.delimiter);
                }
                value.clear();
                if column.write(row, &mut value) {
                    write_field(&value, self.delimiter, &mut out);
                }
            }
            out.push('\n');
            if out.len() >= 64 << 10 {
                self.target.write_all(out.as_bytes())?;
                out.clear();
            }
        }
        Ok(self.target.write_all(out.as_bytes())?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), Problem> {
        Ok(self.write_header()?)
    }
}

fn write_field(value: &str, delimiter: char, out: &mut String) {
    let special = |c: char| c == delimiter || matches!(c, '"' | '\n' | '\r');
    if !value.is_empty() && !value.contains(special) {
        out.push_str(value);
        return;
    }
    out.push('"');
    for c in value.chars() {
        if c == '"' {
            out.push('"');
        }
        out.push(c);
    }
    out.push('"');
}
