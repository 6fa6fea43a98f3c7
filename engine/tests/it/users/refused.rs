//! What is refused to a user to whom nothing was granted.

use quern_engine::{Kind, Settings};

use super::world;
use crate::support::{error, rows};

#[tokio::test]
async fn nothing_is_allowed_at_first() {
    let w = world(Settings::default()).await;
    w.refused(
        "permission denied for table t",
        &[
            "SELECT * FROM t",
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM t)",
            "WITH x AS (SELECT * FROM public.t) SELECT count(*) FROM x",
            "SELECT * FROM t TABLESAMPLE SYSTEM (50)",
            "SELECT * FROM t VERSION AS OF 0",
            "EXPLAIN SELECT * FROM t",
            "EXPLAIN ANALYZE SELECT * FROM t",
            "DESCRIBE SELECT * FROM t",
            "DESCRIBE t",
            "SUMMARIZE t",
            "SHOW COLUMNS FROM t",
            "SHOW CREATE TABLE t",
            "SHOW CHUNKS FROM t",
            "SHOW HISTORY FROM t",
            "PREPARE p AS SELECT * FROM t",
            "INSERT INTO t VALUES (1, 2)",
            "INSERT INTO t SELECT 1, 2",
            "UPDATE t SET a = 1",
            "DELETE FROM t",
            "MERGE INTO t USING (SELECT 1 AS x) s ON a = x WHEN MATCHED THEN DELETE",
            "TRUNCATE t",
            "COPY t FROM '/tmp/x.csv'",
            "GRANT SELECT ON t TO ann",
            "REVOKE SELECT ON t FROM quern",
        ],
    )
    .await;
}

#[tokio::test]
async fn what_is_anothers_stays_as_it_is() {
    let w = world(Settings::default()).await;
    w.refused(
        "must be owner of table t",
        &[
            "DROP TABLE t",
            "ALTER TABLE t RENAME TO u",
            "ALTER TABLE t ADD COLUMN c INT",
            "ALTER TABLE t OWNER TO ann",
            "ANALYZE t",
            "OPTIMIZE t",
            "VACUUM t",
            "PERSIST TABLE t",
            "UNPERSIST TABLE t",
        ],
    )
    .await;
    w.refused(
        "permission denied for view v",
        &["SELECT * FROM v", "SHOW CREATE VIEW v"],
    )
    .await;
    w.refused(
        "must be owner of view v",
        &["DROP VIEW v", "ALTER VIEW v RENAME TO w"],
    )
    .await;
}

#[tokio::test]
async fn nothing_can_be_made() {
    let w = world(Settings::default()).await;
    w.refused(
        "permission denied for schema public",
        &[
            "CREATE TABLE x (a INT)",
            "CREATE TABLE x AS SELECT 1 AS a",
            "CREATE VIEW x AS SELECT 1 AS a",
            "CREATE OR REPLACE TABLE t AS SELECT 1 AS a",
            "PERSIST (SELECT 1 AS a) AS x",
            "GRANT USAGE ON SCHEMA public TO ann",
        ],
    )
    .await;
    w.refused(
        "must be owner of schema public",
        &["ALTER SCHEMA public RENAME TO x"],
    )
    .await;
    w.refused(
        "permission denied for database quern",
        &["CREATE SCHEMA x", "CREATE SCHEMA x AUTHORIZATION ann"],
    )
    .await;
}

#[tokio::test]
async fn nothing_is_shown() {
    let w = world(Settings::default()).await;
    for sql in [
        "SHOW TABLES",
        "SELECT 1 FROM system.tables WHERE table_schema = 'public'",
        "SELECT 1 FROM system.columns WHERE table_schema = 'public'",
        "SELECT 1 FROM system.views",
        "SELECT 1 FROM system.chunks",
        "SELECT 1 FROM information_schema.tables WHERE table_schema = 'public'",
        "SELECT 1 FROM information_schema.columns WHERE table_schema = 'public'",
        "SELECT 1 FROM information_schema.views WHERE table_schema = 'public'",
        "SELECT 1 FROM pg_class WHERE relname IN ('t', 'v')",
        "SELECT 1 FROM pg_attribute WHERE attname = 'b'",
        "SELECT 1 FROM pg_views WHERE viewname = 'v'",
        "SELECT 1 FROM information_schema.table_privileges WHERE table_schema = 'public'",
        "SELECT 1 FROM system.queries WHERE \"user\" = 'quern'",
    ] {
        assert_eq!(rows(&w.ann, sql).await.unwrap(), [""; 0], "{sql}");
    }
    let e = error(&w.ann, "SELECT * FROM tt").await;
    assert_eq!((e.kind, e.hint), (Kind::UndefinedTable, None));
}
