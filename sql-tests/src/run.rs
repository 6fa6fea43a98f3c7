//! Running the files: all of them side by side, each on its own server, every failure reported.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::Builder;

use sqllogictest::{MakeConnection, Runner, TestErrorKind, strict_column_validator};
use tempfile::TempDir;

use crate::client::{Client, Variables};
use crate::way::{Failure, Server, Way};

/// What separates the columns of an expected row.
const SEPARATOR: &str = "\t";

/// The folder of this crate, in the checkout that is tested: checkouts may share what is built.
pub fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let built_in = || env!("CARGO_MANIFEST_DIR").to_string();
        PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| built_in()))
    });
    &ROOT
}

/// The test files, in order; with the environment variable `SLT`, those whose path contains it.
pub fn files() -> Vec<PathBuf> {
    let filter = std::env::var("SLT").unwrap_or_default();
    let mut found = Vec::new();
    collect(&root().join("slt"), &mut found);
    found.retain(|path| path.to_string_lossy().contains(&filter));
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|e| e == "slt") {
            found.push(path);
        }
    }
}

/// Debug builds of the planner need deep stacks.
pub const STACK_BYTES: usize = 32 << 20;

/// Runs the files over a way and gives a report for each that fails.
pub fn run(way: &'static dyn Way, files: Vec<PathBuf>) -> Vec<String> {
    each(files, |file| block_on(run_file(way, file)))
}

/// Runs the files and writes what they gave as the expected results.
pub fn record(way: &'static dyn Way, files: Vec<PathBuf>) -> Vec<String> {
    each(files, |file| block_on(record_file(way, file)))
}

/// Does the work for every file, a thread with its own runtime for each core.
fn each(files: Vec<PathBuf>, work: impl Fn(&Path) -> Result<(), String> + Sync) -> Vec<String> {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let queue = Mutex::new(files.into_iter());
    let failures = Mutex::new(BTreeMap::new());
    let next = || queue.lock().unwrap().next();
    let worker = || {
        while let Some(file) = next() {
            let done = catch_unwind(AssertUnwindSafe(|| work(&file)));
            let done = done.unwrap_or_else(|_| Err(format!("panic in {}", file.display())));
            if let Err(report) = done {
                failures.lock().unwrap().insert(file, report);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let thread = Builder::new().stack_size(STACK_BYTES);
            thread.spawn_scoped(scope, worker).unwrap();
        }
    });
    failures.into_inner().unwrap().into_values().collect()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

/// Runs a file to its end; the report holds every record that failed.
async fn run_file(way: &'static dyn Way, file: &Path) -> Result<(), String> {
    let (mut runner, _temp) = runner(way).await.map_err(|e| e.to_string())?;
    let records = sqllogictest::parse_file(file).map_err(|e| e.to_string())?;
    let mut failures = Vec::new();
    for record in records {
        if let Err(error) = runner.run_async(record).await {
            let fatal = matches!(error.kind(), TestErrorKind::ParseError(_));
            failures.push(error.to_string());
            if fatal {
                break;
            }
        }
    }
    match failures.as_slice() {
        [] => Ok(()),
        all => Err(all.join("\n")),
    }
}

async fn record_file(way: &'static dyn Way, file: &Path) -> Result<(), String> {
    let (mut runner, _temp) = runner(way).await.map_err(|e| e.to_string())?;
    runner
        .update_test_file(
            file,
            SEPARATOR,
            same_rows,
            |line| line.clone(),
            strict_column_validator,
        )
        .await
        .map_err(|e| e.to_string())
}

async fn runner(
    way: &'static dyn Way,
) -> Result<(Runner<Client, impl MakeConnection<Conn = Client>>, TempDir), Failure> {
    let temp = TempDir::new().expect("a folder for temporary files");
    let variables = Variables::new(&root().join("data"), temp.path());
    let server: Arc<dyn Server> = Arc::from(way.start().await?);
    let mut runner = Runner::new(move || {
        let (server, variables) = (Arc::clone(&server), variables.clone());
        async move {
            Ok(Client {
                way: way.name(),
                connection: server.connect().await?,
                variables,
            })
        }
    });
    runner.with_column_validator(way.column_validator());
    runner.with_normalizer(|line| line.clone());
    runner.with_validator(same_rows);
    Ok((runner, temp))
}

/// Expected rows have their columns separated by a tab, or by one space where that was easier to
/// type; nothing else is forgiven.
fn same_rows(_: fn(&String) -> String, actual: &[Vec<String>], expected: &[String]) -> bool {
    actual.len() == expected.len()
        && actual
            .iter()
            .zip(expected)
            .all(|(row, line)| row.join(SEPARATOR) == *line || row.join(" ") == *line)
}
