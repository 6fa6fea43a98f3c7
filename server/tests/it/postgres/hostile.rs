//! Clients that do not keep to the protocol. The server answers or closes, and goes on.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Raw, Served, serve, serve_with};
use quern_server::postgres::Authentication;

async fn still_serves(served: &Served) {
    let client = served.connect().await;
    client.simple_query("SELECT 1").await.unwrap();
}

/// A session, and what it answers to one message and a Sync.
async fn answer(served: &Served, kind: u8, body: &[u8]) -> String {
    let mut raw = served.raw().await;
    raw.start(&[("user", "quern")]).await;
    raw.send(kind, body).await;
    raw.send(b'S', b"").await;
    raw.until_ready().await
}

#[tokio::test]
async fn messages_that_lie_about_themselves_are_refused() {
    let served = serve().await;
    let parse = |tail: &[u8]| [b"\0SELECT 1\0".as_slice(), tail].concat();
    for (kind, body) in [
        (b'P', parse(&[0xff, 0xff])),
        (b'P', parse(&[0, 1, 0, 0])),
        (b'P', b"no end".to_vec()),
        (b'B', b"\0\0\0\x01".to_vec()),
        (b'B', b"\0\0\0\x00\x00\x01\x7f\xff\xff\xff".to_vec()),
        (b'B', b"\0\0\0\x00\x00\x01\xff\xff\xff\xf0".to_vec()),
        (b'D', b"X\0".to_vec()),
        (b'D', b"".to_vec()),
        (b'E', b"\0".to_vec()),
        (b'C', b"S".to_vec()),
        (b'H', b"surplus".to_vec()),
    ] {
        assert_eq!(
            answer(&served, kind, &body).await,
            "EZI",
            "{}",
            char::from(kind)
        );
    }
    still_serves(&served).await;
}

#[tokio::test]
async fn messages_in_the_wrong_order_are_refused() {
    let served = serve().await;
    assert_eq!(
        answer(&served, b'E', b"\0\0\0\0\0").await,
        "EZI",
        "no portal"
    );
    assert_eq!(
        answer(&served, b'B', b"\0nope\0\0\0\0\0\0\0").await,
        "EZI",
        "no statement"
    );
    assert_eq!(
        answer(&served, b'D', b"Pnope\0").await,
        "EZI",
        "no portal to describe"
    );
    assert_eq!(
        answer(&served, b'C', b"Snope\0").await,
        "3ZI",
        "closing nothing is well"
    );
    assert_eq!(answer(&served, b'F', b"").await, "EZI", "no function calls");
    assert_eq!(
        answer(&served, b'd', b"rows").await,
        "ZI",
        "rows without COPY are passed over"
    );
    assert_eq!(answer(&served, b'c', b"").await, "ZI");
}

#[tokio::test]
async fn a_password_out_of_turn_ends_the_session() {
    let served = serve().await;
    let mut raw = served.raw().await;
    raw.start(&[("user", "quern")]).await;
    raw.send(b'p', b"secret\0").await;
    assert_eq!(raw.next().await.unwrap().0, b'E');
    assert!(raw.next().await.is_none());
}

#[tokio::test]
async fn after_an_error_messages_are_skipped_to_the_next_sync() {
    let served = serve().await;
    let mut raw = served.raw().await;
    raw.start(&[("user", "quern")]).await;
    raw.send(b'P', b"\0SELEKT\0\0\0").await;
    raw.send(b'B', b"\0\0\0\0\0\0\0\0").await;
    raw.send(b'E', b"\0\0\0\0\0").await;
    raw.send(b'Q', b"SELECT 1\0").await;
    raw.send(b'S', b"").await;
    assert_eq!(raw.until_ready().await, "EZI");
    assert_eq!(raw.query("SELECT 1").await, "TDCZI");
}

#[tokio::test]
async fn any_row_limit_is_taken() {
    let served = serve().await;
    for limit in [i32::MIN, -1, 0, 1, i32::MAX] {
        let mut raw = served.raw().await;
        raw.start(&[("user", "quern")]).await;
        raw.send(b'P', b"\0SELECT 1\0\0\0").await;
        raw.send(b'B', b"\0\0\0\0\0\0\0\0").await;
        raw.send(b'E', &[&b"\0"[..], &limit.to_be_bytes()].concat())
            .await;
        raw.send(b'S', b"").await;
        let expected = if limit == 1 { "12DsZI" } else { "12DCZI" };
        assert_eq!(raw.until_ready().await, expected, "{limit}");
    }
}

#[tokio::test]
async fn formats_must_fit_the_columns() {
    let served = serve().await;
    for formats in [&[0, 3, 0, 0, 0, 0, 0, 0][..], &[0, 1, 0, 7][..]] {
        let mut raw = served.raw().await;
        raw.start(&[("user", "quern")]).await;
        raw.send(b'P', b"\0SELECT 1, 2\0\0\0").await;
        raw.send(b'B', &[b"\0\0\0\0\0\0", formats].concat()).await;
        raw.send(b'S', b"").await;
        assert_eq!(raw.until_ready().await, "1EZI");
    }
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_session() {
    let limit = [("quern.max_message_size", "100kB")];
    let served = serve_with(&limit, Authentication::Trust, None).await;
    let mut raw = served.raw().await;
    raw.start(&[("user", "quern")]).await;
    raw.0.write_all(b"Q\x7f\xff\xff\xff").await.unwrap();
    let (kind, body) = raw.next().await.unwrap();
    assert_eq!(kind, b'E');
    assert!(String::from_utf8_lossy(&body).contains("54000"));
    assert!(raw.next().await.is_none());
    still_serves(&served).await;
}

/// A small generator, so that every run meets the same bytes.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        let count = self.next() % (most + 1);
        (0..count).map(|_| self.next() as u8).collect()
    }
}

#[tokio::test]
async fn nothing_that_is_sent_ends_the_server() {
    let served = serve().await;
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for round in 0..300 {
        let mut raw = served.raw().await;
        match round % 3 {
            // Noise from the first byte.
            0 => {
                let noise = numbers.bytes(200);
                let _ = raw.0.write_all(&noise).await;
            }
            // A start-up message with a lying length or strange contents.
            1 => {
                let body = numbers.bytes(60);
                let length = (numbers.next() % 80) as u32;
                let head = [length.to_be_bytes(), (3_u32 << 16).to_be_bytes()].concat();
                let _ = raw.0.write_all(&[head, body].concat()).await;
            }
            // Messages of the right types and wrong contents.
            _ => {
                raw.start(&[("user", "quern")]).await;
                for _ in 0..20 {
                    let kinds = b"QPBDCEHSdcfF";
                    let kind = kinds[(numbers.next() % kinds.len() as u64) as usize];
                    let body = numbers.bytes(30);
                    raw.send(kind, &body).await;
                }
            }
        }
        let _ = raw.0.shutdown().await;
        drain(&mut raw).await;
    }
    still_serves(&served).await;
    served.wait_until_idle().await;
}

/// Reads what the server has to say, up to its end.
async fn drain(raw: &mut Raw) {
    let mut rest = Vec::new();
    let reading = raw.0.read_to_end(&mut rest);
    let ended = tokio::time::timeout(Duration::from_secs(60), reading).await;
    assert!(
        ended.is_ok(),
        "the server keeps a connection that its client has ended"
    );
}
