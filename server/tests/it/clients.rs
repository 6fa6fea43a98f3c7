//! Other programs beside Quern: the Python scripts of `sql-tests/clients`, run with the binary.
//!
//! `sql-tests/clients/setup.sh` installs what they need in a cache outside of the checkout, and
//! `.ci/run` calls it. Where that was not done the tests say so and pass, except in CI.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The cache that setup.sh fills: its Python and the other programs.
fn cache() -> Option<PathBuf> {
    let given = std::env::var_os("QUERN_CLIENTS").map(PathBuf::from);
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let place = given.or_else(|| Some(cache.or_else(home)?.join("quern/clients")))?;
    place.join("main/bin/python").exists().then_some(place)
}

/// Runs a script of `sql-tests/clients` with the binary and more arguments; it must succeed.
fn script(name: &str, arguments: &[&str]) {
    let Some(cache) = cache() else {
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "run sql-tests/clients/setup.sh first"
        );
        eprintln!("left out: sql-tests/clients/setup.sh was not run");
        return;
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sql-tests/clients");
    let run = Command::new(cache.join("main/bin/python"))
        .arg(folder.join(name))
        .arg(env!("CARGO_BIN_EXE_quern"))
        .args(arguments)
        .env("QUERN_CLIENTS", &cache)
        .env_remove("QUERN_CONFIG")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{name}:\n{}\n{}",
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr)
    );
}

#[test]
fn csv_and_json_files_mean_what_duckdb_says() {
    script("csv_duckdb.py", &[]);
}

#[test]
fn clients_of_postgresql_see_what_postgresql_gives() {
    script("postgres/run.py", &[]);
}
