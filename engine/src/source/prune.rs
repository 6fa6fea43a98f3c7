//! Which files a query needs, told by the names of their folders, or by the bounds that a table's
//! log keeps for each file.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, UInt64Array};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, ColumnStatistics, DFSchema, Result, ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, Volatility};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
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

/// Drops the files whose known bounds show that no row passes the filters. What cannot be decided
/// keeps its file.
pub(super) fn by_statistics(
    state: &dyn Session,
    schema: &TableSchema,
    files: Vec<PartitionedFile>,
    filters: &[Expr],
) -> Vec<PartitionedFile> {
    if files.len() < 2 || files.iter().any(|file| file.statistics.is_none()) {
        return files;
    }
    let schema = schema.schema_without_virtual_columns();
    let mut keep = vec![true; files.len()];
    for filter in filters {
        if let Some(kept) = decided(state, schema, &files, filter) {
            keep.iter_mut()
                .zip(kept)
                .for_each(|(keep, kept)| *keep &= kept);
        }
    }
    let mut keep = keep.into_iter();
    files
        .into_iter()
        .filter(|_| keep.next().unwrap_or(true))
        .collect()
}

/// For each file whether the filter may be true in it; `None` when the filter cannot be used.
fn decided(
    state: &dyn Session,
    schema: &SchemaRef,
    files: &[PartitionedFile],
    filter: &Expr,
) -> Option<Vec<bool>> {
    let filter = filter.clone().transform(unqualified).ok()?.data;
    let columns = DFSchema::try_from(Arc::clone(schema)).ok()?;
    let expr = state.create_physical_expr(filter, &columns).ok()?;
    let predicate = PruningPredicateBuilder::new()
        .with_file_schema(Arc::clone(schema))
        .build(expr)?;
    predicate.prune(&Bounds { schema, files }).ok()
}

/// The minima, maxima and counts that the log keeps: true bounds, though not always values that
/// occur (long text is cut short).
struct Bounds<'a> {
    schema: &'a SchemaRef,
    files: &'a [PartitionedFile],
}

impl Bounds<'_> {
    fn column(
        &self,
        column: &Column,
        get: impl Fn(&ColumnStatistics) -> Option<ScalarValue>,
    ) -> Option<ArrayRef> {
        let at = self.schema.index_of(&column.name).ok()?;
        let missing = ScalarValue::try_from(self.schema.field(at).data_type()).ok()?;
        let values = self.files.iter().map(|file| {
            let statistics = file.statistics.as_ref();
            let column = statistics.and_then(|s| s.column_statistics.get(at));
            column.and_then(&get).unwrap_or_else(|| missing.clone())
        });
        ScalarValue::iter_to_array(values).ok()
    }

    fn counts(&self, get: impl Fn(&Statistics) -> Option<usize>) -> Option<ArrayRef> {
        let counts = self.files.iter().map(|file| {
            let count = file.statistics.as_ref().and_then(|s| get(s));
            count.and_then(|n| u64::try_from(n).ok())
        });
        Some(Arc::new(counts.collect::<UInt64Array>()))
    }
}

impl PruningStatistics for Bounds<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.column(column, |c| c.min_value.get_value().cloned())
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.column(column, |c| c.max_value.get_value().cloned())
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let at = self.schema.index_of(&column.name).ok()?;
        self.counts(|s| exact(&s.column_statistics.get(at)?.null_count))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        self.counts(|s| exact(&s.num_rows))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

fn exact(count: &Precision<usize>) -> Option<usize> {
    match count {
        Precision::Exact(count) => Some(*count),
        _ => None,
    }
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
