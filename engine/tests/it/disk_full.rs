//! A disk that is really full: a small file system in memory, mounted where queries spill or tables
//! are kept. Mounting needs the rights of root; without them the tests are skipped, and in CI they fail.

use std::path::{Path, PathBuf};
use std::process::Command;

use quern_engine::{Engine, Kind, Session, SessionOptions, Settings};

use crate::memory::spilled;
use crate::support::{error, rows};

/// A file system of its own, unmounted at the end.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    fn mount(megabytes: u64) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder.path())
            .output();
        if mounted.as_ref().is_ok_and(|done| done.status.success()) {
            return Some(Self { folder });
        }
        let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!in_ci, "no file system can be mounted: {mounted:?}");
        #[allow(clippy::print_stderr)]
        let () = eprintln!("SKIPPED: no file system can be mounted here: {mounted:?}");
        None
    }

    fn path(&self) -> PathBuf {
        self.folder.path().to_path_buf()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.folder.path()).status();
    }
}

fn session(settings: &[(&str, &str)]) -> Session {
    let mut all = Settings::default();
    for (name, value) in settings {
        all.set_at_start(name, value).unwrap();
    }
    let engine = Engine::open(all).unwrap();
    engine.session(SessionOptions::local())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sort_that_fills_the_disk_fails_and_gives_it_back() {
    let Some(disk) = SmallDisk::mount(64) else {
        return;
    };
    let folder = disk.path();
    let session = session(&[
        ("quern.memory_limit", "16MiB"),
        ("quern.threads", "2"),
        ("quern.spill_dir", folder.to_str().unwrap()),
    ]);
    let sort = |rows: u64| {
        format!(
            "SELECT t FROM (SELECT x, repeat(md5(x::text), 4) AS t \
             FROM generate_series(1, {rows}) s(x)) r ORDER BY t OFFSET {}",
            rows - 1
        )
    };
    let e = error(&session, &sort(2_000_000)).await;
    assert_eq!((e.kind, e.sqlstate()), (Kind::DiskFull, "53100"), "{e:?}");
    // Tasks of the query that ended let go of their files at their next step.
    while spilled(&folder) > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(rows(&session, &sort(150_000)).await.unwrap().len(), 1);
    let spilled_bytes = session.current_query().unwrap().progress().spilled_bytes;
    assert!(spilled_bytes > 1 << 20, "{spilled_bytes}");
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    let paths = entries.map(|entry| entry.path());
    let below = |path: PathBuf| match path.is_dir() {
        true => files(&path),
        false => vec![path],
    };
    paths.flat_map(below).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_on_a_full_disk_stays_as_it_was() {
    let Some(disk) = SmallDisk::mount(16) else {
        return;
    };
    let warehouse = disk.path();
    let data_dir = tempfile::tempdir().unwrap();
    let session = session(&[
        ("quern.memory_limit", "256MiB"),
        ("quern.threads", "2"),
        ("quern.data_dir", data_dir.path().to_str().unwrap()),
        ("quern.warehouse", warehouse.to_str().unwrap()),
    ]);
    let few = "SELECT x, md5(x::text) AS t FROM generate_series(1, 1000) s(x)";
    rows(&session, &format!("CREATE TABLE t AS {few}"))
        .await
        .unwrap();
    let before = files(&warehouse);
    let many =
        "SELECT x, md5(x::text) || md5((-x)::text) AS t FROM generate_series(1, 1000000) s(x)";
    for failing in [
        format!("INSERT INTO t {many}"),
        format!("CREATE TABLE u AS {many}"),
        format!(
            "MERGE INTO t USING ({many}) m ON t.x = m.x WHEN MATCHED THEN DELETE \
                 WHEN NOT MATCHED THEN INSERT VALUES (m.x, m.t)"
        ),
    ] {
        let e = error(&session, &failing).await;
        assert_eq!(
            (e.kind, e.sqlstate()),
            (Kind::DiskFull, "53100"),
            "{failing}: {e:?}"
        );
        let counted = rows(&session, "SELECT count(*), max(x) FROM t").await;
        assert_eq!(counted.unwrap(), ["1000|1000"], "{failing}");
        // Files are removed by a task of its own.
        let start = std::time::Instant::now();
        while files(&warehouse) != before {
            assert!(
                start.elapsed().as_secs() < 30,
                "{failing}: {:?}",
                files(&warehouse)
            );
            tokio::task::yield_now().await;
        }
    }
    rows(&session, &format!("INSERT INTO t {few}"))
        .await
        .unwrap();
    let counted = rows(&session, "SELECT count(*) FROM t").await;
    assert_eq!(counted.unwrap(), ["2000"]);
}
