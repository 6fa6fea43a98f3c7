//! The files of trained models: named by a hash of their content, kept beside the tables, read once.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::DataType;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use parking_lot::Mutex;
use quern_model::class::Class;
use quern_model::hold_out::Scores;
use quern_model::model::{Definition, Model};
use quern_model::store::{self, Origin, Pass};

use crate::error::{Error, Kind, Result};

/// Larger files are refused.
pub const LIMIT_BYTES: usize = 1 << 30;
/// Models that are kept in memory when nothing uses them.
const KEPT: usize = 32;

/// A model with what is known of its training.
#[derive(Debug)]
pub struct Trained {
    /// The name of the file: a hash of its content.
    pub file: String,
    pub model: Model,
    /// The type of answers that are labels.
    pub target_type: DataType,
    pub about: About,
}

/// How a model was made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct About {
    /// The statement, without secrets.
    pub sql: String,
    /// Milliseconds since 1970-01-01 UTC.
    pub created_ms: i64,
    /// Rows that it learned from, and rows that were left out.
    pub rows: u64,
    pub rows_dropped: u64,
    pub scans: u32,
    pub train_ms: u64,
    pub seed: u64,
    /// The loss after each scan but the last, where it is known.
    pub losses: Vec<Option<f64>>,
    /// How well the model does, where that was asked for.
    pub scores: Scores,
}

/// What the names of metrics start with in a file.
const IN_SAMPLE: &str = "in_sample.";
const HELD_OUT: &str = "held_out.";

impl About {
    fn to_origin(&self) -> Origin {
        let counts = [
            ("created_ms", self.created_ms as f64),
            ("rows", self.rows as f64),
            ("rows_dropped", self.rows_dropped as f64),
            ("scans", f64::from(self.scans)),
            ("train_ms", self.train_ms as f64),
            ("rows_held_out", self.scores.rows_held_out as f64),
        ];
        let counts = counts.into_iter().map(|(name, n)| (name.to_string(), n));
        let sides = [
            (IN_SAMPLE, &self.scores.in_sample),
            (HELD_OUT, &self.scores.held_out),
        ];
        let scores = sides.into_iter().flat_map(|(side, scores)| {
            let named = scores.iter();
            named.map(move |(name, score)| (format!("{side}{name}"), *score))
        });
        let created = chrono::DateTime::from_timestamp_millis(self.created_ms);
        let passes = self.losses.iter().zip(1..).map(|(loss, pass)| Pass {
            pass,
            loss: *loss,
            rows: self.rows,
        });
        Origin {
            metrics: counts.chain(scores).collect(),
            sql: self.sql.clone(),
            engine: env!("CARGO_PKG_VERSION").to_string(),
            seed: self.seed,
            created: created.map(|c| c.to_rfc3339()).unwrap_or_default(),
            log: passes.collect(),
            ..Origin::default()
        }
    }

    fn of_origin(origin: &Origin) -> Self {
        let number = |name: &str| origin.metrics.get(name).copied().unwrap_or(0.0);
        let scores = |side: &str| -> BTreeMap<String, f64> {
            let all = origin.metrics.iter();
            let own = all.filter_map(|(name, n)| Some((name.strip_prefix(side)?.to_string(), *n)));
            own.collect()
        };
        Self {
            sql: origin.sql.clone(),
            created_ms: number("created_ms") as i64,
            rows: number("rows") as u64,
            rows_dropped: number("rows_dropped") as u64,
            scans: number("scans") as u32,
            train_ms: number("train_ms") as u64,
            seed: origin.seed,
            losses: origin.log.iter().map(|pass| pass.loss).collect(),
            scores: Scores {
                in_sample: scores(IN_SAMPLE),
                held_out: scores(HELD_OUT),
                rows_held_out: number("rows_held_out") as u64,
            },
        }
    }
}

impl Trained {
    /// What [`Trained::read`] takes.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        let model = &self.model;
        Ok(store::write(
            model.class,
            &model.definition,
            &self.about.to_origin(),
        )?)
    }

    pub(crate) fn read(file: &str, bytes: &[u8]) -> Result<Self> {
        let (model, origin) = store::read(bytes, LIMIT_BYTES)?;
        let target = model.definition.target.as_ref();
        Ok(Self {
            file: file.to_string(),
            target_type: target.map_or(DataType::Null, |t| label_type(&t.sql_type)),
            about: About::of_origin(&origin),
            model,
        })
    }
}

/// The type in which labels of a SQL type come back.
fn label_type(sql_type: &str) -> DataType {
    match sql_type {
        "boolean" => DataType::Boolean,
        "smallint" => DataType::Int16,
        "integer" => DataType::Int32,
        "bigint" => DataType::Int64,
        "real" => DataType::Float32,
        "double precision" => DataType::Float64,
        "date" => DataType::Date32,
        _ => DataType::Utf8View,
    }
}

/// Models by the names of their files.
pub struct Library {
    store: Arc<dyn ObjectStore>,
    folder: Path,
    /// What was read lately, the latest first.
    known: Mutex<VecDeque<Arc<Trained>>>,
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").finish_non_exhaustive()
    }
}

impl Library {
    /// The models in a folder of a store.
    pub fn new(store: Arc<dyn ObjectStore>, folder: Path) -> Self {
        Self {
            store,
            folder,
            known: Mutex::default(),
        }
    }

    fn path(&self, file: &str) -> Path {
        let name = format!("{file}.qm");
        Path::from_iter(self.folder.parts().chain([name.into()]))
    }

    pub async fn get(&self, file: &str) -> Result<Arc<Trained>> {
        let known = self.known.lock().iter().find(|t| t.file == file).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let bytes = self.bytes(file).await?;
        Ok(self.keep(Trained::read(file, &bytes)?))
    }

    /// The file of a model as it is.
    pub async fn bytes(&self, file: &str) -> Result<Bytes> {
        let lost = |e: object_store::Error| match e {
            object_store::Error::NotFound { .. } => {
                Error::new(Kind::DamagedModel, "the file of the model is missing")
                    .hint("Train the model again with CREATE OR REPLACE MODEL.")
            }
            other => store_error(other),
        };
        let found = self.store.get(&self.path(file)).await.map_err(lost)?;
        found.bytes().await.map_err(store_error)
    }

    /// Stores a model that was trained.
    pub async fn put(
        &self,
        class: &'static Class,
        definition: &Definition,
        about: &About,
    ) -> Result<Arc<Trained>> {
        let bytes = store::write(class, definition, &about.to_origin())?;
        self.import(bytes.into()).await
    }

    /// Stores the content of a file, if it is a model's.
    pub async fn import(&self, bytes: Bytes) -> Result<Arc<Trained>> {
        let file = store::name(&bytes);
        let trained = Trained::read(&file, &bytes)?;
        let payload = PutPayload::from(bytes);
        self.store
            .put(&self.path(&file), payload)
            .await
            .map_err(store_error)?;
        Ok(self.keep(trained))
    }

    fn keep(&self, trained: Trained) -> Arc<Trained> {
        let trained = Arc::new(trained);
        let mut known = self.known.lock();
        known.push_front(Arc::clone(&trained));
        known.truncate(KEPT);
        trained
    }

    /// Removes the file of a model that is no more. What cannot be removed stays.
    pub async fn remove(&self, file: &str) {
        self.known.lock().retain(|t| t.file != file);
        if let Err(error) = self.store.delete(&self.path(file)).await {
            tracing::warn!(file, %error, "the file of a dropped model stays");
        }
    }
}

pub fn store_error(error: object_store::Error) -> Error {
    Error::from(datafusion::error::DataFusionError::ObjectStore(Box::new(
        error,
    )))
}
