//! Progress notices: how far a statement is, told to its client every `quern.progress_interval`.
//!
//! They are told while the client waits for the engine; one that is being sent rows sees for itself.

use std::time::Duration;

use quern_engine::execution::{Progress, QueryState};
use quern_engine::settings::{format_count, format_elapsed};
use quern_engine::{Notice, Settings};
use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::connection::Connection;

/// When the client is to be told next; never without an interval.
#[derive(Debug, Default)]
pub struct ProgressNotices {
    every: Option<(Duration, Instant)>,
}

impl ProgressNotices {
    /// A statement begins.
    pub fn begin(&mut self, settings: &Settings) {
        self.every = after(settings.progress_interval());
    }

    /// Resolves when it is time to tell the client.
    pub async fn due(&self) {
        match self.every {
            Some((_, next)) => tokio::time::sleep_until(next).await,
            None => std::future::pending().await,
        }
    }

    fn told(&mut self) {
        self.every = after(self.every.map(|(interval, _)| interval));
    }
}

fn after(interval: Option<Duration>) -> Option<(Duration, Instant)> {
    let interval = interval?;
    Some((interval, Instant::now().checked_add(interval)?))
}

impl<W: AsyncWrite + Unpin + Send> Connection<W> {
    pub(super) async fn tell_progress(&mut self) {
        self.progress.told();
        // The shell is told in its own way.
        let query = self.session.current_query().filter(|_| !self.sends_arrow);
        let Some(query) = query else {
            return;
        };
        self.notices(&[Notice::info(text(&query.progress()))]);
        // A client that is gone is noticed by whoever reads from it.
        let _ = self.output.flush().await;
    }
}

/// `progress: 42 %, 12,345,678 rows read, 1m05s, 1m30s left`; of a training
/// `progress: pass 3, loss 0.125000, 42 %, 12,345,678 rows read, 1m05s`.
fn text(progress: &Progress) -> String {
    let mut parts = Vec::new();
    if !progress.doing.is_empty() {
        parts.push(progress.doing.clone());
    }
    match progress.fraction() {
        Some(done) => parts.push(format!("{:.0} %", done.clamp(0.0, 1.0) * 100.0)),
        None if progress.state == QueryState::Planning => parts.push("planning".to_string()),
        None => {}
    }
    parts.push(format!("{} rows read", format_count(progress.rows_scanned)));
    parts.push(format_elapsed(progress.elapsed));
    if let Some(left) = progress.remaining() {
        parts.push(format!("{} left", format_elapsed(left)));
    }
    format!("progress: {}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_reads_as_far_as_it_is_known() {
        let mut progress = Progress {
            state: QueryState::Running,
            elapsed: Duration::from_secs(65),
            rows: 0,
            rows_scanned: 1_234_567,
            bytes_read: 0,
            bytes_total: 0,
            doing: String::new(),
            memory_bytes: 0,
            spilled_bytes: 0,
            shuffled_bytes: 0,
            bad_rows: Default::default(),
            tasks_done: 0,
            tasks_total: 0,
            retries: 0,
        };
        assert_eq!(text(&progress), "progress: 1,234,567 rows read, 1m05s");
        (progress.bytes_read, progress.bytes_total) = (512 << 20, 2 << 30);
        assert_eq!(
            text(&progress),
            "progress: 25 %, 1,234,567 rows read, 1m05s, 3m15s left"
        );
        // How many passes there will be is not known.
        progress.doing = "pass 3, loss 0.125000".to_string();
        assert_eq!(
            text(&progress),
            "progress: pass 3, loss 0.125000, 25 %, 1,234,567 rows read, 1m05s"
        );
    }
}
