//! What is ours about the source of a file scan; ranges, projections and files are DataFusion's to carry.

use std::sync::Arc;

use datafusion::datasource::physical_plan::FileSource;
use serde::{Deserialize, Serialize};

use crate::chunk::Sample;
use crate::source::{BernoulliSource, FormatSource, Reading, inner_parquet, parquet_files};

/// A source without what DataFusion knows of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScanSource {
    pub kind: Kind,
    sample: Option<Sample>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Kind {
    Parquet,
    Format(Box<Reading>),
}

impl ScanSource {
    /// The source in two parts: ours, and the one that DataFusion can write (Parquet's) or that
    /// [`Reading`] tells all of. `None` for a source that no other process can have.
    pub fn of(source: &Arc<dyn FileSource>) -> Option<(Self, Arc<dyn FileSource>)> {
        // These columns are made by the reader, which DataFusion does not write down.
        if !source.table_schema().virtual_columns().is_empty() {
            return None;
        }
        if let Some(sampled) = source.downcast_ref::<BernoulliSource>() {
            let (ours, inner) = Self::of(sampled.inner())?;
            let sample = Some(sampled.sample());
            return Some((Self { sample, ..ours }, inner));
        }
        let kind = match source.downcast_ref::<FormatSource>() {
            Some(format) => Kind::Format(Box::new(format.reading().clone())),
            None => {
                let inner = inner_parquet(source)?;
                let ours = Self {
                    kind: Kind::Parquet,
                    sample: None,
                };
                return Some((ours, inner));
            }
        };
        Some((Self { kind, sample: None }, Arc::clone(source)))
    }

    /// The whole source again.
    pub fn around(&self, inner: Arc<dyn FileSource>) -> Arc<dyn FileSource> {
        let whole = match self.kind {
            Kind::Parquet => parquet_files(inner),
            Kind::Format(_) => inner,
        };
        match self.sample {
            Some(sample) => Arc::new(BernoulliSource::new(whole, sample)),
            None => whole,
        }
    }
}
