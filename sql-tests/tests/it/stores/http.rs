//! Files of HTTP servers, which know more or less of HTTP.

use super::server::{Request, Response, Server};
use super::{error, parquet, rows};
use crate::support::{block_on, session};

const CSV: &str = "n,name\n1,a\n2,b\n3,c\n";

fn file(request: &Request) -> Option<Vec<u8>> {
    match request.path() {
        "/t.csv" | "/a%20b.csv" => Some(CSV.into()),
        "/t.parquet" => Some(parquet()),
        "/big.csv" => {
            let lines: String = (0..200_000).map(|n| format!("{n},{n}\n")).collect();
            Some(format!("n,m\n{lines}").into())
        }
        _ => None,
    }
}

fn missing() -> Response {
    Response::of("404 Not Found", "there is no such file")
}

/// Knows ranges, HEAD and entity tags.
async fn good() -> Server {
    Server::start(|request| match file(request) {
        Some(bytes) => Response::file(request, &bytes).with("etag", "\"1\""),
        None => missing(),
    })
    .await
}

/// Always gives whole files.
async fn without_ranges() -> Server {
    Server::start(|request| match file(request) {
        Some(bytes) => Response::of("200 OK", bytes),
        None => missing(),
    })
    .await
}

/// Knows GET alone.
async fn without_head() -> Server {
    Server::start(|request| match (request.method.as_str(), file(request)) {
        ("GET", Some(bytes)) => Response::file(request, &bytes),
        ("GET", None) => missing(),
        _ => Response::of("405 Method Not Allowed", ""),
    })
    .await
}

/// Sends elsewhere, and says in the answer to HEAD that files are empty.
async fn elsewhere() -> Server {
    let behind = good().await.address;
    Server::start(move |request| {
        if request.method == "HEAD" {
            return Response::of("200 OK", "");
        }
        let place = format!("http://{behind}{}", request.target);
        Response::of("302 Found", "").with("location", place)
    })
    .await
}

#[test]
fn files_read_whatever_the_server_knows() {
    block_on(async {
        for server in [
            good().await,
            without_ranges().await,
            without_head().await,
            elsewhere().await,
        ] {
            let session = session();
            let base = format!("http://{}", server.address);
            for (name, sql, expected) in [
                ("t.csv", "sum(n), min(name)", "6|a"),
                ("a%20b.csv", "sum(n), max(name)", "6|c"),
                ("t.parquet", "sum(n), max(name)", "6|c"),
                ("big.csv", "sum(n), count(m)", "19999900000|200000"),
            ] {
                let query = format!("SELECT {sql} FROM '{base}/{name}'");
                assert_eq!(rows(&session, &query).await, [expected], "{name}");
            }
            let create = format!(
                "CREATE TABLE t WITH (location = ARRAY['{base}/t.csv', '{base}/a%20b.csv']); SELECT sum(n) FROM t"
            );
            assert_eq!(rows(&session, &create).await, ["12"]);
            let missing = error(&session, &format!("SELECT * FROM '{base}/none.csv'")).await;
            assert_eq!(missing.sqlstate(), "58P01", "{missing:?}");
            assert!(missing.message.contains("/none.csv"), "{missing:?}");
        }
    });
}

#[test]
fn versions_of_a_file_are_told_apart() {
    block_on(async {
        // The same size, no time of change: the entity tag alone differs, or nothing does.
        for tagged in [true, false] {
            let n = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(0));
            let now = std::sync::Arc::clone(&n);
            let server = Server::start(move |request| {
                let n = now.load(std::sync::atomic::Ordering::SeqCst);
                let response = Response::file(request, &super::parquet_of(n));
                match tagged {
                    true => response.with("etag", format!("\"{n}\"")),
                    false => response,
                }
            })
            .await;
            let session = session();
            let create = format!(
                "CREATE TABLE t WITH (location = 'http://{}/t.parquet')",
                server.address
            );
            rows(&session, &create).await;
            for version in 1..4 {
                n.store(version, std::sync::atomic::Ordering::SeqCst);
                let found = rows(&session, "SELECT n, (SELECT max(n) FROM t) FROM t").await;
                assert_eq!(found, [format!("{version}|{version}")], "{tagged}");
            }
        }
    });
}

#[test]
fn ranges_are_asked_for_and_cut_from_whole_files() {
    block_on(async {
        let server = good().await;
        let session = session();
        let create = format!(
            "CREATE TABLE t WITH (location = 'http://{}/big.csv', blocksize = '256KiB'); SELECT sum(n), count(*) FROM t",
            server.address
        );
        assert_eq!(rows(&session, &create).await, ["19999900000|200000"]);
        let ranged = server
            .requests()
            .iter()
            .filter(|r| r.header("range").is_some())
            .count();
        assert!(ranged > 4, "{ranged}");

        let server = without_ranges().await;
        let create = format!(
            "CREATE OR REPLACE TABLE t WITH (location = 'http://{}/big.csv', blocksize = '256KiB'); SELECT sum(n), count(*) FROM t",
            server.address
        );
        assert_eq!(rows(&session, &create).await, ["19999900000|200000"]);
    });
}

#[test]
fn nothing_is_listed() {
    block_on(async {
        let server = good().await;
        let session = session();
        for name in ["", "folder/", "*.csv", "{t,u}.csv"] {
            let create = format!(
                "CREATE TABLE t WITH (location = 'http://{}/{name}', format = 'csv')",
                server.address
            );
            let error = error(&session, &create).await;
            assert_eq!(error.sqlstate(), "0A000", "{error:?}");
            assert!(error.hint.unwrap().contains("ARRAY"));
        }
    });
}

#[test]
fn users_and_signatures_go_with_the_request_and_nowhere_else() {
    block_on(async {
        let server = Server::start(|request| {
            let signed = request.target.ends_with("?sig=hush-hush&x=1");
            // user:hush-hush
            let known = request.header("authorization") == Some("Basic dXNlcjpodXNoLWh1c2g=");
            match file(request) {
                Some(bytes) if signed || known => Response::file(request, &bytes),
                _ => Response::of("401 Unauthorized", "who are you, hush-hush?"),
            }
        })
        .await;
        let session = session();
        let (signed, user) = (
            format!("http://{}/t.csv?sig=hush-hush&x=1", server.address),
            format!("http://user:hush-hush@{}/t.csv", server.address),
        );
        for location in [signed, user] {
            assert_eq!(
                rows(&session, &format!("SELECT sum(n) FROM '{location}'")).await,
                ["6"]
            );
            let create = format!("CREATE OR REPLACE TABLE t WITH (location = '{location}')");
            rows(&session, &create).await;
            for sql in [
                "SELECT n FROM t WHERE n = 2",
                "SHOW CREATE TABLE t",
                "SHOW CHUNKS FROM t",
                "SELECT * FROM system.tables",
                "EXPLAIN VERBOSE SELECT n FROM t",
                "SELECT * FROM system.queries",
            ] {
                let said = rows(&session, sql).await.join("\n");
                assert!(!said.contains("hush"), "{sql}: {said}");
            }
            let explain = format!("EXPLAIN VERBOSE SELECT n FROM '{location}'");
            let said = rows(&session, &explain).await.join("\n");
            assert!(!said.contains("hush"), "{said}");
            let wrong = format!("SELECT nn FROM '{location}'");
            let said = format!("{:?}", error(&session, &wrong).await);
            assert!(!said.contains("hush"), "{said}");
        }
        let refused = format!(
            "SELECT n FROM 'http://{}/t.csv?sig=hush-not&x=1'",
            server.address
        );
        let refused = error(&session, &refused).await;
        assert_eq!(refused.sqlstate(), "28000", "{refused:?}");
        assert!(!format!("{refused:?}").contains("hush"), "{refused:?}");
    });
}
