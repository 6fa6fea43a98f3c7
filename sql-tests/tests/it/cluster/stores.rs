//! Tables in object stores: executors reach the stores as the coordinator does, with its credentials.

use std::net::Ipv4Addr;
use std::sync::Arc;

use quern_engine::{Engine, Session, SessionOptions, Settings};
use quern_sql_tests::cluster::Members;

use super::rows;
use crate::stores::{S3, parquet_of};
use crate::support;

/// Files with the numbers from 1 to 12, and tables over them.
async fn bucket(session: &Session, store: &S3, with: &str) {
    for n in 1..=12 {
        store.put(&format!("lake/numbers/{n}.parquet"), parquet_of(n));
    }
    store.put("lake/names.csv", "n,name\n1,one\n2,two\n3,three\n");
    for (name, location) in [("numbers", "numbers/"), ("names", "names.csv")] {
        let create =
            format!("CREATE TABLE {name} WITH (location = 's3://lake/{location}', {with})");
        session.sql(&create).await.unwrap();
    }
}

async fn session(engine: &Engine) -> Session {
    let session = engine.session(SessionOptions::local());
    let set = session.sql("SET quern.execution = cluster").await;
    set.unwrap();
    session
}

/// What the user was told of the last query: nothing, if it ran on executors.
fn told(session: &Session) -> Vec<String> {
    session.current_query().unwrap().told()
}

#[test]
fn tables_in_stores_are_read_by_executors() {
    support::block_on(async {
        let engine = Arc::new(Engine::open(Settings::default()).unwrap());
        let members = Members::start_with(
            &engine,
            2,
            Some("a secret of enough letters"),
            Ipv4Addr::LOCALHOST,
        )
        .unwrap();
        engine.join_cluster(Arc::clone(&members.coordinator) as _);
        let store = S3::start().await;
        let session = session(&engine).await;
        bucket(&session, &store, &store.options()).await;

        let answer = rows(
            &session,
            "SELECT count(*), sum(n), min(n), max(n) FROM numbers",
        )
        .await;
        assert_eq!(answer, [["12", "78", "1", "12"]]);
        assert_eq!(told(&session), [""; 0]);

        let joined = "SELECT name, count(*) FROM numbers JOIN names ON numbers.n % 3 + 1 = names.n \
                      GROUP BY name ORDER BY name";
        let answer = rows(&session, joined).await;
        assert_eq!(answer, [["one", "4"], ["three", "4"], ["two", "4"]]);
        assert_eq!(told(&session), [""; 0]);

        // A managed table beside the files.
        session
            .sql("CREATE TABLE halves AS SELECT n, n / 2.0 AS half FROM numbers")
            .await
            .unwrap();
        let both = "SELECT sum(half) FROM halves JOIN numbers ON halves.n = numbers.n";
        assert_eq!(rows(&session, both).await, [["39.0000000000000000"]]);
        assert_eq!(told(&session), [""; 0]);

        // What an executor meets in the store is told as the coordinator would.
        std::fs::write(store.path("lake/numbers/7.parquet"), "no longer Parquet").unwrap();
        let sum = session.sql("SELECT sum(n) FROM numbers").await;
        let failed = match sum {
            Err(error) => error,
            Ok(outcome) => outcome.rows.unwrap().collect().await.unwrap_err(),
        };
        let text = format!("{failed:?}");
        assert!(text.contains("s3://lake/numbers/7.parquet"), "{text}");
        assert!(!text.contains("open-sesame"), "{text}");
    });
}

#[test]
fn credentials_do_not_go_where_others_may_listen() {
    support::block_on(async {
        let engine = Arc::new(Engine::open(Settings::default()).unwrap());
        let members = Members::start_with(&engine, 1, None, Ipv4Addr::UNSPECIFIED).unwrap();
        engine.join_cluster(Arc::clone(&members.coordinator) as _);
        let session = session(&engine).await;
        let sum = "SELECT sum(n) FROM numbers";

        let store = S3::start().await;
        bucket(&session, &store, &store.options()).await;
        assert_eq!(rows(&session, sum).await, [["78"]]);
        let reason = "the query runs in this process: credentials of object stores go to executors only \
                      where the cluster has a secret";
        assert_eq!(told(&session), [reason]);

        session.sql("DROP TABLE numbers, names").await.unwrap();
        let public = S3::with_key(None).await;
        let with = format!(
            "aws_endpoint = 'http://{}', aws_skip_signature = true",
            public.address
        );
        bucket(&session, &public, &with).await;
        assert_eq!(rows(&session, sum).await, [["78"]]);
        assert_eq!(told(&session), [""; 0]);
    });
}
