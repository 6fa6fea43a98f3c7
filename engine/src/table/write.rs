//! A plan that writes the rows of another plan as files of a table, a writer for each partition.
//!
//! ```text
//! input (partition i) → [sort by partition columns or key] → FileWriter → Add actions as text
//! ```
//! Its rows describe the files; nothing is visible before they are committed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Result as DfResult;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{
    EquivalenceProperties, LexOrdering, PhysicalExpr, PhysicalSortExpr,
};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
    SendableRecordBatchStream,
};
use deltalake_core::kernel::Add;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;

use super::count::{CountExec, RowCount};
use super::encoding;
use super::files::{FileWriter, Written};
use super::layout::Layout;
use super::warehouse::Place;
use crate::error::{Error, Result};

/// Encoded bytes of a file before the next one begins.
const FILE_BYTES: usize = 128 << 20;

/// Where and how rows are written.
#[derive(Debug, Clone)]
pub struct WriteTarget {
    pub(super) store_url: ObjectStoreUrl,
    pub(super) root: Path,
    pub(super) schema: SchemaRef,
    /// Places of the partition columns in the schema.
    pub(super) partitioned_by: Vec<usize>,
    /// Places of the clustering key; set only when the rows arrive sorted by it.
    pub(super) clustered_by: Vec<usize>,
    pub(super) bloom_filters: Vec<String>,
    pub(super) file_bytes: usize,
    /// The wanted number of files, and the rows that there are.
    pub(super) files: Option<(u64, RowCount)>,
    /// Begins the names of the files.
    pub(super) id: String,
    pub(super) written: Written,
}

impl WriteTarget {
    pub fn new(
        place: &Place,
        schema: SchemaRef,
        layout: &Layout,
        written: &Written,
    ) -> Result<Self> {
        let places = |names: &[String]| -> Result<Vec<usize>> {
            let places = names.iter().map(|name| schema.index_of(name));
            Ok(places.collect::<Result<_, _>>()?)
        };
        Ok(Self {
            store_url: place.store_url.clone(),
            root: place.path.clone(),
            partitioned_by: places(&layout.partitioned_by)?,
            clustered_by: places(&layout.clustered_by)?,
            bloom_filters: layout.bloom_filters.clone(),
            schema,
            file_bytes: FILE_BYTES,
            files: layout.chunks.map(|chunks| (chunks, RowCount::default())),
            id: uuid::Uuid::new_v4().simple().to_string(),
            written: written.clone(),
        })
    }

    /// How many rows a file gets when the number of files is given.
    pub(super) fn rows_per_file(&self) -> Option<u64> {
        let (files, rows) = self.files.as_ref()?;
        Some(rows.load(Ordering::Relaxed).div_ceil(*files.max(&1)).max(1))
    }
}

/// The plan that writes the rows of `input`, which has the target's columns. `lay_out` sorts a
/// clustered table's rows by its key; without it they are only sorted within the input's partitions.
pub fn write_plan(
    input: Arc<dyn ExecutionPlan>,
    mut target: WriteTarget,
    lay_out: bool,
) -> Result<Arc<dyn ExecutionPlan>> {
    let by_partition = target.partitioned_by.clone();
    let sort_by: Vec<usize> = by_partition
        .iter()
        .chain(&target.clustered_by)
        .copied()
        .collect();
    let input = match lay_out && !target.clustered_by.is_empty() {
        true => {
            let counted: Arc<dyn ExecutionPlan> = match &target.files {
                Some((_, rows)) => Arc::new(CountExec::new(input, Arc::clone(rows))),
                None => input,
            };
            let order = ordering(&target.schema, &sort_by)?;
            let sorted = sorted(counted, order.clone());
            match (order, sorted.output_partitioning().partition_count()) {
                (Some(order), 2..) => Arc::new(SortPreservingMergeExec::new(order, sorted)) as _,
                _ => sorted,
            }
        }
        false => {
            target.files = None;
            sorted(input, ordering(&target.schema, &sort_by)?)
        }
    };
    Ok(Arc::new(WriteExec::new(input, target)))
}

fn ordering(schema: &SchemaRef, columns: &[usize]) -> Result<Option<LexOrdering>> {
    let expressions = columns.iter().map(|at| {
        let options = SortOptions {
            descending: false,
            nulls_first: false,
        };
        PhysicalSortExpr::new(
            Arc::new(Column::new(schema.field(*at).name(), *at)),
            options,
        )
    });
    Ok(LexOrdering::new(expressions))
}

/// The rows of each partition sorted by columns.
pub fn sorted_within(
    input: Arc<dyn ExecutionPlan>,
    schema: &SchemaRef,
    columns: &[usize],
) -> Result<Arc<dyn ExecutionPlan>> {
    Ok(sorted(input, ordering(schema, columns)?))
}

/// Each partition sorted by itself.
fn sorted(input: Arc<dyn ExecutionPlan>, order: Option<LexOrdering>) -> Arc<dyn ExecutionPlan> {
    match order {
        Some(order) => Arc::new(SortExec::new(order, input).with_preserve_partitioning(true)),
        None => input,
    }
}

#[derive(Debug)]
pub struct WriteExec {
    input: Arc<dyn ExecutionPlan>,
    target: Arc<WriteTarget>,
    properties: Arc<PlanProperties>,
}

impl WriteExec {
    fn new(input: Arc<dyn ExecutionPlan>, target: WriteTarget) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Self::columns()),
            datafusion::physical_plan::Partitioning::UnknownPartitioning(
                input.output_partitioning().partition_count(),
            ),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self {
            input,
            target: Arc::new(target),
            properties: Arc::new(properties),
        }
    }

    fn columns() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("add", DataType::Utf8, false),
            Field::new("rows", DataType::Int64, false),
        ]))
    }

    /// The log's entries for the files that rows of this plan describe, and how many rows they hold.
    pub fn described(batches: &[RecordBatch]) -> Result<(Vec<Add>, u64)> {
        let mut adds = Vec::new();
        let mut rows = 0;
        for batch in batches {
            let texts = datafusion::common::cast::as_string_array(batch.column(0))?;
            let counts = datafusion::common::cast::as_int64_array(batch.column(1))?;
            for (text, count) in texts.iter().zip(counts) {
                let add = serde_json::from_str(text.unwrap_or_default());
                adds.push(add.map_err(Error::internal)?);
                rows += u64::try_from(count.unwrap_or_default()).unwrap_or_default();
            }
        }
        Ok((adds, rows))
    }
}

impl DisplayAs for WriteExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WriteExec: format=parquet")
    }
}

impl ExecutionPlan for WriteExec {
    fn name(&self) -> &'static str {
        "WriteExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let input = children.pop().unwrap_or_else(|| Arc::clone(&self.input));
        Ok(Arc::new(Self::new(input, self.target.as_ref().clone())))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> DfResult<SendableRecordBatchStream> {
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let target = Arc::clone(&self.target);
        let writers = self.input.output_partitioning().partition_count();
        let written = write(input, target, context, partition, writers);
        let batches = stream::once(async move { Ok(written.await?) });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Self::columns(),
            batches.boxed(),
        )))
    }
}

/// Writes one partition; the result describes its files.
async fn write(
    mut input: SendableRecordBatchStream,
    target: Arc<WriteTarget>,
    context: Arc<TaskContext>,
    partition: usize,
    writers: usize,
) -> Result<RecordBatch> {
    let store = context.runtime_env().object_store(&target.store_url)?;
    let pool = context.memory_pool();
    let consumer = MemoryConsumer::new(format!("WriteExec[{partition}]"));
    let mut writer = FileWriter::new(
        &target,
        store,
        consumer.register(pool),
        encoding::row_group_bytes(pool.as_ref(), writers),
        partition,
    )?;
    while let Some(batch) = input.try_next().await? {
        writer.write(&batch).await?;
    }
    drop(input);
    writer.close().await?;
    let texts = writer.adds.iter().map(serde_json::to_string);
    let texts = texts
        .collect::<Result<Vec<_>, _>>()
        .map_err(Error::internal)?;
    // All rows are counted with the first file: only their sum is asked for.
    let total = i64::try_from(writer.rows).map_err(Error::internal)?;
    let counts = (0..texts.len()).map(|at| if at == 0 { total } else { 0 });
    let counts: ArrayRef = Arc::new(Int64Array::from_iter_values(counts));
    let texts: ArrayRef = Arc::new(StringArray::from(texts));
    Ok(RecordBatch::try_new(
        WriteExec::columns(),
        vec![texts, counts],
    )?)
}
