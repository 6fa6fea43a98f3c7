//! External tables over files, queried through DataFusion as a session would.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod chunks;
mod csv;
mod damage;
mod formats;
mod location;

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::{SessionConfig, SessionContext};
use quern_engine::error::{Error, Result};
use quern_engine::options::{OptionValue, Options};
use quern_engine::source::{Definition, FileTable, Spec};

/// A folder with files, and a session that reads them.
pub struct Files {
    folder: tempfile::TempDir,
    pub context: SessionContext,
}

impl Files {
    pub fn new() -> Self {
        Self::with_partitions(2)
    }

    pub fn with_partitions(partitions: usize) -> Self {
        let config = SessionConfig::new().with_target_partitions(partitions);
        Self {
            folder: tempfile::tempdir().unwrap(),
            context: SessionContext::new_with_config(config),
        }
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    pub fn path(&self, name: &str) -> String {
        self.root().join(name).display().to_string()
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.root().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub fn spec(&self, location: &str, options: &[(&str, OptionValue)]) -> Spec {
        let entries = options.iter().map(|(n, v)| (n.to_string(), v.clone()));
        Spec {
            locations: vec![self.path(location)],
            options: Options::new(entries.collect()).unwrap(),
            ..Spec::default()
        }
    }

    pub async fn resolve(&self, spec: Spec) -> Result<Definition> {
        spec.resolve(&self.context.state()).await
    }

    /// Makes the table through its stored form, as the catalog would, and registers it as `name`.
    pub async fn create(&self, name: &str, spec: Spec) -> Result<Arc<FileTable>> {
        let definition = self.resolve(spec).await?;
        let stored = serde_json::to_string(&definition).unwrap();
        let definition: Definition = serde_json::from_str(&stored).unwrap();
        let table = definition.open(&self.context.state()).await?;
        self.context.deregister_table(name).unwrap();
        let provider: Arc<FileTable> = Arc::clone(&table);
        self.context.register_table(name, provider).unwrap();
        Ok(table)
    }

    pub async fn batches(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        let frame = self.context.sql(sql).await.map_err(Error::from)?;
        frame.collect().await.map_err(Error::from)
    }

    /// The result as lines `a|b`, in the order of the rows.
    pub async fn rows(&self, sql: &str) -> Vec<String> {
        lines(&self.batches(sql).await.unwrap())
    }

    pub async fn error(&self, sql: &str) -> Error {
        self.batches(sql).await.unwrap_err()
    }

    /// Creates the table and selects from it.
    pub async fn read(
        &self,
        location: &str,
        options: &[(&str, OptionValue)],
        sql: &str,
    ) -> Vec<String> {
        self.create("t", self.spec(location, options))
            .await
            .unwrap();
        self.rows(sql).await
    }
}

pub fn text(value: &str) -> OptionValue {
    OptionValue::Text(value.to_string())
}

pub fn number(value: u64) -> OptionValue {
    OptionValue::Number(value.to_string())
}

fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let shown = pretty_format_batches(batches).unwrap().to_string();
    shown
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(1)
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
            cells.join("|")
        })
        .collect()
}
