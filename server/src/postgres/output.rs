//! What a client is sent, gathered in a buffer and written in large pieces.
//!
//! Rows are written into the buffer by their encoder. A client that reads slowly makes
//! [`Output::make_room`] wait, and with it the query.

use bytes::{BufMut, BytesMut};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::{ErrorResponse, NoticeResponse};
use quern_engine::{Error, Notice};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::error;

/// The connection ended, or is to end: nobody reads the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

pub type Sent<T = ()> = Result<T, Gone>;

/// Bytes that are worth a write.
const FULL_BYTES: usize = 64 << 10;

pub struct Output<W> {
    client: W,
    buffer: BytesMut,
}

impl<W: AsyncWrite + Unpin> Output<W> {
    pub fn new(client: W) -> Self {
        Self {
            client,
            buffer: BytesMut::new(),
        }
    }

    /// Adds a message.
    pub fn put(&mut self, message: PgWireBackendMessage) {
        let before = self.buffer.len();
        if let Err(error) = message.encode(&mut self.buffer) {
            tracing::warn!(%error, "a message could not be written");
            self.buffer.truncate(before);
        }
    }

    pub fn error(&mut self, error: &Error, severity: &'static str) {
        let fields = error::fields(error, severity);
        self.put(PgWireBackendMessage::ErrorResponse(ErrorResponse::new(
            fields,
        )));
    }

    pub fn notice(&mut self, notice: &Notice) {
        let fields = error::notice_fields(notice);
        self.put(PgWireBackendMessage::NoticeResponse(NoticeResponse::new(
            fields,
        )));
    }

    /// Adds the piece that `write` makes as one message of the type.
    pub fn framed<E>(
        &mut self,
        kind: u8,
        write: impl FnOnce(&mut BytesMut) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.buffer.len();
        self.buffer.put_u8(kind);
        self.buffer.put_u32(0);
        if let Err(error) = write(&mut self.buffer) {
            self.buffer.truncate(start);
            return Err(error);
        }
        let length = (self.buffer.len() - start - 1) as u32;
        self.buffer[start + 1..start + 5].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    /// The buffer, for encoders that write whole messages.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Writes if there is enough to be worth it.
    pub async fn make_room(&mut self) -> Sent {
        match self.buffer.len() >= FULL_BYTES {
            true => self.write().await,
            false => Ok(()),
        }
    }

    pub async fn flush(&mut self) -> Sent {
        self.write().await?;
        self.client.flush().await.map_err(|_| Gone)
    }

    async fn write(&mut self) -> Sent {
        let written = self.client.write_all(&self.buffer).await;
        self.buffer.clear();
        if self.buffer.capacity() > 4 * FULL_BYTES {
            self.buffer = BytesMut::new();
        }
        written.map_err(|_| Gone)
    }

    pub async fn close(&mut self) {
        let _ = self.flush().await;
        let _ = self.client.shutdown().await;
    }
}
