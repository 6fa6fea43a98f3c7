//! What servers send, read from their bytes: as far as the simple protocol has it.

use bytes::{Buf, Bytes, BytesMut};
use quern_engine::{Error, Kind, Notice, Result};

use super::super::message::{Body, violation};
use super::super::{PROGRESS, ToldProgress};
use super::Key;

/// A message of a server.
#[derive(Debug)]
pub enum Answer {
    /// A request for authentication: its code and what belongs to it.
    Authentication(u32, Bytes),
    Parameter(String, String),
    Progress(ToldProgress),
    Key(Key),
    /// Options of the protocol that the server does not know.
    UnknownOptions(Vec<String>),
    Notice(Notice),
    Failed(Error),
    /// A statement is done, by its tag.
    Complete(String),
    /// Rows as text, which were not asked for.
    TextRows,
    CopyIn,
    /// Data follow, in this format.
    CopyOut(i8),
    CopyData(Bytes),
    CopyDone,
    /// The next text of statements may come.
    Ready,
    /// Nothing that matters here.
    Other,
}

const HEADER_BYTES: usize = 5;

/// Far more than a server sends at once.
const MAX_BYTES: usize = 1 << 30;

/// Takes one message from the buffer, if all of it is there.
pub fn take(buffer: &mut BytesMut) -> Result<Option<Answer>> {
    let Some((kind, length)) = buffer.split_first_chunk::<HEADER_BYTES>().map(|(head, _)| {
        let [kind, length @ ..] = head;
        (*kind, u32::from_be_bytes(*length) as usize)
    }) else {
        buffer.reserve(READ_BYTES);
        return Ok(None);
    };
    if !(4..=MAX_BYTES).contains(&length) {
        return Err(violation("the server does not speak PostgreSQL's protocol"));
    }
    if buffer.len() < length + 1 {
        buffer.reserve((length + 1 - buffer.len()).max(READ_BYTES));
        return Ok(None);
    }
    let mut frame = buffer.split_to(length + 1);
    frame.advance(HEADER_BYTES);
    read(kind, Body(frame.freeze())).map(Some)
}

const READ_BYTES: usize = 64 << 10;

fn read(kind: u8, mut body: Body) -> Result<Answer> {
    Ok(match kind {
        b'R' => Answer::Authentication(body.u32()?, body.0),
        b'S' => parameter(body.text()?, body.text()?),
        b'K' => Answer::Key(Key {
            process_id: body.u32()? as i32,
            secret: body.0,
        }),
        b'v' => {
            body.u32()?;
            let count = body.u32()?;
            // The count sizes nothing: it may be wrong.
            let names = (0..count).map(|_| body.text());
            Answer::UnknownOptions(names.collect::<Result<_>>()?)
        }
        b'N' => Answer::Notice(notice(body)?),
        b'E' => Answer::Failed(error(body)?),
        b'C' => Answer::Complete(body.text()?),
        b'T' | b'D' => Answer::TextRows,
        b'G' => Answer::CopyIn,
        b'H' => Answer::CopyOut(body.bytes(1)?.get_i8()),
        b'd' => Answer::CopyData(body.0),
        b'c' => Answer::CopyDone,
        b'Z' => Answer::Ready,
        _ => Answer::Other,
    })
}

fn parameter(name: String, value: String) -> Answer {
    match ToldProgress::read(&value).filter(|_| name == PROGRESS) {
        Some(progress) => Answer::Progress(progress),
        None => Answer::Parameter(name, value),
    }
}

/// The fields of an error or a notice.
fn fields(mut body: Body, mut take: impl FnMut(u8, String)) -> Result<()> {
    loop {
        match body.bytes(1)?.get_u8() {
            0 => return Ok(()),
            key => take(key, body.text()?),
        }
    }
}

fn notice(body: Body) -> Result<Notice> {
    let mut notice = Notice::info("");
    fields(body, |key, value| match key {
        b'V' if value == "WARNING" => notice.severity = "WARNING",
        b'M' => notice.message = value,
        _ => {}
    })?;
    Ok(notice)
}

fn error(body: Body) -> Result<Error> {
    let mut error = Error::internal("");
    error.hint = None;
    let mut sqlstate = String::new();
    fields(body, |key, value| match key {
        b'C' => sqlstate = value,
        b'M' => error.message = value,
        b'D' => error.detail = Some(value),
        b'H' => error.hint = Some(value),
        b'P' => error.position = value.parse().ok(),
        _ => {}
    })?;
    let known = Kind::ALL.iter().find(|(_, code, _)| *code == sqlstate);
    match known {
        Some((kind, _, _)) => error.kind = *kind,
        None => error.message += &format!(" ({sqlstate})"),
    }
    Ok(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(bytes: &[u8]) -> Result<Vec<Answer>> {
        let mut buffer = BytesMut::from(bytes);
        std::iter::from_fn(|| take(&mut buffer).transpose()).collect()
    }

    #[test]
    fn messages_are_taken_when_they_are_whole() {
        let read = answers(b"Z\0\0\0\x05IC\0\0\0\x0dSELECT 5\0Z\0\0\0\x05").unwrap();
        assert!(matches!(&read[..], [Answer::Ready, Answer::Complete(tag)] if tag == "SELECT 5"));
    }

    #[test]
    fn errors_keep_their_fields() {
        let body = b"SERROR\0C42703\0Mno column\0Dwhy\0Hdo\0P8\0\0";
        let message = [b"E\0\0\0".as_slice(), &[body.len() as u8 + 4], body].concat();
        let read = answers(&message).unwrap();
        let [Answer::Failed(error)] = &read[..] else {
            panic!("{read:?}");
        };
        assert_eq!(error.kind, Kind::UndefinedColumn);
        assert_eq!(error.message, "no column");
        assert_eq!(
            (error.detail.as_deref(), error.hint.as_deref()),
            (Some("why"), Some("do"))
        );
        assert_eq!(error.position, Some(8));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for bytes in [
            b"HTTP/1.1 400 Bad Request".as_slice(),
            b"Z\0\0\0\x03",
            b"C\0\0\0\x06ab",
            b"v\0\0\0\x0c\0\0\0\0\xff\xff\xff\xff",
            b"E\0\0\0\x06Mx",
        ] {
            assert!(answers(bytes).is_err(), "{bytes:?}");
        }
    }
}
