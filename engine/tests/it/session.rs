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
