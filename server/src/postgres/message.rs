//! What clients send, read from their bytes.
//!
//! Frames are cut here and read within their own bounds: a message that says more than it holds is
//! a protocol violation (08P01), never a read into the next message. Texts must be UTF-8 (22021).

use bytes::{Buf, Bytes, BytesMut};
use quern_engine::{Error, Kind, Result};
use tokio::io::{AsyncRead, AsyncReadExt};

/// A message of a session that has begun.
#[derive(Debug, PartialEq, Eq)]
pub enum Message {
    Query(String),
    Parse {
        name: String,
        text: String,
        types: Vec<u32>,
    },
    Bind(Bind),
    Describe(Target),
    Execute {
        portal: String,
        /// 0 or less means all.
        max_rows: i32,
    },
    Close(Target),
    Flush,
    Sync,
    CopyData(Bytes),
    CopyDone,
    CopyFail(String),
    /// The answer to a request for authentication.
    Password(Bytes),
    FunctionCall,
    Terminate,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Bind {
    pub portal: String,
    pub statement: String,
    pub parameter_formats: Vec<i16>,
    pub parameters: Vec<Option<Bytes>>,
    pub result_formats: Vec<i16>,
}

/// What Describe and Close are about.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    Statement(String),
    Portal(String),
}

/// One frame: its type, and what it says or what is wrong with it.
pub struct Frame {
    pub kind: u8,
    pub message: Result<Message>,
}

/// Reads frames from a client.
pub struct FrameReader<R> {
    input: R,
    buffer: BytesMut,
    max_bytes: usize,
}

const HEADER_BYTES: usize = 5;

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub fn new(input: R, max_bytes: usize) -> Self {
        Self {
            input,
            buffer: BytesMut::new(),
            max_bytes,
        }
    }

    /// What a frame may have from now on.
    pub fn set_limit(&mut self, max_bytes: usize) {
        self.max_bytes = max_bytes;
    }

    /// The next frame; `None` when the client is gone. An error leaves no way to go on.
    pub async fn next(&mut self) -> Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(Some(frame));
            }
            match self.input.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return Ok(None),
                Ok(_) => {}
            }
        }
    }

    fn take(&mut self) -> Result<Option<Frame>> {
        if self.buffer.len() < HEADER_BYTES {
            return Ok(None);
        }
        let kind = self.buffer[0];
        let length = (&self.buffer[1..HEADER_BYTES]).get_u32() as usize;
        if !b"QPBDECHSXFpdcf".contains(&kind) {
            return Err(violation(format!("invalid frontend message type {kind}")));
        }
        if length < 4 {
            return Err(violation("invalid message length"));
        }
        if length > self.max_bytes.max(MIN_LIMIT_BYTES) {
            return Err(Error::new(
                Kind::LimitExceeded,
                format!("a message of {length} bytes is too long"),
            )
            .hint("Raise quern.max_message_size, or send less at a time."));
        }
        if self.buffer.len() < length + 1 {
            self.buffer.reserve(length + 1 - self.buffer.len());
            return Ok(None);
        }
        let mut frame = self.buffer.split_to(length + 1);
        frame.advance(HEADER_BYTES);
        let message = read(kind, frame.freeze());
        Ok(Some(Frame { kind, message }))
    }
}

/// However small the limit is set: a password must pass.
const MIN_LIMIT_BYTES: usize = 10_000;

pub fn violation(message: impl Into<String>) -> Error {
    Error::new(Kind::ProtocolViolation, message)
}

fn read(kind: u8, body: Bytes) -> Result<Message> {
    let mut body = Body(body);
    let message = match kind {
        b'Q' => Message::Query(body.text()?),
        b'P' => Message::Parse {
            name: body.text()?,
            text: body.text()?,
            types: body.list(|b| b.u32())?,
        },
        b'B' => Message::Bind(Bind {
            portal: body.text()?,
            statement: body.text()?,
            parameter_formats: body.list(|b| b.i16())?,
            parameters: body.list(|b| b.value())?,
            result_formats: body.list(|b| b.i16())?,
        }),
        b'D' => Message::Describe(body.target()?),
        b'C' => Message::Close(body.target()?),
        b'E' => Message::Execute {
            portal: body.text()?,
            max_rows: body.u32()? as i32,
        },
        b'H' => Message::Flush,
        b'S' => Message::Sync,
        b'X' => Message::Terminate,
        b'd' => return Ok(Message::CopyData(body.0)),
        b'c' => Message::CopyDone,
        b'f' => Message::CopyFail(body.text()?),
        b'p' => return Ok(Message::Password(body.0)),
        _ => return Ok(Message::FunctionCall),
    };
    match body.0.is_empty() {
        true => Ok(message),
        false => Err(violation("invalid message format")),
    }
}

/// The rest of a frame.
pub(super) struct Body(pub(super) Bytes);

impl Body {
    pub(super) fn bytes(&mut self, count: usize) -> Result<Bytes> {
        match count <= self.0.len() {
            true => Ok(self.0.split_to(count)),
            false => Err(violation("insufficient data left in message")),
        }
    }

    fn i16(&mut self) -> Result<i16> {
        Ok(self.bytes(2)?.get_i16())
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        Ok(self.bytes(4)?.get_u32())
    }

    /// Text up to the zero that ends it.
    pub(super) fn text(&mut self) -> Result<String> {
        let end = self.0.iter().position(|b| *b == 0);
        let end = end.ok_or_else(|| violation("invalid string in message"))?;
        let text = self.bytes(end)?;
        self.0.advance(1);
        match std::str::from_utf8(&text) {
            Ok(text) => Ok(text.to_string()),
            Err(e) => {
                let wrong = text.get(e.valid_up_to()).copied().unwrap_or_default();
                Err(Error::new(
                    Kind::InvalidEncoding,
                    format!("invalid byte sequence for encoding \"UTF8\": 0x{wrong:02x}"),
                ))
            }
        }
    }

    /// A counted list. The count sizes nothing: a client may lie about it.
    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let count = self.i16()? as u16;
        (0..count).map(|_| item(self)).collect()
    }

    /// A value with its length, −1 being NULL.
    fn value(&mut self) -> Result<Option<Bytes>> {
        match self.u32()? as i32 {
            -1 => Ok(None),
            length if length >= 0 => self.bytes(length as usize).map(Some),
            _ => Err(violation("invalid length of a parameter")),
        }
    }

    fn target(&mut self) -> Result<Target> {
        let kind = self.bytes(1)?[0];
        let name = self.text()?;
        match kind {
            b'S' => Ok(Target::Statement(name)),
            b'P' => Ok(Target::Portal(name)),
            other => Err(violation(format!("invalid message subtype {other}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(bytes: &[u8]) -> Bytes {
        Bytes::copy_from_slice(bytes)
    }

    #[test]
    fn a_count_without_its_items_is_a_violation() {
        let parse = [b"s\0select 1\0".as_slice(), &[0xff, 0xff]].concat();
        let error = read(b'P', body(&parse)).unwrap_err();
        assert_eq!(error.kind, Kind::ProtocolViolation);
    }

    #[test]
    fn what_follows_a_message_is_a_violation() {
        assert!(read(b'S', body(b"")).is_ok());
        assert!(read(b'S', body(b"x")).is_err());
        assert!(read(b'Q', body(b"select 1")).is_err(), "no end of the text");
    }

    #[test]
    fn texts_are_utf8() {
        let error = read(b'Q', body(b"select '\xff'\0")).unwrap_err();
        assert_eq!(error.kind, Kind::InvalidEncoding);
    }

    #[tokio::test]
    async fn frames_are_cut_wherever_the_bytes_arrive() {
        let bytes: &[u8] = b"Q\0\0\0\x0dselect 1\0S\0\0\0\x04";
        let mut reader = FrameReader::new(bytes, 1 << 20);
        let first = reader.next().await.unwrap().unwrap();
        assert_eq!(first.message.unwrap(), Message::Query("select 1".into()));
        let second = reader.next().await.unwrap().unwrap();
        assert_eq!(second.message.unwrap(), Message::Sync);
        assert!(reader.next().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn lengths_that_cannot_be_are_refused() {
        for bytes in [
            b"Q\0\0\0\x03".as_slice(),
            b"Q\x7f\xff\xff\xff",
            b"\x01\0\0\0\x04",
        ] {
            assert!(FrameReader::new(bytes, 1 << 20).next().await.is_err());
        }
    }
}
