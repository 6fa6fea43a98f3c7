//! Managed tables in an object store: written, changed, read again by a later process; COPY to it.

use quern_engine::{Engine, Session, SessionOptions, Settings};

use super::{S3, rows};
use crate::support::block_on;

fn open(data_dir: &std::path::Path, s3: &S3) -> Session {
    let mut settings = Settings::default();
    for (name, value) in [
        ("quern.data_dir", data_dir.to_str().unwrap()),
        ("quern.warehouse", "s3://lake/tables"),
        ("quern.aws_endpoint", &format!("http://{}", s3.address)),
        ("quern.aws_access_key_id", "reader"),
        ("quern.aws_secret_access_key", "open-sesame"),
        ("quern.memory_limit", "512MiB"),
    ] {
        settings.set_at_start(name, value).unwrap();
    }
    let engine = Engine::open(settings).unwrap();
    engine.session(SessionOptions::local())
}

#[test]
fn managed_tables_live_in_a_store() {
    block_on(async {
        let s3 = S3::start().await;
        std::fs::create_dir_all(s3.path("lake")).unwrap();
        let data_dir = tempfile::tempdir().unwrap();
        let session = open(data_dir.path(), &s3);
        for sql in [
            "CREATE TABLE t CLUSTERED BY (i) INTO 3 CHUNKS AS SELECT i, i % 7 AS m FROM generate_series(1, 9000) s(i)",
            "INSERT INTO t VALUES (10000, 1)",
            "UPDATE t SET m = -1 WHERE i = 10000",
            "DELETE FROM t WHERE i <= 1000",
            "CREATE TABLE p PARTITIONED BY (column2) AS VALUES (1, 'a b'), (2, NULL), (3, 'x/y')",
        ] {
            rows(&session, sql).await;
        }
        let sums = "SELECT count(*), sum(i), min(m) FROM t";
        assert_eq!(rows(&session, sums).await, ["8001|40014000|-1"]);
        let scheme = "SELECT DISTINCT split_part(location, '/tables/', 1) FROM system.chunks";
        assert_eq!(rows(&session, scheme).await, ["s3://lake"]);
        drop(session);
        // A later process finds them again.
        let session = open(data_dir.path(), &s3);
        assert_eq!(rows(&session, sums).await, ["8001|40014000|-1"]);
        assert_eq!(
            rows(&session, "SELECT count(*) FROM t VERSION AS OF 0").await,
            ["9000"]
        );
        let nulls = "SELECT column1 FROM p WHERE column2 IS NULL OR column2 = 'x/y' ORDER BY 1";
        assert_eq!(rows(&session, nulls).await, ["2", "3"]);
        rows(&session, "COPY t TO 's3://lake/out/t.parquet'").await;
        assert_eq!(
            rows(&session, "SELECT count(*) FROM 's3://lake/out/t.parquet'").await,
            ["8001"]
        );
        rows(&session, "OPTIMIZE t; DROP TABLE t; VACUUM RETAIN 0 HOURS").await;
        assert_eq!(
            rows(&session, "SELECT DISTINCT table_name FROM system.chunks").await,
            ["p"]
        );
    });
}
