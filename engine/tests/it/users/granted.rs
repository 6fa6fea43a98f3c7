//! What was granted, to a user, a role or everybody; owners, and views.

use quern_engine::{Engine, Kind, Settings};

use super::{session, world};
use crate::support::{error, rows};

#[tokio::test]
async fn what_is_granted_works_and_no_more() {
    let w = world(Settings::default()).await;
    w.all(&w.quern, &["GRANT SELECT ON t TO ann"]).await;
    w.all(
        &w.ann,
        &[
            "SELECT * FROM t",
            "SUMMARIZE t",
            "SHOW CREATE TABLE t",
            "SHOW CHUNKS FROM t",
        ],
    )
    .await;
    w.refused(
        "permission denied for table t",
        &[
            "INSERT INTO t VALUES (1, 2)",
            "UPDATE t SET a = 1",
            "DELETE FROM t",
            "TRUNCATE t",
        ],
    )
    .await;
    w.all(
        &w.quern,
        &[
            "REVOKE SELECT ON t FROM ann",
            "GRANT INSERT, UPDATE, DELETE ON t TO ann",
        ],
    )
    .await;
    w.all(
        &w.ann,
        &[
            "INSERT INTO t VALUES (5, 6)",
            "UPDATE t SET a = 1",
            "DELETE FROM t",
        ],
    )
    .await;
}

#[tokio::test]
async fn to_read_a_column_needs_select() {
    let w = world(Settings::default()).await;
    w.all(&w.quern, &["GRANT INSERT, UPDATE, DELETE ON t TO ann"])
        .await;
    w.refused(
        "permission denied for table t",
        &[
            "SELECT a FROM t",
            "UPDATE t SET a = b",
            "UPDATE t SET a = 1 WHERE b = 2",
            "UPDATE t SET a = (SELECT max(a) FROM t)",
            "DELETE FROM t WHERE b = 2",
            "DELETE FROM t USING (SELECT 1 AS x) s WHERE x = 1",
            "INSERT INTO t SELECT * FROM t",
            "MERGE INTO t USING (SELECT 1 AS x) s ON a = x WHEN MATCHED THEN DELETE",
            "TRUNCATE t",
        ],
    )
    .await;
    w.all(&w.quern, &["GRANT SELECT ON t TO PUBLIC"]).await;
    w.all(
        &w.ann,
        &[
            "UPDATE t SET a = b",
            "MERGE INTO t USING (SELECT 1 AS x) s ON a = x WHEN MATCHED THEN DELETE",
        ],
    )
    .await;
    w.all(&w.quern, &["GRANT TRUNCATE ON t TO ann"]).await;
    w.all(&w.ann, &["TRUNCATE t"]).await;
}

#[tokio::test]
async fn a_role_is_granted_to() {
    let w = world(Settings::default()).await;
    w.all(
        &w.quern,
        &[
            "REVOKE ALL ON t FROM ann, PUBLIC",
            "CREATE ROLE staff",
            "GRANT SELECT ON t TO staff",
            "GRANT staff TO ann",
        ],
    )
    .await;
    w.all(&w.ann, &["SELECT * FROM t"]).await;
    w.all(&w.quern, &["REVOKE staff FROM ann"]).await;
    w.refused("permission denied for table t", &["SELECT * FROM t"])
        .await;
}

#[tokio::test]
async fn prepared_statements_are_checked_when_they_run() {
    let w = world(Settings::default()).await;
    w.all(&w.quern, &["GRANT SELECT ON t TO ann"]).await;
    w.all(&w.ann, &["PREPARE p AS SELECT * FROM t", "EXECUTE p"])
        .await;
    w.all(&w.quern, &["REVOKE SELECT ON t FROM ann"]).await;
    w.refused("permission denied for table t", &["EXECUTE p"])
        .await;
}

#[tokio::test]
async fn views_read_with_their_owners_rights() {
    let w = world(Settings::default()).await;
    w.all(&w.quern, &["GRANT SELECT ON v TO ann"]).await;
    assert_eq!(rows(&w.ann, "SELECT count(*) FROM v").await.unwrap(), ["2"]);
    assert_eq!(
        rows(&w.ann, "SHOW COLUMNS FROM v").await.unwrap(),
        ["a|integer|true"]
    );
    // A user's own view reads no more than the user.
    w.all(
        &w.quern,
        &[
            "CREATE SCHEMA own AUTHORIZATION ann",
            "GRANT SELECT ON t TO ann",
        ],
    )
    .await;
    w.all(
        &w.ann,
        &[
            "CREATE VIEW own.w AS SELECT b FROM t",
            "CREATE VIEW own.x AS SELECT * FROM own.w",
        ],
    )
    .await;
    w.all(&w.quern, &["REVOKE SELECT ON t FROM ann"]).await;
    w.refused("permission denied for table t", &["SELECT * FROM own.x"])
        .await;
    // Even when the administrator looks.
    let e = error(&w.quern, "SELECT * FROM own.w").await;
    assert_eq!(e.kind, Kind::Privilege);
}

#[tokio::test]
async fn owners_do_what_they_like_with_their_own() {
    let w = world(Settings::default()).await;
    w.all(
        &w.quern,
        &[
            "CREATE USER bob",
            "GRANT CREATE ON SCHEMA public TO ann",
            "CREATE SCHEMA closed",
        ],
    )
    .await;
    w.all(
        &w.ann,
        &[
            "CREATE TABLE mine (a INT)",
            "INSERT INTO mine VALUES (1)",
            "ALTER TABLE mine ADD COLUMN b INT",
            "OPTIMIZE mine",
            "VACUUM mine",
            "VACUUM",
            "ANALYZE mine",
            "PERSIST TABLE mine",
            "UNPERSIST TABLE mine",
            "GRANT SELECT ON mine TO bob",
            "CREATE OR REPLACE TABLE mine AS SELECT 2 AS a",
        ],
    )
    .await;
    let bob = session(&w.engine, "bob");
    assert_eq!(rows(&bob, "SELECT * FROM mine").await.unwrap(), ["2"]);
    assert_eq!(rows(&bob, "SHOW TABLES").await.unwrap().len(), 1);
    let e = error(&bob, "DROP TABLE mine").await;
    assert_eq!(e.message, "must be owner of table mine");
    w.refused(
        "must be owner of table t",
        &["CREATE OR REPLACE TABLE t AS SELECT 1 AS a"],
    )
    .await;
    w.refused(
        "must be member of role \"bob\"",
        &["ALTER TABLE mine OWNER TO bob"],
    )
    .await;
    w.refused(
        "permission denied for schema closed",
        &[
            "SELECT * FROM closed.x",
            "CREATE TABLE closed.x (a INT)",
            "DROP TABLE closed.x",
        ],
    )
    .await;
    // A schema that may not be used is passed over in the search path.
    w.all(
        &w.quern,
        &[
            "CREATE VIEW closed.q AS SELECT 1 AS a",
            "GRANT SELECT ON closed.q TO ann",
        ],
    )
    .await;
    w.all(&w.ann, &["SET search_path = closed, public"]).await;
    assert_eq!(
        error(&w.ann, "SELECT * FROM q").await.kind,
        Kind::UndefinedTable
    );
    w.all(&w.quern, &["GRANT USAGE ON SCHEMA closed TO ann"])
        .await;
    w.all(&w.ann, &["SELECT * FROM q", "DROP TABLE mine"]).await;
}

#[tokio::test]
async fn grants_outlive_the_process() {
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
                "GRANT SELECT ON t TO ann",
                "CREATE SCHEMA own AUTHORIZATION ann",
                "CREATE ROLE staff ROLE ann",
                "GRANT CREATE ON SCHEMA public TO staff",
            ],
        )
        .await;
        w.all(&w.ann, &["CREATE VIEW own.w AS SELECT a FROM t"])
            .await;
    }
    let engine = Engine::open(settings()).unwrap();
    let ann = session(&engine, "ann");
    for sql in [
        "SELECT * FROM own.w",
        "CREATE TABLE x (a INT)",
        "DROP VIEW own.w",
    ] {
        rows(&ann, sql).await.unwrap();
    }
    assert_eq!(error(&ann, "DELETE FROM t").await.kind, Kind::Privilege);
    assert_eq!(
        error(&session(&engine, "eve"), "SELECT * FROM t")
            .await
            .kind,
        Kind::Privilege
    );
}
