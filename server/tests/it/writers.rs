//! Several processes change one table: each has a catalog of its own, the table's folder is the same.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::Stdio;

use super::support::{Run, command, out, temporary};

const PROCESSES: usize = 3;
const CHANGES: usize = 6;

#[test]
fn processes_that_change_one_table_lose_nothing() {
    let folder = temporary();
    let data_dir = |number: usize| folder.path().join(format!("data-{number}"));
    let warehouse = format!("quern.warehouse={}", folder.path().join("tables").display());
    let args = |number: usize| {
        let data_dir = data_dir(number).display().to_string();
        [
            "--data-dir".to_string(),
            data_dir,
            "--set".to_string(),
            warehouse.clone(),
        ]
    };
    let with = |number: usize, more: &[&str]| -> Vec<String> {
        let more = more.iter().map(ToString::to_string);
        args(number).into_iter().chain(more).collect()
    };
    fn strs(args: &[String]) -> Vec<&str> {
        args.iter().map(String::as_str).collect()
    }
    let create = "CREATE TABLE counter AS SELECT 0 AS n; CREATE TABLE log (writer int, at int)";
    out(&strs(&with(0, &["-c", create])));
    for number in 1..PROCESSES {
        std::fs::create_dir(data_dir(number)).unwrap();
        std::fs::copy(
            data_dir(0).join("catalog.sqlite"),
            data_dir(number).join("catalog.sqlite"),
        )
        .unwrap();
    }
    let children: Vec<_> = (0..PROCESSES)
        .map(|number| {
            let statements = (0..CHANGES).map(|at| {
                format!("UPDATE counter SET n = n + 1; INSERT INTO log VALUES ({number}, {at});\n")
            });
            let script = folder.path().join(format!("{number}.sql"));
            std::fs::write(&script, statements.collect::<String>()).unwrap();
            command(&strs(&with(number, &["-f", script.to_str().unwrap()])))
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let (mut updates, mut inserts) = (0, 0);
    for child in children {
        let run = Run::from(child.wait_with_output().unwrap());
        // A process may give up a change that others were faster with, and says so.
        let gave_up = run.err.contains("SQLSTATE: 40001");
        assert!(run.code == Some(0) || gave_up, "{}", run.err);
        let lines = |word: &str| run.out.lines().filter(|l| l.starts_with(word)).count();
        updates += lines("UPDATE");
        inserts += lines("INSERT");
    }
    let found = "SELECT n, (SELECT count(*) FROM log), \
                 (SELECT count(DISTINCT (writer, at)) FROM log) FROM counter";
    let found = out(&strs(&with(1, &["--format", "csv", "-c", found])));
    let expected = format!("{updates},{inserts},{inserts}");
    assert_eq!(found.lines().nth(1), Some(expected.as_str()));
    assert!(updates > CHANGES, "{updates}");
}
