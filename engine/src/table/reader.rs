//! Reading tables with deletion vectors or column mapping, which other programs write: delta-rs
//! applies them.
//!
//! Its rows get our types. Filters only leave files out, and those on floats do not: the log's bounds
//! of other writers leave NaN out, which is greater than every number.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result as DfResult, project_schema};
use datafusion::datasource::TableType;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, cast};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use deltalake_core::delta_datafusion::{DeltaScanConfig, DeltaScanNext};
use url::Url;

use super::version::TableVersion;
use super::warehouse::Place;
use crate::error::Result;

#[derive(Debug)]
pub(super) struct Reader {
    inner: DeltaScanNext,
    /// The columns with our types.
    schema: SchemaRef,
    place: Place,
    url: Url,
}

impl Reader {
    pub fn new(version: &TableVersion) -> Result<Self> {
        let config = DeltaScanConfig::new()
            .with_wrap_partition_values(false)
            .with_parquet_pushdown(false);
        let inner = DeltaScanNext::new(version.snapshot()?.clone(), config)?;
        Ok(Self {
            schema: with_notes_of(&inner.schema(), version.schema()),
            inner,
            place: version.place().clone(),
            url: version.place().url()?,
        })
    }

    /// Whether bounds decide the filter as we mean it.
    fn takes(&self, filter: &Expr) -> bool {
        let theirs = self.inner.schema();
        filter.column_refs().into_iter().all(|column| {
            let ours = self.schema.field_with_name(&column.name);
            let theirs = theirs.field_with_name(&column.name);
            match (ours, theirs) {
                (Ok(ours), Ok(theirs)) => {
                    ours.data_type() == theirs.data_type() && !ours.data_type().is_floating()
                }
                _ => false,
            }
        })
    }
}

/// Our columns with the metadata that the rows have: names in the files, for one.
fn with_notes_of(theirs: &SchemaRef, ours: &SchemaRef) -> SchemaRef {
    let fields = ours.fields().iter().map(|field| {
        let notes = theirs.field_with_name(field.name());
        let notes = notes.map(|theirs| theirs.metadata().clone());
        field
            .as_ref()
            .clone()
            .with_metadata(notes.unwrap_or_default())
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

#[async_trait]
impl TableProvider for Reader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DfResult<Vec<TableProviderFilterPushDown>> {
        let taken = filters.iter().map(|filter| match self.takes(filter) {
            true => TableProviderFilterPushDown::Inexact,
            false => TableProviderFilterPushDown::Unsupported,
        });
        Ok(taken.collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let runtime = state.runtime_env();
        if self.place.local.is_none() {
            runtime.register_object_store(&self.url, self.place.inside());
        }
        let filters: Vec<_> = filters.iter().filter(|f| self.takes(f)).cloned().collect();
        let plan = self.inner.scan(state, projection, &filters, limit).await?;
        let wanted = project_schema(&self.schema, projection)?;
        let found = plan.schema();
        if found
            .fields()
            .iter()
            .zip(wanted.fields())
            .all(|(f, w)| f.data_type() == w.data_type())
        {
            return Ok(plan);
        }
        let columns = wanted.fields().iter().enumerate().map(|(at, field)| {
            let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(found.field(at).name(), at));
            let typed = cast(column, &found, field.data_type().clone())?;
            Ok((typed, field.name().clone()))
        });
        let columns = columns.collect::<DfResult<Vec<_>>>()?;
        Ok(Arc::new(ProjectionExec::try_new(columns, plan)?))
    }
}
