//! Cancel keys: what a client shows, on a connection of its own, to end its statement.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;
use quern_engine::{Error, Kind, Result, Session};
use ring::rand::{SecureRandom, SystemRandom};

/// The sessions that can be cancelled, by their process numbers.
#[derive(Debug, Default)]
pub struct CancelKeys {
    last: AtomicI32,
    /// Held for a look-up only.
    sessions: Mutex<HashMap<i32, (Bytes, Weak<Session>)>>,
}

/// The key of one session, forgotten with it.
#[derive(Debug)]
pub struct CancelKey {
    pub process_id: i32,
    pub secret: Bytes,
    keys: Arc<CancelKeys>,
}

impl CancelKeys {
    /// A key of so many bytes, for a session that is to be given.
    pub fn issue(self: &Arc<Self>, secret_bytes: usize) -> Result<CancelKey> {
        let mut secret = vec![0; secret_bytes];
        SystemRandom::new()
            .fill(&mut secret)
            .map_err(|_| Error::new(Kind::Io, "the system gives no random numbers"))?;
        let step = self.last.fetch_add(1, Ordering::Relaxed);
        Ok(CancelKey {
            process_id: (step & i32::MAX).wrapping_add(1).max(1),
            secret: secret.into(),
            keys: Arc::clone(self),
        })
    }

    /// Ends what the session runs. A wrong key does nothing and says nothing.
    pub fn cancel(&self, process_id: i32, secret: &[u8]) {
        let found = self.sessions.lock().get(&process_id).cloned();
        let Some((known, session)) = found else {
            return;
        };
        let differs = known.len() != secret.len()
            || known
                .iter()
                .zip(secret)
                .fold(0, |all, (a, b)| all | (a ^ b))
                != 0;
        if !differs && let Some(session) = session.upgrade() {
            session.cancel();
        }
    }

    /// Ends what any session runs.
    pub fn cancel_all(&self) {
        let sessions: Vec<_> = self.sessions.lock().values().cloned().collect();
        for session in sessions.iter().filter_map(|(_, session)| session.upgrade()) {
            session.cancel();
        }
    }
}

impl CancelKey {
    pub fn of_session(&self, session: &Arc<Session>) {
        let entry = (self.secret.clone(), Arc::downgrade(session));
        self.keys.sessions.lock().insert(self.process_id, entry);
    }
}

impl Drop for CancelKey {
    fn drop(&mut self) {
        self.keys.sessions.lock().remove(&self.process_id);
    }
}
