//! Views between users: what their names mean, and what they hide.

use quern_engine::{Engine, Kind, Settings};

use super::{session, world};
use crate::support::{error, rows};

#[tokio::test]
async fn a_table_that_is_made_later_is_not_read_by_a_view() {
    let w = world(Settings::default()).await;
    w.all(
        &w.quern,
        &[
            "CREATE SCHEMA early AUTHORIZATION ann",
            "SET search_path = early, public",
            "CREATE VIEW public.bound AS SELECT a FROM t",
            "CREATE VIEW public.own AS WITH later AS (SELECT 1 AS a) SELECT a FROM later",
        ],
    )
    .await;
    w.all(
        &w.ann,
        &[
            "CREATE TABLE early.t AS SELECT 666 AS a",
            "CREATE TABLE early.later AS SELECT 666 AS a",
            "GRANT SELECT ON early.t, early.later TO PUBLIC",
        ],
    )
    .await;
    let read = async |sql: &str| rows(&w.quern, sql).await.unwrap();
    assert_eq!(read("SELECT a FROM t").await, ["666"]);
    assert_eq!(read("SELECT a FROM bound ORDER BY a").await, ["1", "3"]);
    assert_eq!(read("SELECT a FROM own").await, ["1"]);
    // Its columns are those of the same table.
    w.all(
        &w.ann,
        &["CREATE OR REPLACE TABLE early.t AS SELECT 'x' AS a"],
    )
    .await;
    let columns = "SELECT data_type FROM system.columns WHERE table_name = 'bound'";
    assert_eq!(read(columns).await, ["integer"]);
    // A view that is made now means the table of now.
    w.all(
        &w.quern,
        &["CREATE OR REPLACE VIEW public.bound AS SELECT a FROM t"],
    )
    .await;
    assert_eq!(read("SELECT a FROM bound").await, ["x"]);
}

#[tokio::test]
async fn views_follow_renamed_tables_and_schemas() {
    let folder = tempfile::tempdir().unwrap();
    let settings = || {
        let mut settings = Settings::default();
        let path = folder.path().to_str().unwrap();
        settings.set_at_start("quern.data_dir", path).unwrap();
        settings
    };
    {
        let w = world(settings()).await;
        w.all(
            &w.quern,
            &[
                "CREATE SCHEMA s",
                "CREATE TABLE s.t AS SELECT 5 AS a",
                "CREATE VIEW s.pair AS SELECT t.a FROM s.t UNION ALL SELECT t.a FROM t",
                "CREATE VIEW above AS SELECT a FROM s.pair WHERE a > 1",
                "ALTER TABLE t RENAME TO u",
                "CREATE TABLE t AS SELECT 666 AS a",
                "ALTER SCHEMA s RENAME TO r",
                "CREATE SCHEMA s",
                "CREATE TABLE s.t AS SELECT 666 AS a",
                "ALTER VIEW r.pair RENAME TO all_of_them",
            ],
        )
        .await;
        let found = rows(&w.quern, "SELECT a FROM above ORDER BY a").await;
        assert_eq!(found.unwrap(), ["3", "5"]);
        let used = "SELECT count(DISTINCT refobjid) FROM pg_depend WHERE refobjid IN ('u'::regclass::oid, 'r.t'::regclass::oid)";
        assert_eq!(rows(&w.quern, used).await.unwrap(), ["2"]);
    }
    let engine = Engine::open(settings()).unwrap();
    let quern = session(&engine, "quern");
    let found = rows(&quern, "SELECT a FROM above ORDER BY a").await;
    assert_eq!(found.unwrap(), ["3", "5"]);
    rows(&quern, "DROP TABLE u").await.unwrap();
    let e = error(&quern, "SELECT a FROM above").await;
    assert_eq!(e.kind, Kind::UndefinedTable);
}

#[tokio::test]
async fn temporary_views_keep_their_tables() {
    let w = world(Settings::default()).await;
    w.all(
        &w.quern,
        &[
            "CREATE TEMPORARY VIEW of_t AS SELECT a FROM t",
            "CREATE TEMPORARY TABLE t AS SELECT 666 AS a",
            "CREATE VIEW of_temporary AS SELECT a FROM t",
            "ALTER TABLE public.t RENAME TO u",
        ],
    )
    .await;
    let read = async |sql: &str| rows(&w.quern, sql).await.unwrap();
    assert_eq!(read("SELECT sum(a) FROM of_t").await, ["4"]);
    assert_eq!(read("SELECT sum(a) FROM of_temporary").await, ["666"]);
}

#[tokio::test]
async fn a_barrier_hides_rows_from_conditions() {
    let w = world(Settings::default()).await;
    w.all(
        &w.quern,
        &[
            "CREATE TABLE notes (id INT, owner TEXT, note TEXT)",
            "INSERT INTO notes VALUES (1, 'ann', '7'), (2, 'bob', 'secret'), (3, 'ann', '9')",
            "CREATE VIEW own WITH (security_barrier) AS SELECT id, note FROM notes WHERE owner = 'ann'",
            "GRANT SELECT ON own TO ann",
            "CREATE SCHEMA anns AUTHORIZATION ann",
        ],
    )
    .await;
    w.all(
        &w.ann,
        &[
            "CREATE VIEW anns.inside AS SELECT id FROM own WHERE note::int > 7",
            "PREPARE p AS SELECT id FROM own WHERE note::int = $1",
        ],
    )
    .await;
    let asked = [
        ("SELECT id FROM own WHERE note::int = 7", "1"),
        ("SELECT id FROM own WHERE 1 / (id - 2) < 0", "1"),
        ("SELECT sum(note::int) FROM own", "16"),
        ("SELECT count(*) FROM own", "2"),
        ("SELECT note FROM own ORDER BY id LIMIT 1", "7"),
        (
            "SELECT max(x) FROM (SELECT 1 / (id - 2) AS x FROM own LIMIT 10) s",
            "1",
        ),
        (
            "SELECT o.id FROM own o JOIN (VALUES (9)) v(x) ON o.note::int = v.x",
            "3",
        ),
        ("SELECT (SELECT max(note::int) FROM own)", "9"),
        (
            "SELECT a.id FROM own a, own b WHERE a.note::int < b.note::int",
            "1",
        ),
        ("SELECT id FROM anns.inside", "3"),
        ("EXECUTE p(7)", "1"),
        ("EXECUTE p(9)", "3"),
    ];
    for (sql, answer) in asked {
        let found = rows(&w.ann, sql).await;
        assert_eq!(
            found.as_deref().ok(),
            Some(&[answer.to_string()][..]),
            "{sql}: {found:?}"
        );
    }
    // Without it, the condition meets the other rows.
    w.all(&w.quern, &["ALTER VIEW own RESET (security_barrier)"])
        .await;
    let e = error(&w.ann, asked[0].0).await;
    assert_eq!(e.kind, Kind::InvalidText);
    w.all(&w.quern, &["ALTER VIEW own SET (security_barrier = true)"])
        .await;
    assert_eq!(rows(&w.ann, asked[0].0).await.unwrap(), ["1"]);
}

#[tokio::test]
async fn a_barrier_shows_in_plans_and_in_the_catalog() {
    let w = world(Settings::default()).await;
    w.all(
        &w.quern,
        &["CREATE VIEW own WITH (security_barrier) AS SELECT a AS id FROM t WHERE a > 1"],
    )
    .await;
    let options = "SELECT reloptions FROM pg_class WHERE relname = 'own'";
    assert_eq!(
        rows(&w.quern, options).await.unwrap(),
        ["[security_barrier=true]"]
    );
    let plan = rows(&w.quern, "EXPLAIN SELECT id FROM own").await.unwrap();
    assert!(
        plan.iter().any(|line| line.contains("BarrierExec")),
        "{plan:?}"
    );
}
