//! Notices of how far a statement is.

use super::{Raw, serve};

/// Runs for ever and gives no row.
const LONG: &str = "SELECT count(*) FROM generate_series(1, 9000000000000)";

/// The text of the next notice.
async fn notice(raw: &mut Raw) -> String {
    loop {
        let (kind, body) = raw.next().await.expect("the server closed the connection");
        match kind {
            b'N' => return String::from_utf8(body).unwrap(),
            b'1' | b'2' | b'T' => {}
            other => panic!("message {}", char::from(other)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_statement_tells_how_far_it_is_until_it_is_cancelled() {
    let served = serve().await;
    for extended in [false, true] {
        let mut raw = served.raw().await;
        raw.start(&[("user", "quern")]).await;
        raw.query("SET quern.progress_interval = '10ms'").await;
        if extended {
            raw.send(b'P', format!("\0{LONG}\0\0\0").as_bytes()).await;
            raw.send(b'B', b"\0\0\0\0\0\0\0\0").await;
            raw.send(b'E', b"\0\0\0\0\0").await;
            raw.send(b'S', b"").await;
        } else {
            raw.send(b'Q', format!("{LONG}\0").as_bytes()).await;
        }
        let has_read = |text: &str| text.contains(" rows read") && !text.contains(" 0 rows");
        loop {
            let text = notice(&mut raw).await;
            assert!(text.starts_with("SNOTICE\0"), "{text}");
            assert!(text.contains("\0Mprogress: "), "{text}");
            if has_read(&text) {
                break;
            }
        }
        let queries = served.engine.registry().queries();
        queries.iter().for_each(|query| query.cancel());
        // What was told before the cancel was heard comes first.
        let rest = raw.until_ready().await;
        assert_eq!(rest.trim_start_matches('N'), "EZI");
    }
}
