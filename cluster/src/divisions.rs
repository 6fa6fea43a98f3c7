//! Joins and group-bys without a shuffle, where files already keep keys apart.
//!
//! ```text
//! orders   [1 … 90] [95 … 200] [210 … 300]         task 1: keys below 95
//! lineitem [1 … 40] [41 … 120] [130 … 290]         task 2: keys from 95 to 209
//!                        └ read by tasks 1 and 2   task 3: keys from 210 on
//! ```
//! The least and the greatest key of each file tell where keys can be cut so that few files reach over a cut.
//! Each range of keys is a partition: a scan reads the files that have keys in it, and of those that reach over
//! a cut keeps the rows inside. Scans tell of their ranges as DataFusion's range partitioning, and joins and
//! group-bys by the key ask for no other. Clustered tables, folders of partition values, and any Parquet files
//! that happen to be apart are the same here.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use ballista_core::execution_plans::{InputOrder, RangeBound, RangeFilterExec};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, ScalarValue, SplitPoint, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig, FileScanConfigBuilder};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, Partitioning, PhysicalSortExpr, RangePartitioning};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{
    ExecutionPlan, ExecutionPlanProperties, replace_children_if_necessary,
};

use crate::broadcast::smaller;
use crate::codec::file_scan;
use crate::origin::{self, Origin};

/// Ranges begin with their least key, and NULL is before all others: so `(key, NULL)` begins them, too.
const ORDER: SortOptions = SortOptions {
    descending: false,
    nulls_first: true,
};

/// How often the bytes of all files may be read, counted together.
const READ_TIMES: u64 = 2;

/// Cuts scans at the keys of the joins and group-bys above them; before repartitioning is decided.
#[derive(Debug)]
pub struct Divisions {
    /// Fewer ranges would leave cores idle.
    pub least: usize,
    pub most: usize,
    /// A side of a join that is smaller goes to every task instead, unless nothing is read twice.
    pub broadcast_bytes: usize,
}

/// A scan's file with the least and the greatest key in it.
struct Keyed {
    scan: usize,
    file: PartitionedFile,
    low: ScalarValue,
    high: ScalarValue,
    bytes: u64,
}

/// Neighbouring keys that stay together.
struct Cell {
    low: ScalarValue,
    high: ScalarValue,
    bytes: u64,
}

/// The files of each scan in each range of keys.
struct Dealt {
    groups: Vec<Vec<FileGroup>>,
    /// Whether a scan has files that reach over a cut.
    reaches_over: Vec<bool>,
    /// Of all scans, in each range.
    bytes: Vec<u64>,
}

impl PhysicalOptimizerRule for Divisions {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.divided(plan)
    }

    fn name(&self) -> &str {
        "divisions"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

impl Divisions {
    /// The plan with its topmost joins and group-bys divided that can be.
    fn divided(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        if let Some(join) = plan.downcast_ref::<HashJoinExec>()
            && *join.partition_mode() == PartitionMode::Partitioned
            && !join.null_aware
            && let Some(divided) = self.join(join)?
        {
            return Ok(divided);
        }
        if let Some(aggregate) = plan.downcast_ref::<AggregateExec>()
            && *aggregate.mode() == AggregateMode::FinalPartitioned
            && let Some(divided) = self.aggregate(&plan, aggregate)?
        {
            return Ok(divided);
        }
        // Ballista may cut below a union, and its readers of other stages know no ranges.
        if plan.downcast_ref::<UnionExec>().is_some() {
            return Ok(plan);
        }
        let children = plan.children().into_iter().cloned();
        let children = children.map(|child| self.divided(child));
        let children = children.collect::<Result<Vec<_>>>()?;
        replace_children_if_necessary(plan, children)
    }

    fn join(&self, join: &HashJoinExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let keys: Vec<_> = join.on().to_vec();
        let most_times = match smaller(join, self.broadcast_bytes) {
            Some(_) => 1,
            None => READ_TIMES,
        };
        for first in 0..keys.len() {
            let mut keys = keys.clone();
            keys[..=first].rotate_right(1);
            let (left, right): (Vec<_>, Vec<_>) = keys.iter().cloned().unzip();
            let (Some(left), Some(right)) = (
                origin::of_all(join.left(), &left),
                origin::of_all(join.right(), &right),
            ) else {
                continue;
            };
            let Some(cut) = self.cut(left.into_iter().chain(right).collect(), most_times)? else {
                continue;
            };
            let sides = [join.left(), join.right()].map(|side| replaced(side, &cut));
            let [left, right] = sides;
            let (left, right) = (left?, right?);
            if is_ranges(&left) && is_ranges(&right) {
                let join = join.builder().with_on(keys);
                return Ok(Some(
                    join.with_new_children(vec![left, right])?.build_exec()?,
                ));
            }
        }
        Ok(None)
    }

    fn aggregate(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        aggregate: &AggregateExec,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        if aggregate.group_expr().has_grouping_set() {
            return Ok(None);
        }
        let input = aggregate.input();
        for (key, _) in aggregate.group_expr().expr() {
            let Some(origins) = origin::of_all(input, std::slice::from_ref(key)) else {
                continue;
            };
            let Some(cut) = self.cut(origins, READ_TIMES)? else {
                continue;
            };
            let input = replaced(input, &cut)?;
            if is_ranges(&input) {
                let plan = replace_children_if_necessary(Arc::clone(plan), vec![input])?;
                return Ok(Some(plan));
            }
        }
        Ok(None)
    }

    /// The scans, each with a group of files for each range of keys; `None` when it is not worth it.
    fn cut(
        &self,
        origins: Vec<Origin>,
        most_times: u64,
    ) -> Result<Option<HashMap<usize, Arc<dyn ExecutionPlan>>>> {
        let mut files = Vec::new();
        for (scan, origin) in origins.iter().enumerate() {
            match keyed(scan, origin) {
                Some(keyed) => files.extend(keyed),
                None => return Ok(None),
            }
        }
        // Cuts over which no file reaches come first, then those of a single scan's files.
        let scans = (0..origins.len()).map(Some);
        for of in std::iter::once(None).chain(scans) {
            let chosen = files
                .iter()
                .filter(|f| of.is_none_or(|scan| f.scan == scan));
            let Some(cells) = cells(chosen) else {
                return Ok(None);
            };
            let points = self.points(cells);
            let dealt = dealt(&files, &points, origins.len());
            if !self.is_worth_it(&files, &dealt, most_times) {
                continue;
            }
            let mut scans = HashMap::new();
            for (scan, origin) in origins.iter().enumerate() {
                let groups = dealt.groups[scan].clone();
                match origin.divided(groups, &points, dealt.reaches_over[scan])? {
                    Some(divided) => scans.insert(origin::identity(&origin.scan), divided),
                    None => break,
                };
            }
            if scans.len() == origins.len() {
                return Ok(Some(scans));
            }
        }
        Ok(None)
    }

    /// The least keys of all ranges but the first: neighbours are together until a range has as many bytes
    /// as it should have.
    fn points(&self, cells: Vec<Cell>) -> Vec<ScalarValue> {
        let most = self.most.max(1);
        let all: u64 = cells.iter().map(|cell| cell.bytes).sum();
        let wanted = all.div_ceil(most as u64);
        let mut ranges: Vec<Cell> = Vec::new();
        for cell in cells {
            let full = ranges.len() == most;
            match ranges.last_mut() {
                Some(range) if full || range.bytes + cell.bytes / 2 < wanted => range.take(cell),
                _ => ranges.push(cell),
            }
        }
        ranges.into_iter().skip(1).map(|range| range.low).collect()
    }

    /// Not if cores would be idle, nor if files were read more often.
    fn is_worth_it(&self, files: &[Keyed], dealt: &Dealt, most_times: u64) -> bool {
        let once: u64 = files.iter().map(|file| file.bytes).sum();
        let all: u64 = dealt.bytes.iter().sum();
        let largest = dealt.bytes.iter().max().copied().unwrap_or(0);
        let cores = self.least.max(2);
        dealt.bytes.len() >= cores
            && largest.saturating_mul(2 * cores as u64) <= all.saturating_mul(3)
            && all <= once.saturating_mul(most_times)
    }
}

impl Cell {
    fn take(&mut self, other: Cell) {
        if other.high > self.high {
            self.high = other.high;
        }
        self.bytes += other.bytes;
    }
}

impl Origin {
    fn config(&self) -> Option<&FileScanConfig> {
        file_scan(&self.scan)
    }

    /// The scan with these groups, which the first of its columns cuts at these points.
    fn divided(
        &self,
        groups: Vec<FileGroup>,
        points: &[ScalarValue],
        reaches_over: bool,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(config) = self.config() else {
            return Ok(None);
        };
        let schema = config.file_source().table_schema().table_schema();
        let columns = self.columns.iter().map(|column| {
            let name = schema.field(*column).name();
            PhysicalSortExpr::new(Arc::new(Column::new(name, *column)) as _, ORDER)
        });
        let Some(ordering) = LexOrdering::new(columns) else {
            return Ok(None);
        };
        let others = self.columns.iter().skip(1);
        let others = others.map(|column| ScalarValue::try_from(schema.field(*column).data_type()));
        let others = others.collect::<Result<Vec<_>>>()?;
        let split = points.iter().map(|point| {
            let values = std::iter::once(point).chain(&others);
            SplitPoint::new(values.cloned().collect())
        });
        let ranges = RangePartitioning::new(ordering, split.collect());
        let config = FileScanConfigBuilder::from(config.clone())
            .with_file_groups(groups)
            // Files of a group may overlap.
            .with_output_ordering(Vec::new())
            .with_output_partitioning(Some(Partitioning::Range(ranges)))
            // A side whose size is not known is no side that Ballista sends to every task.
            .with_statistics(Statistics::new_unknown(schema))
            .build();
        let scan: Arc<dyn ExecutionPlan> = DataSourceExec::from_data_source(config);
        if !reaches_over {
            return Ok(Some(scan));
        }
        // What the scan tells of its ranges is true of the rows that are kept.
        let schema = scan.schema();
        let key = schema.field(self.at);
        if !(key.data_type().is_numeric() || key.data_type().is_temporal()) {
            return Ok(None);
        }
        let key = Arc::new(Column::new(key.name(), self.at));
        let kept = RangeFilterExec::try_new_resolved(
            scan,
            key,
            ScalarValue::Int64(Some(0)),
            ScalarValue::Int64(Some(0)),
            Some(InputOrder::Unordered { nulls_first: true }),
            bounds(points),
        )?;
        Ok(Some(Arc::new(kept)))
    }
}

/// From where to where each range goes, its end not included.
fn bounds(points: &[ScalarValue]) -> Vec<RangeBound> {
    let starts = std::iter::once(None).chain(points.iter().cloned().map(Some));
    let ends = points.iter().cloned().map(Some).chain([None]);
    starts.zip(ends).collect()
}

/// Which files have keys in which range.
fn dealt(files: &[Keyed], points: &[ScalarValue], scans: usize) -> Dealt {
    let ranges = points.len() + 1;
    let mut dealt = Dealt {
        groups: vec![vec![FileGroup::default(); ranges]; scans],
        reaches_over: vec![false; scans],
        bytes: vec![0; ranges],
    };
    let range_of = |key: &ScalarValue| points.partition_point(|point| point <= key);
    for file in files {
        let (first, last) = (range_of(&file.low), range_of(&file.high));
        dealt.reaches_over[file.scan] |= first != last;
        for range in first..=last {
            dealt.groups[file.scan][range].push(file.file.clone());
            dealt.bytes[range] += file.bytes;
        }
    }
    dealt
}

/// The files of a scan with their keys; `None` where they are not known, or may be NULL.
fn keyed(scan: usize, origin: &Origin) -> Option<Vec<Keyed>> {
    let config = origin.config()?;
    let column = *origin.columns.first()?;
    let schema = config.file_source().table_schema().table_schema();
    let field = schema.field(column);
    let whole = config.limit.is_none() && config.output_partitioning.is_none();
    if !whole || !is_cut(field.data_type()) {
        return None;
    }
    let files = config.file_groups.iter().flat_map(FileGroup::iter);
    let keyed = files.map(|file| {
        let statistics = file.statistics.as_ref()?;
        let known = statistics.column_statistics.get(column)?;
        if field.is_nullable() && known.null_count != Precision::Exact(0) {
            return None;
        }
        // An inexact bound of a file is one that lies further out.
        let (low, high) = (known.min_value.get_value()?, known.max_value.get_value()?);
        let low = low.cast_to(field.data_type()).ok()?;
        let high = high.cast_to(field.data_type()).ok()?;
        let part = file.range.as_ref();
        (!low.is_null() && !high.is_null()).then(|| Keyed {
            scan,
            low,
            high,
            bytes: part.map_or(file.object_meta.size, |r| r.end.abs_diff(r.start)),
            file: file.clone(),
        })
    });
    keyed.collect()
}

/// Types whose values are ordered in one way, everywhere: no floats, no nested values.
fn is_cut(data_type: &DataType) -> bool {
    data_type.is_integer()
        || data_type.is_string()
        || matches!(
            data_type,
            DataType::Date32 | DataType::Timestamp(..) | DataType::Decimal128(..)
        )
}

/// Keys of files that reach into one another's are in one cell; cells are in order. `None` if the order of keys
/// is not known.
fn cells<'a>(files: impl Iterator<Item = &'a Keyed>) -> Option<Vec<Cell>> {
    let mut files: Vec<_> = files.collect();
    let mut comparable = true;
    files.sort_by(|a, b| {
        let order = a.low.partial_cmp(&b.low);
        comparable &= order.is_some();
        order.unwrap_or(Ordering::Equal)
    });
    let mut cells: Vec<Cell> = Vec::new();
    for file in files {
        let cell = Cell {
            low: file.low.clone(),
            high: file.high.clone(),
            bytes: file.bytes,
        };
        match cells.last_mut() {
            Some(last) if cell.low <= last.high => last.take(cell),
            _ => cells.push(cell),
        }
    }
    comparable.then_some(cells)
}

/// The plan with other scans at these places.
fn replaced(
    plan: &Arc<dyn ExecutionPlan>,
    scans: &HashMap<usize, Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let plan = Arc::clone(plan).transform_up(|node| {
        Ok(match scans.get(&origin::identity(&node)) {
            Some(scan) => Transformed::yes(Arc::clone(scan)),
            None => Transformed::no(node),
        })
    });
    Ok(plan?.data)
}

pub fn is_ranges(plan: &Arc<dyn ExecutionPlan>) -> bool {
    matches!(plan.output_partitioning(), Partitioning::Range(_))
}

/// Whether all rows of the operator are of scans that were cut: those of a join come to it unsent.
pub fn is_divided(plan: &dyn ExecutionPlan) -> bool {
    let children = plan.children();
    match (plan.downcast_ref::<HashJoinExec>(), children.is_empty()) {
        (Some(join), _) if *join.partition_mode() == PartitionMode::CollectLeft => {
            is_divided(join.right().as_ref())
        }
        (_, true) => plan
            .downcast_ref::<DataSourceExec>()
            .and_then(|scan| scan.data_source().downcast_ref::<FileScanConfig>())
            .is_some_and(|config| config.output_partitioning.is_some()),
        (_, false) => children.iter().all(|child| is_divided(child.as_ref())),
    }
}
