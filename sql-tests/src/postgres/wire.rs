//! A client of the PostgreSQL protocol that shows everything: types, formats, bytes, codes.
//!
//! It reads messages by itself rather than with the crate that the server writes them with.

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::way::Failure;

/// Protocol 3.0.
const PROTOCOL: u32 = 3 << 16;

/// A column of RowDescription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub oid: u32,
    pub modifier: i32,
    pub is_binary: bool,
}

/// What came up to ReadyForQuery.
#[derive(Debug, Default)]
pub struct Answer {
    /// `None` when there was no RowDescription.
    pub fields: Option<Vec<Field>>,
    pub rows: Vec<Vec<Option<Vec<u8>>>>,
    pub tag: String,
    pub error: Option<Failure>,
}

pub struct Wire {
    socket: TcpStream,
    outgoing: Vec<u8>,
    /// As the server told last.
    pub timezone: String,
}

impl Wire {
    /// Begins a session, whose settings are those of `options` and else the server's.
    pub async fn connect(port: u16, user: &str, options: &str) -> Result<Self> {
        let socket = TcpStream::connect(("127.0.0.1", port)).await?;
        socket.set_nodelay(true)?;
        let mut wire = Self {
            socket,
            outgoing: Vec::new(),
            timezone: String::new(),
        };
        let parameters = format!("user\0{user}\0options\0{options}\0\0");
        wire.body(&[&PROTOCOL.to_be_bytes(), parameters.as_bytes()]);
        match wire.answer().await?.error {
            None => Ok(wire),
            Some(failure) => Err(Error::other(failure)),
        }
    }

    /// Adds a message to what [`Wire::answer`] sends.
    pub fn message(&mut self, kind: u8, parts: &[&[u8]]) {
        self.outgoing.push(kind);
        self.body(parts);
    }

    fn body(&mut self, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        self.outgoing
            .extend_from_slice(&(length as u32 + 4).to_be_bytes());
        parts
            .iter()
            .for_each(|part| self.outgoing.extend_from_slice(part));
    }

    /// Sends the messages and reads all that comes up to ReadyForQuery, or to the end after an error.
    pub async fn answer(&mut self) -> Result<Answer> {
        let mut answer = Answer::default();
        self.socket
            .write_all(&std::mem::take(&mut self.outgoing))
            .await?;
        loop {
            let (kind, body) = match self.next().await {
                Ok(message) => message,
                Err(_) if answer.error.is_some() => return Ok(answer),
                Err(error) => return Err(error),
            };
            let mut body = Body(&body);
            match kind {
                b'Z' => return Ok(answer),
                b'T' => answer.fields = Some(fields(&mut body)?),
                b'D' => answer.rows.push(row(&mut body)?),
                b'C' => answer.tag = body.text()?,
                b'E' => answer.error = Some(failure(&mut body)?),
                b'S' => {
                    if body.text()? == "TimeZone" {
                        self.timezone = body.text()?;
                    }
                }
                // There is nothing to copy from.
                b'G' => {
                    self.message(b'f', &[b"no rows\0"]);
                    let refusal = std::mem::take(&mut self.outgoing);
                    self.socket.write_all(&refusal).await?;
                }
                // Notices, keys, and what says only that a message was understood.
                b'N' | b'R' | b'K' | b'1' | b'2' | b't' | b'n' | b'I' | b'H' | b'd' | b'c' => {}
                other => return Err(nonsense(&format!("message {}", char::from(other)))),
            }
        }
    }

    async fn next(&mut self) -> Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.socket.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let mut body = vec![0; length.checked_sub(4).ok_or_else(|| nonsense("a length"))?];
        self.socket.read_exact(&mut body).await?;
        Ok((head[0], body))
    }
}

fn nonsense(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("the server sent {what}"))
}

/// What is left of a message.
struct Body<'a>(&'a [u8]);

impl Body<'_> {
    fn take(&mut self, length: usize) -> Result<&[u8]> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or_else(|| nonsense("a message that ends early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N]> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| nonsense("no number"))
    }

    fn text(&mut self) -> Result<String> {
        let length = self.0.iter().position(|byte| *byte == 0);
        let text = self
            .take(length.ok_or_else(|| nonsense("a text without end"))?)?
            .to_vec();
        self.take(1)?;
        String::from_utf8(text).map_err(|_| nonsense("a text that is not UTF-8"))
    }
}

fn fields(body: &mut Body) -> Result<Vec<Field>> {
    let count = i16::from_be_bytes(body.number()?);
    let field = |_| {
        body.text()?;
        body.take(6)?;
        let oid = u32::from_be_bytes(body.number()?);
        body.take(2)?;
        Ok(Field {
            oid,
            modifier: i32::from_be_bytes(body.number()?),
            is_binary: body.number()? == [0, 1],
        })
    };
    (0..count).map(field).collect()
}

fn row(body: &mut Body) -> Result<Vec<Option<Vec<u8>>>> {
    let count = i16::from_be_bytes(body.number()?);
    let value = |_| match usize::try_from(i32::from_be_bytes(body.number()?)) {
        Ok(length) => Ok(Some(body.take(length)?.to_vec())),
        Err(_) => Ok(None),
    };
    (0..count).map(value).collect()
}

fn failure(body: &mut Body) -> Result<Failure> {
    let (mut sqlstate, mut message) = (String::new(), String::new());
    loop {
        match body.number()? {
            [0] => return Ok(Failure { sqlstate, message }),
            [b'C'] => sqlstate = body.text()?,
            [b'M'] => message = body.text()?,
            [_] => drop(body.text()?),
        }
    }
}
