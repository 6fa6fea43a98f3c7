//! An engine in this process.

use std::sync::{Arc, OnceLock};

use futures::StreamExt;
use quern_engine::execution::Progress;
use quern_engine::settings::format_bytes;
use quern_engine::{Engine, Error, Notice, Outcome, Session, SessionOptions};
use tokio::runtime::Handle;

use super::{Backend, Event, Events, Running};

pub struct Local {
    engine: Engine,
    session: Arc<Session>,
    /// For the shell's own queries, so that the user's session keeps its state; made for the first.
    aside: OnceLock<Arc<Session>>,
    /// The threads on which queries run.
    workers: Handle,
}

impl Local {
    /// Must be called inside the runtime on which queries run.
    pub fn new(engine: Engine) -> Self {
        Self {
            session: Arc::new(engine.session(SessionOptions::local())),
            aside: OnceLock::new(),
            engine,
            workers: Handle::current(),
        }
    }

    fn start_in(&self, session: &Arc<Session>, sql: String) -> Running {
        let session = Arc::clone(session);
        Running::spawn(&self.workers, |events| run(session, sql, events))
    }
}

impl Backend for Local {
    fn start(&self, sql: String) -> Running {
        self.start_in(&self.session, sql)
    }

    fn start_aside(&self, sql: String) -> Running {
        let make = || Arc::new(self.engine.session(SessionOptions::local()));
        self.start_in(self.aside.get_or_init(make), sql)
    }

    fn cancel(&self) {
        self.session.cancel();
    }

    fn progress(&self) -> Option<Progress> {
        Some(self.session.current_query()?.progress())
    }

    fn memory_limit_bytes(&self) -> Option<u64> {
        Some(self.engine.memory_limit_bytes())
    }

    fn timezone(&self) -> String {
        self.session.settings().timezone().to_string()
    }

    fn search_path(&self) -> Vec<String> {
        self.session.settings().search_path()
    }

    fn describe(&self) -> String {
        let settings = self.session.settings();
        let spill = settings.spill_dir().unwrap_or("the temporary folder");
        format!(
            "Quern {}, in this process\n\
             Catalog:  {}\n\
             Schema:   {}\n\
             Memory:   {}, then up to {} on disk in {spill}\n\
             Threads:  {}\n",
            env!("CARGO_PKG_VERSION"),
            settings
                .data_dir()
                .unwrap_or("in memory, ends with this process"),
            settings.search_path().join(", "),
            format_bytes(self.engine.memory_limit_bytes()),
            format_bytes(settings.spill_limit_bytes()),
            settings.threads(),
        )
    }
}

async fn run(session: Arc<Session>, sql: String, events: Events) -> Result<(), Error> {
    for statement in session.parse(&sql)? {
        let outcome = session.execute(&statement).await?;
        if !tell(outcome, &events).await? {
            return Ok(());
        }
        let Some(query) = session.current_query() else {
            continue;
        };
        let told = query.told().into_iter().map(Notice::info);
        let warnings = query.warnings().into_iter().map(Notice::warning);
        for notice in told.chain(warnings) {
            let _ = events.send(Ok(Event::Notice(notice))).await;
        }
    }
    Ok(())
}

/// Sends what a statement gives; false when nobody listens any more.
async fn tell(outcome: Outcome, events: &Events) -> Result<bool, Error> {
    for notice in outcome.notices {
        let _ = events.send(Ok(Event::Notice(notice))).await;
    }
    let Some(mut rows) = outcome.rows else {
        let done = match outcome.affected_rows {
            Some(rows) => format!("{} {rows}", outcome.tag),
            None => outcome.tag.to_string(),
        };
        return Ok(events.send(Ok(Event::Done(done))).await.is_ok());
    };
    let mut listens = events.send(Ok(Event::Columns(rows.schema()))).await.is_ok();
    while listens && let Some(batch) = rows.next().await {
        listens = events.send(Ok(Event::Batch(batch?))).await.is_ok();
    }
    Ok(listens && events.send(Ok(Event::RowsEnd)).await.is_ok())
}
