//! A block for each row, one column below the other: for rows that are wider than the terminal.

use super::aligned::dimmed;
use super::text::{self, Cell, Heading, NULL};

pub struct Blocks {
    names: Vec<String>,
    name_width: usize,
    value_width: usize,
    colours: bool,
}

impl Blocks {
    pub fn new(headings: &[Heading], sample: &[Vec<Cell>], colours: bool) -> Self {
        let widest = sample.iter().flatten().map(text::cell_width).max();
        let names: Vec<_> = headings
            .iter()
            .map(|h| h.name.replace('\n', "\\n"))
            .collect();
        Self {
            name_width: names.iter().map(|n| text::width(n)).max().unwrap_or(0),
            // A rule need not be as long as a very long value.
            value_width: widest.unwrap_or(0).min(60),
            names,
            colours,
        }
    }

    pub fn row(&self, number: u64, row: &[Cell], out: &mut String) {
        let title = format!("-[ RECORD {number} ]");
        let mut rule: Vec<char> = title.chars().collect();
        let length = self.name_width + 3 + self.value_width;
        rule.resize(rule.len().max(length), '-');
        if title.len() <= self.name_width + 1 {
            rule[self.name_width + 1] = '+';
        }
        out.extend(rule);
        out.push('\n');
        for (name, cell) in self.names.iter().zip(row) {
            let shown = cell.as_deref().unwrap_or(NULL);
            for (line, part) in shown.split('\n').enumerate() {
                let name = if line == 0 { name.as_str() } else { "" };
                out.push_str(name);
                let space = self.name_width - text::width(name);
                out.extend(std::iter::repeat_n(' ', space));
                out.push_str(" | ");
                dimmed(part, cell.is_none() && self.colours, out);
                out.push('\n');
            }
        }
    }
}
