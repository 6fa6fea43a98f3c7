//! Two engines, each with a catalog of its own, write one table: on the local disk and in a store.
//!
//! They know nothing of each other but the table's log, as two processes do. The one is made to commit
//! between the other's reading and committing: its change reads a file from a server that lets the
//! other commit before it answers.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use quern_engine::{Engine, Kind, Session, SessionOptions, Settings};

use super::server::{Response, Server};
use super::{S3, error, rows};
use crate::support::block_on;

/// Where the two keep their tables.
enum Place {
    Local(tempfile::TempDir),
    Store(S3),
}

impl Place {
    fn open(&self, data_dir: &Path) -> Session {
        let mut settings = Settings::default();
        let mut set = |name: &str, value: &str| settings.set_at_start(name, value).unwrap();
        set("quern.data_dir", data_dir.to_str().unwrap());
        set("quern.memory_limit", "256MiB");
        match self {
            Place::Local(folder) => set("quern.warehouse", folder.path().to_str().unwrap()),
            Place::Store(s3) => {
                set("quern.warehouse", "s3://lake/tables");
                set("quern.aws_endpoint", &format!("http://{}", s3.address));
                set("quern.aws_access_key_id", "reader");
                set("quern.aws_secret_access_key", "open-sesame");
            }
        }
        let engine = Engine::open(settings).unwrap();
        engine.session(SessionOptions::local())
    }
}

/// A copy of the catalog, which names the same folders of the warehouse.
fn copied(data_dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(data_dir).unwrap().flatten() {
        let name = entry.file_name();
        if entry.path().is_file() && name != "lock" {
            std::fs::copy(entry.path(), copy.path().join(name)).unwrap();
        }
    }
    copy
}

/// Two sessions of two engines over the same two tables.
struct Two {
    one: Session,
    other: Arc<Session>,
    /// Statements that the other runs, one before each answer of the server.
    between: Arc<Mutex<Vec<String>>>,
    server: Server,
    answers: Arc<AtomicUsize>,
    _folders: [tempfile::TempDir; 2],
}

async fn two(place: &Place) -> Two {
    let first = tempfile::tempdir().unwrap();
    let one = place.open(first.path());
    rows(
        &one,
        "CREATE TABLE t AS SELECT i AS k, 0 AS n FROM generate_series(1, 10) s(i)",
    )
    .await;
    let second = copied(first.path());
    let other = Arc::new(place.open(second.path()));
    let between: Arc<Mutex<Vec<String>>> = Arc::default();
    let answers: Arc<AtomicUsize> = Arc::default();
    let (statements, writer, count) = (
        Arc::clone(&between),
        Arc::clone(&other),
        Arc::clone(&answers),
    );
    let server = Server::start(move |request| {
        if request.method == "GET" {
            count.fetch_add(1, Ordering::SeqCst);
            let next = statements.lock().unwrap().pop();
            if let Some(sql) = next {
                let writer = Arc::clone(&writer);
                let done = std::thread::spawn(move || block_on(rows(&writer, &sql)));
                tokio::task::block_in_place(|| done.join().unwrap());
            }
        }
        Response::file(request, b"v\n1\n").with("accept-ranges", "bytes")
    })
    .await;
    Two {
        one,
        other,
        between,
        server,
        answers,
        _folders: [first, second],
    }
}

impl Two {
    /// A change of rows that reads the server's file once planned, once run.
    fn update(&self, condition: &str) -> String {
        let address = &self.server.address;
        format!("UPDATE t SET n = t.n + s.v FROM 'http://{address}/v.csv' s WHERE t.k {condition}")
    }

    fn other_runs(&self, sql: &str, times: usize) {
        *self.between.lock().unwrap() = vec![sql.to_string(); times];
    }

    async fn sums(&self) -> [Vec<String>; 2] {
        let sums = "SELECT count(*), sum(k), sum(n) FROM t";
        [rows(&self.one, sums).await, rows(&self.other, sums).await]
    }
}

async fn conflicts(place: Place) {
    let two = two(&place).await;
    // Rows of the same file: the later one runs anew, on the other's rows.
    two.other_runs("UPDATE t SET n = n + 100 WHERE k = 3", 1);
    rows(&two.one, &two.update("<= 4")).await;
    assert_eq!(two.sums().await, [["10|55|104"], ["10|55|104"]]);

    // Rows that are added meanwhile are no conflict: the change is committed on top.
    two.other_runs("INSERT INTO t VALUES (1000, 0)", 1);
    rows(&two.one, &two.update("= 5")).await;
    assert_eq!(two.sums().await, [["11|1055|105"], ["11|1055|105"]]);

    // Each time something else is changed: the statement gives up, and nothing of it is there.
    two.other_runs("UPDATE t SET n = n + 1 WHERE k = 3", 1000);
    let e = error(&two.one, &two.update("<= 4")).await;
    assert_eq!(
        (e.kind, e.sqlstate()),
        (Kind::Serialization, "40001"),
        "{e:?}"
    );
    let left = std::mem::take(&mut *two.between.lock().unwrap()).len();
    let others = 1000 - i64::try_from(left).unwrap();
    assert!(others >= 10, "{others}");
    let expected = vec![format!("11|1055|{}", 105 + others)];
    assert_eq!(two.sums().await, [expected.clone(), expected]);
    assert!(two.answers.load(Ordering::SeqCst) > 10);

    // The columns change meanwhile: the change is planned anew for what the table is now.
    two.other_runs("ALTER TABLE t ADD COLUMN extra int", 1);
    rows(&two.one, &two.update("= 6")).await;
    let extra = "SELECT count(*), count(extra) FROM t WHERE k <= 1000";
    assert_eq!(rows(&two.other, extra).await, ["11|0"]);
}

#[test]
fn two_engines_on_one_disk_lose_no_update() {
    block_on(conflicts(Place::Local(tempfile::tempdir().unwrap())));
}

#[test]
fn two_engines_on_one_store_lose_no_update() {
    block_on(async {
        let s3 = S3::start().await;
        std::fs::create_dir_all(s3.path("lake")).unwrap();
        conflicts(Place::Store(s3)).await;
    });
}

/// Writers that only add meet at the same entry of the log, again and again.
#[test]
fn engines_that_add_rows_at_once_never_fail() {
    block_on(async {
        let place = Place::Local(tempfile::tempdir().unwrap());
        let first = tempfile::tempdir().unwrap();
        let one = place.open(first.path());
        rows(&one, "CREATE TABLE t (writer int, at int)").await;
        let folders: Vec<_> = (0..3).map(|_| copied(first.path())).collect();
        let writers = folders.iter().enumerate().map(|(writer, folder)| {
            let session = place.open(folder.path());
            tokio::spawn(async move {
                for at in 0..10 {
                    let insert = format!("INSERT INTO t VALUES ({writer}, {at})");
                    rows(&session, &insert).await;
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        let count = "SELECT count(*), count(DISTINCT (writer, at)) FROM t";
        assert_eq!(rows(&one, count).await, ["30|30"]);
    });
}
