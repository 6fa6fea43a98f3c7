//! The plan that writes the rows of another, a file for each partition; its rows are their counts.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::compute::partition;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties, SendableRecordBatchStream,
};
use futures::{StreamExt, TryStreamExt, stream};

use super::Export;
use super::encode::Encoder;
use super::sink::Sink;
use crate::error::Result;
use crate::value_text::TextStyle;

/// The folder of NULL, as Hive names it.
const NULL_FOLDER: &str = "__HIVE_DEFAULT_PARTITION__";

#[derive(Debug)]
pub struct ExportExec {
    input: Arc<dyn ExecutionPlan>,
    export: Arc<Export>,
    properties: Arc<PlanProperties>,
}

impl ExportExec {
    pub fn new(input: Arc<dyn ExecutionPlan>, export: Export) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(columns()),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self {
            input,
            export: Arc::new(export),
            properties: Arc::new(properties),
        }
    }
}

fn columns() -> SchemaRef {
    let field = Field::new("rows", DataType::Int64, false);
    Arc::new(Schema::new(vec![field]))
}

impl DisplayAs for ExportExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExportExec: format={}", self.export.encoding.extension())
    }
}

impl ExecutionPlan for ExportExec {
    fn name(&self) -> &'static str {
        "ExportExec"
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
        Ok(Arc::new(Self::new(input, self.export.as_ref().clone())))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> DfResult<SendableRecordBatchStream> {
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let export = Arc::clone(&self.export);
        let zone = context
            .session_config()
            .options()
            .execution
            .time_zone
            .clone();
        let style = TextStyle::new(&zone.unwrap_or_default());
        let written = write(input, export, partition, style);
        let counts = stream::once(async move { Ok(written.await?) });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            columns(),
            counts.boxed(),
        )))
    }
}

/// A file that is being written.
struct Open {
    values: Vec<ScalarValue>,
    encoder: Encoder,
    sink: Sink,
}

async fn write(
    mut input: SendableRecordBatchStream,
    export: Arc<Export>,
    partition: usize,
    style: TextStyle,
) -> Result<RecordBatch> {
    let names = input.schema();
    let stored: Vec<usize> = (0..names.fields().len())
        .filter(|at| !export.partition_by.contains(at))
        .collect();
    let schema = Arc::new(names.project(&stored)?);
    let mut open: Option<Open> = None;
    let mut rows = 0_i64;
    while let Some(batch) = input.try_next().await? {
        rows += i64::try_from(batch.num_rows()).unwrap_or_default();
        for (values, run) in runs(&batch, &export.partition_by)? {
            if open.as_ref().is_some_and(|file| file.values != values)
                && let Some(file) = open.take()
            {
                finish(file, &export).await?;
            }
            let mut file = match open.take() {
                Some(file) => file,
                None => begin(&export, &names, &schema, values, partition, style).await?,
            };
            let bytes = file.encoder.encode(&run.project(&stored)?)?;
            file.sink.write(&bytes).await?;
            open = Some(file);
        }
    }
    // A query without rows gives a file without rows, so that whoever reads it finds the columns.
    if open.is_none() && export.partition_by.is_empty() && partition == 0 {
        open = Some(begin(&export, &names, &schema, vec![], partition, style).await?);
    }
    if let Some(file) = open {
        finish(file, &export).await?;
    }
    let rows: ArrayRef = Arc::new(Int64Array::from(vec![rows]));
    Ok(RecordBatch::try_new(columns(), vec![rows])?)
}

/// The rows by their partition values, which arrive sorted.
fn runs(batch: &RecordBatch, by: &[usize]) -> Result<Vec<(Vec<ScalarValue>, RecordBatch)>> {
    if by.is_empty() {
        return Ok(vec![(vec![], batch.clone())]);
    }
    let keys: Vec<ArrayRef> = by.iter().map(|at| Arc::clone(batch.column(*at))).collect();
    let ranges = partition(&keys)?.ranges();
    let runs = ranges.into_iter().map(|range| {
        let values = keys
            .iter()
            .map(|key| ScalarValue::try_from_array(key, range.start));
        let rows = batch.slice(range.start, range.end - range.start);
        Ok((values.collect::<Result<_, _>>()?, rows))
    });
    runs.collect()
}

async fn begin(
    export: &Export,
    names: &SchemaRef,
    schema: &SchemaRef,
    values: Vec<ScalarValue>,
    partition: usize,
    style: TextStyle,
) -> Result<Open> {
    let place = match export.is_folder {
        false => export.place.clone(),
        true => {
            let columns = export.partition_by.iter().zip(&values);
            let mut parts = columns
                .map(|(at, value)| folder(names.field(*at).name(), value))
                .collect::<Result<Vec<_>>>()?;
            parts.push(format!(
                "data_{partition}.{}{}",
                export.encoding.extension(),
                export.compression.extension()
            ));
            export.place.below(&parts)
        }
    };
    let mut sink = Sink::open(&place, export.compression)?;
    let (encoder, head) = Encoder::new(&export.encoding, schema, style)?;
    sink.write(&head).await?;
    Ok(Open {
        values,
        encoder,
        sink,
    })
}

async fn finish(mut file: Open, export: &Export) -> Result<()> {
    let end = file.encoder.finish()?;
    file.sink.write(&end).await?;
    file.sink.finish(&export.finished).await
}

/// `column=value`, encoded as Hive does.
fn folder(column: &str, value: &ScalarValue) -> Result<String> {
    let text = match value.is_null() {
        true => return Ok(format!("{}={NULL_FOLDER}", encoded(column))),
        false => match value.cast_to(&DataType::Utf8)? {
            ScalarValue::Utf8(Some(text)) => text,
            other => other.to_string(),
        },
    };
    Ok(format!("{}={}", encoded(column), encoded(&text)))
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b' ' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
