//! The progress line: on standard error while a query runs, gone before anything else is shown.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use quern_engine::execution::Progress;
use quern_engine::settings::{format_bytes, format_count, format_elapsed};

use super::terminal;

/// A query that is done sooner needs no progress line.
const QUIET: Duration = Duration::from_millis(300);
const REDRAW: Duration = Duration::from_millis(100);
const BAR_COLUMNS: usize = 20;

pub struct ProgressLine {
    enabled: bool,
    started: Instant,
    next_draw: Instant,
    shown: bool,
    /// Rows are being written to the terminal.
    paused: bool,
}

impl ProgressLine {
    /// Shown only on a terminal.
    pub fn new(wanted: bool) -> Self {
        let now = Instant::now();
        Self {
            enabled: wanted && std::io::stderr().is_terminal(),
            started: now,
            next_draw: now,
            shown: false,
            paused: false,
        }
    }

    /// A statement begins.
    pub fn start(&mut self) {
        self.started = Instant::now();
        self.next_draw = self.started + QUIET;
        self.paused = false;
    }

    /// Rows go to the same terminal now: no line until the next statement.
    pub fn pause(&mut self) {
        self.paused = true;
    }

    /// Resolves when it is time to draw again; never when there is nothing to draw.
    pub async fn tick(&self) {
        if !self.enabled || self.paused {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep_until(self.next_draw.into()).await;
    }

    pub fn draw(&mut self, progress: &Progress, memory_limit_bytes: Option<u64>) {
        let width = terminal::width_columns().saturating_sub(1);
        let line = line(progress, memory_limit_bytes, width);
        let mut stderr = std::io::stderr().lock();
        let _ = write!(stderr, "\r{line}\x1b[K");
        let _ = stderr.flush();
        self.shown = true;
        self.next_draw = Instant::now() + REDRAW;
    }

    /// Removes the line, if it is there.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let mut stderr = std::io::stderr().lock();
            let _ = write!(stderr, "\r\x1b[K");
            let _ = stderr.flush();
        }
    }
}

/// The parts of the line, the least important last: those that do not fit are left out.
fn line(progress: &Progress, memory_limit_bytes: Option<u64>, width_columns: usize) -> String {
    let elapsed = format_elapsed(progress.elapsed);
    let doing = Some(progress.doing.as_str()).filter(|doing| !doing.is_empty());
    let mut parts = Vec::new();
    match progress.fraction() {
        Some(done) => {
            let filled = (done.clamp(0.0, 1.0) * BAR_COLUMNS as f64) as usize;
            let bar = format!("{}{}", "█".repeat(filled), "░".repeat(BAR_COLUMNS - filled));
            parts.push(format!("{bar} {:3.0}%", done.clamp(0.0, 1.0) * 100.0));
            let left = progress.remaining().map(format_elapsed);
            parts.push(match left {
                Some(left) => format!("{elapsed}, {left} left"),
                None => elapsed,
            });
            parts.extend(doing.map(str::to_string));
            parts.push(format!(
                "{} of {}",
                format_bytes(progress.bytes_read),
                format_bytes(progress.bytes_total.max(progress.bytes_read))
            ));
        }
        None => {
            const FRAMES: [&str; 8] = ["⠏", "⠛", "⠹", "⢸", "⣰", "⣤", "⣆", "⡇"];
            let frame = progress.elapsed.as_millis() / REDRAW.as_millis();
            let frame = FRAMES[(frame % FRAMES.len() as u128) as usize];
            parts.push(format!(
                "{frame} {}",
                doing.unwrap_or(progress.state.name())
            ));
            parts.push(elapsed);
        }
    }
    parts.push(format!("{} rows", format_count(progress.rows_scanned)));
    if progress.spilled_bytes > 0 {
        parts.push(format!("{} spilled", format_bytes(progress.spilled_bytes)));
    }
    if progress.shuffled_bytes > 0 {
        parts.push(format!(
            "{} shuffled",
            format_bytes(progress.shuffled_bytes)
        ));
    }
    let memory = format_bytes(progress.memory_bytes);
    parts.push(match memory_limit_bytes {
        Some(limit) => format!("memory {memory} of {}", format_bytes(limit)),
        None => format!("memory {memory}"),
    });
    let mut line = String::new();
    for part in parts {
        let separator = if line.is_empty() { "" } else { "  " };
        if line.chars().count() + separator.len() + part.chars().count() > width_columns {
            break;
        }
        line += separator;
        line += &part;
    }
    line
}

#[cfg(test)]
mod tests {
    use quern_engine::execution::QueryState;

    use super::*;

    fn progress() -> Progress {
        Progress {
            state: QueryState::Running,
            elapsed: Duration::from_secs(65),
            rows: 0,
            rows_scanned: 1_234_567,
            bytes_read: 512 << 20,
            bytes_total: 2 << 30,
            doing: String::new(),
            memory_bytes: 10 << 20,
            spilled_bytes: 0,
            shuffled_bytes: 0,
            bad_rows: Default::default(),
            tasks_done: 0,
            tasks_total: 0,
            retries: 0,
        }
    }

    #[test]
    fn a_known_total_gives_a_bar_and_an_estimate() {
        assert_eq!(
            line(&progress(), Some(1 << 30), 200),
            "█████░░░░░░░░░░░░░░░  25%  1m05s, 3m15s left  512.0 MiB of 2.0 GiB  \
             1,234,567 rows  memory 10.0 MiB of 1.0 GiB"
        );
    }

    #[test]
    fn a_training_tells_its_pass() {
        let reading = Progress {
            doing: "pass 3, loss 0.125000".to_string(),
            ..progress()
        };
        assert_eq!(
            line(&reading, None, 70),
            "█████░░░░░░░░░░░░░░░  25%  1m05s  pass 3, loss 0.125000"
        );
        // Over rows in memory.
        let kept = Progress {
            bytes_read: 0,
            bytes_total: 0,
            ..reading
        };
        assert_eq!(line(&kept, None, 40), "⠹ pass 3, loss 0.125000  1m05s");
    }

    #[test]
    fn without_a_total_there_is_no_percentage() {
        let progress = Progress {
            bytes_read: 0,
            bytes_total: 0,
            spilled_bytes: 3 << 20,
            ..progress()
        };
        assert_eq!(
            line(&progress, None, 50),
            "⠹ running  1m05s  1,234,567 rows  3.0 MiB spilled"
        );
    }
}
