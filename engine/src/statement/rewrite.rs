//! Writing a managed table anew, whole or in part: other columns, another layout, fewer files.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use serde_json::Value;

use super::Context;
use super::writing::{self, Target, Uncommitted};
use crate::error::Result;
use crate::plan;
use crate::table::{self, Change, DeltaOperation, Layout, TableVersion, WriteTarget};

/// Times that a table is laid out anew because it changed meanwhile.
const ATTEMPTS: usize = 5;

/// Files of so many bytes together become one.
const ONE_FILE_BYTES: u64 = 128 << 20;

/// What a table is to be after a rewrite.
pub(super) struct Rewrite {
    pub operation: DeltaOperation,
    pub schema: SchemaRef,
    /// For each column, which column of the old table it is.
    pub sources: Vec<Option<usize>>,
    pub layout: Layout,
    /// Numbers of the files to be written anew, in order.
    pub files: Vec<usize>,
    /// Whether rows differ afterwards, not just where they are.
    pub data_change: bool,
    pub statement: &'static str,
}

/// How many files there were and are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rewritten {
    pub files_before: usize,
    pub files_after: usize,
}

/// Rewrites a table as `decide` says for its latest version; `None` leaves it as it is.
pub(super) async fn rewrite(
    ctx: &Context,
    target: &Target,
    decide: impl Fn(&TableVersion) -> Result<Option<Rewrite>>,
) -> Result<Option<Rewritten>> {
    let alone = Arc::new(ctx.warehouse.changing(&target.folder).await);
    let mut ctx = ctx.clone();
    for _ in 0..ATTEMPTS {
        let base = ctx.warehouse.latest(&target.folder).await?;
        let Some(wanted) = decide(&base)? else {
            return Ok(None);
        };
        let uncommitted = Uncommitted::new(base.place());
        let written = &uncommitted.written;
        let scan = base.open_for_change(|number| wanted.files.binary_search(&number).is_ok())?;
        let scan = provider_as_source(Arc::new(scan));
        let rows = LogicalPlanBuilder::scan(writing::TARGET, scan, None)?.build()?;
        let fields: Vec<&Field> = wanted.schema.fields().iter().map(|f| f.as_ref()).collect();
        let rows = plan::assigned(&ctx.state, rows, &fields, &wanted.sources)?;
        let mut physical = ctx.execution.prepare(&ctx.state, &rows).await?;
        if base.bytes(&wanted.files)? < ONE_FILE_BYTES {
            physical = Arc::new(CoalescePartitionsExec::new(physical));
        }
        let to = WriteTarget::new(
            base.place(),
            Arc::clone(&wanted.schema),
            &wanted.layout,
            written,
        )?;
        let adds = match wanted.files.is_empty() {
            true => Vec::new(),
            false => match writing::write(&ctx, physical, to, true).await {
                Err(error) if ctx.begin_anew(&error) => {
                    uncommitted.discard().await;
                    continue;
                }
                written => written?.0,
            },
        };
        let rewritten = Rewritten {
            files_before: wanted.files.len(),
            files_after: adds.len(),
        };
        let change = change(&base, wanted, adds)?;
        let done = writing::commit(&ctx, target, &base, change, written, &alone).await?;
        if done.is_ok() {
            uncommitted.committed();
            ctx.wrote();
            return Ok(Some(rewritten));
        }
    }
    Err(writing::conflict(target))
}

fn change(base: &TableVersion, wanted: Rewrite, adds: Vec<table::Add>) -> Result<Change> {
    let same = wanted.schema == *base.schema() && wanted.layout == base.layout()?;
    let metadata = match same {
        true => None,
        false => Some(base.metadata_with(&wanted.schema, &wanted.layout)?),
    };
    Ok(Change {
        operation: wanted.operation,
        adds,
        removes: wanted.files,
        metadata,
        data_change: wanted.data_change,
        notes: BTreeMap::from([("statement", Value::from(wanted.statement))]),
    })
}

/// A rewrite of all files that keeps the columns and changes the layout.
pub(super) fn whole(
    base: &TableVersion,
    layout: Layout,
    statement: &'static str,
) -> Result<Rewrite> {
    let columns = 0..base.schema().fields().len();
    Ok(Rewrite {
        operation: optimize_operation(),
        schema: Arc::clone(base.schema()),
        sources: columns.map(Some).collect(),
        layout,
        files: (0..base.file_count()?).collect(),
        data_change: false,
        statement,
    })
}

pub(super) fn optimize_operation() -> DeltaOperation {
    DeltaOperation::Optimize {
        predicate: None,
        target_size: 128 << 20,
    }
}

/// The columns with another name or without one of them, and where each comes from.
pub(super) fn columns_of(
    schema: &Schema,
    keep: impl Fn(&Field) -> Option<Field>,
) -> (SchemaRef, Vec<Option<usize>>) {
    let fields = schema.fields().iter().enumerate();
    let kept = fields.filter_map(|(at, field)| keep(field).map(|field| (field, Some(at))));
    let (fields, sources): (Vec<_>, Vec<_>) = kept.unzip();
    (Arc::new(Schema::new(fields)), sources)
}
