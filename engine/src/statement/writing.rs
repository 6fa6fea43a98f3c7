//! What the statements that write a managed table share: finding it, writing rows, replacing rows.
//!
//! Files are written first and committed with one log entry. What a statement wrote and did not
//! commit, because it failed or was cancelled, is removed again.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::sqlparser::ast::{self, ObjectName as SqlName};
use futures::TryStreamExt;
use serde_json::Value;

use super::Context;
use crate::catalog::{ObjectName, RelationKind};
use crate::error::{Error, Kind, Result};
use crate::plan::{self, Names, Need};
use crate::table::{
    self, Add, Change, Conflict, Counts, DeltaOperation, FILE_COLUMN, Layout, Place, ROW_COLUMN,
    Removed, RemovedExec, TableVersion, WriteExec, WriteTarget, Writing, Written,
};

/// The name under which a change's query reads the table that it changes.
pub(super) const TARGET: &str = "\u{2}target";
/// In a change's query: what becomes of a row.
pub(super) const ACTION_COLUMN: &str = "\u{2}action";

/// Times that a statement runs anew because another process changed the same rows.
const ATTEMPTS: usize = 10;

/// A managed table that a statement writes.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub name: ObjectName,
    pub folder: String,
}

/// The managed table of that name.
pub(super) fn target(ctx: &Context, name: &SqlName, verb: &str, needs: &[Need]) -> Result<Target> {
    if let [schema, _] = name.0.as_slice()
        && let Some(schema) = schema.as_ident()
        && super::context::is_reserved_schema(&super::cursor::fold(schema))
    {
        return Err(Error::new(
            Kind::Privilege,
            format!("schema \"{}\" belongs to the system", schema.value),
        ));
    }
    let names = ctx.names();
    let (name, relation) = ctx.existing(name, Need::Nothing)?;
    for need in needs {
        names.require(&name, &relation, *need)?;
    }
    let folder = match &relation.kind {
        RelationKind::Managed(managed) => managed.folder.clone(),
        RelationKind::View(_) => {
            return Err(Error::new(
                Kind::WrongObjectType,
                format!("cannot {verb} view \"{}\"", name.name),
            ));
        }
        RelationKind::Model(_) => {
            return Err(Error::new(
                Kind::WrongObjectType,
                format!("cannot {verb} model \"{}\"", name.name),
            ));
        }
        RelationKind::Persisted(_) => {
            return Err(Error::new(
                Kind::WrongObjectType,
                format!("cannot {verb} persisted query \"{}\"", name.name),
            ));
        }
        RelationKind::External(_) => {
            return Err(Error::new(
                Kind::WrongObjectType,
                format!("cannot {verb} external table \"{}\"", name.name),
            )
            .hint("Its files are only read. CREATE TABLE … AS SELECT makes a table to write."));
        }
    };
    Ok(Target { name, folder })
}

/// Files that are removed again unless they are committed.
pub(super) struct Uncommitted {
    pub written: Written,
    place: Place,
    /// Committed, or removed already.
    settled: bool,
}

impl Uncommitted {
    pub fn new(place: &Place) -> Self {
        Self {
            written: Written::default(),
            place: place.clone(),
            settled: false,
        }
    }

    pub fn committed(mut self) {
        self.settled = true;
    }

    /// Removes the files now, before the statement begins anew.
    pub async fn discard(mut self) {
        self.written.discard(&self.place.store).await;
        self.settled = true;
    }
}

impl Drop for Uncommitted {
    fn drop(&mut self) {
        if !self.settled
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let (written, store) = (self.written.clone(), Arc::clone(&self.place.store));
            runtime.spawn(async move { written.discard(&store).await });
        }
    }
}

/// Writes the rows of a query as files of a table; once more, with less memory, when there was not
/// enough of it.
pub(super) async fn write_query(
    ctx: &Context,
    logical: &LogicalPlan,
    place: &Place,
    (schema, layout): (&SchemaRef, &Layout),
    lay_out: bool,
) -> Result<(Uncommitted, Vec<Add>, u64)> {
    let mut ctx = ctx.clone();
    loop {
        let uncommitted = Uncommitted::new(place);
        let to = WriteTarget::new(place, Arc::clone(schema), layout, &uncommitted.written)?;
        let physical = ctx.execution.prepare(&ctx.state, logical).await?;
        match write(&ctx, physical, to, lay_out).await {
            Ok((adds, rows)) => return Ok((uncommitted, adds, rows)),
            Err(error) if ctx.begin_anew(&error) => uncommitted.discard().await,
            Err(error) => return Err(error),
        }
    }
}

/// Writes the rows of a plan; gives the log's entries for the files and the number of rows.
pub(super) async fn write(
    ctx: &Context,
    input: Arc<dyn ExecutionPlan>,
    target: WriteTarget,
    lay_out: bool,
) -> Result<(Vec<Add>, u64)> {
    let plan = table::write_plan(input, target, lay_out)?;
    let stream = ctx.execution.start(&ctx.query, &ctx.state, plan)?;
    let batches: Vec<_> = stream.try_collect().await?;
    WriteExec::described(&batches)
}

/// A change of rows that are there.
pub(super) struct RowChange {
    /// For the history.
    pub operation: DeltaOperation,
    /// Whether a row may be met twice and the first time counts.
    pub twice_allowed: bool,
    /// Whether its query gives the rows' new columns, or only their places.
    pub with_rows: bool,
}

/// Runs a change: `query` gives the new rows with their place and action; in it [`TARGET`] is the
/// table. Runs it anew when another process was faster, or once when memory ran out.
pub(super) async fn change(
    ctx: &Context,
    target: &Target,
    change: RowChange,
    query: impl Fn(&TableVersion) -> Result<Box<ast::Query>>,
) -> Result<Counts> {
    let alone = Arc::new(ctx.warehouse.changing(&target.folder).await);
    let mut ctx = ctx.clone();
    for _ in 0..ATTEMPTS {
        let base = ctx.warehouse.latest(&target.folder).await?;
        let mut names = ctx.names();
        let scan = Arc::new(base.open_for_change(|_| true)?);
        names.given.insert(TARGET.to_string(), scan);
        let logical = plan_change(&ctx, &base, &names, query(&base)?, change.with_rows).await?;
        let uncommitted = Uncommitted::new(base.place());
        let written = &uncommitted.written;
        let (changed, counts) = match write_change(&ctx, &base, &change, &logical, written).await {
            Err(error) if ctx.begin_anew(&error) => {
                uncommitted.discard().await;
                continue;
            }
            done => done?,
        };
        if changed.adds.is_empty() && changed.removes.is_empty() {
            return Ok(counts);
        }
        let done = commit(&ctx, target, &base, changed, written, &alone).await?;
        if done.is_ok() {
            uncommitted.committed();
            ctx.wrote();
            return Ok(counts);
        }
    }
    Err(conflict(target))
}

/// Commits a change: cancelling waits for what becomes of it.
pub(super) async fn commit(
    ctx: &Context,
    target: &Target,
    base: &TableVersion,
    change: Change,
    written: &Written,
    writing: &Arc<Writing>,
) -> Result<Result<u64, Conflict>> {
    ctx.query.begin_commit()?;
    let (warehouse, folder) = (&ctx.warehouse, &target.folder);
    let writing = Arc::clone(writing);
    let done = table::commit(warehouse, folder, base, change, written, writing).await;
    if let Ok(Err(Conflict)) = done {
        ctx.query.end_commit();
    }
    done
}

pub(super) fn conflict(target: &Target) -> Error {
    Error::new(
        Kind::Serialization,
        format!(
            "could not change table {} due to concurrent changes",
            target.name
        ),
    )
    .hint("Other processes changed the same rows or its definition meanwhile; run the statement again.")
}

async fn write_change(
    ctx: &Context,
    base: &TableVersion,
    change: &RowChange,
    logical: &LogicalPlan,
    written: &Written,
) -> Result<(Change, Counts)> {
    let removed = Removed::new(change.twice_allowed);
    let physical = ctx.execution.prepare(&ctx.state, logical).await?;
    let collect: Arc<dyn ExecutionPlan> =
        Arc::new(RemovedExec::collect(physical, Arc::clone(&removed))?);
    let layout = base.layout()?;
    let to = || WriteTarget::new(base.place(), Arc::clone(base.schema()), &layout, written);
    let mut adds = match collect.schema().fields().is_empty() {
        true => {
            let stream = ctx.execution.start(&ctx.query, &ctx.state, collect)?;
            stream.try_for_each(|_| std::future::ready(Ok(()))).await?;
            Vec::new()
        }
        false => write(ctx, collect, to()?, false).await?.0,
    };
    let touched = removed.files();
    let rest = base.files_with_rest(&touched)?;
    if !rest.is_empty() {
        let scan = base.open_for_change(|number| rest.binary_search(&number).is_ok())?;
        let scan = LogicalPlanBuilder::scan(TARGET, provider_as_source(Arc::new(scan)), None)?;
        let physical = ctx.execution.prepare(&ctx.state, &scan.build()?).await?;
        let kept = table::keep_rows(physical, Arc::clone(&removed))?;
        adds.extend(write(ctx, kept, to()?, false).await?.0);
    }
    let counts = removed.counts();
    let change = Change {
        operation: change.operation.clone(),
        adds,
        removes: touched.iter().map(|(file, _)| *file).collect(),
        metadata: None,
        data_change: true,
        notes: BTreeMap::from([
            ("rowsReplaced", Value::from(counts.replaced)),
            ("rowsRemoved", Value::from(counts.removed)),
            ("rowsAdded", Value::from(counts.added)),
        ]),
    };
    Ok((change, counts))
}

/// The fields of a change's query for a table with these columns.
fn change_fields(base: &TableVersion, with_rows: bool) -> Vec<Field> {
    let columns = base.schema().fields().iter().filter(|_| with_rows);
    let control = [FILE_COLUMN, ROW_COLUMN, ACTION_COLUMN];
    let control = control.map(|name| Field::new(name, DataType::Int64, true));
    columns.map(|f| f.as_ref().clone()).chain(control).collect()
}

/// Plans a change's query, whose columns are those of [`change_fields`] in order.
async fn plan_change(
    ctx: &Context,
    base: &TableVersion,
    names: &Names,
    query: Box<ast::Query>,
    with_rows: bool,
) -> Result<LogicalPlan> {
    let statement = ast::Statement::Query(query.clone());
    let plan = plan::plan(&ctx.state, names, Some(&ctx.places), statement).await?;
    let plan = ctx.parameters.apply(ctx, plan, &query)?;
    let fields = change_fields(base, with_rows);
    let fields: Vec<&Field> = fields.iter().collect();
    let sources: Vec<_> = (0..fields.len()).map(Some).collect();
    plan::assigned(&ctx.state, plan, &fields, &sources)
}
