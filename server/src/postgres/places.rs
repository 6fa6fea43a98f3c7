//! How many may be there: sessions, and connections that have none yet.
//!
//! Whoever reaches the port can open connections, so these take no session's place. There are as
//! many of them as of sessions at most; then the one that has waited longest gives way, so that
//! connections that say nothing cannot keep out those that log in. Of the places of sessions a few
//! are for superusers, and a role may have a limit of its own, as in PostgreSQL.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use quern_engine::{Error, Kind, Result, Role};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// Places that only superusers take, unless there are few in all.
const RESERVED: usize = 3;

/// Connections without a session, however few sessions there may be.
const MIN_ENTRANTS: usize = 100;

pub struct Places {
    /// One permit for each session that may yet come.
    free: Arc<Semaphore>,
    /// The same for those of users who are no superusers.
    ordinary: Arc<Semaphore>,
    /// The sessions of each user who has some; held for a look-up.
    of_users: Arc<Mutex<HashMap<String, usize>>>,
    entrants: Arc<Mutex<Entrants>>,
    max_entrants: usize,
}

/// Connections without a session, the oldest first.
#[derive(Default)]
struct Entrants {
    last: u64,
    waiting: VecDeque<(u64, CancellationToken)>,
}

/// A session's place, until it is dropped.
pub struct Place {
    _permits: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>),
    _of_user: OfUser,
}

/// One of the sessions of a user.
struct OfUser {
    user: String,
    of_users: Arc<Mutex<HashMap<String, usize>>>,
}

impl Drop for OfUser {
    fn drop(&mut self) {
        let mut of_users = self.of_users.lock();
        if let Some(sessions) = of_users.get_mut(&self.user) {
            *sessions -= 1;
            if *sessions == 0 {
                of_users.remove(&self.user);
            }
        }
    }
}

/// A connection that begins.
pub struct Entrant {
    number: u64,
    displaced: CancellationToken,
    entrants: Arc<Mutex<Entrants>>,
}

impl Places {
    pub fn new(sessions: usize) -> Self {
        let sessions = sessions.min(Semaphore::MAX_PERMITS);
        let ordinary = sessions.saturating_sub(RESERVED).max(sessions.min(1));
        Self {
            free: Arc::new(Semaphore::new(sessions)),
            ordinary: Arc::new(Semaphore::new(ordinary)),
            of_users: Arc::default(),
            entrants: Arc::default(),
            max_entrants: sessions.max(MIN_ENTRANTS),
        }
    }

    /// The place of a session, or 53300.
    pub fn take(&self, user: &str, role: &Role) -> Result<Place> {
        let ordinary = match role.is_superuser {
            true => None,
            false => Some(
                Arc::clone(&self.ordinary)
                    .try_acquire_owned()
                    .map_err(|_| full("remaining connection slots are reserved for superusers"))?,
            ),
        };
        let free = Arc::clone(&self.free).try_acquire_owned();
        let free = free.map_err(|_| full("sorry, too many clients already"))?;
        Ok(Place {
            _permits: (free, ordinary),
            _of_user: self.take_of_user(user, role)?,
        })
    }

    /// As in PostgreSQL, superusers have no limit.
    fn take_of_user(&self, user: &str, role: &Role) -> Result<OfUser> {
        let limit = role.connection_limit.filter(|_| !role.is_superuser);
        let mut of_users = self.of_users.lock();
        let sessions = of_users.get(user).copied().unwrap_or(0);
        if limit.is_some_and(|limit| sessions >= limit as usize) {
            let message = format!("too many connections for role \"{user}\"");
            return Err(Error::new(Kind::TooManyConnections, message));
        }
        of_users.insert(user.to_string(), sessions + 1);
        Ok(OfUser {
            user: user.to_string(),
            of_users: Arc::clone(&self.of_users),
        })
    }

    /// Lets a connection in; the oldest that has no session yet may have to go.
    pub fn enter(&self) -> Entrant {
        let mut entrants = self.entrants.lock();
        entrants.last += 1;
        let (number, displaced) = (entrants.last, CancellationToken::new());
        entrants.waiting.push_back((number, displaced.clone()));
        if entrants.waiting.len() > self.max_entrants
            && let Some((_, oldest)) = entrants.waiting.pop_front()
        {
            oldest.cancel();
        }
        Entrant {
            number,
            displaced,
            entrants: Arc::clone(&self.entrants),
        }
    }
}

impl Entrant {
    /// Ends when the connection must give way.
    pub async fn displaced(&self) {
        self.displaced.cancelled().await;
    }
}

impl Drop for Entrant {
    fn drop(&mut self) {
        let mut entrants = self.entrants.lock();
        let found = entrants
            .waiting
            .binary_search_by_key(&self.number, |(n, _)| *n);
        if let Ok(at) = found {
            entrants.waiting.remove(at);
        }
    }
}

fn full(message: &str) -> Error {
    Error::new(Kind::TooManyConnections, message)
        .hint("Try again later, or raise quern.max_connections.")
}
