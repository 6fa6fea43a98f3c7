//! Places in a text: the parser counts lines and columns, PostgreSQL's clients count characters.

/// The line starts of a text.
#[derive(Debug, Clone)]
pub struct Places {
    text: String,
    /// Byte offset of each line's first character.
    lines: Vec<usize>,
    /// Whether columns are bytes, so that a long line need not be walked for each place.
    is_ascii: bool,
}

impl Places {
    pub fn new(text: &str) -> Self {
        let starts = text
            .char_indices()
            .filter(|(_, c)| *c == '\n')
            .map(|(at, _)| at + 1);
        Self {
            is_ascii: text.is_ascii(),
            text: text.to_string(),
            lines: std::iter::once(0).chain(starts).collect(),
        }
    }

    /// Byte offset of a 1-based line and column, at most the text's length.
    pub fn offset(&self, line: u64, column: u64) -> usize {
        let line = usize::try_from(line)
            .unwrap_or(usize::MAX)
            .saturating_sub(1);
        let Some(start) = self.lines.get(line) else {
            return self.text.len();
        };
        let column = usize::try_from(column)
            .unwrap_or(usize::MAX)
            .saturating_sub(1);
        if self.is_ascii {
            return start.saturating_add(column).min(self.text.len());
        }
        let rest = self.text.get(*start..).unwrap_or_default();
        start
            + rest
                .char_indices()
                .nth(column)
                .map_or(rest.len(), |(at, _)| at)
    }

    /// 1-based position in characters; `None` for the parser's "nowhere" (line 0).
    pub fn position(&self, line: u64, column: u64) -> Option<usize> {
        if line == 0 {
            return None;
        }
        let offset = self.offset(line, column);
        Some(self.text.get(..offset)?.chars().count() + 1)
    }

    /// The line that holds a 1-based position, its number, and the column in it (both 1-based).
    pub fn line_of(&self, position: usize) -> (usize, usize, &str) {
        let offset = self
            .text
            .char_indices()
            .nth(position.saturating_sub(1))
            .map_or(self.text.len(), |(at, _)| at);
        let number = self.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.lines[number - 1];
        let line = self.text[start..].lines().next().unwrap_or_default();
        let column = self
            .text
            .get(start..offset)
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        (number, column, line)
    }
}

#[cfg(test)]
mod tests {
    use super::Places;

    #[test]
    fn positions_count_characters_over_lines() {
        let places = Places::new("SELECT 'ü',\n  x");
        assert_eq!(places.position(2, 3), Some(15));
        assert_eq!(places.line_of(15), (2, 3, "  x"));
        assert_eq!(places.position(9, 9), Some(16));
        assert_eq!(places.position(0, 0), None);
    }
}
