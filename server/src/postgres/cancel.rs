//! Cancel keys: what a client shows, on a connection of its own, to end its statement.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;
use quern_engine::{Error, Kind, Result, Session};
use ring::rand::{SecureRandom, SystemRandom};

/// The sessions that can be cancelled, by their process numbers.
#[derive(Debug, Default)]
pub struct CancelKeys {
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
    /// A key of so many bytes for a session.
    pub fn issue(
        self: &Arc<Self>,
        session: &Arc<Session>,
        secret_bytes: usize,
    ) -> Result<CancelKey> {
        let mut secret = vec![0; secret_bytes];
        SystemRandom::new()
            .fill(&mut secret)
            .map_err(|_| Error::new(Kind::Io, "the system gives no random numbers"))?;
        let secret = Bytes::from(secret);
        let entry = (secret.clone(), Arc::downgrade(session));
        self.sessions.lock().insert(session.pid(), entry);
        Ok(CancelKey {
            process_id: session.pid(),
            secret,
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

impl Drop for CancelKey {
    fn drop(&mut self) {
        self.keys.sessions.lock().remove(&self.process_id);
    }
}
