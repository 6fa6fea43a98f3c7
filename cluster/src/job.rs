//! One plan on the cluster: submitted, waited for, its rows fetched, its files removed.
//!
//! Nothing is written by a plan, so a job that failed through no fault of the query is submitted again, as
//! long as no row was given out. Dropping the stream cancels the job.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use ballista_core::JobId;
use ballista_core::client::BallistaClient;
use ballista_core::extension::BallistaConfigGrpcEndpoint;
use ballista_core::serde::protobuf::{JobStatus, PartitionLocation, job_status};
use ballista_scheduler::state::execution_graph::ExecutionGraph;
use ballista_scheduler::state::execution_stage::ExecutionStage;
use datafusion::common::DataFusionError;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::SessionContext;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use quern_engine::execution::remote::{Counted, Job};
use quern_engine::settings::Routing;
use quern_engine::source::{NULLED_VALUES, SKIPPED_ROWS};
use quern_engine::{Error, Kind, Result};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::MESSAGE_BYTES;
use crate::coordinator::Shared;
use crate::failure::{is_worth_another_try, of_job};
use crate::members::{partitions, written_bytes};
use crate::settled::is_settled;
use crate::stage::SCANNED;

/// How often a job is submitted at most.
const SUBMISSIONS: u64 = 4;

/// How often the progress of a job is looked at.
const TICK: Duration = Duration::from_millis(100);

/// Statuses that wait to be read: one for each change.
const STATUSES: usize = 64;

/// How often a job that ended is looked for, and the pause between.
const KEPT_LOOKS: usize = 1000;
const KEPT_PAUSE: Duration = Duration::from_millis(1);

/// Of a result: read before any of it is given out. A smaller one is safe from executors that are lost.
const HELD_BYTES: usize = 16 << 20;

const FETCH_TRIES: u8 = 3;
const FETCH_PAUSE_MS: u64 = 250;

/// Tasks that are being cancelled may still write: files are removed once more after this.
const STRAGGLERS: Duration = Duration::from_secs(2);

/// How often a job is cancelled at most.
const CANCELS: usize = 30;

/// The rows of the plan.
pub fn run(shared: Arc<Shared>, job: Job) -> SendableRecordBatchStream {
    let schema = job.plan.schema();
    let given = Arc::clone(&schema);
    let rows = async move {
        submissions(shared, job)
            .await
            .map_err(DataFusionError::from)
    };
    let rows = stream::once(rows)
        .try_flatten()
        .map(move |batch| with_schema(batch?, &given));
    Box::pin(RecordBatchStreamAdapter::new(schema, rows))
}

/// What the files' schema lacks, metadata, is the plan's.
fn with_schema(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, DataFusionError> {
    if batch.schema_ref() == schema {
        return Ok(batch);
    }
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let columns = batch.columns().to_vec();
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &rows,
    )?)
}

/// Why a submission gave no rows.
enum Ended {
    /// Nothing is wrong with the query.
    Again(Error),
    Failed(Error),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Ended::Failed(error)
    }
}

type Rows = stream::BoxStream<'static, Result<RecordBatch, DataFusionError>>;

async fn submissions(shared: Arc<Shared>, job: Job) -> Result<Rows> {
    let mut tries = 0;
    loop {
        tries += 1;
        let mut counted = job.progress.get();
        counted.resubmitted = tries - 1;
        job.progress.set(counted);
        match submission(&shared, &job).await {
            Ok(rows) => return Ok(rows),
            Err(Ended::Again(reason)) if tries < SUBMISSIONS => {
                tracing::warn!(query = job.query, %reason, "a job is submitted again");
            }
            Err(Ended::Again(error) | Ended::Failed(error)) => return Err(error),
        }
    }
}

/// Runs the job once and reads its first rows.
async fn submission(shared: &Arc<Shared>, job: &Job) -> Result<Rows, Ended> {
    let (tell, told) = mpsc::channel(STATUSES);
    let context = SessionContext::new_with_state(job.state.as_ref().clone());
    let submitted = shared.scheduler.submit_physical_plan(
        &job.query,
        Arc::new(context),
        Arc::clone(&job.plan),
        Some(tell),
    );
    let id = submitted
        .await
        .map_err(|e| Error::internal(format!("the scheduler takes no job: {e}")))?;
    let mut running = Running {
        shared: Arc::clone(shared),
        id,
        over: false,
    };
    let locations = finished(&running, job, told).await?;
    running.over = true;
    let mut rows = Box::pin(fetched(running, locations));
    // As long as nothing was given out, rows that are lost with their executor cost another try only.
    let (mut first, mut bytes) = (Vec::new(), 0);
    while bytes < HELD_BYTES {
        match rows.next().await {
            None => return Ok(stream::iter(first).boxed()),
            Some(Ok(batch)) => {
                bytes += batch.get_array_memory_size();
                first.push(Ok(batch));
            }
            Some(Err(error)) => return Err(Ended::Again(error.into())),
        }
    }
    Ok(stream::iter(first).chain(rows).boxed())
}

/// A job that is on the cluster.
struct Running {
    shared: Arc<Shared>,
    id: JobId,
    /// Whether the scheduler is done with it.
    over: bool,
}

impl Drop for Running {
    /// Ends the job, removes its files and forgets it.
    fn drop(&mut self) {
        let (shared, id, over) = (Arc::clone(&self.shared), self.id.clone(), self.over);
        self.shared.handle.spawn(async move {
            let executors = &shared.scheduler.state.executor_manager;
            executors.clean_up_job_data(id.clone());
            if !over {
                cancelled(&shared, &id).await;
                executors.clean_up_job_data(id.clone());
                tokio::time::sleep(STRAGGLERS).await;
                executors.clean_up_job_data(id.clone());
            }
            // Executors that are told to end wait for it.
            if let Err(error) = shared.jobs.remove_job(&id).await {
                tracing::warn!(job = id.as_str(), %error, "a job cannot be forgotten");
            }
        });
    }
}

/// Cancels the job until it has ended: the scheduler does not hear of it while it plans the job.
async fn cancelled(shared: &Shared, id: &JobId) {
    for _ in 0..CANCELS {
        if let Err(error) = shared.scheduler.cancel_job(id.clone()).await {
            tracing::warn!(job = id.as_str(), %error, "a job cannot be cancelled");
        }
        tokio::time::sleep(STRAGGLERS).await;
        let status = shared.scheduler.state.task_manager.get_job_status(id).await;
        let status = status.ok().flatten().and_then(|status| status.status);
        use job_status::Status::{Queued, Running};
        if !matches!(status, Some(Queued(_) | Running(_))) {
            return;
        }
    }
}

/// Waits for the end of the job; gives the places of its rows.
async fn finished(
    running: &Running,
    job: &Job,
    mut told: mpsc::Receiver<JobStatus>,
) -> Result<Vec<PartitionLocation>, Ended> {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stall = Stall::new(job);
    let manager = &running.shared.scheduler.state.task_manager;
    loop {
        let status = tokio::select! {
            biased;
            status = told.recv() => status.and_then(|s| s.status),
            _ = ticks.tick() => {
                let counted = progress(running, job).await;
                stall.check(counted)?;
                let status = manager.get_job_status(&running.id).await.ok().flatten();
                status.and_then(|s| s.status)
            }
        };
        match status {
            Some(job_status::Status::Successful(done)) => {
                return match settled(running, job).await {
                    true => Ok(done.partition_location),
                    false => Err(Ended::Again(Error::new(
                        Kind::Connection,
                        "an executor was lost, and with it what was counted of its rows",
                    ))),
                };
            }
            Some(job_status::Status::Failed(failed)) => {
                let error = of_job(&failed.error);
                return Err(match is_worth_another_try(&failed.error) {
                    true => Ended::Again(error),
                    false => Ended::Failed(error),
                });
            }
            // Nothing more is told when the scheduler forgets the job: ticks are left.
            _ if told.is_closed() => drop(ticks.tick().await),
            _ => {}
        }
    }
}

/// Whether the result of a job that ended well is one. The scheduler tells of the end a moment before it keeps
/// what it knows of the job.
async fn settled(running: &Running, job: &Job) -> bool {
    for _ in 0..KEPT_LOOKS {
        let kept = running.shared.jobs.get_execution_graph(&running.id).await;
        if let Ok(Some(graph)) = kept {
            count(graph.as_ref(), job);
            return is_settled(graph.as_ref());
        }
        tokio::time::sleep(KEPT_PAUSE).await;
    }
    false
}

/// A job that makes no progress although its tasks are said to run: a report may have been lost.
struct Stall {
    patience: Option<Duration>,
    seen: u64,
    since: Instant,
}

impl Stall {
    fn new(job: &Job) -> Self {
        let routing = job.state.config().get_extension::<Routing>();
        Self {
            patience: routing.and_then(|routing| routing.stall),
            seen: 0,
            since: Instant::now(),
        }
    }

    fn check(&mut self, done: u64) -> Result<(), Ended> {
        if done != self.seen {
            (self.seen, self.since) = (done, Instant::now());
        }
        match self.patience {
            Some(patience) if self.since.elapsed() > patience => Err(Ended::Again(
                Error::new(Kind::Connection, "a job of the cluster makes no progress")
                    .hint("Raise quern.stall_timeout if single tasks take that long."),
            )),
            _ => Ok(()),
        }
    }
}

/// Notes how far the job is; gives a number that changes whenever a task ends.
async fn progress(running: &Running, job: &Job) -> u64 {
    let jobs = running
        .shared
        .scheduler
        .state
        .task_manager
        .get_running_job_cache();
    let Some(known) = jobs.get(&running.id) else {
        return 0;
    };
    let graph = known.execution_graph.read().await;
    let ended = graph.stages().values().flat_map(|stage| stage.task_infos());
    let ended = ended.map(|tasks| tasks.len() as u64).sum::<u64>();
    count(&**graph, job).tasks_done + ended
}

/// What the tasks of the job have done, told to the query.
fn count(graph: &dyn ExecutionGraph, job: &Job) -> Counted {
    let mut counted = Counted {
        resubmitted: job.progress.get().resubmitted,
        ..Counted::default()
    };
    for stage in graph.stages().values() {
        let (all, done) = partitions(stage);
        counted.tasks_total += all;
        counted.tasks_done += done;
        if !stage.output_links().is_empty() {
            counted.shuffled_bytes += written_bytes(stage);
        }
        for set in metrics(stage) {
            let sum = |name| set.sum_by_name(name).map_or(0, |sum| sum.as_usize() as u64);
            counted.bytes_read += sum(SCANNED);
            counted.rows_scanned += set.output_rows().map_or(0, |rows| rows as u64);
            counted.spilled_bytes += set.spilled_bytes().map_or(0, |bytes| bytes as u64);
            counted.bad_rows.skipped_rows += sum(SKIPPED_ROWS);
            counted.bad_rows.nulled_values += sum(NULLED_VALUES);
        }
    }
    job.progress.set(counted);
    counted
}

/// What the tasks of a stage have counted.
fn metrics(stage: &ExecutionStage) -> &[MetricsSet] {
    match stage {
        ExecutionStage::Running(stage) => stage.stage_metrics.as_deref().unwrap_or_default(),
        ExecutionStage::Successful(stage) => &stage.stage_metrics,
        _ => &[],
    }
}

/// The rows at these places, one place after another. The job's files go with the stream.
fn fetched(
    running: Running,
    mut locations: Vec<PartitionLocation>,
) -> impl Stream<Item = Result<RecordBatch, DataFusionError>> + Send {
    locations.sort_by_key(|location| {
        let partition = location.partition_id.as_ref().map(|id| id.partition_id);
        (partition, location.file_id)
    });
    let state = (running, VecDeque::from(locations), None);
    stream::try_unfold(state, |(running, mut left, mut open)| async move {
        loop {
            let mut rows: SendableRecordBatchStream = match open.take() {
                Some(rows) => rows,
                None => match left.pop_front() {
                    Some(location) => fetch(&running.shared, location).await?,
                    None => return Ok(None),
                },
            };
            if let Some(batch) = rows.try_next().await? {
                return Ok(Some((batch, (running, left, Some(rows)))));
            }
        }
    })
}

async fn fetch(
    shared: &Shared,
    location: PartitionLocation,
) -> Result<SendableRecordBatchStream, DataFusionError> {
    let through = shared.secret.as_ref().map(|secret| secret.endpoint());
    let through = through.map(|through| Arc::new(BallistaConfigGrpcEndpoint::new(through)));
    let layout = location.layout();
    let (Some(executor), Some(partition)) = (location.executor_meta, location.partition_id) else {
        return Err(Error::internal("rows of a job without a place").into());
    };
    let port = u16::try_from(executor.port).map_err(Error::internal)?;
    let lost = |e: ballista_core::error::BallistaError| -> DataFusionError {
        Error::new(
            Kind::Connection,
            "an executor was lost with rows of the result",
        )
        .detail(e.to_string())
        .hint("Run the query again.")
        .into()
    };
    let mut client = BallistaClient::try_new(
        &executor.host,
        port,
        MESSAGE_BYTES as usize,
        false,
        through,
        FETCH_TRIES,
        FETCH_PAUSE_MS,
        0,
        0,
    )
    .await
    .map_err(lost)?;
    let rows = client
        .fetch_partition(
            &executor.id,
            &partition.into(),
            location.file_id,
            layout,
            true,
        )
        .await
        .map_err(lost)?;
    Ok(rows)
}
