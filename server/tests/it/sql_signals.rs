//! Ctrl-C and termination.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::support::{Run, command, temporary};

fn send(signal: &str, child: &Child) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args([signal, &id]).status().unwrap();
    assert!(sent.success());
}

/// Starts rows that never end, and signals when the first ones came.
fn interrupted_after_first_rows(signal: &str, more: &[&str]) -> (String, Child) {
    let endless = "SELECT value FROM generate_series(1, 100000000000000)";
    let args = [
        &["--format", "csv"],
        more,
        &["-c", endless, "-c", "SELECT 'not reached'"],
    ]
    .concat();
    let mut child = command(&args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut rows = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    rows.read_line(&mut first).unwrap();
    send(signal, &child);
    // Whoever reads on lets the query see its end.
    let mut line = String::new();
    while rows.read_line(&mut line).unwrap() > 0 {
        assert!(!line.contains("not reached"));
        line.clear();
    }
    (first, child)
}

#[test]
fn an_interrupt_cancels_the_query_and_ends_the_script() {
    let (first, child) = interrupted_after_first_rows("-INT", &[]);
    assert_eq!(first, "value\n");
    let run = Run::from(child.wait_with_output().unwrap());
    assert_eq!(run.code, Some(130), "{}", run.err);
    assert_eq!(
        run.err,
        "ERROR:  canceling statement due to user request\nSQLSTATE: 57014\n"
    );
}

#[test]
fn termination_ends_the_process() {
    let (_, child) = interrupted_after_first_rows("-TERM", &[]);
    let run = Run::from(child.wait_with_output().unwrap());
    assert_eq!((run.code, run.err.as_str()), (Some(143), ""));
}

#[test]
fn an_interrupted_query_leaves_no_file() {
    let folder = temporary();
    let path = folder.path().join("rows.csv").display().to_string();
    let endless = "SELECT sum(a.x * b.x) FROM generate_series(1, 10000000) a(x), generate_series(1, 10000000) b(x)";
    // The first statement says that the process has begun.
    let mut child = command(&[
        "--format",
        "csv",
        "-o",
        &path,
        "-c",
        "DROP VIEW IF EXISTS x",
        "-c",
        endless,
    ])
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let mut notices = BufReader::new(child.stderr.take().unwrap());
    let mut notice = String::new();
    notices.read_line(&mut notice).unwrap();
    assert!(notice.starts_with("NOTICE"), "{notice}");
    send("-INT", &child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
