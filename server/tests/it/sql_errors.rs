//! Errors as a user sees them, and the exit codes.

use super::support::{run, run_with_input, temporary};

#[test]
fn an_error_has_its_place_and_a_hint() {
    let run = run(&["SELECT conuty\nFROM (VALUES ('Kent')) t(county)"]);
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
    assert_eq!(
        run.err,
        concat!(
            "ERROR:  column \"conuty\" does not exist\n",
            "LINE 1: SELECT conuty\n",
            "               ^\n",
            "HINT:  Did you mean \"county\"?\n",
            "SQLSTATE: 42703\n"
        )
    );
}

#[test]
fn lines_are_those_of_the_input() {
    let run = run_with_input(&[], "SELECT 1 AS a;\n\nSELECT\n\tnope;\nSELECT 2;\n");
    assert_eq!(run.code, Some(1));
    assert_eq!(run.out, " a \n---\n 1\n(1 row)\n\n");
    assert_eq!(
        run.err,
        "ERROR:  column \"nope\" does not exist\nLINE 4:  nope;\n         ^\nSQLSTATE: 42703\n"
    );
}

#[test]
fn wide_characters_do_not_move_the_caret() {
    let run = run(&["SELECT '東京', nope"]);
    assert!(
        run.err
            .contains("LINE 1: SELECT '東京', nope\n                       ^\n"),
        "{}",
        run.err
    );
}

#[test]
fn syntax_errors_and_open_strings_have_a_place() {
    assert!(
        run(&["SELEC 1"])
            .err
            .contains("LINE 1: SELEC 1\n        ^\n")
    );
    let open = run(&["SELECT 1; SELECT 'x"]);
    assert_eq!(open.code, Some(1));
    assert!(
        open.err.contains("LINE 1: SELECT 'x\n               ^\n"),
        "{}",
        open.err
    );
    assert!(open.err.ends_with("SQLSTATE: 42601\n"), "{}", open.err);
}

#[test]
fn an_error_in_the_rows_comes_after_planning() {
    let run = run(&["SELECT 1 / (value - 5) AS x FROM generate_series(1, 9)"]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("division by zero"), "{}", run.err);
    assert!(run.err.ends_with("SQLSTATE: 22012\n"), "{}", run.err);
}

#[test]
fn wrong_usage_is_2() {
    assert_eq!(run(&["--no-such-flag"]).code, Some(2));
    assert_eq!(run(&["--format", "xml", "SELECT 1"]).code, Some(2));
    let wrong = run(&["--set", "quern.thread=2", "SELECT 1"]);
    assert_eq!(wrong.code, Some(2));
    assert!(
        wrong.err.contains("Did you mean \"quern.threads\"?"),
        "{}",
        wrong.err
    );
    let wrong = run(&["--memory-limit", "much", "SELECT 1"]);
    assert_eq!(wrong.code, Some(2));
    assert!(
        wrong.err.contains("It takes a size such as"),
        "{}",
        wrong.err
    );
}

#[test]
fn what_cannot_start_is_3() {
    let folder = temporary();
    let file = folder.path().join("quern.toml");
    let config = file.display().to_string();
    let missing = run(&["--config", &config, "SELECT 1"]);
    assert_eq!(missing.code, Some(3), "{}", missing.err);
    std::fs::write(&file, "timezone = \"UTC\"\n[quern]\nthread = 2\n").unwrap_or_default();
    let unknown = run(&["--config", &config, "SELECT 1"]);
    assert_eq!(unknown.code, Some(3));
    assert_eq!(
        unknown.err,
        format!(
            "ERROR:  {config}:3: unrecognized configuration parameter \"quern.thread\"\n\
             HINT:  Did you mean \"quern.threads\"?\nSQLSTATE: 42704\n"
        )
    );
    let under_a_file = file.join("data").display().to_string();
    assert_eq!(
        run(&["--data-dir", &under_a_file, "SELECT 1"]).code,
        Some(3)
    );
    let nowhere = folder.path().join("no/such/out.csv").display().to_string();
    assert_eq!(run(&["-o", &nowhere, "SELECT 1"]).code, Some(3));
}
