//! Rows that are kept decoded as long as the process runs: PERSIST.
//!
//! They are held in memory within a share of the pool; what does not fit goes to a file in the spill
//! folder, so that persisting more than there is memory for is slower and never fails for it.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::ipc::writer::FileWriter;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result as DfResult;
use datafusion::datasource::TableType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::SessionState;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryReservation};
use datafusion::execution::spill_file::{SpillFile, SpillWriter};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use futures::TryStreamExt;

use crate::error::{Error, Result};
use crate::source::{FileTable, Spec};

/// One part in so many of the pool that the rows of one PERSIST may hold.
const POOL_SHARE: usize = 4;

#[derive(Debug)]
pub struct Persisted {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    /// The memory that `batches` hold.
    reservation: MemoryReservation,
    spilled: Option<Spilled>,
    pub rows: u64,
    /// The statement that made them.
    pub sql: String,
    /// What the table's files were then; `None` for the rows of a query.
    pub files: Option<u64>,
}

struct Spilled {
    table: Arc<FileTable>,
    bytes: u64,
    /// Removed with the last use of it.
    _file: Arc<dyn SpillFile>,
}

impl fmt::Debug for Spilled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes spilled", self.bytes)
    }
}

/// A spill file that is being written.
type SpillingTo = (FileWriter<Box<dyn SpillWriter>>, Arc<dyn SpillFile>);

impl Persisted {
    /// Takes all rows of a stream.
    pub async fn of(
        state: &SessionState,
        mut rows: SendableRecordBatchStream,
        schema: SchemaRef,
        sql: String,
        files: Option<u64>,
    ) -> Result<Self> {
        let pool = Arc::clone(&state.runtime_env().memory_pool);
        let limit = match pool.memory_limit() {
            MemoryLimit::Finite(bytes) => bytes / POOL_SHARE,
            _ => usize::MAX,
        };
        let reservation = MemoryConsumer::new("PERSIST").register(&pool);
        let mut persisted = Self {
            schema: Arc::clone(&schema),
            batches: Vec::new(),
            reservation,
            spilled: None,
            rows: 0,
            sql,
            files,
        };
        let mut file: Option<SpillingTo> = None;
        while let Some(batch) = rows.try_next().await? {
            let batch = RecordBatch::try_new(
                Arc::clone(&schema),
                batch.columns().iter().map(compact).collect(),
            )?;
            persisted.rows += batch.num_rows() as u64;
            let bytes = batch.get_array_memory_size();
            let fits = persisted.reservation.size().saturating_add(bytes) <= limit;
            if file.is_none() && fits && persisted.reservation.try_grow(bytes).is_ok() {
                persisted.batches.push(batch);
                continue;
            }
            let (mut writer, temporary) = match file.take() {
                Some(open) => open,
                None => {
                    let disk = &state.runtime_env().disk_manager;
                    let temporary = disk.create_tmp_file("PERSIST")?;
                    (
                        FileWriter::try_new(temporary.open_writer()?, &schema)?,
                        temporary,
                    )
                }
            };
            writer.write(&batch)?;
            file = Some((writer, temporary));
        }
        if let Some((mut writer, temporary)) = file {
            writer.finish()?;
            writer.get_mut().finish()?;
            persisted.spilled = Some(Spilled::open(state, temporary).await?);
        }
        Ok(persisted)
    }

    pub fn memory_bytes(&self) -> u64 {
        self.reservation.size() as u64
    }

    pub fn spilled_bytes(&self) -> u64 {
        self.spilled.as_ref().map_or(0, |s| s.bytes)
    }
}

impl Spilled {
    async fn open(state: &SessionState, file: Arc<dyn SpillFile>) -> Result<Self> {
        let path = file.path().and_then(|path| path.to_str());
        let path = path
            .ok_or_else(|| Error::internal("the spill folder is no text"))?
            .to_string();
        let spec = Spec {
            locations: vec![path],
            format: Some("arrow".to_string()),
            ..Spec::default()
        };
        Ok(Self {
            table: spec.resolve(state).await?.open(state).await?,
            bytes: file.size().unwrap_or_default(),
            _file: file,
        })
    }
}

/// The array without bytes that it only shares with others.
fn compact(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Utf8View => Arc::new(array.as_string_view().gc()),
        DataType::BinaryView => Arc::new(array.as_binary_view().gc()),
        _ => Arc::clone(array),
    }
}

#[async_trait]
impl TableProvider for Persisted {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let partitions = state.config().target_partitions().max(1);
        let mut dealt = vec![Vec::new(); partitions];
        for (at, batch) in self.batches.iter().enumerate() {
            dealt[at % partitions].push(batch.clone());
        }
        let memory: Arc<dyn ExecutionPlan> =
            MemorySourceConfig::try_new_exec(&dealt, self.schema(), projection.cloned())?;
        let Some(spilled) = &self.spilled else {
            return Ok(memory);
        };
        let disk = spilled
            .table
            .scan(state, projection, filters, limit)
            .await?;
        UnionExec::try_new(vec![memory, disk])
    }
}
