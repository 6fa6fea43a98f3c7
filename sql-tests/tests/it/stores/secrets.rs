//! Secrets are kept, and shown nowhere.

use std::os::unix::fs::PermissionsExt;

use quern_engine::{Engine, Session, SessionOptions, Settings};

use super::{S3, error, rows};
use crate::support::block_on;

fn engine(folder: &std::path::Path) -> Engine {
    let mut settings = Settings::default();
    let folder = folder.display().to_string();
    settings.set_at_start("quern.data_dir", &folder).unwrap();
    settings
        .set_at_start("azure_storage_sas_key", "sig=hush-hush")
        .unwrap();
    Engine::open(settings).unwrap()
}

fn open(engine: &Engine) -> Session {
    engine.session(SessionOptions::local())
}

/// Nothing that a user can ask for has the secret.
async fn is_silent(session: &Session, secret: &str) {
    for sql in [
        "SHOW CREATE TABLE t",
        "SHOW TABLES",
        "SHOW CREATE VIEW v",
        "SELECT * FROM information_schema.views",
        "EXPLAIN VERBOSE SELECT n FROM v",
        "SHOW CHUNKS FROM t",
        "SHOW ALL",
        "SHOW aws_secret_access_key",
        "SHOW azure_storage_sas_key",
        "SELECT current_setting('aws_secret_access_key'), current_setting('quern.azure_storage_sas_key')",
        "SELECT * FROM system.settings",
        "SELECT * FROM system.tables",
        "SELECT * FROM system.chunks",
        "SELECT * FROM system.views",
        "SELECT * FROM information_schema.tables",
        "EXPLAIN VERBOSE SELECT n FROM t",
        "EXPLAIN (ANALYZE, VERBOSE) SELECT n FROM t",
        "EXPLAIN (FORMAT TREE) SELECT n FROM t",
        "EXPLAIN (FORMAT JSON) SELECT n FROM t",
        "EXPLAIN (FORMAT GRAPHVIZ) SELECT n FROM t",
        "DESCRIBE t",
        "SHOW QUERIES",
        "SELECT * FROM system.queries",
    ] {
        let said = rows(session, sql).await.join("\n");
        assert!(!said.contains(secret), "{sql}: {said}");
    }
    let said = format!("{:?} {:?}", session, session.settings());
    assert!(!said.contains(secret), "{said}");
}

#[test]
fn secrets_are_kept_and_not_shown() {
    block_on(async {
        let s3 = S3::start().await;
        s3.put("data/t.csv", "n\n1\n");
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        {
            let engine = engine(&data);
            let session = open(&engine);
            let create = format!(
                "CREATE TABLE t WITH (location = 's3://data/t.csv', {})",
                s3.options()
            );
            rows(&session, &create).await;
            rows(&session, "SET aws_secret_access_key = 'open-sesame'").await;
            let view = format!(
                "CREATE VIEW v AS SELECT n FROM read_csv('s3://data/t.csv', {})",
                s3.options().replace(" = ", " => ")
            );
            rows(&session, &view).await;
            assert_eq!(rows(&session, "SELECT n FROM v").await, ["1"]);
            let parsed = format!("{:?}", session.parse(&view).unwrap());
            assert!(!parsed.contains("sesame"), "{parsed}");
            for wrong in [
                "SELECT * FROM read_csv('s3://data/none.csv', aws_access_key_id => 'k', aws_secret_access_key => 'open-sesame', aws_endpoint => 'x')",
                "SELECT * FROM read_csv('s3://data/none.csv', aws_secret_access_key => ('open-sesame'), aws_x => 1)",
                "SELECT * FROM read_csv('s3://data/none.csv', aws_secret_access_key => upper('open-sesame'))",
                "CREATE TABLE u WITH (location = 's3://data/t.csv', aws_secret_access_key = ARRAY['open-sesame'])",
                "CREATE TABLE u WITH (location = 's3://data/t.csv', aws_secret_acess_key = 'open-sesame')",
            ] {
                let said = format!("{:?}", error(&session, wrong).await);
                assert!(!said.contains("sesame"), "{wrong}: {said}");
            }
            is_silent(&session, "sesame").await;
            is_silent(&session, "hush").await;
            let shown = rows(&session, "SHOW CREATE TABLE t").await.join("");
            assert!(shown.contains("aws_secret_access_key = '***'"), "{shown}");
        }
        let mode = |name: &str| {
            let path = data.join(name);
            std::fs::metadata(path).unwrap().permissions().mode() & 0o777
        };
        assert_eq!(mode(""), 0o700);
        assert_eq!(mode("catalog.sqlite"), 0o600);

        let engine = engine(&data);
        let session = open(&engine);
        assert_eq!(rows(&session, "SELECT n FROM t").await, ["1"]);
        is_silent(&session, "sesame").await;
        assert_eq!(mode("catalog.sqlite-wal"), 0o600);
    });
}
