//! Where statements and settings come from, and what stays between runs.

#![allow(clippy::unwrap_used)]

use std::process::Stdio;

use super::support::{command, out, run, run_with_input, temporary};

#[test]
fn commands_and_files_run_in_the_order_given() {
    let folder = temporary();
    let file = folder.path().join("two.sql");
    std::fs::write(&file, "#!/usr/bin/env quern\nSELECT 2 AS n; -- end\n").unwrap();
    let path = file.display().to_string();
    let args = [
        "--format",
        "ndjson",
        "-c",
        "SELECT 1 AS n",
        "-f",
        &path,
        "-c",
        "SELECT 3 AS n",
    ];
    assert_eq!(out(&args), "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n");
    let missing = run(&["-f", "/no/such/file.sql"]);
    assert_eq!(missing.code, Some(1));
    assert!(
        missing.err.contains("cannot read \"/no/such/file.sql\""),
        "{}",
        missing.err
    );
}

#[test]
fn standard_input_is_a_script() {
    let script = "-- a script\nCREATE VIEW v AS\n  SELECT 1 AS a;\nSELECT *\nFROM v";
    let run = run_with_input(&["--format", "csv"], script);
    assert_eq!(
        (run.code, run.out.as_str()),
        (Some(0), "a\n1\n"),
        "{}",
        run.err
    );
    let after = run_with_input(
        &["--format", "csv", "-c", "SELECT 0 AS a", "-f", "-"],
        "SELECT 1 AS a",
    );
    assert_eq!(after.out, "a\n0\na\n1\n");
}

#[test]
fn meta_commands_work_in_scripts() {
    let run = run_with_input(
        &[],
        "CREATE VIEW my_view AS SELECT 1 AS a;\n\\dv my_*\n\\d my_view\n\\format csv\nSELECT * FROM my_view;\n\\q\nSELECT 9;\n",
    );
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert_eq!(
        run.out,
        concat!(
            "CREATE VIEW\n",
            " schema |  name   | type \n--------+---------+------\n public | my_view | view\n(1 row)\n\n",
            " column_name | data_type | nullable \n-------------+-----------+----------\n",
            " a           | bigint    | false\n(1 row)\n\n",
            "a\n1\n"
        )
    );
    let unknown = run_with_input(&[], "\\timin\n");
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.err.contains("Did you mean \\timing?"),
        "{}",
        unknown.err
    );
}

#[test]
fn the_command_line_wins_over_the_file_and_the_file_over_defaults() {
    let folder = temporary();
    let file = folder.path().join("quern.toml");
    std::fs::write(
        &file,
        "timezone = \"Asia/Tokyo\"\n[quern]\nthreads = 3\nbatch_size = 100\n",
    )
    .unwrap();
    let config = file.display().to_string();
    let sql = "SELECT value FROM system.settings WHERE name IN \
               ('quern.batch_size', 'quern.threads', 'TimeZone') ORDER BY lower(name)";
    let args = [
        "--format",
        "csv",
        "--config",
        &config,
        "--threads",
        "2",
        "--set",
        "timezone=Europe/Rome",
    ];
    assert_eq!(
        out(&[&args[..], &[sql]].concat()),
        "value\n100\n2\nEurope/Rome\n"
    );
    let by_variable = command(&["--format", "csv", sql])
        .env("QUERN_CONFIG", &config)
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(by_variable.stdout).unwrap(),
        "value\n100\n3\nAsia/Tokyo\n"
    );
}

#[test]
fn a_data_folder_keeps_the_catalog_and_takes_one_process() {
    let folder = temporary();
    let data = folder.path().join("data").display().to_string();
    out(&[
        "--data-dir",
        &data,
        "CREATE VIEW kept AS SELECT 42 AS answer",
    ]);
    let args = ["--data-dir", &data, "--format", "csv"];
    assert_eq!(
        out(&[&args[..], &["SELECT * FROM kept"]].concat()),
        "answer\n42\n"
    );

    let mut first = command(&args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = first.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, b"SELECT * FROM kept;\n").unwrap();
    let mut output = std::io::BufReader::new(first.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    assert_eq!(line, "answer\n");
    // The first process runs still: its input is open.
    let second = run(&[&args[..], &["SELECT 1"]].concat());
    assert_eq!(second.code, Some(3));
    assert!(
        second.err.contains("is in use by another process"),
        "{}",
        second.err
    );
    drop(input);
    assert!(first.wait().unwrap().success());
}

#[test]
fn notices_go_to_standard_error() {
    let run = run(&["--format", "csv", "DROP VIEW IF EXISTS nothing"]);
    assert_eq!((run.code, run.out.as_str()), (Some(0), ""));
    assert!(run.err.starts_with("NOTICE:  "), "{}", run.err);
}
