//! Each format, with files that differ.

use super::*;
use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array, StringArray};
use parquet::arrow::ArrowWriter;

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

fn parquet(batch: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn numbers() -> RecordBatch {
    batch(vec![
        ("a", Arc::new(Int32Array::from(vec![1, 2]))),
        ("s", Arc::new(StringArray::from(vec!["x", "y"]))),
    ])
}

#[tokio::test]
async fn parquet_files_may_differ() {
    let files = Files::new();
    files.write("t/1.parquet", parquet(&numbers()));
    let other = batch(vec![
        ("a", Arc::new(Int64Array::from(vec![5_000_000_000]))),
        ("c", Arc::new(Float64Array::from(vec![0.5]))),
    ]);
    files.write("t/2.parquet", parquet(&other));
    let rows = files
        .read("t", &[], "SELECT a, s, c FROM t ORDER BY a")
        .await;
    assert_eq!(rows, ["1|x|", "2|y|", "5000000000||0.5"]);
    assert_eq!(
        files.rows("SELECT count(*), min(a), max(a) FROM t").await,
        ["3|1|5000000000"]
    );
}

#[tokio::test]
async fn a_broken_parquet_file_is_named() {
    let files = Files::new();
    files.write("t.parquet", "not parquet at all");
    let error = files
        .resolve(files.spec("t.parquet", &[]))
        .await
        .unwrap_err();
    assert_eq!(error.sqlstate(), "22P04");
    assert!(error.message.contains("t.parquet"), "{error}");
}

#[tokio::test]
async fn json_lines() {
    let files = Files::new();
    files.write("t.json", "{\"a\": 1, \"b\": \"x\"}\n{\"a\": 2.5}\n");
    assert_eq!(
        files
            .read("t.json", &[], "SELECT a, b FROM t ORDER BY a")
            .await,
        ["1.0|x", "2.5|"]
    );
}

/// A column `n` of the numbers below `rows`, in row groups of `group` rows.
pub fn parquet_of_numbers(rows: i64, group: usize) -> Vec<u8> {
    let numbers = batch(vec![("n", Arc::new(Int64Array::from_iter_values(0..rows)))]);
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_max_row_group_row_count(Some(group))
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, numbers.schema(), Some(properties)).unwrap();
    writer.write(&numbers).unwrap();
    writer.close().unwrap();
    bytes
}

fn arrow_file(batches: &[RecordBatch]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer =
        arrow::ipc::writer::FileWriter::try_new(&mut bytes, &batches[0].schema()).unwrap();
    batches
        .iter()
        .for_each(|batch| writer.write(batch).unwrap());
    writer.finish().unwrap();
    bytes
}

fn arrow_stream(batch: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer =
        arrow::ipc::writer::StreamWriter::try_new(&mut bytes, &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    bytes
}

#[tokio::test]
async fn arrow_files_and_streams() {
    let files = Files::new();
    let other = batch(vec![
        ("s", Arc::new(StringArray::from(vec!["z"])) as ArrayRef),
        ("a", Arc::new(Int64Array::from(vec![7]))),
    ]);
    files.write("t/1.arrow", arrow_file(&[numbers(), numbers()]));
    files.write("t/2.arrows", arrow_stream(&other));
    files.write("t/3.feather", arrow_stream(&numbers()));
    let rows = files
        .read("t", &[], "SELECT a, s FROM t ORDER BY a, s")
        .await;
    assert_eq!(rows, ["1|x", "1|x", "1|x", "2|y", "2|y", "2|y", "7|z"]);
    assert_eq!(files.rows("SELECT count(*) FROM t").await, ["7"]);
}

#[tokio::test]
async fn avro_files_may_differ() {
    let files = Files::new();
    let avro = |batch: &RecordBatch| {
        let mut bytes = Vec::new();
        let schema = batch.schema().as_ref().clone();
        let mut writer =
            datafusion::arrow_avro::writer::AvroWriter::new(&mut bytes, schema).unwrap();
        writer.write(batch).unwrap();
        writer.finish().unwrap();
        drop(writer);
        bytes
    };
    files.write("t/1.avro", avro(&numbers()));
    files.write(
        "t/2.avro",
        avro(&batch(vec![(
            "a",
            Arc::new(Int64Array::from(vec![9])) as ArrayRef,
        )])),
    );
    assert_eq!(
        files.read("t", &[], "SELECT a, s FROM t ORDER BY a").await,
        ["1|x", "2|y", "9|"]
    );
    assert_eq!(files.rows("SELECT count(*) FROM t").await, ["3"]);
}

#[tokio::test]
async fn json_arrays_and_nested_values() {
    let files = Files::new();
    files.write(
        "t.json",
        "[{\"a\": 1, \"p\": {\"x\": 1.5}, \"l\": [1, 2]},\n {\"a\": 2, \"q\": \"}],[\"}]",
    );
    let rows = files
        .read("t.json", &[], "SELECT a, p['x'], l[2], q FROM t ORDER BY a")
        .await;
    assert_eq!(rows, ["1|1.5|2|", "2|||}],["]);
    assert_eq!(files.rows("SELECT count(*) FROM t").await, ["2"]);
    files.write("o.json", "{\n \"a\": 1\n}\n{\n \"a\": \"x\"\n}\n");
    assert_eq!(
        files
            .read(
                "o.json",
                &[("blocksize", number(5))],
                "SELECT a FROM t ORDER BY a"
            )
            .await,
        ["1", "x"]
    );
}

#[tokio::test]
async fn parquet_statistics_answer_without_reading() {
    let files = Files::new();
    files.write("t.parquet", parquet_of_numbers(5000, 1000));
    files
        .create("t", files.spec("t.parquet", &[]))
        .await
        .unwrap();
    let plan = files
        .rows("EXPLAIN SELECT count(*), min(n), max(n) FROM t")
        .await
        .join("\n");
    assert!(
        plan.contains("PlaceholderRowExec") && !plan.contains("DataSourceExec"),
        "{plan}"
    );
    assert_eq!(
        files.rows("SELECT count(*), min(n), max(n) FROM t").await,
        ["5000|0|4999"]
    );
    let analyzed = files
        .rows("EXPLAIN ANALYZE SELECT n FROM t WHERE n > 4500")
        .await
        .join("\n");
    assert!(
        analyzed.contains("row_groups_pruned_statistics=5 total → 1 matched"),
        "{analyzed}"
    );
}

#[tokio::test]
async fn parquet_is_scanned_as_a_listing_table_would() {
    let files = Files::new();
    files.write("t/1.parquet", parquet_of_numbers(5000, 1000));
    files.write("t/2.parquet", parquet_of_numbers(3000, 1000));
    files.create("t", files.spec("t", &[])).await.unwrap();
    let options = datafusion::prelude::ParquetReadOptions::default();
    files
        .context
        .register_parquet("l", files.path("t"), options)
        .await
        .unwrap();
    for query in [
        "SELECT n FROM t WHERE n > 4500",
        "SELECT a.n FROM t a JOIN t b ON a.n = b.n WHERE b.n < 10",
        "SELECT n, count(*) FROM t GROUP BY n ORDER BY n LIMIT 3",
    ] {
        let plan = |sql: String| {
            let files = &files;
            async move {
                let frame = files.context.sql(&sql).await.unwrap();
                let plan = frame.create_physical_plan().await.unwrap();
                datafusion::physical_plan::displayable(plan.as_ref())
                    .indent(false)
                    .to_string()
            }
        };
        let ours = plan(query.to_string()).await;
        let theirs = plan(
            query
                .replace("FROM t", "FROM l")
                .replace("JOIN t", "JOIN l"),
        )
        .await;
        assert_eq!(ours, theirs);
    }
}

pub fn arrow_of_numbers() -> Vec<u8> {
    arrow_file(&[numbers()])
}
