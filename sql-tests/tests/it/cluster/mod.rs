//! What a cluster has to survive: executors that are killed at every phase of a query, clients that go away,
//! executors that are all gone. The answers are those of one process, and nothing is left behind.

mod chaos;
mod divisions;
mod drain;
mod network;
mod restart;
mod stores;

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quern_engine::execution::Remote;
use quern_engine::{Engine, Session, SessionOptions, Settings};
use quern_sql_tests::cluster::Members;
use quern_sql_tests::value;

use crate::{support, tpch};

/// Nothing takes so long; what does hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A scan, two joins that are dealt out, and a group by: every phase that a query has.
const QUERY: &str = "SELECT c_mktsegment, o_orderpriority, count(*), sum(l_extendedprice * (1 - l_discount)), \
     min(l_comment), max(o_clerk) \
     FROM lineitem JOIN orders ON l_orderkey = o_orderkey JOIN customer ON o_custkey = c_custkey \
     GROUP BY 1, 2 ORDER BY 1, 2";

/// Polls until it is so.
fn until(what: &str, mut is: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < PATIENCE, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

async fn rows(session: &Session, sql: &str) -> Vec<Vec<String>> {
    let outcome = session.sql(sql).await;
    let outcome =
        outcome.unwrap_or_else(|e| panic!("{sql}: {}: {e}: {:?}", e.sqlstate(), e.detail));
    let batches = outcome.rows.unwrap().collect().await;
    let batches =
        batches.unwrap_or_else(|e| panic!("{sql}: {}: {e}: {:?}", e.sqlstate(), e.detail));
    let rows = batches.iter().flat_map(|batch| value::rows(batch, "UTC"));
    rows.collect()
}

async fn tables(session: &Session, folder: &Path) {
    for file in support::files(&[folder.to_str().unwrap()], "parquet") {
        let name = file.file_stem().unwrap().to_string_lossy();
        let create = format!("CREATE TABLE {name} WITH (location = '{}')", file.display());
        session.sql(&create).await.unwrap();
    }
    // Nothing is small enough to be sent whole: both sides are dealt out.
    session
        .sql("SET quern.broadcast_limit = '1'")
        .await
        .unwrap();
}

fn kill(process: u32) {
    signal("-KILL", process);
}

fn signal(name: &str, process: u32) {
    let mut command = Command::new("kill");
    let done = command.args([name, &process.to_string()]).status();
    assert!(done.unwrap().success());
}

/// Files of jobs in the folders of the executors.
fn files_of_jobs(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => found.extend(files_of_jobs(&path)),
            false if path.components().any(|c| c.as_os_str() == "shuffle") => found.push(path),
            false => {}
        }
    }
    found
}

struct Setup {
    members: Members,
    session: Arc<Session>,
    expected: Vec<Vec<String>>,
    _data: tempfile::TempDir,
}

fn setup() -> Setup {
    setup_with(None)
}

fn setup_with(secret: Option<&str>) -> Setup {
    setup_of(2, secret)
}

fn setup_of(executors: usize, secret: Option<&str>) -> Setup {
    let data = tempfile::tempdir().unwrap();
    tpch::generate(data.path());
    let engine = Engine::open(Settings::default()).unwrap();
    let members = Members::start_with(&engine, executors, secret, Ipv4Addr::LOCALHOST).unwrap();
    let session = members.engine().unwrap().session(SessionOptions::local());
    let expected = support::block_on(async {
        let local = engine.session(SessionOptions::local());
        tables(&local, data.path()).await;
        tables(&session, data.path()).await;
        rows(&local, QUERY).await
    });
    assert!(expected.len() > 10);
    Setup {
        members,
        session: Arc::new(session),
        expected,
        _data: data,
    }
}

impl Setup {
    fn ended_tasks(&self) -> usize {
        let tasks = self.members.coordinator.tasks();
        tasks.iter().filter(|task| task.state == "finished").count()
    }

    /// Runs the query and kills an executor when so many tasks have ended.
    fn kill_after(&self, tasks: usize) {
        until("a full cluster", || {
            self.members.coordinator.executors().len() == 2
        });
        let before = self.ended_tasks();
        let session = Arc::clone(&self.session);
        let query = std::thread::spawn(move || {
            support::block_on(async move { rows(&session, QUERY).await })
        });
        until("enough tasks", || {
            query.is_finished() || self.ended_tasks() >= before + tasks
        });
        let victim = self.members.children.processes()[tasks % 2];
        kill(victim);
        until("the end of the query", || query.is_finished());
        let answer = query.join().unwrap();
        assert_eq!(answer, self.expected, "after {tasks} tasks");
    }
}

#[test]
fn an_executor_that_is_killed_costs_no_answer_and_leaves_no_file() {
    let setup = setup();
    let plain = support::block_on(rows(&setup.session, QUERY));
    assert_eq!(plain, setup.expected);
    let told = setup.session.current_query().unwrap().told();
    assert!(told.is_empty(), "{told:?}");
    for tasks in 0..10 {
        setup.kill_after(tasks);
    }
    until("a full cluster", || {
        setup.members.coordinator.executors().len() == 2
    });
    until("removing the files of jobs", || {
        files_of_jobs(setup.members.folder.path()).is_empty()
    });
}

#[test]
fn all_22_queries_of_tpch_give_the_right_answers() {
    let setup = setup();
    let failures = support::block_on(tpch::failures(&setup.session));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_query_that_is_cancelled_leaves_no_task_and_no_file() {
    let setup = setup();
    let coordinator = &setup.members.coordinator;
    let running = || {
        coordinator
            .tasks()
            .iter()
            .any(|task| task.state == "running")
    };
    for _ in 0..3 {
        let session = Arc::clone(&setup.session);
        let slow = "SELECT count(*) FROM lineitem a JOIN lineitem b ON a.l_suppkey = b.l_suppkey \
                    WHERE a.l_comment < b.l_comment";
        let query = std::thread::spawn(move || {
            support::block_on(async move {
                let outcome = session.sql(slow).await;
                match outcome {
                    Ok(outcome) => outcome.rows.unwrap().collect().await.map(drop),
                    Err(error) => Err(error),
                }
            })
        });
        until("a running task", || query.is_finished() || running());
        setup.session.cancel();
        until("the end of the query", || query.is_finished());
        let error = query.join().unwrap().unwrap_err();
        assert_eq!(error.sqlstate(), "57014");
        until("the end of its tasks", || !running());
        until("idle cores", || {
            coordinator.executors().iter().all(|e| e.busy_cores == 0)
        });
        until("removing its files", || {
            files_of_jobs(setup.members.folder.path()).is_empty()
        });
    }
    assert_eq!(
        support::block_on(rows(&setup.session, QUERY)),
        setup.expected
    );
}

#[test]
fn without_executors_queries_run_here_and_say_so() {
    let mut setup = setup();
    setup.members.children.end();
    until("an empty cluster", || {
        setup.members.coordinator.executors().is_empty()
    });
    assert_eq!(
        support::block_on(rows(&setup.session, QUERY)),
        setup.expected
    );
    let told = setup.session.current_query().unwrap().told();
    assert_eq!(
        told,
        ["the query runs in this process: the cluster has no executors now"]
    );
}

/// To the last bit: what they say of many rows, with all digits.
#[test]
fn models_are_those_of_one_process() {
    let setup = setup();
    let local = Engine::open(Settings::default()).unwrap();
    let local = local.session(SessionOptions::local());
    support::block_on(async {
        tables(&local, setup._data.path()).await;
        for class in ["LinearRegression", "KMeans", "LogisticRegression"] {
            let target = match class {
                "KMeans" => "",
                "LogisticRegression" => ", target_column = 'l_returnflag'",
                _ => ", target_column = 'l_extendedprice'",
            };
            let columns = match class {
                "KMeans" => "l_quantity, l_discount",
                "LogisticRegression" => "l_quantity, l_discount, l_returnflag",
                _ => "l_quantity, l_discount, l_shipmode, l_extendedprice",
            };
            let train = format!(
                "CREATE OR REPLACE MODEL m WITH (model_class = '{class}'{target}) AS \
                 (SELECT {columns} FROM lineitem WHERE l_orderkey < 20000)"
            );
            let answers = format!(
                "SELECT * FROM PREDICT(MODEL m, (SELECT {columns}, l_orderkey, l_linenumber \
                 FROM lineitem WHERE l_orderkey < 500)) ORDER BY l_orderkey, l_linenumber"
            );
            let mut seen = Vec::new();
            for session in [&local, setup.session.as_ref()] {
                session
                    .sql(&train)
                    .await
                    .unwrap_or_else(|e| panic!("{class}: {e}: {:?}", e.detail));
                let told = session.current_query().unwrap().told();
                assert!(told.is_empty(), "{class}: {told:?}");
                seen.push(rows(session, &answers).await);
                let told = session.current_query().unwrap().told();
                assert!(told.is_empty(), "{class}: {told:?}");
            }
            assert!(seen[0] == seen[1], "{class}: other answers");
        }
    });
}

#[test]
fn with_a_secret_only_those_who_know_it_join() {
    let setup = setup_with(Some("a secret of the tests, long enough"));
    assert_eq!(
        support::block_on(rows(&setup.session, QUERY)),
        setup.expected
    );
    let coordinator = &setup.members.coordinator;
    let address = coordinator.address();
    for secret in [Some("another secret of the tests"), None] {
        let mut stranger = Command::new(quern_sql_tests::cluster::program());
        stranger
            .args(["executor", "--coordinator", &address.to_string()])
            .env_remove("QUERN_CLUSTER_SECRET")
            .stderr(std::process::Stdio::null())
            .stdin(std::process::Stdio::null());
        if let Some(secret) = secret {
            stranger.env("QUERN_CLUSTER_SECRET", secret);
        }
        let mut stranger = stranger.spawn().unwrap();
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(3) && stranger.try_wait().unwrap().is_none() {
            assert_eq!(coordinator.executors().len(), 2);
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = stranger.kill();
        stranger.wait().unwrap();
    }
}
