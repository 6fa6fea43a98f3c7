//! Tables made of the engine's own state: schema `system`, and what clients of PostgreSQL ask for,
//! [`postgres`].
//!
//! One file per table group; [`TABLES`] is the list of `system`. A table is filled when a statement names it,
//! so that it shows one consistent moment. `SHOW …` statements are queries over these tables.

mod chunks;
mod cluster;
mod models;
mod objects;
pub mod postgres;
mod roles;
mod state;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::datasource::MemTable;
use datafusion::execution::SessionState;
use futures::future::BoxFuture;

use crate::catalog::{
    ObjectName, Privilege, Relation, RelationKind, Schema as CatalogSchema, SessionCatalog,
    Snapshot,
};
use crate::error::Result;
use crate::execution::{Execution, Registry};
use crate::plan::{Names, Need, VirtualTables};
use crate::settings::Settings;
use crate::table::Warehouse;

/// What the tables are made of.
#[derive(Clone)]
pub struct SystemTables {
    pub catalog: Arc<SessionCatalog>,
    pub warehouse: Arc<Warehouse>,
    pub registry: Arc<Registry>,
    pub execution: Arc<dyn Execution>,
    pub settings: Arc<Settings>,
    pub state: Arc<SessionState>,
    pub user: String,
    pub functions: Arc<postgres::Functions>,
}

type Fill = for<'a> fn(&'a SystemTables, &'a mut TableRows) -> BoxFuture<'a, Result<()>>;

/// The declaration of one table.
#[derive(Debug)]
pub struct SystemTable {
    pub schema: &'static str,
    pub name: &'static str,
    pub doc: &'static str,
    pub columns: &'static [(&'static str, DataType)],
    fill: Fill,
}

/// Every table, in the order of the documentation.
pub static TABLES: &[SystemTable] = &[
    objects::SCHEMAS,
    objects::TABLES,
    objects::COLUMNS,
    objects::VIEWS,
    chunks::CHUNKS,
    models::MODELS,
    roles::ROLES,
    roles::GRANTS,
    state::FUNCTIONS,
    state::SETTINGS,
    state::QUERIES,
    cluster::EXECUTORS,
    cluster::STAGES,
    cluster::TASKS,
];

/// Every table of this module as (schema, name).
fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let declared = postgres::RELATIONS.iter().map(|r| (r.schema, r.name));
    TABLES.iter().map(|t| (t.schema, t.name)).chain(declared)
}

impl SystemTable {
    /// Its columns.
    fn schema(&self) -> SchemaRef {
        let fields = self.columns.iter();
        let fields = fields.map(|(name, ty)| Field::new(*name, ty.clone(), true));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}

impl SystemTables {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.catalog.snapshot()
    }

    /// The tables and views that the user may know of.
    fn relations(&self) -> Vec<(ObjectName, Arc<Relation>)> {
        let names = self.names();
        let relations = names.snapshot.relations();
        let tables = relations.filter(|(_, r)| !matches!(r.kind, RelationKind::Model(_)));
        let visible = tables.filter(|(n, r)| names.require(n, r, Need::Any).is_ok());
        visible.map(|(name, r)| (name, Arc::clone(r))).collect()
    }

    /// The models that the user may know of.
    fn models(&self) -> Vec<(ObjectName, Arc<Relation>)> {
        let names = self.names();
        let relations = names.snapshot.relations();
        let visible = relations.filter(|(n, r)| names.require(n, r, Need::Any).is_ok());
        let models = visible.filter(|(_, r)| matches!(r.kind, RelationKind::Model(_)));
        models.map(|(name, r)| (name, Arc::clone(r))).collect()
    }

    /// Whether the user may read the rows of a table or view.
    fn may_read(&self, relation: &Relation) -> bool {
        self.snapshot()
            .may(&self.user, &relation.access, Privilege::Select)
    }

    /// The schemas in which the user may do something.
    fn schemas(&self) -> BTreeMap<String, CatalogSchema> {
        let snapshot = self.snapshot();
        let visible = snapshot.schemas.iter().filter(|(_, schema)| {
            snapshot.may_any(&self.user, &schema.access, Privilege::OF_SCHEMAS)
        });
        visible
            .map(|(n, schema)| (n.clone(), schema.clone()))
            .collect()
    }

    /// Names for planning views of the catalog.
    fn names(&self) -> Names {
        let snapshot = self.snapshot();
        Names {
            search_path: snapshot.path(self.settings.search_path()),
            snapshot,
            virtual_tables: Arc::new(self.clone()),
            warehouse: Arc::clone(&self.warehouse),
            given: HashMap::new(),
            meanings: None,
            user: self.user.clone(),
            allowed_locations: self.settings.allowed_locations(),
        }
    }
}

#[async_trait]
impl VirtualTables for SystemTables {
    fn names(&self) -> Vec<(&'static str, &'static str)> {
        all().collect()
    }

    fn fixed_oid(&self, name: &str) -> Option<u32> {
        postgres::relation("pg_catalog", name).map(|r| r.oid)
    }

    async fn open(&self, schema: &str, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(table) = TABLES.iter().find(|t| t.schema == schema && t.name == name) else {
            return postgres::open(self, schema, name).await;
        };
        let mut rows = TableRows::new(table);
        (table.fill)(self, &mut rows).await?;
        let batch = rows.finish()?;
        Ok(Some(Arc::new(MemTable::try_new(
            batch.schema(),
            vec![vec![batch]],
        )?)))
    }
}

/// Rows of a table while it is filled.
pub struct TableRows {
    schema: SchemaRef,
    columns: Vec<Vec<ScalarValue>>,
}

impl TableRows {
    fn new(table: &SystemTable) -> Self {
        Self {
            columns: vec![Vec::new(); table.columns.len()],
            schema: table.schema(),
        }
    }

    /// Adds one row; the values are in the order of the columns.
    fn push<const N: usize>(&mut self, row: [ScalarValue; N]) {
        debug_assert_eq!(N, self.columns.len());
        for (column, value) in self.columns.iter_mut().zip(row) {
            column.push(value);
        }
    }

    fn finish(self) -> Result<RecordBatch> {
        let arrays = self
            .columns
            .into_iter()
            .zip(self.schema.fields())
            .map(|(values, field)| {
                if values.is_empty() {
                    Ok(arrow::array::new_empty_array(field.data_type()))
                } else {
                    ScalarValue::iter_to_array(values)
                }
            });
        let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
        Ok(RecordBatch::try_new(self.schema, arrays)?)
    }
}

fn text(value: impl Into<String>) -> ScalarValue {
    ScalarValue::Utf8(Some(value.into()))
}

fn opt_text(value: Option<impl Into<String>>) -> ScalarValue {
    ScalarValue::Utf8(value.map(Into::into))
}

fn count(value: impl TryInto<i64>) -> ScalarValue {
    ScalarValue::Int64(value.try_into().ok())
}

fn opt_count(value: Option<u64>) -> ScalarValue {
    ScalarValue::Int64(value.and_then(|v| i64::try_from(v).ok()))
}

/// Milliseconds since 1970-01-01 UTC, as a timestamp in UTC.
fn instant(ms: i64) -> ScalarValue {
    ScalarValue::TimestampMillisecond(Some(ms), None)
}

/// The type of [`instant`].
const INSTANT: DataType = DataType::Timestamp(arrow::datatypes::TimeUnit::Millisecond, None);
