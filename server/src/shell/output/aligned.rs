//! Aligned columns, as psql draws them.

use super::text::{self, Cell, Heading, NULL};

pub struct Aligned {
    columns: Vec<Column>,
    colours: bool,
}

struct Column {
    name: String,
    align_right: bool,
    width: usize,
}

impl Aligned {
    pub fn new(headings: &[Heading], sample: &[Vec<Cell>], colours: bool) -> Self {
        let columns = headings.iter().enumerate().map(|(at, heading)| {
            let cells = sample.iter().filter_map(|row| row.get(at));
            let widest = cells.map(text::cell_width).max().unwrap_or(0);
            Column {
                width: widest.max(text::width(&heading.name)),
                name: heading.name.clone(),
                align_right: heading.align_right,
            }
        });
        Self {
            columns: columns.collect(),
            colours,
        }
    }

    /// Terminal columns of a line.
    pub fn width(&self) -> usize {
        let separators = self.columns.len().saturating_sub(1);
        self.columns.iter().map(|c| c.width + 2).sum::<usize>() + separators
    }

    pub fn header(&self, out: &mut String) {
        let names: Vec<Vec<&str>> = self
            .columns
            .iter()
            .map(|c| c.name.split('\n').collect())
            .collect();
        let lines = names.iter().map(Vec::len).max().unwrap_or(1);
        for line in 0..lines {
            for (at, (column, name)) in self.columns.iter().zip(&names).enumerate() {
                let part = name.get(line).copied().unwrap_or_default();
                let space = column.width.saturating_sub(text::width(part));
                separator(at, out);
                pad(space / 2, out);
                out.push_str(part);
                pad(space - space / 2, out);
                out.push(if line + 1 < name.len() { '+' } else { ' ' });
            }
            out.push('\n');
        }
        for (at, column) in self.columns.iter().enumerate() {
            if at > 0 {
                out.push('+');
            }
            out.extend(std::iter::repeat_n('-', column.width + 2));
        }
        out.push('\n');
    }

    /// A value of several lines takes several lines of the table, marked with `+` where it goes on.
    pub fn row(&self, row: &[Cell], out: &mut String) {
        let cells: Vec<Vec<&str>> = row
            .iter()
            .map(|cell| cell.as_deref().unwrap_or(NULL).split('\n').collect())
            .collect();
        let lines = cells.iter().map(Vec::len).max().unwrap_or(1);
        for line in 0..lines {
            for (at, (column, cell)) in self.columns.iter().zip(&cells).enumerate() {
                separator(at, out);
                let goes_on = line + 1 < cell.len();
                let is_last = at + 1 == self.columns.len();
                let part = cell.get(line).copied().unwrap_or_default();
                let space = column.width.saturating_sub(text::width(part));
                if column.align_right {
                    pad(space, out);
                }
                let is_null = row.get(at).is_some_and(Option::is_none) && line == 0;
                dimmed(part, is_null && self.colours, out);
                if !column.align_right && (goes_on || !is_last) {
                    pad(space, out);
                }
                match (goes_on, is_last) {
                    (true, _) => out.push('+'),
                    (false, false) => out.push(' '),
                    (false, true) => {}
                }
            }
            out.push('\n');
        }
    }
}

fn separator(at: usize, out: &mut String) {
    out.push_str(if at > 0 { "| " } else { " " });
}

fn pad(columns: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', columns));
}

/// NULL stands back, so that it is not taken for text.
pub fn dimmed(text: &str, dim: bool, out: &mut String) {
    if dim {
        out.push_str("\x1b[2m");
        out.push_str(text);
        out.push_str("\x1b[0m");
    } else {
        out.push_str(text);
    }
}
