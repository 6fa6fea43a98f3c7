//! A bucket that cannot be split: one side in pieces that fit, the other once for each piece.
//!
//! Whether a row has a match is known only after all rows of the other side. So the rows that are
//! given out also without one are those in pieces, each of which meets the whole other side:
//!
//! ```text
//!   Inner, Left, LeftSemi, LeftAnti, LeftMark    build rows in pieces
//!   Right, RightSemi, RightAnti, RightMark       probe rows in pieces, sides swapped
//!   Full                                         as Left; then probe rows without a match, with NULLs
//! ```

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use datafusion::common::{JoinType, Result};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use futures::StreamExt;

use super::build::fill;
use super::grace::Bucket;
use super::job::{Job, Out, stream_of};
use super::memory::Held;

#[derive(Clone, Copy, PartialEq)]
enum Pieces {
    Build,
    Probe,
}

pub(super) async fn join(job: &Job, bucket: &Bucket, out: &mut Out) -> Result<()> {
    let template = &job.template;
    let as_it_is = |batch: RecordBatch| with_schema(job, batch.columns().to_vec(), &batch);
    match template.join_type() {
        JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => {
            let swapped = template.swap_inputs(PartitionMode::Partitioned)?;
            run(job, bucket, swapped.as_ref(), Pieces::Probe, as_it_is, out).await
        }
        JoinType::Full => {
            let left = template.builder().with_type(JoinType::Left).build()?;
            run(job, bucket, &left, Pieces::Build, as_it_is, out).await?;
            let unmatched = template
                .builder()
                .with_projection(None)
                .with_type(JoinType::RightAnti)
                .build()?
                .swap_inputs(PartitionMode::Partitioned)?;
            let shape = |batch| beside_nulls(job, &batch);
            run(job, bucket, unmatched.as_ref(), Pieces::Probe, shape, out).await
        }
        _ => run(job, bucket, template, Pieces::Build, as_it_is, out).await,
    }
}

async fn run(
    job: &Job,
    bucket: &Bucket,
    plan: &dyn ExecutionPlan,
    pieces: Pieces,
    shape: impl Fn(RecordBatch) -> Result<RecordBatch>,
    out: &mut Out,
) -> Result<()> {
    let mut rows = match pieces {
        Pieces::Build => job.read_build(&bucket.build)?,
        Pieces::Probe => job.read_probe(&bucket.probe)?,
    };
    let schema = rows.schema();
    let mut next = None;
    loop {
        let mut held = Held::new(job.pool());
        if let Some(batch) = next.take() {
            held.push(batch);
        }
        next = fill(&mut held, &mut rows).await?;
        if held.rows == 0 {
            return Ok(());
        }
        let (piece, budget) = stream_of(&schema, held);
        let mut joined = match pieces {
            Pieces::Build => job.run(plan, piece, job.read_probe(&bucket.probe)?, budget)?,
            Pieces::Probe => job.run(plan, job.read_build(&bucket.build)?, piece, budget)?,
        };
        while let Some(batch) = joined.next().await.transpose()? {
            out.emit(shape(batch)?).await;
        }
        if next.is_none() {
            return Ok(());
        }
    }
}

fn with_schema(job: &Job, columns: Vec<ArrayRef>, of: &RecordBatch) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(of.num_rows()));
    Ok(RecordBatch::try_new_with_options(
        job.schema(),
        columns,
        &options,
    )?)
}

/// Probe rows as the join gives them: NULL in the columns of the build side.
fn beside_nulls(job: &Job, probe: &RecordBatch) -> Result<RecordBatch> {
    let join: &HashJoinExec = &job.template;
    let build = join.left().schema();
    let width = build.fields().len();
    let all: Vec<usize> = (0..width + probe.num_columns()).collect();
    let columns = join.projection.as_deref().unwrap_or(&all).iter();
    let column = |at: &usize| -> ArrayRef {
        match at.checked_sub(width) {
            Some(at) => Arc::clone(probe.column(at)),
            None => new_null_array(build.field(*at).data_type(), probe.num_rows()),
        }
    };
    with_schema(job, columns.map(column).collect(), probe)
}
