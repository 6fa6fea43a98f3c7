//! A table in Markdown.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use quern_engine::value_text::TextStyle;

use super::super::Problem;
use super::text::{self, Heading, NULL};
use super::{Sink, Target};

pub struct Markdown {
    style: TextStyle,
    target: Target,
    /// Written before the first row, or at the end when there is none.
    headings: Option<Vec<Heading>>,
}

impl Markdown {
    pub fn new(style: TextStyle, schema: &SchemaRef, target: Target) -> Self {
        Self {
            style,
            target,
            headings: Some(text::headings(schema)),
        }
    }

    fn write_header(&mut self) -> std::io::Result<()> {
        let Some(headings) = self.headings.take() else {
            return Ok(());
        };
        let mut out = String::new();
        line(headings.iter().map(|h| h.name.as_str()), &mut out);
        let rule = |h: &Heading| if h.align_right { "--:" } else { "---" };
        line(headings.iter().map(rule), &mut out);
        self.target.write_all(out.as_bytes())
    }
}

impl Sink for Markdown {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Problem> {
        self.write_header()?;
        let mut out = String::new();
        for row in text::rows(batch, &self.style) {
            let cells = row.iter().map(|cell| cell.as_deref().unwrap_or(NULL));
            line(cells, &mut out);
        }
        Ok(self.target.write_all(out.as_bytes())?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), Problem> {
        self.write_header()?;
        Ok(self.target.write_all(b"\n")?)
    }
}

fn line<'a>(cells: impl Iterator<Item = &'a str>, out: &mut String) {
    out.push('|');
    for cell in cells {
        out.push(' ');
        for c in cell.chars() {
            match c {
                '|' => out.push_str("\\|"),
                '\n' => out.push_str("<br>"),
                c => out.push(c),
            }
        }
        out.push_str(" |");
    }
    out.push('\n');
}
