//! The names that Tab offers, read from the catalog when they may have changed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quern_engine::Error;
use quern_engine::settings::SETTINGS;
use quern_engine::value_text::{TextColumn, TextStyle};
use tokio::runtime::Handle;

use super::backend::Backend;
use super::completion::{Names, Relation};

/// Tab must not hang on a catalog that is slow to read.
const PATIENCE: Duration = Duration::from_secs(2);

/// Keeps the names until the next statement.
#[derive(Clone)]
pub struct NameCache {
    backend: Arc<dyn Backend>,
    runtime: Handle,
    /// `None` when a statement may have changed them.
    names: Arc<Mutex<Option<Arc<Names>>>>,
}

impl NameCache {
    pub fn new(backend: &Arc<dyn Backend>, runtime: &Handle) -> Self {
        Self {
            backend: Arc::clone(backend),
            runtime: runtime.clone(),
            names: Arc::default(),
        }
    }

    /// Forgets the names: a statement ran.
    pub fn forget(&self) {
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The names now; none when they cannot be read in time.
    pub fn get(&self) -> Arc<Names> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = names.as_ref() {
            return Arc::clone(names);
        }
        let read = self
            .runtime
            .block_on(async { tokio::time::timeout(PATIENCE, read(&*self.backend)).await });
        let Ok(Ok(mut read)) = read else {
            return Arc::default();
        };
        read.search_path = self.backend.search_path();
        Arc::clone(names.insert(Arc::new(read)))
    }
}

async fn read(backend: &dyn Backend) -> Result<Names, Error> {
    let columns = "SELECT table_schema, table_name, column_name FROM system.columns \
                   ORDER BY table_schema, table_name, \"position\"";
    let mut relations: Vec<Relation> = Vec::new();
    for [schema, name, column] in rows(backend, columns).await? {
        match relations.last_mut() {
            Some(last) if last.schema == schema && last.name == name => last.columns.push(column),
            _ => relations.push(Relation {
                schema,
                name,
                columns: vec![column],
            }),
        }
    }
    let schemas = "SELECT schema_name FROM system.schemas ORDER BY schema_name";
    let functions = "SELECT DISTINCT function_name FROM system.functions ORDER BY function_name";
    let first = |[value]: [String; 1]| value;
    Ok(Names {
        relations,
        schemas: rows(backend, schemas)
            .await?
            .into_iter()
            .map(first)
            .collect(),
        functions: rows(backend, functions)
            .await?
            .into_iter()
            .map(first)
            .collect(),
        settings: SETTINGS.iter().map(|s| s.name).collect(),
        search_path: Vec::new(),
    })
}

/// The rows of a query of ours over a `system` table, as text.
async fn rows<const N: usize>(backend: &dyn Backend, sql: &str) -> Result<Vec<[String; N]>, Error> {
    let mut texts = Vec::new();
    for batch in backend.start_aside(sql.to_string()).batches().await? {
        let columns = batch.columns().iter();
        let columns: Vec<_> = columns
            .map(|array| TextColumn::new(array, &TextStyle::default()))
            .collect();
        texts.extend((0..batch.num_rows()).map(|row| {
            std::array::from_fn(|at| {
                let mut text = String::new();
                if let Some(column) = columns.get(at) {
                    column.write(row, &mut text);
                }
                text
            })
        }));
    }
    Ok(texts)
}
