//! `quern demo`: what it shows, what it makes, and when it makes it again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

const QUERN: &str = env!("CARGO_BIN_EXE_quern");

fn command(folder: &Path) -> Command {
    let mut command = Command::new(QUERN);
    command
        .args(["demo", "--threads", "2", "--dir"])
        .arg(folder)
        .env_remove("QUERN_CONFIG");
    command
}

fn demo(folder: &Path, more: &[&str]) -> Output {
    let mut command = command(folder);
    command.args(["--scale", "tiny"]).args(more);
    command.output().unwrap()
}

/// Standard output of a run that succeeded.
fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

fn count(relation: &str) -> String {
    let sql = format!("SELECT count(*) AS n FROM {relation}");
    let output = Command::new(QUERN)
        .args(["sql", "--format", "csv", &sql])
        .output()
        .unwrap();
    shown(&output).lines().nth(1).unwrap().to_string()
}

const MADE: &str = "Making sample data";
const REUSED: &str = "The sample data is there already";

#[test]
fn it_runs_to_the_end_and_uses_its_data_again() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("data");
    let first = shown(&demo(&folder, &[]));
    for part in [
        MADE,
        "1. Files become tables",
        "2. A table is a list of chunks",
        "3. Group by year, state and county",
        "4. Aggregates and joins",
        "5. Looking around",
        "6. Models",
        "7. More than fits in memory",
        "8. What to try next",
        "quern> CREATE MODEL fare WITH (",
        "quern> SHOW CHUNKS FROM lineitem;",
        "rows scanned",
    ] {
        assert!(first.contains(part), "no {part:?} in\n{first}");
    }
    let data = |name: &str| format!("'{}/{name}/'", folder.display());
    assert_eq!(count(&data("shipments")), "20000");
    assert_eq!(count(&data("shipments_tsv")), "20000");
    assert_eq!(count(&data("tpch/orders")), "3000");
    assert_eq!(count(&data("tpch/lineitem")), "11957");
    let answers = |text: &str| -> Vec<String> {
        // Sketches depend on the order in which their parts are merged, times on the machine.
        let rough = |line: &str| {
            ["std ", "25% ", "50% ", "75% ", "seconds "]
                .iter()
                .any(|p| line.starts_with(p))
        };
        let rows = text
            .lines()
            .filter(|line| line.contains(" | ") && !rough(line));
        rows.map(str::to_string).collect()
    };

    let second = shown(&demo(&folder, &[]));
    assert!(
        second.contains(REUSED) && !second.contains(MADE),
        "{second}"
    );
    assert_eq!(answers(&first), answers(&second));
}

#[test]
fn text_and_parquet_hold_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    shown(&demo(folder.path(), &[]));
    let path = folder.path().display();
    let parquet =
        format!("SELECT year, state, county, drug, buyer, grams FROM '{path}/shipments/'");
    let text = format!(
        "SELECT year, state, county, drug, buyer, grams \
         FROM read_tsv('{path}/shipments_tsv/', dtype => (grams = 'DECIMAL(12, 3)'))"
    );
    assert_eq!(count(&format!("({parquet} EXCEPT ALL {text}) t")), "0");
    assert_eq!(count(&format!("({text} EXCEPT ALL {parquet}) t")), "0");
}

#[test]
fn what_is_incomplete_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    shown(&demo(folder.path(), &[]));
    let file = folder.path().join("tpch/orders/part-1.parquet");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    assert!(shown(&demo(folder.path(), &[])).contains(MADE));
    assert_eq!(fs::read(&file).unwrap(), whole);

    // As a run leaves it that was killed.
    let manifest = folder.path().join("quern-demo.json");
    fs::rename(manifest, folder.path().join("quern-demo.unfinished")).unwrap();
    fs::write(folder.path().join("shipments_tsv/2020.tsv.gz"), "half").unwrap();
    let removed = shown(&demo(folder.path(), &["--remove"]));
    assert!(removed.contains(MADE));
    assert!(!folder.path().exists());
}

#[test]
fn an_interrupt_leaves_nothing_that_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(folder.path())
        .args(["--scale", "normal"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let started = lines.any(|line| line.unwrap().contains(MADE));
    assert!(started);
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!folder.path().join("quern-demo.json").exists());
    assert!(folder.path().join("quern-demo.unfinished").exists());
}

#[test]
fn a_folder_of_somebody_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "").unwrap();
    let output = demo(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("something else"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
