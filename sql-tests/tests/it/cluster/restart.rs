//! A coordinator that is killed and started again: its catalog is as it was, its clients get a clear error, and
//! the executors join again by themselves.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use quern_sql_tests::cluster::program;

use super::until;

/// Ends with the test, whatever happens.
struct Process(Child);

impl Process {
    /// Whether it has become a process that waits for its coordinator.
    fn waits(&self) -> bool {
        let arguments = std::fs::read(format!("/proc/{}/cmdline", self.0.id()));
        arguments.is_ok_and(|a| a.split(|byte| *byte == 0).any(|a| a == b"--rejoin"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server with a cluster at this port; gives the port of its PostgreSQL protocol.
fn serve(folder: &Path, cluster_port: u16) -> (Process, u16) {
    let mut server = Command::new(program());
    let server = server
        .args([
            "serve",
            "--auth",
            "trust",
            "--postgres-port",
            "0",
            "--cluster",
        ])
        .arg(format!("--data-dir={}", folder.display()))
        .arg(format!("--cluster-port={cluster_port}"))
        .args(["--set", "quern.execution=cluster"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .stdin(Stdio::null());
    let mut server = server.spawn().unwrap();
    let said = BufReader::new(server.stdout.take().unwrap());
    let port = said.lines().find_map(|line| {
        let line = line.unwrap();
        line.rsplit_once("serves PostgreSQL on 127.0.0.1:")?
            .1
            .trim()
            .parse()
            .ok()
    });
    (Process(server), port.expect("a server that listens"))
}

fn executor(cluster_port: u16, folder: &Path) -> Process {
    let mut executor = Command::new(program());
    executor
        .args(["executor", "--cores=1", "--memory=256MiB"])
        .arg(format!("--coordinator=127.0.0.1:{cluster_port}"))
        .arg(format!("--work-dir={}", folder.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .stdin(Stdio::null());
    Process(executor.spawn().unwrap())
}

fn psql(port: u16, sql: &str) -> (bool, String) {
    let mut shell = Command::new(program());
    shell.args([
        "sql",
        "--host",
        "127.0.0.1",
        "--user",
        "quern",
        "--format",
        "csv",
    ]);
    let done = shell
        .args(["--port", &port.to_string(), "-c", sql])
        .output()
        .unwrap();
    let said = match done.status.success() {
        true => done.stdout,
        false => done.stderr,
    };
    (
        done.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

fn executors(port: u16) -> usize {
    let (_, said) = psql(port, "SELECT count(*) FROM system.executors");
    said.lines()
        .nth(1)
        .and_then(|count| count.trim().parse().ok())
        .unwrap_or(0)
}

#[test]
fn a_coordinator_that_is_killed_and_starts_again_finds_everything() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let work = folder.path().join("work");
    std::fs::create_dir(&work).unwrap();
    // Executors know the coordinator by its port: both servers have the same.
    let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let cluster_port = free.local_addr().unwrap().port();
    drop(free);
    let (server, port) = serve(&data, cluster_port);
    let waiting = [executor(cluster_port, &work), executor(cluster_port, &work)];
    until("two executors", || executors(port) == 2);
    let made = "CREATE TABLE t AS SELECT x AS k, x % 10 AS g FROM generate_series(1, 200000) s(x)";
    assert!(psql(port, made).0);
    let model = "CREATE MODEL m WITH (model_class = 'LinearRegression', target_column = 'k') AS (SELECT k, g FROM t)";
    assert!(psql(port, model).0);
    let query = "SELECT g, count(*), sum(k) FROM t GROUP BY g ORDER BY g";
    let (done, expected) = psql(port, query);
    assert!(done, "{expected}");

    let slow = "SELECT count(*) FROM t a JOIN t b ON a.g = b.g WHERE a.k < b.k";
    let running = std::thread::spawn(move || psql(port, slow));
    let tasks = "SELECT count(*) > 0 FROM system.tasks WHERE state = 'running'";
    until("a running task", || {
        psql(port, tasks).1.contains('t') || running.is_finished()
    });
    drop(server);
    let (done, error) = running.join().unwrap();
    assert!(!done && error.contains("connection"), "{error}");

    let (server, port) = serve(&data, cluster_port);
    until("both executors again", || executors(port) == 2);
    assert_eq!(psql(port, query), (true, expected));
    // Away for longer than executors keep calling: they begin anew, and wait.
    drop(server);
    until("executors that wait", || waiting.iter().all(Process::waits));
    let (_server, port) = serve(&data, cluster_port);
    until("both executors once more", || executors(port) == 2);
    let (done, versions) = psql(
        port,
        "SELECT count(*) FROM PREDICT(MODEL m, (SELECT g FROM t))",
    );
    assert!(done && versions.contains("200000"), "{versions}");
}
