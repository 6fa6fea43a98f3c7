//! Which files a query needs, told by the names of their folders alone.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, Volatility};
use std::sync::Arc;

/// Whether the partition columns alone decide the filter, the same way each time.
pub(super) fn on_folders(schema: &TableSchema, filter: &Expr) -> bool {
    let columns = schema.table_partition_cols();
    if columns.is_empty() {
        return false;
    }
    let mut decided = true;
    let walked = filter.apply(|expr| {
        decided = match expr {
            Expr::Column(column) => columns.iter().any(|f| *f.name() == column.name),
            Expr::ScalarFunction(call) => call.func.signature().volatility == Volatility::Immutable,
            Expr::Literal(..)
            | Expr::Alias(_)
            | Expr::Not(_)
            | Expr::IsNotNull(_)
            | Expr::IsNull(_)
            | Expr::IsTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNotFalse(_)
            | Expr::IsNotUnknown(_)
            | Expr::Negative(_)
            | Expr::Cast(_)
            | Expr::TryCast(_)
            | Expr::BinaryExpr(_)
            | Expr::Between(_)
            | Expr::Like(_)
            | Expr::SimilarTo(_)
            | Expr::InList(_)
            | Expr::Case(_) => true,
            _ => false,
        };
        Ok(match decided {
            true => TreeNodeRecursion::Continue,
            false => TreeNodeRecursion::Stop,
        })
    });
    decided && walked.is_ok()
}

/// The filters that the folders decide, and the others.
pub(super) fn split(schema: &TableSchema, filters: &[Expr]) -> (Vec<Expr>, Vec<Expr>) {
    filters
        .iter()
        .cloned()
        .partition(|filter| on_folders(schema, filter))
}

/// Keeps the files for which every filter is true.
pub(super) fn files(
    state: &dyn Session,
    schema: &TableSchema,
    files: Vec<PartitionedFile>,
    filters: &[Expr],
) -> Result<Vec<PartitionedFile>> {
    let Some(filter) = conjunction(filters.iter().cloned()) else {
        return Ok(files);
    };
    if files.is_empty() {
        return Ok(files);
    }
    let columns: SchemaRef = Arc::new(Schema::new(schema.table_partition_cols().clone()));
    let arrays = (0..columns.fields().len())
        .map(|column| {
            let values = files
                .iter()
                .filter_map(|f| f.partition_values.get(column).cloned());
            ScalarValue::iter_to_array(values)
        })
        .collect::<Result<Vec<ArrayRef>>>()?;
    let batch = RecordBatch::try_new(Arc::clone(&columns), arrays)?;
    // Filters may name the table; the folders' columns do not.
    let filter = filter.transform(unqualified)?.data;
    let expr = state.create_physical_expr(filter, &DFSchema::try_from(columns)?)?;
    let kept = expr.evaluate(&batch)?.into_array(files.len())?;
    let kept = kept.as_boolean();
    Ok(files
        .into_iter()
        .enumerate()
        .filter(|(at, _)| kept.is_valid(*at) && kept.value(*at))
        .map(|(_, file)| file)
        .collect())
}

fn unqualified(expr: Expr) -> Result<datafusion::common::tree_node::Transformed<Expr>> {
    use datafusion::common::tree_node::Transformed;
    Ok(match expr {
        Expr::Column(mut column) if column.relation.is_some() => {
            column.relation = None;
            Transformed::yes(Expr::Column(column))
        }
        other => Transformed::no(other),
    })
}
