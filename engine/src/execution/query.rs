//! One statement while it runs: its identity, its state, and the switch that ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use datafusion::execution::memory_pool::PeakRecordingPool;
use datafusion::physical_plan::ExecutionPlan;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::progress::{Progress, operator_metrics};
use super::remote::{Counted, remote_part};
use super::routed::Notes;
use crate::error::{Error, Kind, Result, cancelled};
use crate::source::{BadRowCounts, scanned_bytes};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryState {
    Planning,
    Running,
    Finished,
    Failed,
    Cancelled,
}

impl QueryState {
    pub fn name(self) -> &'static str {
        match self {
            QueryState::Planning => "planning",
            QueryState::Running => "running",
            QueryState::Finished => "finished",
            QueryState::Failed => "failed",
            QueryState::Cancelled => "cancelled",
        }
    }

    pub fn is_over(self) -> bool {
        !matches!(self, QueryState::Planning | QueryState::Running)
    }
}

#[derive(Debug)]
pub struct Query {
    pub id: String,
    /// The statement without its secrets.
    pub text: String,
    pub user: String,
    pub application: String,
    /// The number of the session that runs it.
    pub session: i32,
    pub started_at: SystemTime,
    started: Instant,
    timeout: Option<Duration>,
    cancel: CancellationToken,
    /// Cancelled when the query is over, however it ended.
    over: CancellationToken,
    rows: AtomicU64,
    /// How often the query began anew for want of memory.
    retries: AtomicU64,
    /// Where its plans ran, if that is worth telling.
    notes: Arc<Notes>,
    /// Its change is being committed, or was: cancelling waits for what becomes of it.
    committing: AtomicBool,
    /// What changes as the query proceeds; held only for moments.
    stage: Mutex<Stage>,
}

#[derive(Debug)]
struct Stage {
    state: QueryState,
    /// Let go at the end, so that a finished query holds no data.
    plan: Option<Arc<dyn ExecutionPlan>>,
    pool: Option<Arc<PeakRecordingPool>>,
    bytes_total: u64,
    /// What it is at, in words, where it does one thing after the other.
    doing: String,
    elapsed: Option<Duration>,
    error: Option<String>,
    /// The last progress, kept when the plan is let go.
    last: Option<Progress>,
}

/// What identifies a statement when it starts.
#[derive(Debug, Clone, Default)]
pub struct QueryInfo {
    pub text: String,
    pub user: String,
    pub application: String,
    pub session: i32,
    pub timeout: Option<Duration>,
}

impl Query {
    pub(super) fn new(id: String, info: QueryInfo) -> Self {
        Self {
            id,
            text: info.text,
            user: info.user,
            application: info.application,
            session: info.session,
            started_at: SystemTime::now(),
            started: Instant::now(),
            timeout: info.timeout,
            cancel: CancellationToken::new(),
            over: CancellationToken::new(),
            rows: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            notes: Arc::default(),
            committing: AtomicBool::new(false),
            stage: Mutex::new(Stage {
                state: QueryState::Planning,
                plan: None,
                pool: None,
                bytes_total: 0,
                doing: String::new(),
                elapsed: None,
                error: None,
                last: None,
            }),
        }
    }

    /// Ends the query at its next step; the caller of the query gets 57014.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    pub fn cancel_token(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// What its planning notes for the user.
    pub(crate) fn notes(&self) -> &Arc<Notes> {
        &self.notes
    }

    /// What the user should know, though nothing is wrong.
    pub fn told(&self) -> Vec<String> {
        self.notes.all()
    }

    /// Waits until the query is over.
    pub async fn over(&self) {
        self.over.cancelled().await;
    }

    /// When the time limit is reached, if there is one.
    pub fn deadline(&self) -> Option<Instant> {
        self.timeout.map(|timeout| self.started + timeout)
    }

    pub(super) fn running(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        pool: Arc<PeakRecordingPool>,
        bytes_total: u64,
    ) {
        let mut stage = self.stage.lock();
        stage.state = QueryState::Running;
        stage.plan = Some(plan);
        stage.pool = Some(pool);
        stage.bytes_total = bytes_total;
    }

    /// Notes that it runs once more, because of this error.
    pub(crate) fn begin_anew(&self, error: &dyn std::fmt::Display) {
        tracing::info!(query = self.id, %error, "out of memory: the query runs once more");
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// From here on cancelling waits for what becomes of the change; fails when it was cancelled
    /// before.
    pub(crate) fn begin_commit(&self) -> Result<()> {
        self.committing.store(true, Ordering::SeqCst);
        // Whoever cancels looks at the switch after that: one of the two sees the other.
        match self.cancel.is_cancelled() {
            true => {
                self.end_commit();
                Err(cancelled())
            }
            false => Ok(()),
        }
    }

    /// Nothing was committed after all: the statement goes on.
    pub(crate) fn end_commit(&self) {
        self.committing.store(false, Ordering::SeqCst);
    }

    pub(super) fn is_committing(&self) -> bool {
        self.committing.load(Ordering::SeqCst)
    }

    /// What the statement is at, for those who watch: `pass 3, loss 0.125000`.
    pub(crate) fn tell(&self, doing: String) {
        self.stage.lock().doing = doing;
    }

    pub(crate) fn add_rows(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// The query is over; the first call decides how it ended.
    pub(crate) fn finish(&self, outcome: std::result::Result<(), &Error>) {
        let progress = self.progress();
        let mut stage = self.stage.lock();
        if stage.state.is_over() {
            return;
        }
        stage.state = match &outcome {
            Ok(()) => QueryState::Finished,
            Err(e) if e.kind == Kind::Cancelled => QueryState::Cancelled,
            Err(_) => QueryState::Failed,
        };
        stage.error = outcome.err().map(|e| e.message.clone());
        stage.elapsed = Some(self.started.elapsed());
        stage.plan = None;
        stage.pool = None;
        stage.last = Some(Progress {
            state: stage.state,
            ..progress
        });
        self.over.cancel();
    }

    pub fn error(&self) -> Option<String> {
        self.stage.lock().error.clone()
    }

    /// What the user should know when the query is over and all its rows are there.
    pub fn warnings(&self) -> Vec<String> {
        let progress = self.progress();
        let mut warnings = progress.bad_rows.warnings();
        if progress.retries > 0 {
            warnings.push(
                "out of memory: the query was run once more, planned to need less; \
                 it is faster with a larger quern.memory_limit"
                    .to_string(),
            );
        }
        warnings
    }

    /// How far the query is, now or, when it is over, at its end.
    pub fn progress(&self) -> Progress {
        let stage = self.stage.lock();
        if let Some(last) = &stage.last {
            return last.clone();
        }
        let plan = stage.plan.as_deref();
        let metrics = plan.map(operator_metrics).unwrap_or_default();
        let remote = plan.and_then(remote_part);
        let remote = remote.map_or_else(Counted::default, |part| part.progress());
        let mut bad_rows = plan.map(BadRowCounts::of).unwrap_or_default();
        bad_rows.add_counts(remote.bad_rows);
        Progress {
            state: stage.state,
            elapsed: stage.elapsed.unwrap_or_else(|| self.started.elapsed()),
            rows: self.rows.load(Ordering::Relaxed),
            rows_scanned: metrics.rows_scanned + remote.rows_scanned,
            bytes_read: plan.map_or(0, scanned_bytes) + remote.bytes_read,
            bytes_total: stage.bytes_total,
            doing: stage.doing.clone(),
            memory_bytes: stage
                .pool
                .as_ref()
                .map_or(0, |pool| pool.peak_reserved() as u64),
            spilled_bytes: metrics.spilled_bytes + remote.spilled_bytes,
            shuffled_bytes: remote.shuffled_bytes,
            bad_rows,
            tasks_done: remote.tasks_done,
            tasks_total: remote.tasks_total,
            retries: self.retries.load(Ordering::Relaxed),
        }
    }
}
