//! The rows that a change replaces, and the two plans around them.
//!
//! ```text
//! changed rows + file, row, action → RemovedExec(collect) → new rows       ┐ written
//! touched files + file, row        → RemovedExec(keep)    → the other rows ┘
//! ```
//! A row is known by its file's number and its place in the file, so a condition is evaluated once
//! and a change means the same whatever functions it calls. The set is a bitmap for each file.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use datafusion::common::Result as DfResult;
use datafusion::common::cast::as_int64_array;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties, SendableRecordBatchStream,
};
use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;
use roaring::RoaringTreemap;

use crate::error::{Error, Kind, Result};

/// What becomes of a row of a change's query.
pub const REPLACE: i64 = 1;
pub const REMOVE: i64 = 2;
pub const ADD: i64 = 3;

/// How many rows were changed, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub replaced: u64,
    pub removed: u64,
    pub added: u64,
}

#[derive(Debug)]
pub struct Removed {
    /// Whether a row may be met twice: the first time counts (UPDATE … FROM), or it is an error
    /// (MERGE).
    twice_allowed: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<usize, RoaringTreemap>,
    counts: Counts,
}

impl Removed {
    pub fn new(twice_allowed: bool) -> Arc<Self> {
        Arc::new(Self {
            twice_allowed,
            state: Mutex::default(),
        })
    }

    pub fn counts(&self) -> Counts {
        self.state.lock().counts
    }

    /// The numbers of the files that lose rows, in order, with how many.
    pub fn files(&self) -> Vec<(usize, u64)> {
        let state = self.state.lock();
        state
            .rows
            .iter()
            .map(|(file, rows)| (*file, rows.len()))
            .collect()
    }

    /// Notes the rows of a batch; tells which of them are new rows to be written.
    fn collect(&self, batch: &ControlColumns) -> Result<BooleanArray> {
        let mut state = self.state.lock();
        let write = (0..batch.len()).map(|at| {
            let action = batch.action(at);
            if action == ADD {
                state.counts.added += 1;
                return Ok(true);
            }
            let (file, row) = batch.place(at)?;
            if !state.rows.entry(file).or_default().insert(row) {
                return match self.twice_allowed {
                    true => Ok(false),
                    false => Err(Error::new(
                        Kind::Cardinality,
                        "MERGE command cannot affect row a second time",
                    )
                    .hint("Ensure that not more than one source row matches any one target row.")),
                };
            }
            match action {
                REPLACE => state.counts.replaced += 1,
                _ => state.counts.removed += 1,
            }
            Ok(action == REPLACE)
        });
        Ok(BooleanArray::from(write.collect::<Result<Vec<bool>>>()?))
    }

    /// Tells which rows of a batch stay.
    fn keep(&self, batch: &ControlColumns) -> Result<BooleanArray> {
        let state = self.state.lock();
        let keep = (0..batch.len()).map(|at| {
            let (file, row) = batch.place(at)?;
            Ok(!state.rows.get(&file).is_some_and(|rows| rows.contains(row)))
        });
        Ok(BooleanArray::from(keep.collect::<Result<Vec<bool>>>()?))
    }
}

/// The last columns of a batch: file, row and, for a change's query, action.
struct ControlColumns<'a> {
    files: &'a Int64Array,
    rows: &'a Int64Array,
    actions: Option<&'a Int64Array>,
}

impl ControlColumns<'_> {
    fn len(&self) -> usize {
        self.files.len()
    }

    fn action(&self, at: usize) -> i64 {
        self.actions.map_or(REMOVE, |actions| actions.value(at))
    }

    fn place(&self, at: usize) -> Result<(usize, u64)> {
        let file = usize::try_from(self.files.value(at));
        let row = u64::try_from(self.rows.value(at));
        match (file, row) {
            (Ok(file), Ok(row)) if self.files.is_valid(at) => Ok((file, row)),
            _ => Err(Error::internal("a changed row has no place")),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Collect,
    Keep,
}

#[derive(Debug)]
pub struct RemovedExec {
    input: Arc<dyn ExecutionPlan>,
    removed: Arc<Removed>,
    mode: Mode,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl RemovedExec {
    /// Notes the rows of a change's query, whose last columns are file, row and action; gives the
    /// new rows without these.
    pub fn collect(input: Arc<dyn ExecutionPlan>, removed: Arc<Removed>) -> Result<Self> {
        Self::new(input, removed, Mode::Collect)
    }

    fn new(input: Arc<dyn ExecutionPlan>, removed: Arc<Removed>, mode: Mode) -> Result<Self> {
        let columns = input.schema().fields().len();
        let shown: Vec<_> = (0..columns.saturating_sub(mode.control_columns())).collect();
        let schema = Arc::new(input.schema().project(&shown)?);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Ok(Self {
            input,
            removed,
            mode,
            schema,
            properties: Arc::new(properties),
        })
    }
}

/// The rows of `input` that are not removed, without its last columns, file and row.
pub fn keep_rows(
    input: Arc<dyn ExecutionPlan>,
    removed: Arc<Removed>,
) -> Result<Arc<dyn ExecutionPlan>> {
    Ok(Arc::new(RemovedExec::new(input, removed, Mode::Keep)?))
}

impl Mode {
    fn control_columns(self) -> usize {
        match self {
            Mode::Collect => 3,
            Mode::Keep => 2,
        }
    }
}

fn apply(
    batch: &RecordBatch,
    removed: &Removed,
    mode: Mode,
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    let shown = schema.fields().len();
    let column = |at: usize| as_int64_array(batch.column(shown + at));
    let control = ControlColumns {
        files: column(0)?,
        rows: column(1)?,
        actions: match mode {
            Mode::Collect => Some(column(2)?),
            Mode::Keep => None,
        },
    };
    let wanted = match mode {
        Mode::Collect => removed.collect(&control)?,
        Mode::Keep => removed.keep(&control)?,
    };
    let columns = batch.columns().iter().take(shown).cloned().collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let rows = RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?;
    Ok(filter_record_batch(&rows, &wanted)?)
}

impl DisplayAs for RemovedExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemovedExec: mode={:?}", self.mode)
    }
}

impl ExecutionPlan for RemovedExec {
    fn name(&self) -> &'static str {
        "RemovedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
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
        Ok(Arc::new(Self::new(
            input,
            Arc::clone(&self.removed),
            self.mode,
        )?))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> DfResult<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let (removed, schema) = (Arc::clone(&self.removed), Arc::clone(&self.schema));
        let mode = self.mode;
        let batches = input.and_then(move |batch| {
            let batch = apply(&batch, &removed, mode, &schema);
            std::future::ready(batch.map_err(Into::into))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            batches.boxed(),
        )))
    }
}
