//! Managed tables under several writers, and what other programs' eyes would see of them.

use std::sync::Arc;

use quern_engine::{Engine, Session, SessionOptions, Settings};

fn engine(folder: &std::path::Path) -> Engine {
    let mut settings = Settings::default();
    let data_dir = folder.to_str().unwrap();
    settings.set_at_start("quern.data_dir", data_dir).unwrap();
    settings
        .set_at_start("quern.memory_limit", "512MiB")
        .unwrap();
    Engine::open(settings).unwrap()
}

async fn run(session: &Session, sql: &str) -> Option<u64> {
    let outcome = session
        .sql(sql)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
    outcome.affected_rows
}

async fn number(session: &Session, sql: &str) -> i64 {
    let rows = session.sql(sql).await.unwrap().rows.unwrap();
    let batches = rows.collect().await.unwrap();
    let column = arrow::compute::cast(batches[0].column(0), &arrow::datatypes::DataType::Int64);
    arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(&column.unwrap()).value(0)
}

/// Ten writers add rows and raise a counter at once: no row and no rise is lost.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writers_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Arc::new(engine(folder.path()));
    let session = engine.session(SessionOptions::local());
    run(&session, "CREATE TABLE counter AS SELECT 0 AS n").await;
    run(&session, "CREATE TABLE log (writer INT, at INT)").await;
    let writers = (0..10).map(|writer| {
        let engine = Arc::clone(&engine);
        tokio::spawn(async move {
            let session = engine.session(SessionOptions::local());
            for at in 0..4 {
                run(&session, "UPDATE counter SET n = n + 1").await;
                run(
                    &session,
                    &format!("INSERT INTO log VALUES ({writer}, {at})"),
                )
                .await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(number(&session, "SELECT n FROM counter").await, 40);
    let rows = "SELECT count(DISTINCT (writer, at)) FROM log";
    assert_eq!(number(&session, rows).await, 40);
    assert_eq!(number(&session, "SELECT count(*) FROM log").await, 40);
}

/// A reader that began before a change goes on with the rows as they were.
#[tokio::test(flavor = "multi_thread")]
async fn readers_keep_their_version() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let (reader, writer) = (
        engine.session(SessionOptions::local()),
        engine.session(SessionOptions::local()),
    );
    run(
        &writer,
        "CREATE TABLE t AS SELECT i FROM generate_series(1, 50000) s(i)",
    )
    .await;
    let rows = reader.sql("SELECT i FROM t").await.unwrap().rows.unwrap();
    assert_eq!(
        run(&writer, "DELETE FROM t WHERE i > 10").await,
        Some(49_990)
    );
    assert_eq!(run(&writer, "UPDATE t SET i = -i").await, Some(10));
    run(&writer, "DROP TABLE t").await;
    let batches = rows.collect().await.unwrap();
    assert_eq!(batches.iter().map(|b| b.num_rows()).sum::<usize>(), 50_000);
}

/// A statement that fails half-way leaves the table as it was and no file behind.
#[tokio::test(flavor = "multi_thread")]
async fn failed_statements_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let session = engine.session(SessionOptions::local());
    run(
        &session,
        "CREATE TABLE t AS SELECT i FROM generate_series(1, 1000) s(i)",
    )
    .await;
    let late = "SELECT 1000000 / (90000 - i) FROM generate_series(1, 100000) s(i)";
    for failing in [
        format!("INSERT INTO t {late}"),
        format!("CREATE TABLE u AS {late}"),
        "UPDATE t SET i = 1 / (i - 900)".to_string(),
        "MERGE INTO t USING (VALUES (1), (1)) AS s(k) ON t.i = s.k WHEN MATCHED THEN DELETE".into(),
    ] {
        assert!(session.sql(&failing).await.is_err(), "{failing}");
    }
    assert_eq!(number(&session, "SELECT sum(i) FROM t").await, 500_500);
    let versions = session
        .sql("SHOW HISTORY FROM t")
        .await
        .unwrap()
        .rows
        .unwrap();
    assert_eq!(versions.collect().await.unwrap()[0].num_rows(), 1);
    let used = number(
        &session,
        "SELECT count(DISTINCT location) FROM system.chunks",
    )
    .await;
    // Files are removed by a task of its own.
    let start = std::time::Instant::now();
    while parquet_files(folder.path()) != used {
        assert!(start.elapsed().as_secs() < 30, "files stay");
        tokio::task::yield_now().await;
    }
}

fn parquet_files(folder: &std::path::Path) -> i64 {
    let mut count = 0;
    let mut folders = vec![folder.join("warehouse")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "parquet") {
                count += 1;
            }
        }
    }
    count
}

/// Rows changed in a file of many row groups, read by several threads, are the right ones.
#[tokio::test(flavor = "multi_thread")]
async fn changes_hit_the_right_rows_of_large_files() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let session = engine.session(SessionOptions::local());
    let rows = 600_000;
    let make =
        format!("CREATE TABLE t AS SELECT i, i % 97 AS m FROM generate_series(1, {rows}) s(i)");
    run(&session, &make).await;
    let updated = run(&session, "UPDATE t SET m = -1 WHERE i % 1000 = 7").await;
    assert_eq!(updated, Some(600));
    let wrong = "SELECT count(*) FROM t WHERE (m = -1) <> (i % 1000 = 7)";
    assert_eq!(number(&session, wrong).await, 0);
    let deleted = run(&session, "DELETE FROM t WHERE m = 3 OR i > 599990").await;
    let kept = number(&session, "SELECT count(*) FROM t").await;
    assert_eq!(i64::try_from(deleted.unwrap()).unwrap() + kept, rows);
    let wrong = "SELECT count(*) FROM t WHERE m = 3 OR i > 599990 OR (m = -1) <> (i % 1000 = 7)";
    assert_eq!(number(&session, wrong).await, 0);
    assert_eq!(
        number(&session, "SELECT count(*) - count(DISTINCT i) FROM t").await,
        0
    );
}

/// Cancelled at any instant, a statement is either committed, and says so, or it is not, and leaves
/// no file.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_statement_is_committed_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let session = Arc::new(engine.session(SessionOptions::local()));
    run(&session, "CREATE TABLE t AS SELECT 1 AS i").await;
    let insert = "INSERT INTO t SELECT i FROM generate_series(1, 100) s(i)";
    let start = std::time::Instant::now();
    run(&session, insert).await;
    let whole = start.elapsed();
    let mut rows = number(&session, "SELECT count(*) FROM t").await;
    let mut seed = u64::from(std::process::id()) * 7919 + 1;
    let (mut committed, mut cancelled) = (0, 0);
    for round in 0..100 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let after = whole.mul_f64((seed % 1000) as f64 / 800.0);
        let canceller = Arc::clone(&session);
        let cancelling = std::thread::spawn(move || {
            let start = std::time::Instant::now();
            while start.elapsed() < after {
                std::hint::spin_loop();
            }
            canceller.cancel();
        });
        let done = session.sql(insert).await;
        cancelling.join().unwrap();
        let found = number(&session, "SELECT count(*) FROM t").await;
        match done {
            Ok(outcome) => {
                assert_eq!(outcome.affected_rows, Some(100));
                rows += 100;
                committed += 1;
            }
            Err(error) => {
                assert_eq!(error.sqlstate(), "57014", "{error:?}");
                assert!(error.detail.is_none(), "{error:?}");
                cancelled += 1;
            }
        }
        assert_eq!(
            found, rows,
            "round {round}: {committed} committed, {cancelled} cancelled"
        );
    }
    let used = "SELECT count(DISTINCT location) FROM system.chunks";
    let used = number(&session, used).await;
    let start = std::time::Instant::now();
    while parquet_files(folder.path()) != used {
        assert!(start.elapsed().as_secs() < 30, "files stay");
        tokio::task::yield_now().await;
    }
}
