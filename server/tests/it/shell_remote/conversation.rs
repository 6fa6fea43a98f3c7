//! Statements that come one by one, that are ended, and those that are not for the shell.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use quern_server::postgres::Authentication;

use super::super::postgres::{serve, serve_with};
use super::super::support::{Run, temporary};
use super::{on, remote};

#[tokio::test(flavor = "multi_thread")]
async fn standard_input_is_a_script() {
    let served = serve().await;
    let mut child = remote(&served, &["--format", "csv"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut rows = BufReader::new(child.stdout.take().unwrap()).lines();
    // Each statement is answered before the next one is there.
    for n in ["1", "2"] {
        writeln!(input, "SELECT {n} AS n;").unwrap();
        assert_eq!(rows.next().unwrap().unwrap(), "n");
        assert_eq!(rows.next().unwrap().unwrap(), n);
    }
    // The server ends the session in the meantime.
    served.server.drain().await;
    writeln!(input, "SELECT 3 AS n;").unwrap();
    drop(input);
    let run = Run::from(child.wait_with_output().unwrap());
    assert_eq!(run.code, Some(1));
    assert!(run.err.starts_with("ERROR:  "), "{}", run.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_cancels_on_the_server() {
    let served = serve().await;
    let endless = "SELECT value FROM generate_series(1, 100000000000000)";
    let args = [
        "--format",
        "csv",
        "-c",
        endless,
        "-c",
        "SELECT 'not reached'",
    ];
    let mut child = remote(&served, &args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut rows = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    rows.read_line(&mut line).unwrap();
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    while rows.read_line(&mut line).unwrap() > 0 {
        assert!(!line.contains("not reached"));
        line.clear();
    }
    let run = Run::from(child.wait_with_output().unwrap());
    assert_eq!(run.code, Some(130), "{}", run.err);
    assert_eq!(
        run.err,
        "ERROR:  canceling statement due to user request\nSQLSTATE: 57014\n"
    );
    served.wait_until_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_leaves_ends_the_query_on_the_server() {
    let served = serve().await;
    let endless = "SELECT value FROM generate_series(1, 100000000000000)";
    let mut child = remote(&served, &["--format", "csv", endless])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut start = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap();
    assert_eq!(&start, b"value\n1\n2\n");
    let run = Run::from(child.wait_with_output().unwrap());
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    served.wait_until_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_come_out_and_do_not_go_in() {
    let served = serve().await;
    let copy = "COPY (SELECT 1 AS a, 'x y' AS b) TO STDOUT";
    let run = on(&served, &["-c", copy, "-c", "SELECT 1 AS after"]);
    assert_eq!(run.out, "1\tx y\n after \n-------\n     1\n(1 row)\n\n");
    assert_eq!(run.code, Some(0), "{}", run.err);
    let run = on(
        &served,
        &["-c", "CREATE SCHEMA s", "-c", "COPY nothing FROM STDIN"],
    );
    assert_eq!(run.code, Some(1));
    assert!(
        run.err.contains("\"nothing\" does not exist"),
        "{}",
        run.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_from_standard_input_is_refused() {
    let folder = temporary();
    let data = folder.path().display().to_string();
    let settings = [("quern.data_dir", data.as_str())];
    let served = serve_with(&settings, Authentication::Trust, None).await;
    let made = on(&served, &["CREATE TABLE t (a INT)"]);
    assert_eq!(
        (made.code, made.out.as_str()),
        (Some(0), "CREATE TABLE\n"),
        "{}",
        made.err
    );
    let run = on(&served, &["COPY t FROM STDIN"]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("the shell sends no rows"), "{}", run.err);
    let run = on(
        &served,
        &["INSERT INTO t VALUES (1), (2); SELECT count(*) AS n FROM t"],
    );
    assert_eq!(
        run.out, "INSERT 0 2\n n \n---\n 2\n(1 row)\n\n",
        "{}",
        run.err
    );
}
