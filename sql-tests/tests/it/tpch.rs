//! TPC-H at scale factor 0.01: the 22 queries of `bench/`, against answers of DuckDB over the same data.
//!
//! The data is generated into Parquet files for each run. The answers in `tpch/` are written by
//! `oracle/tpch.py`, which needs the data: `TPCH_KEEP=folder` makes this test leave it there.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::arrow::ArrowWriter;
use quern_engine::Session;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
    PartSuppGenerator, RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow,
    RecordBatchIterator, RegionArrow, SupplierArrow,
};

use crate::support;

const SCALE: f64 = 0.01;

/// As far as two ways of adding up floats may differ, relative to the value.
const TOLERANCE: f64 = 1e-9;

fn write(folder: &Path, name: &str, batches: impl RecordBatchIterator) {
    let file = File::create(folder.join(format!("{name}.parquet"))).unwrap();
    let mut writer = ArrowWriter::try_new(file, batches.schema().clone(), None).unwrap();
    batches.for_each(|batch| writer.write(&batch).unwrap());
    writer.close().unwrap();
}

pub fn generate(folder: &Path) {
    write(
        folder,
        "region",
        RegionArrow::new(RegionGenerator::new(SCALE, 1, 1)),
    );
    write(
        folder,
        "nation",
        NationArrow::new(NationGenerator::new(SCALE, 1, 1)),
    );
    write(
        folder,
        "supplier",
        SupplierArrow::new(SupplierGenerator::new(SCALE, 1, 1)),
    );
    write(
        folder,
        "customer",
        CustomerArrow::new(CustomerGenerator::new(SCALE, 1, 1)),
    );
    write(
        folder,
        "part",
        PartArrow::new(PartGenerator::new(SCALE, 1, 1)),
    );
    write(
        folder,
        "partsupp",
        PartSuppArrow::new(PartSuppGenerator::new(SCALE, 1, 1)),
    );
    write(
        folder,
        "orders",
        OrderArrow::new(OrderGenerator::new(SCALE, 1, 1)),
    );
    write(
        folder,
        "lineitem",
        LineItemArrow::new(LineItemGenerator::new(SCALE, 1, 1)),
    );
}

#[test]
fn all_22_queries_give_the_right_answers() {
    let temp = tempfile::tempdir().unwrap();
    let folder = match std::env::var_os("TPCH_KEEP") {
        Some(folder) => PathBuf::from(folder),
        None => temp.path().to_path_buf(),
    };
    generate(&folder);
    let session = support::session();
    let failures = support::block_on(async {
        for file in support::files(&[folder.to_str().unwrap()], "parquet") {
            let name = file.file_stem().unwrap().to_string_lossy();
            let create = format!("CREATE TABLE {name} WITH (location = '{}')", file.display());
            session.sql(&create).await.unwrap();
        }
        failures(&session).await
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Text of a query.
pub fn query(number: usize) -> String {
    let path = support::root().join(format!("bench/queries/tpch/q{number:02}.sql"));
    std::fs::read_to_string(path).unwrap()
}

/// What is wrong with the answers of a session that has the tables.
pub async fn failures(session: &Session) -> Vec<String> {
    let mut failures = Vec::new();
    for number in 1..=22 {
        let statement = session.parse(&query(number)).unwrap().remove(0);
        match support::run(session, &statement).await {
            Ok(table) => failures.extend(difference(number, &table.rows)),
            Err(error) => failures.push(format!("q{number}: {}: {error}", error.sqlstate())),
        }
        let told = session.current_query().unwrap().told();
        failures.extend(told.iter().map(|told| format!("q{number}: {told}")));
    }
    failures
}

/// The first row that is not the expected one.
fn difference(number: usize, rows: &[Vec<String>]) -> Option<String> {
    let path = support::root().join(format!("sql-tests/tpch/q{number:02}.tsv"));
    let answers = std::fs::read_to_string(path).unwrap();
    let expected: Vec<Vec<&str>> = answers.lines().map(|l| l.split('\t').collect()).collect();
    if expected.len() != rows.len() {
        return Some(format!(
            "q{number}: {} rows, not {}",
            rows.len(),
            expected.len()
        ));
    }
    let differs = |(expected, row): &(&Vec<&str>, &Vec<String>)| {
        expected.len() != row.len() || !expected.iter().zip(row.iter()).all(|(e, r)| same(e, r))
    };
    let (expected, row) = expected.iter().zip(rows).find(differs)?;
    Some(format!("q{number}: {row:?}, not {expected:?}"))
}

fn same(expected: &str, actual: &str) -> bool {
    match (expected.parse::<f64>(), actual.parse::<f64>()) {
        (Ok(e), Ok(a)) => (e - a).abs() <= e.abs() * TOLERANCE,
        _ => expected == actual,
    }
}
