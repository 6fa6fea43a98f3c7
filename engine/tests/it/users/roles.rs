//! Users, their passwords and their queries.

use quern_engine::{Kind, Settings};

use super::{session, world};
use crate::support::{error, rows};

#[tokio::test]
async fn users_are_the_administrators_and_passwords_ones_own() {
    let w = world(Settings::default()).await;
    w.all(
        &w.ann,
        &[
            "ALTER USER ann PASSWORD 'silk'",
            "ALTER ROLE CURRENT_USER WITH PASSWORD 'silk'",
        ],
    )
    .await;
    w.refused("permission denied to create role", &["CREATE USER eve"])
        .await;
    w.refused(
        "must be superuser to create superusers",
        &["CREATE USER eve SUPERUSER"],
    )
    .await;
    w.refused(
        "permission denied",
        &[
            "ALTER USER ann SUPERUSER",
            "ALTER USER ann PASSWORD 'x' SUPERUSER",
            "ALTER USER quern PASSWORD 'x'",
        ],
    )
    .await;
    w.refused(
        "permission denied to rename role",
        &["ALTER USER quern RENAME TO eve"],
    )
    .await;
    w.refused(
        "permission denied to drop role",
        &["DROP USER quern", "DROP USER IF EXISTS eve"],
    )
    .await;
    w.refused(
        "must have admin option on role \"quern\"",
        &["GRANT quern TO ann"],
    )
    .await;
    assert_eq!(
        error(&w.ann, "SET ROLE quern").await.kind,
        Kind::Unsupported
    );
    assert_eq!(
        error(&w.ann, "SET SESSION AUTHORIZATION quern").await.kind,
        Kind::Unsupported
    );
    w.all(&w.ann, &["SET ROLE NONE"]).await;
    assert_eq!(
        rows(
            &w.ann,
            "SELECT has_password FROM system.roles WHERE role_name = 'quern'"
        )
        .await
        .unwrap(),
        ["NULL"]
    );
    // What is taken counts at once, in sessions that are open.
    w.all(&w.quern, &["ALTER USER ann SUPERUSER"]).await;
    w.all(&w.ann, &["SELECT * FROM t"]).await;
    w.all(&w.quern, &["ALTER USER ann NOSUPERUSER"]).await;
    w.refused("permission denied for table t", &["SELECT * FROM t"])
        .await;
}

#[tokio::test]
async fn passwords_are_shown_nowhere() {
    let w = world(Settings::default()).await;
    for sql in [
        "CREATE USER eve PASSWORD 'hushhush'",
        "CREATE USER eve PASSWORD 'hushhush'",
        "ALTER USER eve PASSWORD 'hushhush' NOSUCH",
        "ALTER USER eve PASSWORD hushhush",
        "ALTER USER nobody PASSWORD $$hushhush$$",
        "EXPLAIN ALTER USER eve PASSWORD 'hushhush'",
        "EXPLAIN CREATE USER eve PASSWORD 'hushhush'",
        "EXPLAIN (ANALYZE) CREATE ROLE eve LOGIN PASSWORD 'hushhush'",
        "EXPLAIN ANALYZE VERBOSE CREATE USER eve PASSWORD E'hush\\'hushhush'",
        "EXPLAIN CREATE OR REPLACE USER eve PASSWORD 'hushhush'",
        "PREPARE p AS CREATE USER eve PASSWORD 'hushhush'",
        "CREATE USER eve 'hushhush'",
        "PREPARE p AS ALTER USER eve PASSWORD 'hushhush'",
    ] {
        if let Err(e) = rows(&w.quern, sql).await {
            assert!(!format!("{e:?} {e}").contains("hushhush"), "{sql}: {e:?}");
        }
        if let Ok(parsed) = w.quern.parse(sql) {
            assert!(
                !format!("{parsed:?} {:?}", parsed[0].text).contains("hushhush"),
                "{sql}"
            );
        }
    }
    let shown = rows(&w.quern, "SELECT query, error FROM system.queries")
        .await
        .unwrap();
    let shown: Vec<_> = shown
        .iter()
        .filter(|row| row.contains("hushhush"))
        .collect();
    assert!(shown.is_empty(), "{shown:?}");
    assert!(!format!("{:?}", w.engine.role("eve")).contains("hushhush"));
}

#[tokio::test]
async fn short_passwords_are_shown_nowhere() {
    let w = world(Settings::default()).await;
    for sql in [
        "EXPLAIN CREATE USER eve PASSWORD 'x9'",
        "EXPLAIN ALTER USER eve PASSWORD $$x9$$",
        "CREATE USER eve 'x9'",
        "CREATE USER eve PASSWORD = 'x''9'",
    ] {
        let e = error(&w.quern, sql).await;
        assert!(
            !format!("{e:?}").contains("9'") && !format!("{e:?}").contains("9$"),
            "{sql}: {e:?}"
        );
    }
}

#[tokio::test]
async fn sessions_of_a_dropped_user_end() {
    let w = world(Settings::default()).await;
    w.all(&w.ann, &["SELECT 1", "PREPARE p AS SELECT 1"]).await;
    let endless = "SELECT count(*) FROM generate_series(1, 100000000000)";
    let (ended, ()) = tokio::join!(rows(&w.ann, endless), async {
        let runs = || {
            let queries = w.engine.registry().queries();
            let mut queries = queries.iter();
            queries.any(|q| q.user == "ann" && !q.progress().state.is_over())
        };
        while !runs() {
            tokio::task::yield_now().await;
        }
        // A new role of the same name is another.
        w.all(&w.quern, &["DROP USER ann", "CREATE USER ann"]).await;
    });
    assert_eq!(ended.unwrap_err().kind, Kind::Cancelled);
    for sql in ["SELECT 1", "EXECUTE p", "ROLLBACK", "SHOW timezone"] {
        let e = error(&w.ann, sql).await;
        assert_eq!(e.kind, Kind::InvalidAuthorization, "{sql}");
        assert_eq!(
            e.message,
            "the user of this session, \"ann\", was dropped or renamed"
        );
    }
    let ann = session(&w.engine, "ann");
    rows(&ann, "SELECT 1").await.unwrap();
    w.all(&w.quern, &["ALTER USER ann RENAME TO anna"]).await;
    assert_eq!(
        error(&ann, "SELECT 1").await.kind,
        Kind::InvalidAuthorization
    );
    let anna = session(&w.engine, "anna");
    rows(&anna, "SELECT 1").await.unwrap();
}

#[tokio::test]
async fn only_the_administrator_cancels_others() {
    let w = world(Settings::default()).await;
    rows(&w.quern, "SELECT 1").await.unwrap();
    let id = w.quern.current_query().unwrap().id.clone();
    w.refused(
        "permission denied to cancel queries of other users",
        &[&format!("CANCEL QUERY '{id}'")],
    )
    .await;
}
