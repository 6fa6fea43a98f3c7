//! A client of this server, for the shell: statements in, answers out, over the simple protocol.
//!
//! [`Client::connect`] makes a session (`start.rs`: encryption by `secure.rs`, SCRAM), a text of
//! statements is sent whole, and [`Client::next`] gives one answer of the server at a time (`answer.rs`), so
//! that a reader that is slow holds the server back. Rows come as Arrow; see `postgres/arrow.rs`.

mod answer;
mod secure;
mod start;

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::{BufMut, Bytes, BytesMut};
use quern_engine::{Error, Kind, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::startup::{CANCEL_REQUEST, Socket};
pub use answer::Answer;
pub use secure::TlsMode;

/// Where to connect, and as whom.
#[derive(Clone)]
pub struct Config {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub database: String,
    pub password: Option<String>,
    pub tls: TlsMode,
    /// Certificates that the server's must come from, PEM.
    pub tls_ca: Option<PathBuf>,
    pub application: String,
}

/// A session on a server.
pub struct Client {
    socket: Socket,
    buffer: BytesMut,
    /// Settings that the server tells of.
    parameters: BTreeMap<String, String>,
    key: Key,
    is_encrypted: bool,
}

/// What ends a statement of the session, on a connection of its own.
#[derive(Debug, Clone, Default)]
pub struct Key {
    pub process_id: i32,
    secret: Bytes,
}

impl Client {
    pub async fn connect(config: &Config) -> Result<Self> {
        start::connect(config).await
    }

    /// Sends a text of statements; answers follow up to [`Answer::Ready`].
    pub async fn query(&mut self, sql: &str) -> Result<()> {
        self.send(b'Q', &[sql.as_bytes(), b"\0"].concat()).await
    }

    /// Says that no rows come for a COPY that asks for them.
    pub async fn refuse_copy(&mut self, reason: &str) -> Result<()> {
        self.send(b'f', &[reason.as_bytes(), b"\0"].concat()).await
    }

    async fn send(&mut self, kind: u8, body: &[u8]) -> Result<()> {
        let length = u32::try_from(body.len() + 4).map_err(|_| {
            Error::new(Kind::LimitExceeded, "a statement is too long for a message")
        })?;
        let mut message = BytesMut::with_capacity(body.len() + 5);
        message.put_u8(kind);
        message.put_u32(length);
        message.put_slice(body);
        self.socket.write_all(&message).await.map_err(lost)?;
        self.socket.flush().await.map_err(lost)
    }

    /// The next answer. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Answer> {
        loop {
            let Some(answer) = answer::take(&mut self.buffer)? else {
                if self.socket.read_buf(&mut self.buffer).await.map_err(lost)? == 0 {
                    return Err(closed());
                }
                continue;
            };
            match answer {
                Answer::Parameter(name, value) => {
                    self.parameters.insert(name, value);
                }
                answer => return Ok(answer),
            }
        }
    }

    /// The value of a setting, if the server tells of it.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    pub fn key(&self) -> &Key {
        &self.key
    }

    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }
}

/// Whether a text of statements can be sent.
pub fn check(sql: &str) -> Result<()> {
    match sql.contains('\0') {
        true => Err(Error::new(
            Kind::InvalidEncoding,
            "invalid byte sequence for encoding \"UTF8\": 0x00",
        )),
        false => Ok(()),
    }
}

/// Ends what the session of the key runs, if it runs anything.
pub async fn cancel(config: &Config, key: &Key) -> Result<()> {
    let (mut socket, _) = secure::open(config).await?;
    let mut message = BytesMut::new();
    message.put_u32(12 + key.secret.len() as u32);
    message.put_u32(CANCEL_REQUEST);
    message.put_i32(key.process_id);
    message.put_slice(&key.secret);
    socket.write_all(&message).await.map_err(lost)?;
    socket.flush().await.map_err(lost)?;
    // The server closes the connection when it is done.
    let _ = socket.read_u8().await;
    Ok(())
}

fn lost(error: std::io::Error) -> Error {
    Error::new(
        Kind::Connection,
        format!("the connection to the server ended: {error}"),
    )
}

fn closed() -> Error {
    Error::new(
        Kind::Connection,
        "the server closed the connection unexpectedly",
    )
}
