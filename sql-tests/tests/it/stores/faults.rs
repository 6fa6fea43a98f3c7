//! Stores that fail for a while, or for good.

use quern_engine::Session;
use quern_engine::source::store;

use super::server::{Fault, Proxy};
use super::{S3, error, options, parquet, rows};
use crate::support::{block_on, session};

/// A session that gives up soon.
async fn hasty() -> Session {
    let session = session();
    rows(
        &session,
        "SET store_timeout = '400ms'; SET store_retry_timeout = '20s'",
    )
    .await;
    session
}

async fn behind_proxy() -> (S3, Proxy) {
    let s3 = S3::start().await;
    s3.put("data/t.parquet", parquet());
    let lines: String = (0..20_000).map(|n| format!("{n},some text\n")).collect();
    s3.put("data/t.csv", format!("n,text\n{lines}"));
    let proxy = Proxy::start(&s3.address).await;
    (s3, proxy)
}

#[test]
fn what_fails_for_a_while_is_repeated() {
    block_on(async {
        let (_s3, proxy) = behind_proxy().await;
        let session = hasty().await;
        let options = options(&proxy.address);
        for (format, table_sql, expected) in [
            (
                "csv",
                "SELECT sum(n), count(text) FROM t",
                "199990000|20000",
            ),
            ("parquet", "SELECT sum(n), min(name) FROM t", "6|a"),
        ] {
            let create = format!(
                "CREATE OR REPLACE TABLE t WITH (location = 's3://data/t.{format}', {options})"
            );
            let (head, get) = match format {
                "csv" => ("HEAD /data/t.csv", "GET /data/t.csv"),
                _ => ("HEAD /data/t.parquet", "GET /data/t.parquet"),
            };
            let before = store::retries();
            proxy.plan([
                (head, Fault::Busy),
                (head, Fault::NoAnswer),
                (head, Fault::Silence),
            ]);
            proxy.plan([(get, Fault::Cut(10)), (get, Fault::Stall(20))]);
            rows(&session, &create).await;
            assert_eq!(proxy.left(), 0, "{format}");
            for faults in [
                vec![Fault::Busy, Fault::Busy, Fault::NoAnswer],
                vec![Fault::Cut(0), Fault::Cut(7), Fault::Busy, Fault::Cut(300)],
                vec![Fault::Stall(5), Fault::Silence],
            ] {
                // Statistics and footers are known by now, so that the scan meets the faults.
                proxy.plan(faults.iter().map(|fault| (get, *fault)));
                assert_eq!(
                    rows(&session, table_sql).await,
                    [expected],
                    "{format} {faults:?}"
                );
                assert_eq!(proxy.left(), 0, "{format} {faults:?}");
            }
            assert!(store::retries() >= before + 10, "{format}");
        }
    });
}

#[test]
fn listings_are_repeated() {
    block_on(async {
        let (_s3, proxy) = behind_proxy().await;
        let session = hasty().await;
        let list = "GET /data?list-type";
        proxy.plan([
            (list, Fault::Busy),
            (list, Fault::Cut(30)),
            (list, Fault::Stall(30)),
            (list, Fault::Silence),
        ]);
        let create = format!(
            "CREATE TABLE t WITH (location = 's3://data/', format = 'csv', {})",
            options(&proxy.address)
        );
        rows(&session, &create).await;
        assert_eq!(proxy.left(), 0);
        assert_eq!(rows(&session, "SELECT count(*) FROM t").await, ["20000"]);
    });
}

#[test]
fn what_fails_for_good_is_told() {
    block_on(async {
        let (_s3, proxy) = behind_proxy().await;
        let session = session();
        rows(
            &session,
            "SET store_timeout = '200ms'; SET store_retry_timeout = '600ms'",
        )
        .await;
        let options = options(&proxy.address);
        for (name, get) in [
            ("t.csv", "GET /data/t.csv"),
            ("t.parquet", "GET /data/t.parquet"),
        ] {
            let location = format!("s3://data/{name}");
            let create =
                format!("CREATE OR REPLACE TABLE t WITH (location = '{location}', {options})");
            rows(&session, &create).await;
            for (fault, said) in [
                (Fault::Busy, "503"),
                (Fault::NoAnswer, ""),
                (Fault::Silence, "no answer within 200ms"),
                (Fault::Cut(0), ""),
                (Fault::Stall(9), "no data for 200ms"),
            ] {
                proxy.plan((0..500).map(|_| (get, fault)));
                let error = error(&session, "SELECT sum(n) FROM t").await;
                assert_eq!(error.sqlstate(), "58030", "{error:?}");
                assert!(error.message.contains(&location), "{error:?}");
                assert!(error.message.contains(said), "{fault:?} {error:?}");
                assert!(error.hint.is_some(), "{error:?}");
                proxy.clear();
            }
        }
        let get = "GET /data/t.parquet";
        proxy.plan([(get, Fault::Forbidden)]);
        let denied = error(&session, "SELECT sum(n) FROM t").await;
        assert_eq!(denied.sqlstate(), "42501", "{denied:?}");
        assert!(!format!("{denied:?}").contains("reader"), "{denied:?}");
        assert_eq!(rows(&session, "SELECT sum(n) FROM t").await, ["6"]);
    });
}

#[test]
fn no_retries_when_there_is_no_time_for_them() {
    block_on(async {
        let (_s3, proxy) = behind_proxy().await;
        let session = session();
        rows(&session, "SET store_retry_timeout = 0").await;
        proxy.plan([("HEAD /data/t.csv", Fault::Busy)]);
        let create = format!(
            "CREATE TABLE t WITH (location = 's3://data/t.csv', {})",
            options(&proxy.address)
        );
        assert_eq!(error(&session, &create).await.sqlstate(), "58030");
        rows(&session, &create).await;
    });
}

#[test]
fn a_server_that_is_not_there() {
    block_on(async {
        let session = session();
        rows(&session, "SET store_retry_timeout = '300ms'").await;
        // Nothing listens on a port that was given back.
        let address = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().to_string()
        };
        let create = format!(
            "CREATE TABLE t WITH (location = 's3://data/t.csv', {})",
            options(&address)
        );
        let error = error(&session, &create).await;
        assert_eq!(error.sqlstate(), "58030");
        assert!(error.message.contains("refused"), "{error:?}");
    });
}

#[test]
fn a_file_that_changes_is_not_mixed() {
    block_on(async {
        let (s3, proxy) = behind_proxy().await;
        let session = hasty().await;
        let create = format!(
            "CREATE TABLE t WITH (location = 's3://data/t.csv', parallel = false, {})",
            options(&proxy.address)
        );
        rows(&session, &create).await;
        let lines: String = (0..20_000).map(|n| format!("{n},other txt\n")).collect();
        proxy.plan([("GET /data/t.csv", Fault::Stall(100_000))]);
        let query = async { error(&session, "SELECT sum(n) FROM t").await };
        let change = async {
            while proxy.stalled() == 0 {
                tokio::task::yield_now().await;
            }
            s3.put("data/t.csv", format!("n,text\n{lines}"));
        };
        let (error, ()) = tokio::join!(query, change);
        assert_eq!(error.sqlstate(), "58030", "{error:?}");
        assert!(
            error.message.contains("changed while it was read"),
            "{error:?}"
        );
    });
}
