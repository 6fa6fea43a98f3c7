//! Tables for people: the first rows decide the widths, then rows are written as they come.
//!
//! At most [`SAMPLE_ROWS`] rows or [`SAMPLE_BYTES`] of text are held; a value that comes later and is
//! wider than its column is written whole, out of line.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::super::{Problem, terminal};
use super::aligned::Aligned;
use super::expanded::Blocks;
use super::text::{self, Cell, Heading};
use super::{Expanded, Look, Sink, Target};

const SAMPLE_ROWS: usize = 1000;
const SAMPLE_BYTES: usize = 4 << 20;

pub struct Table {
    look: Look,
    headings: Vec<Heading>,
    target: Target,
    sample: Vec<Vec<Cell>>,
    sample_bytes: usize,
    /// Chosen when the sample is complete.
    layout: Option<Layout>,
    rows: u64,
}

enum Layout {
    Aligned(Aligned),
    Blocks(Blocks),
}

impl Table {
    pub fn new(look: &Look, schema: &SchemaRef, target: Target) -> Self {
        Self {
            look: Look {
                colours: look.colours && target.is_terminal(),
                ..*look
            },
            headings: text::headings(schema),
            target,
            sample: Vec::new(),
            sample_bytes: 0,
            layout: None,
            rows: 0,
        }
    }

    /// Fixes the layout and writes what was held back.
    fn begin(&mut self) -> std::io::Result<()> {
        let sample = std::mem::take(&mut self.sample);
        let aligned = Aligned::new(&self.headings, &sample, self.look.colours);
        let expanded = match self.look.expanded {
            Expanded::On => true,
            Expanded::Off => false,
            Expanded::Auto => {
                self.target.is_terminal() && aligned.width() > terminal::width_columns()
            }
        };
        let mut out = String::new();
        let layout = if expanded {
            Layout::Blocks(Blocks::new(&self.headings, &sample, self.look.colours))
        } else {
            aligned.header(&mut out);
            Layout::Aligned(aligned)
        };
        self.target.write_all(out.as_bytes())?;
        self.layout = Some(layout);
        sample.iter().try_for_each(|row| self.write_row(row))
    }

    fn write_row(&mut self, row: &[Cell]) -> std::io::Result<()> {
        let mut out = String::new();
        self.rows += 1;
        match &self.layout {
            Some(Layout::Aligned(aligned)) => aligned.row(row, &mut out),
            Some(Layout::Blocks(blocks)) => blocks.row(self.rows, row, &mut out),
            None => {}
        }
        self.target.write_all(out.as_bytes())
    }
}

impl Sink for Table {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Problem> {
        for row in text::rows(batch, &self.look.style) {
            if self.layout.is_some() {
                self.write_row(&row)?;
                continue;
            }
            self.sample_bytes += row.iter().flatten().map(String::len).sum::<usize>();
            self.sample.push(row);
            if self.sample.len() >= SAMPLE_ROWS || self.sample_bytes >= SAMPLE_BYTES {
                self.begin()?;
            }
        }
        if self.target.is_terminal() && self.layout.is_some() {
            self.target.flush()?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), Problem> {
        if self.layout.is_none() {
            self.begin()?;
        }
        Ok(write!(self.target, "{}\n\n", text::row_count(self.rows))?)
    }
}
