//! COPY between the server and its client.

use bytes::Bytes;
use futures::{SinkExt, TryStreamExt, pin_mut};
use tokio_postgres::Client;

use super::{refused, serve};

async fn copy_in(
    client: &Client,
    sql: &str,
    data: &'static [u8],
) -> Result<u64, tokio_postgres::Error> {
    let sink = client.copy_in::<_, Bytes>(sql).await?;
    pin_mut!(sink);
    // In pieces that cut rows.
    for piece in data.chunks(7) {
        sink.send(Bytes::from_static(piece)).await?;
    }
    sink.finish().await
}

async fn copy_out(client: &Client, sql: &str) -> Vec<u8> {
    let stream = client.copy_out(sql).await.unwrap();
    let pieces: Vec<Bytes> = stream.try_collect().await.unwrap();
    pieces.concat()
}

async fn count(client: &Client) -> i64 {
    client
        .query_one("SELECT count(*) FROM t", &[])
        .await
        .unwrap()
        .get(0)
}

#[tokio::test]
async fn rows_go_in_and_come_out_in_every_format() {
    let served = serve().await;
    let client = served.connect().await;
    client
        .batch_execute("CREATE TABLE t (a int, b text, c double precision, d date, e boolean)")
        .await
        .unwrap();
    let text =
        b"1\tx\\ty\t1.5\t2024-02-29\tt\n2\t\\N\tNaN\t\\N\tf\n\\N\t\\\\\t-0\t0001-01-01 BC\t\\N\n";
    assert_eq!(
        copy_in(&client, "COPY t FROM STDIN", text).await.unwrap(),
        3
    );
    let out = copy_out(&client, "COPY t TO STDOUT").await;
    assert_eq!(
        String::from_utf8(out).unwrap(),
        std::str::from_utf8(text).unwrap()
    );
    let csv = copy_out(
        &client,
        "COPY (SELECT * FROM t WHERE a = 1) TO STDOUT WITH CSV HEADER",
    )
    .await;
    assert_eq!(csv, b"a,b,c,d,e\n1,x\ty,1.5,2024-02-29,t\n");
    let binary = copy_out(&client, "COPY t TO STDOUT (FORMAT binary)").await;
    assert!(binary.starts_with(b"PGCOPY\n\xff\r\n\0"));
    client
        .batch_execute("CREATE TABLE u AS SELECT * FROM t WHERE false")
        .await
        .unwrap();
    let binary: &'static [u8] = Box::leak(binary.into_boxed_slice());
    assert_eq!(
        copy_in(&client, "COPY u FROM STDIN WITH BINARY", binary)
            .await
            .unwrap(),
        3
    );
    let differ = "SELECT count(*) FROM (SELECT * FROM t EXCEPT SELECT * FROM u)";
    assert_eq!(
        client
            .query_one(differ, &[])
            .await
            .unwrap()
            .get::<_, i64>(0),
        0
    );
    let some = b"b;a\nz;7\n";
    let sql = "COPY t (b, a) FROM STDIN (FORMAT csv, DELIMITER ';', HEADER match)";
    assert_eq!(copy_in(&client, sql, some).await.unwrap(), 1);
    let row = client
        .query_one("SELECT b, c FROM t WHERE a = 7", &[])
        .await
        .unwrap();
    assert_eq!(
        (row.get::<_, &str>(0), row.get::<_, Option<f64>>(1)),
        ("z", None)
    );
}

#[tokio::test]
async fn a_copy_that_fails_leaves_nothing_and_the_session_goes_on() {
    let served = serve().await;
    let client = served.connect().await;
    client
        .batch_execute("CREATE TABLE t (a int, b text)")
        .await
        .unwrap();
    let wrong = copy_in(&client, "COPY t FROM STDIN", b"1\tx\nnope\ty\n").await;
    let (code, message) = refused(wrong);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("22P02", "invalid input syntax for type integer: \"nope\"")
    );
    assert_eq!(
        refused(copy_in(&client, "COPY t FROM STDIN", b"1\n").await).0,
        "22P04"
    );
    assert_eq!(count(&client).await, 0);
    // The driver goes on as if the COPY had begun: not with the connection of the others.
    let other = served.connect().await;
    let gone = refused(other.copy_in::<_, Bytes>("COPY nope FROM STDIN").await).0;
    assert_eq!(gone, "42P01");
    // A client that gives up.
    {
        let sink = client
            .copy_in::<_, Bytes>("COPY t FROM STDIN")
            .await
            .unwrap();
        pin_mut!(sink);
        sink.send(Bytes::from_static(b"1\tx\n")).await.unwrap();
    }
    assert_eq!(count(&client).await, 0);
    assert_eq!(
        copy_in(&client, "COPY t FROM STDIN", b"1\tx\n")
            .await
            .unwrap(),
        1
    );
    assert_eq!(count(&client).await, 1);
}

#[tokio::test]
async fn copies_work_in_a_text_of_statements() {
    let served = serve().await;
    let mut raw = served.raw().await;
    raw.start(&[("user", "quern")]).await;
    assert_eq!(raw.query("CREATE TABLE t (a int)").await, "CZI");
    raw.send(
        b'Q',
        b"COPY t FROM STDIN; SELECT * FROM t; COPY t TO STDOUT\0",
    )
    .await;
    assert_eq!(raw.next().await.unwrap().0, b'G');
    raw.send(b'd', b"4\n").await;
    // Both are passed over while rows come.
    raw.send(b'S', b"").await;
    raw.send(b'H', b"").await;
    raw.send(b'd', b"5\n\\.\n").await;
    raw.send(b'c', b"").await;
    assert_eq!(raw.until_ready().await, "CTDDCHddcCZI");
    raw.send(b'Q', b"COPY t FROM STDIN\0").await;
    assert_eq!(raw.next().await.unwrap().0, b'G');
    raw.send(b'f', b"changed my mind\0").await;
    let (kind, body) = raw.next().await.unwrap();
    assert_eq!(kind, b'E');
    let body = String::from_utf8_lossy(&body).to_string();
    assert!(
        body.contains("57014") && body.contains("changed my mind"),
        "{body}"
    );
    assert_eq!(raw.until_ready().await, "ZI");
    assert_eq!(raw.query("SELECT * FROM t").await, "TDDCZI");
}
