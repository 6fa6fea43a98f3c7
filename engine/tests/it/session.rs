//! The pipeline from text to rows, through the public interface.

use quern_engine::Kind;

use crate::support::{error, rows, session};

#[tokio::test]
async fn a_query_gives_rows() {
    let session = session();
    assert_eq!(
        rows(&session, "SELECT 1, 'a', NULL").await.unwrap(),
        ["1|a|NULL"]
    );
    assert_eq!(
        rows(&session, "SELECT 0.1 + 0.2 = 0.3").await.unwrap(),
        ["true"]
    );
}

#[tokio::test]
async fn views_are_planned_at_use() {
    let session = session();
    rows(
        &session,
        "CREATE VIEW v (n, m) AS SELECT x, x * 2 FROM (VALUES (1), (2)) t(x)",
    )
    .await
    .unwrap();
    assert_eq!(
        rows(&session, "SELECT * FROM v ORDER BY n").await.unwrap(),
        ["1|2", "2|4"]
    );
    assert_eq!(
        rows(&session, "SHOW TABLES").await.unwrap(),
        ["v|view|NULL|NULL"]
    );
    assert_eq!(
        rows(&session, "SHOW COLUMNS FROM v").await.unwrap(),
        ["n|bigint|false", "m|bigint|false"]
    );
    assert_eq!(
        error(&session, "CREATE VIEW v AS SELECT 1").await.kind,
        Kind::DuplicateTable
    );
}

#[tokio::test]
async fn errors_know_their_place() {
    let session = session();
    let e = error(&session, "SELECT 1,\n nope FROM (VALUES (1)) t(note)").await;
    assert_eq!((e.kind, e.position), (Kind::UndefinedColumn, Some(12)));
    assert_eq!(e.hint.as_deref(), Some("Did you mean \"note\"?"));
    let e = error(&session, "SELECT * FROM missing").await;
    assert_eq!((e.kind, e.position), (Kind::UndefinedTable, Some(15)));
    let e = error(&session, "SELEC 1").await;
    assert_eq!((e.kind, e.position), (Kind::Syntax, Some(1)));
    assert_eq!(
        error(&session, "SELECT 1/0").await.kind,
        Kind::DivisionByZero
    );
    assert_eq!(
        error(&session, "SELECT CAST('x' AS INT)").await.kind,
        Kind::InvalidText
    );
    assert_eq!(
        error(&session, "SELECT nofunc(1)").await.kind,
        Kind::UndefinedFunction
    );
}

#[tokio::test]
async fn prepared_statements_infer_their_types() {
    let session = session();
    rows(
        &session,
        "PREPARE p AS SELECT x + $1 AS s FROM (VALUES (1), (2)) t(x) WHERE x > $2",
    )
    .await
    .unwrap();
    assert_eq!(rows(&session, "EXECUTE p(10, 1)").await.unwrap(), ["12"]);
    assert_eq!(error(&session, "EXECUTE p(10)").await.kind, Kind::Syntax);
    rows(&session, "PREPARE q AS SELECT $1, abs($2)")
        .await
        .unwrap();
    assert_eq!(
        rows(&session, "EXECUTE q('a', '-3')").await.unwrap(),
        ["a|3"]
    );
}

#[tokio::test]
async fn column_names_are_postgresqls_and_may_repeat() {
    let session = session();
    let names = async |sql: &str| {
        let statement = session.parse(sql).unwrap().remove(0);
        let described = session.columns(&statement).await.unwrap().unwrap();
        let streamed = session.execute(&statement).await.unwrap().rows.unwrap();
        assert_eq!(described.fields(), streamed.schema().fields(), "{sql}");
        let batches = streamed.collect().await.unwrap();
        assert!(
            batches
                .iter()
                .all(|b| b.schema().fields() == described.fields()),
            "{sql}"
        );
        described
            .fields()
            .iter()
            .map(|f| f.name().clone())
            .collect::<Vec<_>>()
            .join(",")
    };
    assert_eq!(
        names("SELECT 1, 2, count(*)").await,
        "?column?,?column?,count"
    );
    assert_eq!(
        names("SELECT a, a, *, a AS a FROM (VALUES (1)) t(a)").await,
        "a,a,a,a"
    );
    assert_eq!(
        names("SELECT x.a, y.a FROM (VALUES (1)) x(a), (VALUES (2)) y(a)").await,
        "a,a"
    );
    assert_eq!(
        names("SELECT lower('A') FROM (VALUES (1)) t(a) GROUP BY 1 ORDER BY lower('A')").await,
        "lower"
    );
    assert_eq!(
        names("SELECT sum(a) FROM (VALUES (1)) t(a) GROUP BY a HAVING sum(a) > 0 ORDER BY sum(a)")
            .await,
        "sum"
    );
    assert_eq!(
        names("SELECT upper(s) FROM (VALUES ('a')) t(s) UNION ALL SELECT 'x'").await,
        "upper"
    );
}

#[tokio::test]
async fn settings_reach_functions() {
    let session = session();
    rows(&session, "SET timezone = 'Asia/Tokyo'").await.unwrap();
    let shown = rows(&session, "SELECT arrow_typeof(now())").await.unwrap();
    assert!(shown[0].contains("Asia/Tokyo"), "{shown:?}");
    let e = error(&session, "SET timezon = 'UTC'").await;
    assert_eq!(
        (e.kind, e.hint.as_deref()),
        (Kind::UndefinedObject, Some("Did you mean \"TimeZone\"?"))
    );
    assert_eq!(
        error(&session, "SET statement_timeout = 'soon'").await.kind,
        Kind::InvalidParameterValue
    );
    assert_eq!(
        error(&session, "SET quern.data_dir = 'x'").await.kind,
        Kind::FixedSetting
    );
}

#[tokio::test]
async fn a_time_limit_ends_a_query() {
    let session = session();
    rows(&session, "SET statement_timeout = '50ms'")
        .await
        .unwrap();
    let e = error(
        &session,
        "SELECT count(*) FROM generate_series(1, 10000000000) a(x) WHERE x % 7 = 3",
    )
    .await;
    assert_eq!(e.kind, Kind::Cancelled);
    let state = session.current_query().unwrap().progress().state;
    assert_eq!(state, quern_engine::execution::QueryState::Cancelled);
}

#[tokio::test]
async fn a_query_can_be_cancelled_from_another_session() {
    let engine = quern_engine::Engine::open(quern_engine::Settings::default()).unwrap();
    let one = engine.session(quern_engine::SessionOptions::local());
    let other = engine.session(quern_engine::SessionOptions::local());
    let running = tokio::spawn(async move {
        error(
            &one,
            "SELECT sum(x) FROM generate_series(1, 100000000000) a(x)",
        )
        .await
    });
    let id = loop {
        let ids = rows(
            &other,
            "SELECT id FROM system.queries WHERE query LIKE 'SELECT sum%' AND state = 'running'",
        )
        .await;
        if let Some(id) = ids.unwrap().pop() {
            break id;
        }
        tokio::task::yield_now().await;
    };
    rows(&other, &format!("CANCEL QUERY '{id}'")).await.unwrap();
    assert_eq!(running.await.unwrap().kind, Kind::Cancelled);
    assert_eq!(
        error(&other, &format!("CANCEL QUERY '{id}'")).await.kind,
        Kind::UndefinedObject
    );
}

#[tokio::test]
async fn a_failed_transaction_takes_only_its_end() {
    let session = session();
    rows(&session, "BEGIN").await.unwrap();
    rows(&session, "CREATE SCHEMA s").await.unwrap();
    error(&session, "SELECT 1/0").await;
    // Constant folding may meet the error when planning, or the stream later: either fails it.
    assert_eq!(
        error(&session, "SELECT 1").await.kind,
        Kind::FailedTransaction
    );
    let outcome = session.sql("ROLLBACK").await.unwrap();
    assert_eq!((outcome.tag, outcome.notices.len()), ("ROLLBACK", 1));
    assert_eq!(rows(&session, "SELECT 1").await.unwrap(), ["1"]);
}

#[tokio::test]
async fn reader_functions_take_maps_as_with_does() {
    let session = session();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, "x,y\n1,2\n").unwrap();
    let path = path.display();
    for types in ["(x = 'TEXT', y = 'TEXT')", "('x' = 'TEXT', y = 'TEXT')"] {
        let query = format!("SELECT x || y FROM read_csv('{path}', dtype => {types})");
        assert_eq!(rows(&session, &query).await.unwrap(), ["12"]);
    }
    let query = format!("SELECT x FROM read_csv('{path}', dtype => (x = 'TEXT'))");
    assert_eq!(rows(&session, &query).await.unwrap(), ["1"]);
}

#[tokio::test]
async fn functions_tell_of_the_session() {
    let session = session();
    rows(&session, "CREATE SCHEMA s").await.unwrap();
    rows(&session, "USE s").await.unwrap();
    let sql = "SELECT current_user, current_schema, current_schema(), current_database(), current_setting('search_path')";
    assert_eq!(rows(&session, sql).await.unwrap(), ["quern|s|s|quern|s"]);
    assert!(rows(&session, "SELECT version()").await.unwrap()[0].starts_with("PostgreSQL 14"));
    assert_eq!(
        error(&session, "SELECT current_setting('nope')").await.kind,
        Kind::UndefinedObject
    );
}

#[tokio::test]
async fn moving_means_of_decimals() {
    let session = session();
    let sql =
        "SELECT avg(x) OVER (ORDER BY x ROWS 1 PRECEDING) FROM (VALUES (1.0), (2.0), (4.0)) t(x)";
    let expected = [
        "1.0000000000000000",
        "1.5000000000000000",
        "3.0000000000000000",
    ];
    assert_eq!(rows(&session, sql).await.unwrap(), expected);
}

#[tokio::test]
async fn analyze_tells_the_optimizer_of_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, "a,b\n1,x\n2,\n2,y\n").unwrap();
    let session = session();
    rows(
        &session,
        &format!("CREATE TABLE t WITH (location = '{}')", path.display()),
    )
    .await
    .unwrap();
    let figures = rows(&session, "ANALYZE TABLE t COMPUTE STATISTICS")
        .await
        .unwrap();
    assert_eq!(figures.len(), 2);
    assert!(figures[0].starts_with("a|bigint|3|0|2|"), "{figures:?}");
    assert_eq!(
        rows(
            &session,
            "SELECT rows FROM system.tables WHERE table_name = 't'"
        )
        .await
        .unwrap(),
        ["3"]
    );
    rows(&session, "SET quern.threads = 1").await.unwrap();
    // A count is still counted, because the file may have changed since.
    std::fs::write(&path, "a,b\n1,x\n").unwrap();
    assert_eq!(
        rows(&session, "SELECT count(*) FROM t").await.unwrap(),
        ["1"]
    );
}
