//! How the demo writes: titles, wrapped text, statements with a prompt, and what a query took.

use std::io::{self, Write};
use std::time::Duration;

use quern_engine::execution::Progress;
use quern_engine::settings::format_bytes;

/// Columns of a line of text.
const WIDTH_COLUMNS: usize = 92;
const PROMPT: &str = "quern> ";

/// Writes to standard output, in colour when it is a terminal.
pub struct Voice {
    out: io::Stdout,
    colours: bool,
    parts: usize,
}

impl Voice {
    pub fn new(colours: bool) -> Self {
        Self {
            out: io::stdout(),
            colours,
            parts: 0,
        }
    }

    /// A numbered heading.
    pub fn title(&mut self, text: &str) -> io::Result<()> {
        self.parts += 1;
        let title = format!("{}. {text}", self.parts);
        let rule = "-".repeat(title.chars().count());
        let title = self.painted("1", &title);
        writeln!(self.out, "\n{title}\n{rule}\n")
    }

    /// A paragraph.
    pub fn say(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{}\n", wrapped(text, WIDTH_COLUMNS))
    }

    /// Text as it is.
    pub fn lines(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// A statement, as if typed.
    pub fn statement(&mut self, sql: &str) -> io::Result<()> {
        let indent = " ".repeat(PROMPT.len());
        for (at, line) in sql.lines().enumerate() {
            let prompt = if at == 0 { PROMPT } else { &indent };
            let line = self.painted("36", line);
            writeln!(self.out, "{prompt}{line}")?;
        }
        writeln!(self.out)?;
        self.out.flush()
    }

    /// What a statement took.
    pub fn figures(
        &mut self,
        elapsed: Duration,
        progress: &Progress,
        limit_bytes: u64,
    ) -> io::Result<()> {
        let text = figures(elapsed, progress, limit_bytes);
        let text = self.painted("2", &text);
        writeln!(self.out, "{text}\n")
    }

    pub fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    fn painted(&self, code: &str, text: &str) -> String {
        match self.colours {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_string(),
        }
    }
}

fn figures(elapsed: Duration, progress: &Progress, limit_bytes: u64) -> String {
    let seconds = elapsed.as_secs_f64().max(1e-6);
    let mut parts = vec![format!("{seconds:.2} s")];
    if progress.rows_scanned > 0 {
        let speed = progress.rows_scanned as f64 / seconds;
        parts.push(format!(
            "{} rows scanned, {} a second",
            in_words(progress.rows_scanned),
            in_words(speed as u64)
        ));
    }
    if progress.bytes_read > 0 {
        let speed = progress.bytes_read as f64 / seconds;
        parts.push(format!(
            "{} read, {} a second",
            format_bytes(progress.bytes_read),
            format_bytes(speed as u64)
        ));
    }
    let mut text = format!("-- {}", parts.join("; "));
    if progress.spilled_bytes > 0 {
        text += &format!(
            "\n-- at most {} of {} in memory; {} spilled to disk",
            format_bytes(progress.memory_bytes),
            format_bytes(limit_bytes),
            format_bytes(progress.spilled_bytes)
        );
    } else if progress.memory_bytes > 0 {
        text += &format!(
            "\n-- at most {} in memory; nothing spilled",
            format_bytes(progress.memory_bytes)
        );
    }
    text
}

/// `950`, `20 thousand`, `6.2 million`, `1.4 billion`.
pub fn in_words(number: u64) -> String {
    let value = number as f64;
    let (value, unit) = match number {
        0..10_000 => return number.to_string(),
        10_000..1_000_000 => (value / 1e3, "thousand"),
        1_000_000..1_000_000_000 => (value / 1e6, "million"),
        _ => (value / 1e9, "billion"),
    };
    let digits = if value < 99.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    };
    format!("{} {unit}", digits.strip_suffix(".0").unwrap_or(&digits))
}

fn wrapped(text: &str, width_columns: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width_columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use quern_engine::execution::QueryState;

    use super::*;

    #[test]
    fn numbers_in_words() {
        let cases = [
            (950, "950"),
            (20_000, "20 thousand"),
            (6_240_000, "6.2 million"),
            (20_000_000, "20 million"),
            (123_456_789, "123 million"),
            (2_000_000_000, "2 billion"),
        ];
        for (number, words) in cases {
            assert_eq!(in_words(number), words);
        }
    }

    #[test]
    fn text_is_wrapped_between_words() {
        assert_eq!(wrapped("one two  three", 8), "one two\nthree");
        assert_eq!(wrapped("extraordinary", 5), "extraordinary");
    }

    #[test]
    fn figures_tell_speed_and_spilling() {
        let progress = Progress {
            doing: String::new(),
            state: QueryState::Finished,
            elapsed: Duration::from_secs(2),
            rows: 5,
            rows_scanned: 20_000_000,
            bytes_read: 100 << 20,
            bytes_total: 100 << 20,
            memory_bytes: 200 << 20,
            spilled_bytes: 300 << 20,
            shuffled_bytes: 0,
            bad_rows: Default::default(),
            tasks_done: 0,
            tasks_total: 0,
            retries: 0,
        };
        assert_eq!(
            figures(Duration::from_secs(2), &progress, 256 << 20),
            "-- 2.00 s; 20 million rows scanned, 10 million a second; 100.0 MiB read, 50.0 MiB a second\n\
             -- at most 200.0 MiB of 256.0 MiB in memory; 300.0 MiB spilled to disk"
        );
    }
}
