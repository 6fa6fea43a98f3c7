//! `regclass` and its kin: OIDs that read as names, in a cast to text and in a result.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::metadata::FieldMetadata;
use datafusion::common::{DFSchema, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, lit};

use crate::function::REG_TEXT;
use crate::sql::pg_type::PG_TYPE;

/// The PostgreSQL type that the metadata of an expression names.
pub(super) fn declared(expr: &Expr, schema: &DFSchema) -> Option<String> {
    let field = expr.to_field(schema).ok()?.1;
    field.metadata().get(PG_TYPE).cloned()
}

fn is_alias(data_type: &DataType, pg_type: &str) -> bool {
    *data_type == DataType::UInt32 && pg_type.starts_with("reg")
}

/// Puts the name in the place of an OID that reads as one; false when it is none.
pub(super) fn name(operand: &mut Expr, schema: &DFSchema, state: &SessionState) -> bool {
    let Ok((_, field)) = operand.to_field(schema) else {
        return false;
    };
    let Some(pg_type) = field.metadata().get(PG_TYPE) else {
        return false;
    };
    if !is_alias(field.data_type(), pg_type) {
        return false;
    }
    match text(pg_type, operand.clone(), state) {
        Some(text) => {
            *operand = text;
            true
        }
        None => false,
    }
}

fn text(pg_type: &str, oid: Expr, state: &SessionState) -> Option<Expr> {
    let function = state.scalar_functions().get(REG_TEXT)?;
    let args = vec![lit(pg_type), oid];
    let call = ScalarFunction::new_udf(Arc::clone(function), args);
    Some(Expr::ScalarFunction(call))
}

/// The result with names in the place of OIDs that read as such; the metadata still says their type.
pub(super) fn shown(plan: LogicalPlan, state: &SessionState) -> Result<LogicalPlan> {
    let of_field = |field: &arrow::datatypes::Field| {
        let pg_type = field.metadata().get(PG_TYPE)?;
        is_alias(field.data_type(), pg_type).then(|| pg_type.clone())
    };
    if !plan.schema().fields().iter().any(|f| of_field(f).is_some()) {
        return Ok(plan);
    }
    let columns = plan.schema().columns();
    let fields = plan.schema().fields().clone();
    let shown = columns
        .into_iter()
        .zip(fields.iter())
        .map(|(column, field)| {
            let name = of_field(field).and_then(|t| text(&t, Expr::Column(column.clone()), state));
            match name {
                Some(name) => {
                    let metadata = FieldMetadata::from(field.as_ref());
                    name.alias_with_metadata(field.name(), Some(metadata))
                }
                None => Expr::Column(column),
            }
        });
    let shown = shown.collect::<Vec<_>>();
    LogicalPlanBuilder::from(plan).project(shown)?.build()
}
