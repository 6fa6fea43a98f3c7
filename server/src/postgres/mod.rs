//! The PostgreSQL server: psql and every PostgreSQL client speak with an engine through it.
//!
//! [`Server::serve`] takes connections. For each, `startup.rs` makes a session of it (TLS,
//! authentication, parameters) and `connection.rs` holds the conversation: `simple.rs` and
//! `extended.rs` are the two protocols, `portal.rs` sends rows, `types/` writes and reads values,
//! `copy.rs` is COPY, `arrow.rs` sends rows to the shell and `progress.rs` how far they are; other
//! clients are told by `progress_notices.rs`. `client/` is the other end: the shell's. Message formats
//! to clients and the SCRAM exchange are pgwire's. What a client
//! sends is read by `message.rs`, within the bounds of its frames.
//!
//! A query is pulled by its client: rows are computed as they are taken, and a client that goes
//! away ends its statement.

mod arrow;
mod authenticate;
mod cancel;
pub mod client;
mod connection;
mod copy;
mod error;
mod extended;
mod failures;
mod message;
mod output;
mod parameters;
mod places;
mod portal;
mod progress;
mod progress_notices;
mod simple;
mod startup;
pub mod types;

pub use arrow::ARROW_STREAM;
pub use progress::{PROGRESS, Told as ToldProgress};

use std::sync::Arc;
use std::time::Duration;

use quern_engine::{CATALOG_NAME as DATABASE, Engine};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::tls::Tls;
use cancel::CancelKeys;
use connection::Connection;
use failures::Failures;
use places::Places;

/// How clients prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Authentication {
    /// With a password that is never sent.
    Scram,
    /// Not at all: for loopback addresses.
    Trust,
}

/// Time in which a client must have begun its session.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(60);

pub struct Server {
    engine: Engine,
    authentication: Authentication,
    tls: Option<Tls>,
    keys: Arc<CancelKeys>,
    places: Places,
    failures: Failures,
    shutdown: CancellationToken,
    conversations: TaskTracker,
}

impl Server {
    pub fn new(engine: Engine, authentication: Authentication, tls: Option<Tls>) -> Arc<Self> {
        let settings = engine.settings();
        let connections = settings.max_connections();
        let failures = Failures::new(settings.max_login_failures(), settings.login_wait());
        Arc::new(Self {
            engine,
            authentication,
            tls,
            keys: Arc::default(),
            places: Places::new(connections),
            failures,
            shutdown: CancellationToken::new(),
            conversations: TaskTracker::new(),
        })
    }

    /// Takes connections until [`Server::drain`].
    pub async fn serve(self: &Arc<Self>, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.shutdown.cancelled() => return,
            };
            match accepted {
                Ok((client, _)) => {
                    let server = Arc::clone(self);
                    self.conversations.spawn(server.converse(client));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    // Most likely there are no more file descriptors: let some be closed.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    async fn converse(self: Arc<Self>, client: TcpStream) {
        let entrant = self.places.enter();
        let starting = startup::start(client, &self);
        let started = tokio::select! {
            started = tokio::time::timeout(STARTUP_TIMEOUT, starting) => started,
            () = entrant.displaced() => return,
            () = self.shutdown.cancelled() => return,
        };
        drop(entrant);
        if let Ok(Ok(Some(started))) = started {
            let startup::Started {
                session,
                input,
                output,
                key,
                place,
                wants_arrow,
            } = started;
            let shutdown = self.shutdown.clone();
            let mut connection = Connection::new(session, input, output, shutdown);
            connection.sends_arrow = wants_arrow;
            connection.memory_limit_bytes = self.engine.memory_limit_bytes();
            connection.run().await;
            drop((key, place));
        }
    }

    /// Takes no more connections, ends those that do nothing, and waits for those that do.
    pub async fn drain(&self) {
        self.shutdown.cancel();
        self.conversations.close();
        self.conversations.wait().await;
    }

    /// Ends what still runs.
    pub fn cancel_all(&self) {
        self.keys.cancel_all();
    }
}
