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
