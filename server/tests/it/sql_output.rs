//! Where rows go: files that are whole or not there, and readers that leave early.

#![allow(clippy::unwrap_used)]

use std::io::Read;
use std::process::Stdio;

use super::support::{command, out, run, temporary};

#[test]
fn an_output_file_appears_when_everything_succeeded() {
    let folder = temporary();
    let file = folder.path().join("rows.csv");
    let path = file.display().to_string();
    out(&["--format", "csv", "-o", &path, "SELECT 1 AS a"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "a\n1\n");

    let failing = "SELECT value AS a FROM generate_series(1, 100000); SELECT nope";
    assert_eq!(
        run(&["--format", "csv", "-o", &path, failing]).code,
        Some(1)
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "a\n1\n");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn what_is_no_file_is_written_directly() {
    assert_eq!(out(&["-o", "/dev/null", "SELECT 1"]), "");
}

#[test]
fn an_output_can_begin_and_end_within_a_script() {
    let folder = temporary();
    let file = folder.path().join("rows.txt");
    let begin = format!("\\o {}", file.display());
    let args = [
        "--format",
        "csv",
        "-c",
        &begin,
        "-c",
        "SELECT 1 AS a",
        "-c",
        "\\o",
        "-c",
        "SELECT 2 AS b",
    ];
    assert_eq!(out(&args), "b\n2\n");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "a\n1\n");
}

#[test]
fn a_reader_that_leaves_ends_the_query_quietly() {
    let mut child = command(&[
        "--format",
        "csv",
        "SELECT value FROM generate_series(1, 10000000000)",
    ])
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let mut start = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap();
    assert_eq!(&start, b"value\n1\n2\n");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
