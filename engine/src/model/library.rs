//! The files of trained models: named by their content, kept beside the tables, read once.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use parking_lot::Mutex;
use quern_model::class::Class;
use quern_model::model::{Definition, Model};

use crate::error::{Error, Kind, Result};

/// A model with what is known of its training.
#[derive(Debug)]
pub struct Trained {
    /// The name of the file: a hash of its content.
    pub file: String,
    pub model: Model,
    /// The type of the target in training; of answers, where they are labels.
    pub target_type: DataType,
    pub about: About,
}

/// How a model was made.
#[derive(Debug, Clone, Default)]
pub struct About {
    pub class: String,
    /// The statement, without secrets.
    pub sql: String,
    /// Milliseconds since 1970-01-01 UTC.
    pub created_ms: i64,
    /// Rows that it learned from, and rows that were left out.
    pub rows: u64,
    pub rows_dropped: u64,
    pub scans: u32,
    pub train_ms: u64,
    /// The loss after each scan but the last, where it is known.
    pub losses: Vec<Option<f64>>,
}

impl Trained {
    pub fn new(
        class: &'static Class,
        definition: Definition,
        target_type: DataType,
        about: About,
    ) -> Result<Self> {
        Ok(Self {
            file: uuid::Uuid::new_v4().simple().to_string(),
            model: Model::new(class, definition)?,
            target_type,
            about,
        })
    }
}

/// Models by the names of their files.
#[derive(Debug, Default)]
pub struct Library {
    /// What was read, to be read no more.
    known: Mutex<BTreeMap<String, Arc<Trained>>>,
}

impl Library {
    pub async fn get(&self, file: &str) -> Result<Arc<Trained>> {
        let known = self.known.lock().get(file).cloned();
        known.ok_or_else(|| Error::new(Kind::DamagedModel, "the file of the model is missing"))
    }

    pub async fn put(&self, trained: Trained) -> Result<Arc<Trained>> {
        let trained = Arc::new(trained);
        self.known
            .lock()
            .insert(trained.file.clone(), Arc::clone(&trained));
        Ok(trained)
    }
}
