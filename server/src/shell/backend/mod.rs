//! Where statements run: in an engine of this process (`local.rs`) or on a server (`remote.rs`).
//!
//! A text of statements is begun with [`Backend::start`] and then tells what comes of it as
//! [`Event`]s, through a short queue: a reader that is slow holds the query back, and one that
//! leaves ends it.

mod local;
mod remote;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use quern_engine::execution::Progress;
use quern_engine::{Error, Notice};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

pub use local::Local;
pub use remote::Remote;

/// Events that may wait for a slow reader.
const EVENTS_AHEAD: usize = 2;

pub trait Backend: Send + Sync {
    /// Begins to run a text of statements in the user's session.
    fn start(&self, sql: String) -> Running;

    /// Begins to run a query of the shell's own, beside the user's session.
    fn start_aside(&self, sql: String) -> Running;

    /// Ends what runs in the user's session.
    fn cancel(&self);

    /// How far the statement is that runs or ran last; `None` when that is not known.
    fn progress(&self) -> Option<Progress>;

    /// Memory that queries share; `None` when that is not known.
    fn memory_limit_bytes(&self) -> Option<u64>;

    /// The zone in which the session shows instants.
    fn timezone(&self) -> String;

    fn search_path(&self) -> Vec<String>;

    /// Where statements run, and with what, in lines for people.
    fn describe(&self) -> String;
}

/// What a text of statements gives, in order.
#[derive(Debug)]
pub enum Event {
    Notice(Notice),
    /// Rows with these columns follow.
    Columns(SchemaRef),
    Batch(RecordBatch),
    /// The last row came.
    RowsEnd,
    /// A statement without rows is done; its tag.
    Done(String),
    /// Data of a COPY to the client, written as they are.
    Copied(Bytes),
}

pub type Events = Sender<Result<Event, Error>>;

/// Statements that run. After the last event the task says whether it ended as it should.
pub struct Running {
    pub events: Receiver<Result<Event, Error>>,
    pub task: JoinHandle<()>,
}

impl Running {
    /// A task that sends events, and at last its error, if it has one.
    fn spawn<F: Future<Output = Result<(), Error>> + Send + 'static>(
        workers: &tokio::runtime::Handle,
        work: impl FnOnce(Events) -> F,
    ) -> Self {
        let (sender, events) = channel(EVENTS_AHEAD);
        let work = work(sender.clone());
        let task = workers.spawn(async move {
            if let Err(error) = work.await {
                let _ = sender.send(Err(error)).await;
            }
        });
        Self { events, task }
    }

    /// The batches of a query.
    pub async fn batches(mut self) -> Result<Vec<RecordBatch>, Error> {
        let mut batches = Vec::new();
        while let Some(event) = self.events.recv().await {
            if let Event::Batch(batch) = event? {
                batches.push(batch);
            }
        }
        Ok(batches)
    }
}
