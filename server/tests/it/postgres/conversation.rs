//! What clients say and hear when all goes well, and when a statement fails.

use futures::{StreamExt, TryStreamExt, pin_mut};
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::ErrorPosition;
use tokio_postgres::types::{ToSql, Type};

use super::{refused, serve};

#[tokio::test]
async fn a_text_of_statements_is_answered_one_by_one() {
    let served = serve().await;
    let mut raw = served.raw().await;
    raw.start(&[("user", "quern")]).await;
    assert_eq!(
        raw.query("SELECT 1; SELECT 2 WHERE false; SELECT 3").await,
        "TDCTCTDCZI"
    );
    assert_eq!(raw.query("").await, "IZI");
    assert_eq!(raw.query(" ; -- nothing\n").await, "IZI");
    // What stands behind an error is not run.
    assert_eq!(raw.query("SELECT 1; SELECT 1/0; SELECT 2").await, "TDCTEZI");
    // Nothing runs of a text that does not parse.
    assert_eq!(raw.query("SELECT 1; SELEKT 2").await, "EZI");
}

/// Statements and their tags, as PostgreSQL's.
const TAGS: &[(&str, &str)] = &[
    ("CREATE TABLE t (x bigint)", "CREATE TABLE"),
    (
        "INSERT INTO t SELECT * FROM generate_series(1, 10)",
        "INSERT 0 10",
    ),
    ("UPDATE t SET x = x + 1 WHERE x > 8", "UPDATE 2"),
    ("DELETE FROM t WHERE x < 3", "DELETE 2"),
    ("SELECT * FROM t", "SELECT 8"),
    ("CREATE TABLE u AS SELECT * FROM t", "SELECT 8"),
    ("TRUNCATE t", "TRUNCATE TABLE"),
    ("DROP TABLE t, u", "DROP TABLE"),
    ("SET TIME ZONE 'UTC'", "SET"),
    ("SHOW TIME ZONE", "SHOW"),
    ("BEGIN", "BEGIN"),
    ("SAVEPOINT s", "SAVEPOINT"),
    ("ROLLBACK TO s", "ROLLBACK"),
    ("RELEASE s", "RELEASE"),
    ("DECLARE c CURSOR FOR SELECT 1", "DECLARE CURSOR"),
    ("FETCH 10 FROM c", "FETCH 1"),
    ("CLOSE c", "CLOSE CURSOR"),
    ("COMMIT", "COMMIT"),
    ("PREPARE p AS SELECT 1", "PREPARE"),
    ("EXECUTE p", "SELECT 1"),
    ("DEALLOCATE p", "DEALLOCATE"),
    ("DISCARD ALL", "DISCARD ALL"),
    ("UNLISTEN *", "UNLISTEN"),
];

#[tokio::test]
async fn tags_tell_what_was_done() {
    let served = serve().await;
    let mut raw = served.raw().await;
    raw.start(&[("user", "quern")]).await;
    let mut tags = Vec::new();
    for (statement, _) in TAGS {
        raw.send(b'Q', format!("{statement}\0").as_bytes()).await;
        while let Some((kind, body)) = raw.next().await {
            match kind {
                b'C' => tags.push(String::from_utf8(body[..body.len() - 1].to_vec()).unwrap()),
                b'E' => panic!("{statement}: {}", String::from_utf8_lossy(&body)),
                b'Z' => break,
                _ => {}
            }
        }
    }
    assert_eq!(tags, TAGS.iter().map(|(_, tag)| *tag).collect::<Vec<_>>());
}

#[tokio::test]
async fn parameters_have_types_and_columns_are_what_was_described() {
    let served = serve().await;
    let client = served.connect().await;
    let statement = client
        .prepare("SELECT $1::bigint + 1 AS n, $2 AS text, $3::boolean AS yes")
        .await
        .unwrap();
    assert_eq!(statement.params(), [Type::INT8, Type::TEXT, Type::BOOL]);
    let columns: Vec<_> = statement
        .columns()
        .iter()
        .map(|c| (c.name(), c.type_()))
        .collect();
    let expected = [
        ("n", &Type::INT8),
        ("text", &Type::TEXT),
        ("yes", &Type::BOOL),
    ];
    assert_eq!(columns, expected);
    for n in 0..8_i64 {
        let row = client
            .query_one(&statement, &[&n, &"é", &true])
            .await
            .unwrap();
        assert_eq!(row.get::<_, i64>("n"), n + 1);
        assert_eq!(row.get::<_, &str>("text"), "é");
        assert!(row.get::<_, bool>("yes"));
    }
    let row = client.query_one(&statement, &[&None::<i64>, &None::<&str>, &None::<bool>]);
    assert_eq!(row.await.unwrap().get::<_, Option<i64>>(0), None);
}

#[tokio::test]
async fn statements_that_write_take_parameters() {
    let served = serve().await;
    let client = served.connect().await;
    client
        .batch_execute("CREATE TABLE t (a int, b text, c date)")
        .await
        .unwrap();
    let insert = client
        .prepare("INSERT INTO t VALUES ($1, $2, $3::text::date)")
        .await
        .unwrap();
    assert_eq!(insert.params(), [Type::INT4, Type::TEXT, Type::TEXT]);
    for a in 0..3 {
        let values: [&(dyn ToSql + Sync); 3] = [&a, &"x", &"2024-01-31"];
        assert_eq!(client.execute(&insert, &values).await.unwrap(), 1);
    }
    let update = client
        .prepare("UPDATE t SET b = $1, a = $2 WHERE a = $3")
        .await
        .unwrap();
    assert_eq!(update.params(), [Type::TEXT, Type::INT4, Type::INT4]);
    assert_eq!(client.execute(&update, &[&"y", &10, &1]).await.unwrap(), 1);
    let delete = client.prepare("DELETE FROM t WHERE a = $1").await.unwrap();
    assert_eq!(client.execute(&delete, &[&0]).await.unwrap(), 1);
    let rows = client
        .query("SELECT a, b FROM t ORDER BY a", &[])
        .await
        .unwrap();
    let rows: Vec<(i32, &str)> = rows.iter().map(|r| (r.get(0), r.get(1))).collect();
    assert_eq!(rows, [(2, "x"), (10, "y")]);
    let oids = client
        .prepare("SELECT 1 WHERE 23 = ANY($1::oid[])")
        .await
        .unwrap();
    assert_eq!(oids.params(), [Type::OID_ARRAY]);
    let found = client.query(&oids, &[&vec![23_u32, 25]]).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        refused(client.prepare("INSERT INTO nope VALUES ($1)").await).0,
        "42P01"
    );
}

#[tokio::test]
async fn a_portal_gives_as_many_rows_as_it_is_asked_for() {
    let served = serve().await;
    let mut client = served.connect().await;
    let transaction = client.transaction().await.unwrap();
    let portal = transaction
        .bind("SELECT * FROM generate_series(1, 10) AS g(x)", &[])
        .await
        .unwrap();
    let mut sizes = Vec::new();
    let mut last = 0_i64;
    loop {
        let rows = transaction.query_portal(&portal, 4).await.unwrap();
        if rows.is_empty() {
            break;
        }
        last = rows[rows.len() - 1].get(0);
        sizes.push(rows.len());
    }
    assert_eq!((sizes, last), (vec![4, 4, 2], 10));
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn statements_that_are_sent_ahead_are_answered_in_order() {
    let served = serve().await;
    let client = served.connect().await;
    let sums = (0..50_i64).map(|n| {
        let client = &client;
        async move {
            let row = client
                .query_one("SELECT $1::bigint * 2", &[&n])
                .await
                .unwrap();
            row.get::<_, i64>(0)
        }
    });
    let sums = futures::future::join_all(sums).await;
    assert_eq!(sums, (0..50).map(|n| n * 2).collect::<Vec<_>>());
}

#[tokio::test]
async fn errors_have_their_code_and_place_and_the_session_goes_on() {
    let served = serve().await;
    let client = served.connect().await;
    let error = client
        .simple_query("SELECT nope FROM (SELECT 1 AS x)")
        .await
        .unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.code().code(), "42703");
    assert_eq!(error.position(), Some(&ErrorPosition::Original(8)));
    for at in 0..1000 {
        let text = match at % 5 {
            0 => "SELECT 1/0",
            1 => "SELEC",
            2 => "SELECT * FROM missing",
            3 => "SELECT 'x'::bigint",
            _ => "EXECUTE nothing",
        };
        assert!(client.simple_query(text).await.is_err());
        assert!(client.query(text, &[]).await.is_err());
    }
    assert_eq!(
        client
            .query_one("SELECT 1::bigint", &[])
            .await
            .unwrap()
            .get::<_, i64>(0),
        1
    );
}

#[tokio::test]
async fn a_failed_transaction_takes_only_its_end() {
    let served = serve().await;
    let client = served.connect().await;
    client.batch_execute("BEGIN; SAVEPOINT s").await.unwrap();
    refused(client.batch_execute("SELECT 1/0").await);
    assert_eq!(refused(client.batch_execute("SELECT 1").await).0, "25P02");
    assert_eq!(refused(client.query("SELECT 1", &[]).await).0, "25P02");
    client
        .batch_execute("ROLLBACK TO s; SELECT 1; COMMIT")
        .await
        .unwrap();
    client.batch_execute("BEGIN READ ONLY").await.unwrap();
    assert_eq!(
        refused(client.batch_execute("CREATE TABLE t (x int)").await).0,
        "25006"
    );
    client.batch_execute("ROLLBACK").await.unwrap();
    let mut raw = served.raw().await;
    raw.start(&[("user", "quern")]).await;
    assert_eq!(raw.query("BEGIN").await, "CZT");
    assert_eq!(raw.query("SELECT 1/0").await.chars().last(), Some('E'));
    assert_eq!(raw.query("COMMIT").await, "CZI");
}

#[tokio::test]
async fn settings_belong_to_their_session() {
    let served = serve().await;
    let options = "user=quern application_name=first options='-c TimeZone=Asia/Kolkata'";
    let first = served.connect_as(options).await.unwrap();
    let second = served.connect().await;
    let text = |client: tokio_postgres::Client, sql: &'static str| async move {
        match client.simple_query(sql).await.unwrap().into_iter().nth(1) {
            Some(SimpleQueryMessage::Row(row)) => (row.get(0).unwrap().to_string(), client),
            other => panic!("{other:?}"),
        }
    };
    let instant = "SELECT timestamptz '2024-01-01 00:00:00+00'";
    let (shown, first) = text(first, instant).await;
    assert_eq!(shown, "2024-01-01 05:30:00+05:30");
    let (shown, second) = text(second, instant).await;
    assert_eq!(shown, "2024-01-01 00:00:00+00");
    first
        .batch_execute("SET TimeZone = 'UTC'; RESET TimeZone")
        .await
        .unwrap();
    assert_eq!(text(first, "SHOW TimeZone").await.0, "Asia/Kolkata");
    assert_eq!(
        refused(served.connect_as("user=quern options='-c nope=1'").await).0,
        "42704"
    );
    drop(second);
}

#[tokio::test]
async fn what_a_client_must_know_of_settings_is_told() {
    let served = serve().await;
    let mut raw = served.raw().await;
    raw.start(&[("user", "quern")]).await;
    assert_eq!(raw.query("SET application_name = 'x'").await, "CSZI");
    assert_eq!(raw.query("SET application_name = 'x'").await, "CZI");
    assert_eq!(
        raw.query("BEGIN; SET TimeZone = 'Asia/Tokyo'").await,
        "CCSZT"
    );
    assert_eq!(raw.query("ROLLBACK").await, "CSZI");
}

#[tokio::test]
async fn prepared_statements_of_sql_and_protocol_are_the_same() {
    let served = serve().await;
    let client = served.connect().await;
    let statement = client.prepare("SELECT 7::bigint").await.unwrap();
    client.query_one(&statement, &[]).await.unwrap();
    client.batch_execute("DEALLOCATE ALL").await.unwrap();
    assert_eq!(refused(client.query_one(&statement, &[]).await).0, "26000");
}

#[tokio::test]
async fn cursors_are_read_bit_by_bit() {
    let served = serve().await;
    let client = served.connect().await;
    assert_eq!(
        refused(client.batch_execute("DECLARE c CURSOR FOR SELECT 1").await).0,
        "25P01"
    );
    client
        .batch_execute("BEGIN; DECLARE c CURSOR FOR SELECT x FROM generate_series(1, 20000) g(x)")
        .await
        .unwrap();
    let mut sum = 0_i64;
    loop {
        let rows = client.query("FETCH 3000 FROM c", &[]).await.unwrap();
        if rows.is_empty() {
            break;
        }
        sum += rows.iter().map(|r| r.get::<_, i64>(0)).sum::<i64>();
    }
    assert_eq!(sum, 20_000 * 20_001 / 2);
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(
        refused(client.batch_execute("FETCH 1 FROM c").await).0,
        "34000"
    );
}

#[tokio::test]
async fn rows_come_while_the_query_runs() {
    let served = serve().await;
    let client = served.connect().await;
    let endless = "SELECT x FROM generate_series(1, 9000000000000) g(x)";
    let rows = client
        .query_raw(endless, Vec::<String>::new())
        .await
        .unwrap();
    pin_mut!(rows);
    assert_eq!(rows.next().await.unwrap().unwrap().get::<_, i64>(0), 1);
    assert_eq!(rows.try_next().await.unwrap().unwrap().get::<_, i64>(0), 2);
}

/// The protocol's option of the shell: rows as an Arrow stream in the messages of COPY.
#[tokio::test(flavor = "multi_thread")]
async fn rows_come_as_arrow_to_those_who_ask() {
    let served = serve().await;
    let mut raw = served.raw().await;
    raw.start(&[("user", "quern"), ("_pq_.quern_rows", "arrow")])
        .await;
    raw.send(b'Q', b"SELECT 1 AS a; SET timezone = 'UTC'\0")
        .await;
    let (kind, body) = raw.next().await.unwrap();
    assert_eq!((kind, body.as_slice()), (b'H', &[2, 0, 0][..]));
    let (kind, body) = raw.next().await.unwrap();
    assert_eq!((kind, &body[..4]), (b'd', &[0xff; 4][..]));
    assert!(raw.until_ready().await.ends_with("cCCZI"));
    let failed = raw.query("SELECT 1 / 0").await;
    assert!(failed.ends_with("EZI"), "{failed}");

    let mut other = served.raw().await;
    other
        .start(&[("user", "quern"), ("_pq_.quern_rows", "other")])
        .await;
    assert_eq!(other.query("SELECT 1").await, "TDCZI");
}

#[tokio::test]
async fn prepared_statements_see_what_changes_between_their_executions() {
    let served = serve().await;
    let client = served.connect().await;
    let other = served.connect().await;
    let all = |sql: &'static str| other.batch_execute(sql);
    all("CREATE TABLE t AS SELECT 1 AS a; CREATE VIEW v AS SELECT a FROM t")
        .await
        .unwrap();
    let row = client
        .prepare("SELECT a FROM v WHERE a >= $1::int ORDER BY a")
        .await
        .unwrap();
    let one = client.prepare("SELECT 1").await.unwrap();
    let now = client.prepare("SELECT now()::text").await.unwrap();
    let mut times = std::collections::HashSet::new();
    for inserted in 2..6 {
        for _ in 0..3 {
            let rows = client.query(&row, &[&1]).await.unwrap();
            assert_eq!(rows.len(), inserted - 1);
            assert_eq!(
                client.query_one(&one, &[]).await.unwrap().get::<_, i64>(0),
                1
            );
            times.insert(
                client
                    .query_one(&now, &[])
                    .await
                    .unwrap()
                    .get::<_, String>(0),
            );
        }
        other
            .execute(&format!("INSERT INTO t VALUES ({inserted})"), &[])
            .await
            .unwrap();
    }
    assert_eq!(times.len(), 12);
    all("CREATE OR REPLACE VIEW v AS SELECT a * 10 AS a FROM t WHERE a < 3")
        .await
        .unwrap();
    let rows = client.query(&row, &[&11]).await.unwrap();
    assert_eq!(rows.iter().map(|r| r.get(0)).collect::<Vec<i64>>(), [20]);
    all("CREATE OR REPLACE VIEW v AS SELECT a::text AS a FROM t")
        .await
        .unwrap();
    let changed = client.query(&row, &[&1]).await.unwrap_err();
    assert_eq!(changed.code().unwrap().code(), "0A000");
    all("DROP VIEW v").await.unwrap();
    let gone = client.query(&row, &[&1]).await.unwrap_err();
    assert_eq!(gone.code().unwrap().code(), "42P01");
}
