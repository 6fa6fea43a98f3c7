//! A JSON file, or a range of whole lines of it, as a stream of batches.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::json::ReaderBuilder;
use arrow::json::reader::Decoder;
use bytes::Bytes;
use datafusion::physical_plan::metrics::Count;
use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore};

use super::array::Unwrap;
use crate::error::{Error, Kind, Result};
use crate::source::dialect::JsonLayout;
use crate::source::format::Compression;
use crate::source::location;
use crate::source::stream::{self, ByteStream};

pub struct ReadPlan {
    pub store: Arc<dyn ObjectStore>,
    pub file: ObjectMeta,
    pub range: Option<Range<u64>>,
    pub compression: Compression,
    pub layout: JsonLayout,
    /// The wanted columns.
    pub schema: SchemaRef,
    pub batch_rows: usize,
    pub count: Option<Count>,
}

struct Reader {
    stream: ByteStream,
    decoder: Decoder,
    unwrap: Option<Unwrap>,
    piece: Bytes,
    first: bool,
    ended: bool,
    shown: String,
}

pub async fn read(plan: ReadPlan) -> Result<impl futures::Stream<Item = Result<RecordBatch>>> {
    let reader = match plan.file.size {
        0 => None,
        _ => Some(Reader::open(plan).await?),
    };
    Ok(futures::stream::try_unfold(reader, |reader| async move {
        let Some(mut reader) = reader else {
            return Ok(None);
        };
        let batch = reader.next().await?;
        Ok(batch.map(|batch| (batch, Some(reader))))
    }))
}

impl Reader {
    async fn open(plan: ReadPlan) -> Result<Self> {
        let shown = location::shown(&plan.file.location);
        let first = plan.range.as_ref().is_none_or(|range| range.start == 0);
        let stream = stream::open(
            &plan.store,
            &plan.file.location,
            plan.range,
            plan.compression,
            plan.count,
        )
        .await?;
        let decoder = ReaderBuilder::new(plan.schema)
            .with_batch_size(plan.batch_rows)
            .with_coerce_primitive(true)
            .build_decoder()?;
        let unwrap = (plan.layout == JsonLayout::Array).then(Unwrap::default);
        Ok(Self {
            stream,
            decoder,
            unwrap,
            piece: Bytes::new(),
            first,
            ended: false,
            shown,
        })
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if self.piece.is_empty() && !self.ended {
                self.fill().await?;
            }
            let read = self
                .decoder
                .decode(&self.piece)
                .map_err(|e| self.bad(&e.to_string()))?;
            let full = read < self.piece.len() || read == 0 && !self.piece.is_empty();
            self.piece = self.piece.slice(read..);
            if full || self.ended {
                return self.decoder.flush().map_err(|e| self.bad(&e.to_string()));
            }
        }
    }

    async fn fill(&mut self) -> Result<()> {
        let Some(piece) = self.stream.try_next().await? else {
            self.ended = true;
            if self
                .unwrap
                .as_ref()
                .is_some_and(|unwrap| !unwrap.is_closed())
            {
                return Err(self.bad("the array does not end"));
            }
            return Ok(());
        };
        self.piece = piece;
        if std::mem::take(&mut self.first) && self.piece.starts_with(b"\xEF\xBB\xBF") {
            self.piece = self.piece.slice(3..);
        }
        if let Some(unwrap) = &mut self.unwrap {
            let mut bytes = Vec::from(std::mem::take(&mut self.piece));
            let whole = unwrap.piece(&mut bytes);
            whole.map_err(|_| self.bad("it is not one array of objects"))?;
            self.piece = Bytes::from(bytes);
        }
        Ok(())
    }

    fn bad(&self, what: &str) -> Error {
        let what = what.trim_start_matches("Json error: ");
        Error::new(Kind::BadData, format!("file \"{}\": {what}", self.shown))
            .hint("Name the column's type: dtype = (column = 'TEXT'); or look at more rows: schema_sample_rows = 'all'.")
    }
}
