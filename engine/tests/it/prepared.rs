//! Prepared statements answer as if they were planned anew each time, whatever happened in between:
//! those of PREPARE and EXECUTE, and those of clients.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use quern_engine::{Error, Kind, Prepared, Session, Settings};

use crate::support::{error, rows, rows_of, session};
use crate::users::world;

/// One statement, prepared in both ways.
struct Both<'a> {
    session: &'a Session,
    name: &'static str,
    of_client: Arc<Prepared>,
}

async fn both<'a>(session: &'a Session, name: &'static str, sql: &str) -> Both<'a> {
    run(session, &[&format!("PREPARE {name} AS {sql}")]).await;
    let statement = session.parse(sql).unwrap().pop().unwrap();
    let of_client = Arc::new(session.prepare(statement, &[]).await.unwrap());
    Both {
        session,
        name,
        of_client,
    }
}

async fn run(session: &Session, statements: &[&str]) {
    for sql in statements {
        if let Err(e) = rows(session, sql).await {
            panic!("{sql}: {} {}", e.sqlstate(), e.message);
        }
    }
}

impl Both<'_> {
    /// The rows of several executions, which a plan that is kept gives from the second or third on.
    async fn rows(&self, values: &[ScalarValue]) -> Result<Vec<String>, Error> {
        let literals: Vec<_> = values.iter().map(ToString::to_string).collect();
        let execute = match literals.is_empty() {
            true => format!("EXECUTE {}", self.name),
            false => format!("EXECUTE {}({})", self.name, literals.join(", ")),
        };
        let first = rows(self.session, &execute).await?;
        for _ in 0..3 {
            assert_eq!(rows(self.session, &execute).await?, first);
            let values = values.to_vec();
            let outcome = self
                .session
                .execute_prepared(&self.of_client, values)
                .await?;
            assert_eq!(rows_of(outcome).await?, first);
        }
        Ok(first)
    }

    async fn gives(&self, expected: &[&str]) {
        assert_eq!(self.rows(&[]).await.unwrap(), expected);
    }

    async fn of(&self, value: i64, expected: &[&str]) {
        assert_eq!(
            self.rows(&[ScalarValue::from(value)]).await.unwrap(),
            expected,
            "{value}"
        );
    }

    async fn fails(&self, kind: Kind) {
        assert_eq!(self.rows(&[]).await.unwrap_err().kind, kind);
        let outcome = self.session.execute_prepared(&self.of_client, vec![]).await;
        assert_eq!(outcome.err().unwrap().kind, kind);
    }
}

#[tokio::test]
async fn constants_and_parameters() {
    let session = session();
    both(&session, "a", "SELECT 1, 'x', NULL")
        .await
        .gives(&["1|x|NULL"])
        .await;
    both(&session, "b", "SELECT 1 WHERE false")
        .await
        .gives(&[])
        .await;
    let sum = both(&session, "c", "SELECT $1::bigint + 1 AS n, 7 AS seven").await;
    sum.of(1, &["2|7"]).await;
    sum.of(41, &["42|7"]).await;
    let null = ScalarValue::Int64(None);
    assert_eq!(sum.rows(&[null]).await.unwrap(), ["NULL|7"]);
    let divided = both(&session, "d", "SELECT 10 / $1::bigint").await;
    divided.of(5, &["2"]).await;
    let zero = divided.rows(&[ScalarValue::from(0_i64)]).await;
    assert_eq!(zero.unwrap_err().kind, Kind::DivisionByZero);
    divided.of(2, &["5"]).await;
    let series = both(
        &session,
        "e",
        "SELECT count(*) FROM generate_series(1, 5) AS s(x) WHERE x > $1",
    )
    .await;
    series.of(3, &["2"]).await;
    series.of(0, &["5"]).await;
}

#[tokio::test]
async fn values_choose_files_and_rows() {
    let session = session();
    run(&session, &["CREATE TABLE t (a bigint, b text)"]).await;
    for a in [1, 2, 3] {
        run(
            &session,
            &[&format!("INSERT INTO t VALUES ({a}, 'n{a}'), ({a}0, NULL)")],
        )
        .await;
    }
    let one = both(&session, "one", "SELECT b FROM t WHERE a = $1").await;
    for (value, expected) in [(2, "n2"), (1, "n1"), (3, "n3"), (30, "NULL"), (2, "n2")] {
        one.of(value, &[expected]).await;
    }
    one.of(4, &[]).await;
    assert!(
        one.rows(&[ScalarValue::Int64(None)])
            .await
            .unwrap()
            .is_empty()
    );
    let any = both(
        &session,
        "any_of",
        "SELECT count(*) FROM t WHERE $1::bigint IS NULL OR a < $1",
    )
    .await;
    any.of(3, &["2"]).await;
    assert_eq!(any.rows(&[ScalarValue::Int64(None)]).await.unwrap(), ["6"]);
    any.of(100, &["6"]).await;
    let first = both(
        &session,
        "first_rows",
        "SELECT a FROM t ORDER BY a LIMIT $1::bigint",
    )
    .await;
    first.of(1, &["1"]).await;
    first.of(2, &["1", "2"]).await;
    let nested = both(
        &session,
        "nested",
        "SELECT (SELECT max(a) FROM t AS u WHERE u.a < $1) AS below, count(*) FROM t WHERE a IN (SELECT a FROM t WHERE a > $1)",
    )
    .await;
    nested.of(3, &["2|3"]).await;
    nested.of(1, &["NULL|5"]).await;
}

#[tokio::test]
async fn tables_change() {
    let session = session();
    run(
        &session,
        &["CREATE TABLE t (a int)", "INSERT INTO t VALUES (1), (2)"],
    )
    .await;
    let all = both(&session, "all_rows", "SELECT a FROM t ORDER BY a").await;
    let some = both(
        &session,
        "some_rows",
        "SELECT a FROM t WHERE a > $1 ORDER BY a",
    )
    .await;
    all.gives(&["1", "2"]).await;
    some.of(1, &["2"]).await;
    run(&session, &["INSERT INTO t VALUES (3)"]).await;
    all.gives(&["1", "2", "3"]).await;
    some.of(1, &["2", "3"]).await;
    run(&session, &["DELETE FROM t WHERE a = 2"]).await;
    some.of(1, &["3"]).await;
    run(&session, &["UPDATE t SET a = a + 10"]).await;
    all.gives(&["11", "13"]).await;
    run(
        &session,
        &["ALTER TABLE t ADD COLUMN b text", "OPTIMIZE t", "ANALYZE t"],
    )
    .await;
    all.gives(&["11", "13"]).await;
    run(&session, &["TRUNCATE t"]).await;
    all.gives(&[]).await;
    run(&session, &["DROP TABLE t"]).await;
    all.fails(Kind::UndefinedTable).await;
    run(&session, &["CREATE TABLE t AS SELECT 5 AS a"]).await;
    all.gives(&["5"]).await;
    some.of(1, &["5"]).await;
}

#[tokio::test]
async fn views_schemas_and_kept_rows_change() {
    let session = session();
    run(
        &session,
        &[
            "CREATE SCHEMA other",
            "CREATE TABLE t AS SELECT 1 AS a",
            "CREATE TABLE other.t AS SELECT 2 AS a",
            "CREATE VIEW v AS SELECT a FROM t",
        ],
    )
    .await;
    let table = both(&session, "of_table", "SELECT a FROM t").await;
    let view = both(&session, "of_view", "SELECT a FROM v").await;
    table.gives(&["1"]).await;
    view.gives(&["1"]).await;
    run(&session, &["SET search_path = other, public"]).await;
    table.gives(&["2"]).await;
    view.gives(&["1"]).await;
    run(&session, &["BEGIN", "SET LOCAL search_path = public"]).await;
    table.gives(&["1"]).await;
    run(&session, &["COMMIT"]).await;
    table.gives(&["2"]).await;
    run(
        &session,
        &["CREATE OR REPLACE VIEW public.v AS SELECT a + 100 AS a FROM public.t"],
    )
    .await;
    view.gives(&["101"]).await;
    run(&session, &["PERSIST TABLE public.t"]).await;
    view.gives(&["101"]).await;
    run(
        &session,
        &[
            "INSERT INTO public.t VALUES (6)",
            "UNPERSIST public.t",
            "INSERT INTO public.t VALUES (7)",
        ],
    )
    .await;
    let sum = both(&session, "summed", "SELECT sum(a) FROM v").await;
    sum.gives(&["314"]).await;
}

#[tokio::test]
async fn settings_and_time_go_on() {
    let session = session();
    let zone = both(
        &session,
        "zone",
        "SELECT current_setting('TimeZone'), '2024-06-01 12:00:00+00'::timestamptz::text",
    )
    .await;
    zone.gives(&["UTC|2024-06-01 12:00:00+00"]).await;
    run(&session, &["SET TIME ZONE 'Europe/Berlin'"]).await;
    zone.gives(&["Europe/Berlin|2024-06-01 14:00:00+02"]).await;
    run(&session, &["CREATE VIEW timed AS SELECT now()::text AS n"]).await;
    for sql in [
        "SELECT now()::text",
        "SELECT n FROM timed",
        "SELECT clock_timestamp()::text",
        "SELECT random()",
    ] {
        run(&session, &[&format!("PREPARE p AS {sql}")]).await;
        let statement = session.parse(sql).unwrap().pop().unwrap();
        let of_client = Arc::new(session.prepare(statement, &[]).await.unwrap());
        let mut seen = std::collections::HashSet::new();
        for _ in 0..4 {
            seen.extend(rows(&session, "EXECUTE p").await.unwrap());
            let outcome = session.execute_prepared(&of_client, vec![]).await.unwrap();
            seen.extend(rows_of(outcome).await.unwrap());
        }
        assert_eq!(seen.len(), 8, "{sql}: {seen:?}");
        run(&session, &["DEALLOCATE p"]).await;
    }
}

#[tokio::test]
async fn files_change() {
    let session = session();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("1.csv", "a,b\n1,x\n2,y\n");
    let path = folder.path().display().to_string();
    let create = format!("CREATE TABLE t WITH (location = '{path}/*.csv')");
    run(&session, &[&create]).await;
    let table = both(&session, "of_table", "SELECT a FROM t ORDER BY a").await;
    let files = both(
        &session,
        "of_files",
        &format!("SELECT count(*) FROM '{path}/*.csv' WHERE a > $1"),
    )
    .await;
    table.gives(&["1", "2"]).await;
    files.of(1, &["1"]).await;
    write("2.csv", "a,b\n3,z\n");
    table.gives(&["1", "2", "3"]).await;
    files.of(1, &["2"]).await;
    write("1.csv", "a,b\n10,xx\n20,yy\n30,zz\n");
    table.gives(&["3", "10", "20", "30"]).await;
    std::fs::remove_file(folder.path().join("2.csv")).unwrap();
    table.gives(&["10", "20", "30"]).await;
}

#[tokio::test]
async fn the_catalogs_own_tables_are_never_kept() {
    let session = session();
    let named = "SELECT count(*) FROM pg_class WHERE relname = 'made'";
    let made = both(&session, "made_tables", named).await;
    let exists = both(&session, "exists_now", "SELECT to_regclass('made') IS NULL").await;
    made.gives(&["0"]).await;
    exists.gives(&["true"]).await;
    run(&session, &["CREATE TABLE made (a int)"]).await;
    made.gives(&["1"]).await;
    exists.gives(&["false"]).await;
    let before = rows(&session, "SELECT count(*) FROM system.queries")
        .await
        .unwrap();
    run(
        &session,
        &[
            "PREPARE q AS SELECT count(*) FROM system.queries",
            "EXECUTE q",
            "EXECUTE q",
        ],
    )
    .await;
    let after = rows(&session, "EXECUTE q").await.unwrap();
    assert!(after[0].parse::<u32>().unwrap() > before[0].parse::<u32>().unwrap());
}

#[tokio::test]
async fn rights_are_looked_at_each_time() {
    let w = world(Settings::default()).await;
    w.all(&w.quern, &["GRANT SELECT ON t, v TO ann"]).await;
    let table = both(&w.ann, "of_table", "SELECT b FROM t ORDER BY b").await;
    let view = both(&w.ann, "of_view", "SELECT a FROM v ORDER BY a").await;
    table.gives(&["2", "4"]).await;
    view.gives(&["1", "3"]).await;
    w.all(&w.quern, &["REVOKE SELECT ON t FROM ann"]).await;
    table.fails(Kind::Privilege).await;
    view.gives(&["1", "3"]).await;
    w.all(
        &w.quern,
        &["REVOKE SELECT ON v FROM ann", "GRANT SELECT ON t TO ann"],
    )
    .await;
    view.fails(Kind::Privilege).await;
    table.gives(&["2", "4"]).await;
    w.all(&w.quern, &["REVOKE SELECT ON t FROM ann", "DROP USER ann"])
        .await;
    table.fails(Kind::InvalidAuthorization).await;
}

#[tokio::test]
async fn read_only_transactions_and_time_limits_hold() {
    let session = session();
    let constant = both(&session, "constant", "SELECT 1").await;
    constant.gives(&["1"]).await;
    run(&session, &["BEGIN"]).await;
    error(&session, "SELECT 1/0").await;
    constant.fails(Kind::FailedTransaction).await;
    run(&session, &["ROLLBACK"]).await;
    constant.gives(&["1"]).await;
}
