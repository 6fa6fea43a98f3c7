//! What the tests share: a session in process, and the files of the repository.

use std::future::Future;
use std::path::{Path, PathBuf};

use quern_engine::{Engine, Error, Session, SessionOptions, Settings};
use quern_sql_tests::value;

/// The root of the repository.
pub fn root() -> &'static Path {
    quern_sql_tests::root().parent().unwrap()
}

/// The files under some folders or files of the repository with an extension, in order.
pub fn files(places: &[&str], extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for place in places {
        collect(&root().join(place), extension, &mut found);
    }
    found.sort();
    found
}

fn collect(path: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), extension, found);
        }
    } else if path.extension().is_some_and(|e| e == extension) {
        found.push(path.to_path_buf());
    }
}

/// A path as a reader of a failure wants it.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

pub fn session() -> Session {
    Engine::open(Settings::default())
        .unwrap()
        .session(SessionOptions::local())
}

/// A result: the names of the columns, and the rows as text.
pub struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// Runs one statement; without rows the table has no columns.
pub async fn run(session: &Session, statement: &quern_engine::Statement) -> Result<Table, Error> {
    let Some(rows) = session.execute(statement).await?.rows else {
        return Ok(Table {
            columns: Vec::new(),
            rows: Vec::new(),
        });
    };
    let schema = rows.schema();
    let batches = rows.collect().await?;
    let zone = session.settings().timezone().to_string();
    Ok(Table {
        columns: schema.fields().iter().map(|f| f.name().clone()).collect(),
        rows: batches
            .iter()
            .flat_map(|batch| value::rows(batch, &zone))
            .collect(),
    })
}

/// Runs a future on a thread with the stack that a debug build of the planner needs.
pub fn block_on<T: Send>(work: impl Future<Output = T> + Send) -> T {
    let run = || {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.thread_stack_size(quern_sql_tests::STACK_BYTES);
        runtime.enable_all().build().unwrap().block_on(work)
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(quern_sql_tests::STACK_BYTES);
        thread.spawn_scoped(scope, run).unwrap().join().unwrap()
    })
}
