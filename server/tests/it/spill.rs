//! What a process spilled and left when it was killed is removed by the next one; what a process that
//! lives has spilled stays.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Instant;

use super::support::{command, out, temporary};

/// A process that sorts more than its memory holds, for long.
fn sorting(spill_dir: &str) -> Child {
    let sort = "SELECT t FROM (SELECT md5(x::text) AS t FROM generate_series(1, 1000000000) s(x)) r \
                ORDER BY t";
    command(&["--set", spill_dir, "--memory-limit", "16MiB", "-c", sort])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The folders of processes, and how many of them hold spilled files.
fn folders(spill_dir: &Path) -> (usize, usize) {
    let folders: Vec<_> = std::fs::read_dir(spill_dir).unwrap().flatten().collect();
    let spilled = folders.iter().filter(|f| files(&f.path()) > 1).count();
    (folders.len(), spilled)
}

fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let count = |path: PathBuf| match path.is_dir() {
        true => files(&path),
        false => 1,
    };
    entries.map(|entry| count(entry.path())).sum()
}

#[test]
fn the_next_process_removes_what_a_killed_one_spilled() {
    let folder = temporary();
    let spill_dir = format!("quern.spill_dir={}", folder.path().display());
    let (mut killed, mut alive) = (sorting(&spill_dir), sorting(&spill_dir));
    let start = Instant::now();
    while folders(folder.path()) != (2, 2) {
        assert!(start.elapsed().as_secs() < 120, "nothing is spilled");
        std::thread::yield_now();
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(folders(folder.path()).0, 2);
    let one = || {
        out(&[
            "--set",
            &spill_dir,
            "--format",
            "csv",
            "-c",
            "SELECT 1 AS x",
        ])
    };
    assert_eq!(one(), "x\n1\n");
    assert_eq!(folders(folder.path()).0, 1);
    assert!(alive.try_wait().unwrap().is_none());
    alive.kill().unwrap();
    alive.wait().unwrap();
    assert_eq!(one(), "x\n1\n");
    assert_eq!(folders(folder.path()).0, 0);
}
