//! The spilling join against `HashJoinExec`: the same rows, whatever the type of join, the data and
//! the memory.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::pretty::pretty_format_batches;
use datafusion::common::{JoinSide, JoinType, NullEquality};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column};
use datafusion::physical_expr::{Partitioning, PhysicalExpr};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter};
use datafusion::physical_plan::joins::{HashJoinExec, HashJoinExecBuilder, PartitionMode};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::SessionConfig;
use futures::StreamExt;
use proptest::prelude::*;

use super::SpillingHashJoinExec;

const TYPES: [JoinType; 10] = [
    JoinType::Inner,
    JoinType::Left,
    JoinType::Right,
    JoinType::Full,
    JoinType::LeftSemi,
    JoinType::RightSemi,
    JoinType::LeftAnti,
    JoinType::RightAnti,
    JoinType::LeftMark,
    JoinType::RightMark,
];

/// What a side of a join is made of.
#[derive(Debug, Clone)]
struct Side {
    rows: usize,
    keys: i64,
    /// Of ten rows, those with a NULL key, and those with one and the same key.
    nulls: usize,
    heavy: usize,
    text_keys: bool,
}

fn schema(side: &Side) -> SchemaRef {
    let key = match side.text_keys {
        true => DataType::Utf8View,
        false => DataType::Int64,
    };
    Arc::new(Schema::new(vec![
        Field::new("k", key, true),
        Field::new("n", DataType::Int64, false),
        Field::new("t", DataType::Utf8View, true),
        Field::new("f", DataType::Float64, true),
    ]))
}

fn plan(side: &Side, salt: i64) -> Arc<dyn ExecutionPlan> {
    let key = |row: usize| {
        let mixed = (row as i64 + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64);
        match row % 10 {
            place if place < side.nulls => None,
            place if place < side.nulls + side.heavy => Some(7),
            _ => Some((mixed >> 20).rem_euclid(side.keys)),
        }
    };
    let batch = |from: usize, to: usize| {
        let rows = from..to;
        let keys: ArrayRef = match side.text_keys {
            true => Arc::new(StringViewArray::from_iter(
                rows.clone()
                    .map(|r| key(r).map(|k| format!("a rather long key {k}"))),
            )),
            false => Arc::new(Int64Array::from_iter(rows.clone().map(key))),
        };
        let numbers = Int64Array::from_iter_values(rows.clone().map(|r| r as i64 % 97));
        let texts = StringViewArray::from_iter(
            rows.clone()
                .map(|r| (r % 5 > 0).then(|| "x".repeat(r % 40))),
        );
        let floats = Float64Array::from_iter(rows.map(|r| (r % 3 > 0).then_some(r as f64 / 4.0)));
        let columns = vec![keys, Arc::new(numbers), Arc::new(texts), Arc::new(floats)];
        RecordBatch::try_new(schema(side), columns).unwrap()
    };
    let ends = (0..side.rows).step_by(500);
    let batches: Vec<_> = ends
        .map(|from| batch(from, (from + 500).min(side.rows)))
        .collect();
    MemorySourceConfig::try_new_exec(&[batches], schema(side), None).unwrap()
}

/// `a.n < b.n + …`: a filter over both sides.
fn filter() -> JoinFilter {
    let number = Field::new("n", DataType::Int64, false);
    let column = |name, index| Arc::new(Column::new(name, index)) as Arc<dyn PhysicalExpr>;
    let less = BinaryExpr::new(column("a", 0), Operator::Lt, column("b", 1));
    let sides = [JoinSide::Left, JoinSide::Right];
    JoinFilter::new(
        Arc::new(less),
        sides.map(|side| ColumnIndex { index: 1, side }).to_vec(),
        Arc::new(Schema::new(vec![
            number.clone().with_name("a"),
            number.with_name("b"),
        ])),
    )
}

#[derive(Debug, Clone)]
struct Case {
    build: Side,
    probe: Side,
    join_type: JoinType,
    filtered: bool,
    projected: bool,
    nulls_equal: bool,
    mode: PartitionMode,
}

fn join(case: &Case) -> HashJoinExec {
    let key = || Arc::new(Column::new("k", 0)) as Arc<dyn PhysicalExpr>;
    let spread = |plan: Arc<dyn ExecutionPlan>| -> Arc<dyn ExecutionPlan> {
        let hash = Partitioning::Hash(vec![key()], 2);
        Arc::new(RepartitionExec::try_new(plan, hash).unwrap())
    };
    let (build, probe) = (plan(&case.build, 0), spread(plan(&case.probe, 3)));
    let build = match case.mode {
        PartitionMode::Partitioned => spread(build),
        _ => build,
    };
    let equality = match case.nulls_equal {
        true => NullEquality::NullEqualsNull,
        false => NullEquality::NullEqualsNothing,
    };
    let join = HashJoinExecBuilder::new(build, probe, vec![(key(), key())], case.join_type)
        .with_filter(case.filtered.then(filter))
        .with_partition_mode(case.mode)
        .with_null_equality(equality)
        .build()
        .unwrap();
    match case.projected {
        true => join.with_projection(Some(vec![1, 0])).unwrap(),
        false => join,
    }
}

fn runtime(memory_bytes: usize) -> Arc<RuntimeEnv> {
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(memory_bytes)))
        .build_arc()
        .unwrap()
}

fn task(runtime: &Arc<RuntimeEnv>) -> Arc<TaskContext> {
    let config = SessionConfig::new().with_batch_size(1000);
    let task = TaskContext::default().with_session_config(config);
    Arc::new(task.with_runtime(Arc::clone(runtime)))
}

async fn sorted_rows(plan: Arc<dyn ExecutionPlan>, runtime: &Arc<RuntimeEnv>) -> Vec<String> {
    let schema = plan.schema();
    let plan = Arc::new(CoalescePartitionsExec::new(plan));
    let batches = collect(plan, task(runtime)).await.unwrap();
    assert!(batches.iter().all(|batch| batch.schema() == schema));
    let text = pretty_format_batches(&batches).unwrap().to_string();
    let mut rows: Vec<_> = text.lines().skip(3).map(str::to_string).collect();
    rows.retain(|row| row.starts_with('|'));
    // Widths of columns depend on nothing but the rows, but not of those of an empty result.
    rows.iter_mut()
        .for_each(|row| *row = row.split_whitespace().collect::<Vec<_>>().join(" "));
    rows.sort_unstable();
    rows
}

/// Whether it spilled.
async fn gives_the_same_rows(case: &Case, memory_bytes: usize) -> bool {
    let expected = sorted_rows(Arc::new(join(case)), &runtime(1 << 30)).await;
    let little = runtime(memory_bytes);
    let spilling = Arc::new(SpillingHashJoinExec::new(join(case)).unwrap());
    let rows = sorted_rows(Arc::clone(&spilling) as _, &little).await;
    assert_eq!(rows.len(), expected.len(), "{case:?}");
    assert!(rows == expected, "{case:?}");
    let metrics = spilling.metrics().unwrap();
    assert!(metrics.output_rows().unwrap_or(0) >= rows.len(), "{case:?}");
    drop(spilling);
    assert_eq!(little.memory_pool.reserved(), 0, "{case:?}");
    assert_eq!(little.disk_manager.used_disk_space(), 0, "{case:?}");
    metrics.spilled_bytes().unwrap_or(0) > 0
}

fn large(keys: i64) -> Side {
    Side {
        rows: 8_000,
        keys,
        nulls: 1,
        heavy: 0,
        text_keys: false,
    }
}

#[tokio::test]
async fn all_types_of_join_spill() {
    for mode in [PartitionMode::Partitioned, PartitionMode::CollectLeft] {
        for join_type in TYPES {
            for (filtered, text_keys) in [(false, false), (true, true)] {
                let case = Case {
                    build: Side {
                        text_keys,
                        ..large(4_000)
                    },
                    probe: Side {
                        text_keys,
                        ..large(4_000)
                    },
                    join_type,
                    filtered,
                    projected: false,
                    nulls_equal: false,
                    mode,
                };
                assert!(gives_the_same_rows(&case, 512 << 10).await, "{case:?}");
            }
        }
    }
}

/// One key has most rows of both sides: no hash splits them.
#[tokio::test]
async fn a_heavy_key_is_joined_in_pieces() {
    for mode in [PartitionMode::Partitioned, PartitionMode::CollectLeft] {
        for join_type in TYPES {
            for projected in [false, true] {
                let semi = !matches!(
                    join_type,
                    JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full
                );
                let probe_rows = if semi { 60 } else { 8 };
                let case = Case {
                    build: Side {
                        heavy: 9,
                        nulls: 0,
                        rows: 5_000,
                        ..large(50)
                    },
                    probe: Side {
                        rows: probe_rows,
                        heavy: 5,
                        ..large(50)
                    },
                    join_type,
                    filtered: semi,
                    projected,
                    nulls_equal: false,
                    mode,
                };
                assert!(gives_the_same_rows(&case, 512 << 10).await, "{case:?}");
            }
        }
    }
}

/// Two partitions wait for each other's keys; one spills or is dropped.
#[tokio::test]
async fn files_and_memory_are_given_back_when_dropped() {
    let case = Case {
        build: large(4_000),
        probe: large(4_000),
        join_type: JoinType::Inner,
        filtered: false,
        projected: false,
        nulls_equal: false,
        mode: PartitionMode::Partitioned,
    };
    let little = runtime(512 << 10);
    let spilling = SpillingHashJoinExec::new(join(&case)).unwrap();
    let mut rows = spilling.execute(0, task(&little)).unwrap();
    rows.next().await.unwrap().unwrap();
    assert!(little.disk_manager.used_disk_space() > 0);
    drop(rows);
    drop(spilling);
    while little.disk_manager.used_disk_space() > 0 || little.memory_pool.reserved() > 0 {
        tokio::task::yield_now().await;
    }
}

fn side(text_keys: bool) -> impl Strategy<Value = Side> {
    (0..6_000_usize, 1..4_000_i64, 0..4_usize, 0..3_usize).prop_map(
        move |(rows, keys, nulls, heavy)| Side {
            rows,
            keys: keys.max(rows as i64 / 4).max(1),
            nulls,
            heavy: if rows < 2_000 { heavy } else { 0 },
            text_keys,
        },
    )
}

fn case() -> impl Strategy<Value = Case> {
    let mode = prop_oneof![
        Just(PartitionMode::Partitioned),
        Just(PartitionMode::CollectLeft)
    ];
    (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        mode,
        0..TYPES.len(),
    )
        .prop_flat_map(|(text_keys, filtered, projected, nulls_equal, mode, at)| {
            (side(text_keys), side(text_keys)).prop_map(move |(build, probe)| Case {
                // NULLs that equal each other are one heavy key: few of them, or the result is huge.
                build: Side {
                    nulls: if nulls_equal { 0 } else { build.nulls },
                    ..build
                },
                probe,
                join_type: TYPES[at],
                filtered,
                projected,
                nulls_equal,
                mode,
            })
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn random_sides_give_the_same_rows(case in case(), memory_kib in 128..2_048_usize) {
        let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
        tokio.block_on(gives_the_same_rows(&case, memory_kib << 10));
    }
}
