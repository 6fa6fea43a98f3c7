//! How far a statement is, told to the shell while it waits for rows.
//!
//! A client that asked for Arrow gets a ParameterStatus of this name twice a second.

use std::future::Future;
use std::time::Duration;

use pgwire::messages::PgWireBackendMessage as Reply;
use pgwire::messages::startup::ParameterStatus;
use quern_engine::execution::{Progress, QueryState};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWrite;

use super::connection::Connection;
use super::output::{Gone, Sent};

pub const PROGRESS: &str = "quern.progress";

const EVERY: Duration = Duration::from_millis(500);

/// What is told, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    is_planning: bool,
    elapsed_ms: u64,
    rows: u64,
    rows_scanned: u64,
    bytes_read: u64,
    bytes_total: u64,
    #[serde(default)]
    doing: String,
    memory_bytes: u64,
    spilled_bytes: u64,
    #[serde(default)]
    shuffled_bytes: u64,
    #[serde(default)]
    tasks_done: u64,
    #[serde(default)]
    tasks_total: u64,
    /// Memory that queries share.
    pub memory_limit_bytes: u64,
}

impl Told {
    fn new(progress: &Progress, memory_limit_bytes: u64) -> Self {
        Self {
            is_planning: progress.state == QueryState::Planning,
            elapsed_ms: progress.elapsed.as_millis() as u64,
            rows: progress.rows,
            rows_scanned: progress.rows_scanned,
            bytes_read: progress.bytes_read,
            bytes_total: progress.bytes_total,
            doing: progress.doing.clone(),
            memory_bytes: progress.memory_bytes,
            spilled_bytes: progress.spilled_bytes,
            shuffled_bytes: progress.shuffled_bytes,
            tasks_done: progress.tasks_done,
            tasks_total: progress.tasks_total,
            memory_limit_bytes,
        }
    }

    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub fn progress(&self) -> Progress {
        Progress {
            state: match self.is_planning {
                true => QueryState::Planning,
                false => QueryState::Running,
            },
            elapsed: Duration::from_millis(self.elapsed_ms),
            rows: self.rows,
            rows_scanned: self.rows_scanned,
            bytes_read: self.bytes_read,
            bytes_total: self.bytes_total,
            doing: self.doing.clone(),
            memory_bytes: self.memory_bytes,
            spilled_bytes: self.spilled_bytes,
            shuffled_bytes: self.shuffled_bytes,
            bad_rows: Default::default(),
            tasks_done: self.tasks_done,
            tasks_total: self.tasks_total,
            retries: 0,
        }
    }
}

impl<W: AsyncWrite + Unpin + Send> Connection<W> {
    /// Waits for work of the session as [`Connection::unless_gone`], and tells how far it is.
    pub(super) async fn telling<T>(&mut self, work: impl Future<Output = T>) -> Sent<T> {
        if !self.sends_arrow {
            return Ok(self.unless_gone(work).await);
        }
        let mut work = std::pin::pin!(work);
        loop {
            let turn = tokio::time::timeout(EVERY, self.unless_gone(&mut work)).await;
            if let Ok(result) = turn {
                return Ok(result);
            }
            if let Some(query) = self.session.current_query() {
                let told = Told::new(&query.progress(), self.memory_limit_bytes);
                let text = serde_json::to_string(&told).unwrap_or_default();
                let status = ParameterStatus::new(PROGRESS.to_string(), text);
                self.output.put(Reply::ParameterStatus(status));
                if self.output.flush().await.is_err() {
                    self.session.cancel();
                    work.await;
                    return Err(Gone);
                }
            }
        }
    }
}
