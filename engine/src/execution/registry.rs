//! Every statement that runs, and the last ones that ran: the state behind `system.queries`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::Utc;
use parking_lot::Mutex;

use super::query::{Query, QueryInfo};
use crate::error::{Error, Kind, Result};

/// Finished statements that are kept for `system.queries`.
const HISTORY: usize = 200;

/// What is kept of a statement's text.
const MAX_TEXT_BYTES: usize = 16 << 10;

#[derive(Debug, Default)]
pub struct Registry {
    next: AtomicU64,
    /// Newest last; finished ones beyond [`HISTORY`] are let go when a new one starts.
    queries: Mutex<VecDeque<Arc<Query>>>,
}

impl Registry {
    pub fn start(&self, mut info: QueryInfo) -> Arc<Query> {
        if info.text.len() > MAX_TEXT_BYTES {
            let end = info.text.floor_char_boundary(MAX_TEXT_BYTES);
            info.text.truncate(end);
            info.text.push_str(" …");
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let id = format!("{}_{number:05}", Utc::now().format("%Y%m%d_%H%M%S"));
        let query = Arc::new(Query::new(id, info));
        let mut queries = self.queries.lock();
        while queries.len() > HISTORY {
            match queries.iter().position(|q| q.progress().state.is_over()) {
                Some(at) => queries.remove(at),
                None => break,
            };
        }
        queries.push_back(Arc::clone(&query));
        query
    }

    /// Whether no other statement runs.
    pub fn is_alone(&self, query: &Query) -> bool {
        let queries = self.queries.lock();
        queries
            .iter()
            .all(|other| other.id == query.id || other.progress().state.is_over())
    }

    /// Running and recent statements, oldest first.
    pub fn queries(&self) -> Vec<Arc<Query>> {
        self.queries.lock().iter().cloned().collect()
    }

    /// Cancels what a user runs.
    pub fn cancel_of(&self, user: &str) {
        let queries = self.queries();
        let runs = |q: &&Arc<Query>| q.user == user && !q.progress().state.is_over();
        let running = queries.iter().filter(runs);
        running.for_each(|query| query.cancel());
    }

    /// Cancels a running statement; 42704 when there is none of that id.
    pub fn cancel(&self, id: &str) -> Result<()> {
        let running = self
            .queries()
            .into_iter()
            .find(|q| q.id == id && !q.progress().state.is_over());
        match running {
            Some(query) => {
                query.cancel();
                Ok(())
            }
            None => Err(Error::new(
                Kind::UndefinedObject,
                format!("no running query has the id \"{id}\""),
            )
            .hint("SHOW QUERIES lists the running ones.")),
        }
    }
}
