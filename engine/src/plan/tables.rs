//! Opening a table of the catalog: files that we only read, or a version of a managed table.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr as LogicalExpr, LogicalPlan};
use datafusion::sql::sqlparser::ast::{self, Expr, TableVersion};

use super::Names;
use super::resolve::Relations;
use crate::catalog::{ObjectName, Relation, RelationKind};
use crate::error::{Error, Kind, Result};
use crate::source::{Definition, FileTable, Format, KnownStatistics, Origin, Reach, Spec};
use crate::sql::parse_query;
use crate::table::{self, At, Warehouse};

/// The table as it is now, or as it was, with what ANALYZE found of it; `None` for a view.
pub async fn open_table(
    state: &SessionState,
    names: &Names,
    name: &ObjectName,
    relation: &Relation,
    at: Option<At>,
) -> Result<Option<Arc<FileTable>>> {
    let table = match (&relation.kind, at) {
        (RelationKind::Model(_), _) => return Err(is_a_model(name)),
        (RelationKind::View(_) | RelationKind::Persisted(_), None) => return Ok(None),
        (RelationKind::External(definition), at) => {
            // The files are read with the rights of the table's owner.
            let reach = names.reach_of(&relation.access.owner);
            match at.is_some() && !is_delta(definition) {
                true => Err(without_versions(name, &relation.kind)),
                false => open_external(state, definition, at, &reach)
                    .await
                    .map(|table| match is_delta(definition) {
                        true => table,
                        false => Arc::new(Arc::unwrap_or_clone(table).of(Origin::Files(reach))),
                    }),
            }
        }
        (RelationKind::Managed(managed), at) => {
            open_managed(&names.warehouse, &managed.folder, at).await
        }
        (kind, Some(_)) => Err(without_versions(name, kind)),
    };
    let table = table.map_err(|error| of_table(error, name))?;
    let Some(statistics) = &relation.statistics else {
        return Ok(Some(table));
    };
    let columns = statistics
        .columns
        .iter()
        .map(|(name, c)| (name.clone(), (c.distinct, c.nulls)));
    Ok(Some(Arc::new(table.with_known(KnownStatistics {
        rows: statistics.rows,
        columns: columns.collect(),
    }))))
}

fn without_versions(name: &ObjectName, kind: &RelationKind) -> Error {
    Error::new(
        Kind::WrongObjectType,
        format!("{name} is {} without versions", described(kind)),
    )
    .hint("Only Delta tables keep their versions.")
}

/// What the catalog keeps of files: those of a log, or any others.
pub async fn define(state: &SessionState, spec: Spec) -> Result<Definition> {
    match table::define_external(&spec, state).await? {
        Some(definition) => Ok(definition),
        None => spec.resolve(state).await,
    }
}

/// The files of a definition as they are now, or as their log had them.
pub async fn open_external(
    state: &SessionState,
    definition: &Definition,
    at: Option<At>,
    reach: &Reach,
) -> Result<Arc<FileTable>> {
    match (is_delta(definition), at) {
        (true, _) if !reach.is_everything() => Err(table::external_refused()),
        (true, at) => Ok(Arc::new(table::open_external(definition, state, at).await?)),
        (false, None) => definition.open_within(state, reach).await,
        (false, Some(_)) => Err(Error::new(
            Kind::WrongObjectType,
            "these files have no versions",
        )),
    }
}

fn is_delta(definition: &Definition) -> bool {
    definition.format == Format::Delta
}

async fn open_managed(
    warehouse: &Warehouse,
    folder: &str,
    at: Option<At>,
) -> Result<Arc<FileTable>> {
    match at {
        None => warehouse.open_latest(folder).await,
        Some(at) => warehouse.version(folder, at).await?.open().map(Arc::new),
    }
}

/// Whether a table of the catalog, if it were opened now, would be the same files.
pub async fn is_current(
    state: &SessionState,
    warehouse: &Warehouse,
    table: &dyn TableProvider,
) -> bool {
    let Some(table) = table.downcast_ref::<FileTable>() else {
        return false;
    };
    match table.origin() {
        None => false,
        Some(Origin::Version { folder, version }) => warehouse.is_latest(folder, *version).await,
        Some(Origin::Files(reach)) => {
            let now = table.definition().open_within(state, reach).await;
            now.is_ok_and(|now| now.fingerprint() == table.fingerprint())
        }
    }
}

/// 42809 where the rows of a model are asked for.
fn is_a_model(name: &ObjectName) -> Error {
    Error::new(
        Kind::WrongObjectType,
        format!("\"{}\" is a model and has no rows", name.name),
    )
    .hint(format!(
        "Score rows with PREDICT(MODEL {name}, SELECT …), or look at it with DESCRIBE MODEL {name}."
    ))
}

fn described(kind: &RelationKind) -> &'static str {
    match kind {
        RelationKind::View(_) => "a view",
        RelationKind::Persisted(_) => "a persisted query",
        _ => "an external table",
    }
}

fn of_table(error: Error, table: &ObjectName) -> Error {
    match error.detail {
        None => error.detail(format!("While opening table {table}.")),
        Some(_) => error,
    }
}

/// `VERSION AS OF 3`, `TIMESTAMP AS OF '…'`, `FOR SYSTEM_TIME AS OF '…'`: the moment that is meant.
pub(super) fn moment(state: &SessionState, names: &Names, version: &TableVersion) -> Result<At> {
    match version {
        TableVersion::VersionAsOf(expr) => {
            let number = constant(state, names, expr)?;
            match number
                .data_type()
                .is_integer()
                .then(|| number.cast_to(&DataType::UInt64))
            {
                Some(Ok(ScalarValue::UInt64(Some(version)))) => Ok(At::Version(version)),
                _ => Err(Error::new(
                    Kind::InvalidParameterValue,
                    "a version is a whole number from 0",
                )),
            }
        }
        TableVersion::TimestampAsOf(expr) | TableVersion::ForSystemTimeAsOf(expr) => {
            let zone = state.config_options().execution.time_zone.clone();
            let micros = arrow::datatypes::TimeUnit::Microsecond;
            let instant = DataType::Timestamp(micros, zone.map(Into::into));
            let value = constant(state, names, expr)?;
            match (!value.data_type().is_numeric()).then(|| value.cast_to(&instant)) {
                Some(Ok(ScalarValue::TimestampMicrosecond(Some(micros), _))) => {
                    Ok(At::Instant(micros.div_euclid(1000)))
                }
                _ => Err(Error::new(
                    Kind::InvalidParameterValue,
                    format!("{expr} is no timestamp"),
                )
                .hint("Write TIMESTAMP AS OF '2026-01-31 12:00:00'.")),
            }
        }
        other => Err(Error::unsupported(other)
            .hint("Write VERSION AS OF 3 or TIMESTAMP AS OF '2026-01-31 12:00:00'.")),
    }
}

/// The value of an expression without columns.
fn constant(state: &SessionState, names: &Names, expr: &Expr) -> Result<ScalarValue> {
    let mut query = parse_query("SELECT 1")?;
    if let ast::SetExpr::Select(select) = query.body.as_mut() {
        select.projection = vec![ast::SelectItem::UnnamedExpr(expr.clone())];
    }
    let statement = ast::Statement::Query(query);
    let plan = super::plan_resolved(state, names, &Relations::default(), statement)?;
    let value = match state.optimize(&plan)? {
        LogicalPlan::Projection(projection) => projection.expr.into_iter().next(),
        _ => None,
    };
    match value.map(|value| value.unalias_nested().data) {
        Some(LogicalExpr::Literal(value, _)) => Ok(value),
        _ => Err(Error::new(
            Kind::InvalidParameterValue,
            format!("{expr} is no constant"),
        )),
    }
}
