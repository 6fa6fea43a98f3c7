//! How statements, sessions and the server end before they are done.

use std::time::Duration;

use tokio_postgres::NoTls;

use super::{refused, serve, serve_with};
use quern_server::postgres::Authentication;

/// Runs for ever and gives no row.
const BUSY: &str =
    "SELECT count(*) FROM generate_series(1, 9000000000) a, generate_series(1, 9000000000) b";
/// Runs for ever and gives rows.
const FLOOD: &str = "SELECT x FROM generate_series(1, 9000000000000) g(x)";

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_ends_a_statement_that_computes_or_sends() {
    let served = serve().await;
    for statement in [BUSY, FLOOD] {
        let client = served.connect().await;
        let token = client.cancel_token();
        let running =
            tokio::spawn(async move { (client.simple_query(statement).await.map(drop), client) });
        while !served
            .engine
            .registry()
            .queries()
            .iter()
            .any(|q| q.text == statement)
        {
            tokio::task::yield_now().await;
        }
        token.cancel_query(NoTls).await.unwrap();
        let (result, client) = running.await.unwrap();
        assert_eq!(refused(result).0, "57014");
        client.simple_query("SELECT 1").await.unwrap();
        served.wait_until_idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_cancels_nothing() {
    let served = serve().await;
    let mut raw = served.raw().await;
    let mut body = 80_877_102_u32.to_be_bytes().to_vec();
    body.extend_from_slice(&1_u32.to_be_bytes());
    body.extend_from_slice(&[0; 4]);
    let client = served.connect().await;
    use tokio::io::AsyncWriteExt;
    let length = (body.len() as u32 + 4).to_be_bytes();
    raw.0
        .write_all(&[&length, body.as_slice()].concat())
        .await
        .unwrap();
    assert!(
        raw.next().await.is_none(),
        "no answer, and the connection is closed"
    );
    client.simple_query("SELECT 1").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_limit_holds_while_rows_are_sent() {
    let served = serve().await;
    let client = served.connect().await;
    client
        .batch_execute("SET statement_timeout = '200ms'")
        .await
        .unwrap();
    for statement in [BUSY, FLOOD] {
        let (code, message) = refused(client.simple_query(statement).await.map(drop));
        assert_eq!(code, "57014");
        assert!(message.contains("statement timeout"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_ends_its_statement() {
    let served = serve().await;
    for statement in [BUSY, FLOOD] {
        let mut raw = served.raw().await;
        raw.start(&[("user", "quern")]).await;
        raw.send(b'Q', format!("{statement}\0").as_bytes()).await;
        while !served
            .engine
            .registry()
            .queries()
            .iter()
            .any(|q| q.text == statement)
        {
            tokio::task::yield_now().await;
        }
        drop(raw);
        served.wait_until_idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_do_nothing_are_ended_when_asked_for() {
    let served = serve().await;
    let mut raw = served.raw().await;
    raw.start(&[("user", "quern")]).await;
    assert_eq!(raw.query("SET idle_session_timeout = '50ms'").await, "CZI");
    let (kind, body) = raw.next().await.unwrap();
    assert_eq!(kind, b'E');
    assert!(String::from_utf8_lossy(&body).contains("57P05"));
    assert!(raw.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_waits_for_those_that_work() {
    let served = serve().await;
    let idle = served.connect().await;
    let mut working = served.raw().await;
    working.start(&[("user", "quern")]).await;
    working
        .send(
            b'Q',
            b"SELECT count(*) FROM generate_series(1, 3000000) g(x)\0",
        )
        .await;
    while served.engine.registry().queries().is_empty() {
        tokio::task::yield_now().await;
    }
    let draining = {
        let server = std::sync::Arc::clone(&served.server);
        tokio::spawn(async move { server.drain().await })
    };
    assert_eq!(working.until_ready().await, "TDCZI");
    let (kind, body) = working.next().await.unwrap();
    assert_eq!(kind, b'E');
    assert!(String::from_utf8_lossy(&body).contains("57P01"));
    assert!(working.next().await.is_none());
    draining.await.unwrap();
    assert!(idle.simple_query("SELECT 1").await.is_err());
    assert!(served.connect_as("user=quern").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_can_cancel_those_that_work() {
    let served = serve().await;
    let client = served.connect().await;
    let running = tokio::spawn(async move { client.simple_query(BUSY).await.map(drop) });
    while served.engine.registry().queries().is_empty() {
        tokio::task::yield_now().await;
    }
    let drained = tokio::time::timeout(Duration::from_millis(50), served.server.drain());
    assert!(drained.await.is_err());
    served.server.cancel_all();
    served.server.drain().await;
    assert_eq!(refused(running.await.unwrap()).0, "57014");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_a_limit_to_connections() {
    let limit = [("quern.max_connections", "2")];
    let served = serve_with(&limit, Authentication::Trust, None).await;
    let first = served.connect().await;
    let _second = served.connect().await;
    assert_eq!(refused(served.connect_as("user=quern").await).0, "53300");
    drop(first);
    // The place is free once the server has noticed.
    while served.connect_as("user=quern").await.is_err() {
        tokio::task::yield_now().await;
    }
}
