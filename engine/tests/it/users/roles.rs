//! Users, their passwords and their queries.

use quern_engine::{Kind, Settings};

use super::world;
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
