//! What the shell prints on a server is what it prints in its own process, byte by byte.

use std::process::Output;

use super::super::postgres::{Served, serve};
use super::super::support::{Run, command, temporary};
use super::{on, remote};

/// What a run left, as bytes.
fn left(output: Output) -> (Option<i32>, Vec<u8>, String) {
    let err = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), output.stdout, err)
}

/// Runs the shell in its own process and on the server, and gives what both left.
fn same(served: &Served, args: &[&str]) -> (Option<i32>, Vec<u8>, String) {
    let here = left(command(args).output().unwrap());
    let there = left(remote(served, args).output().unwrap());
    let shown = |left: &(_, Vec<u8>, _)| String::from_utf8_lossy(&left.1).into_owned();
    assert_eq!(shown(&here), shown(&there), "{args:?}: {}", there.2);
    assert_eq!(here, there, "{args:?}");
    here
}

/// One value of each type, and of each that clients of PostgreSQL get as another.
const VALUES: &[&str] = &[
    "true",
    "CAST(-7 AS SMALLINT)",
    "2147483647",
    "CAST(9223372036854775807 AS BIGINT)",
    "arrow_cast(-8, 'Int8')",
    "arrow_cast(255, 'UInt8')",
    "arrow_cast(65535, 'UInt16')",
    "arrow_cast(4294967295, 'UInt32')",
    "arrow_cast('18446744073709551615', 'UInt64')",
    "arrow_cast(1.5, 'Float16')",
    "CAST(0.1 AS REAL)",
    "CAST(2.5e20 AS DOUBLE PRECISION)",
    "CAST('NaN' AS DOUBLE PRECISION)",
    "CAST('-Infinity' AS REAL)",
    "CAST('-123.4500' AS NUMERIC(20, 4))",
    "CAST('12345678901234567890123456789012345678901234567890.5' AS NUMERIC(60, 1))",
    "'a,\"b\" | \\ é 東京'",
    "''",
    "'two' || chr(10) || 'lines' || chr(7)",
    "repeat('wide ', 50)",
    "'\\x00ff'::bytea",
    "DATE '2024-02-29'",
    "TIME '23:59:59.123456'",
    "arrow_cast('23:59:59.123456789', 'Time64(Nanosecond)')",
    "TIMESTAMP '2024-01-02 03:04:05.678'",
    "arrow_cast('2024-01-02 03:04:05.123456789', 'Timestamp(Nanosecond, None)')",
    "arrow_cast('2024-01-02 03:04:05', 'Timestamp(Second, None)')",
    "TIMESTAMPTZ '2024-07-02 03:04:05+00'",
    "INTERVAL '1 month 2 days 03:04:05.5'",
    "arrow_cast(90061, 'Duration(Second)')",
    "arrow_cast('often', 'Dictionary(Int32, Utf8)')",
    "[1, NULL, 3]",
    "[[1], [2, 3], NULL]",
    "['a b', NULL, '{x}', '']",
    "named_struct('a', 1, 'b', 'x', 'c', [true])",
    "[named_struct('a', 1), NULL]",
    "map(['k', 'l'], [1, NULL])",
    "arrow_cast('\\xabcd'::bytea, 'FixedSizeBinary(2)')",
    "'{\"a\": [1, 2.50]}'::jsonb",
    "NULL",
];

/// The values and rows of NULLs around them.
fn values() -> String {
    let columns = VALUES.iter().enumerate();
    let columns: Vec<_> = columns
        .map(|(at, value)| format!("CASE WHEN value = 1 THEN {value} END AS c{at}"))
        .collect();
    let columns = columns.join(", ");
    format!("SELECT {columns} FROM generate_series(0, 2) ORDER BY value")
}

#[tokio::test(flavor = "multi_thread")]
async fn values_print_alike_in_every_format() {
    let served = serve().await;
    let query = values();
    for format in ["table", "csv", "tsv", "json", "ndjson", "markdown", "arrow"] {
        let (code, out, err) = same(&served, &["--format", format, &query]);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{format}");
        assert!(!out.is_empty());
    }
    same(&served, &["-c", "\\x", "-c", &query]);
    let none = format!(
        "SELECT * FROM ({}) WHERE c2 = 0",
        query.replace(" ORDER BY value", "")
    );
    for format in ["table", "csv", "json", "arrow"] {
        same(&served, &["--format", format, &none]);
    }
    same(&served, &["--format", "csv", "SELECT 1 AS a, 2 AS a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_alike_byte_by_byte() {
    let served = serve().await;
    let folder = temporary();
    // Parquet has no half floats here, and intervals only without fractions.
    let query = "SELECT value AS n, repeat('text ', 10) AS t, [value] AS l, named_struct('a', value) AS s, \
                 arrow_cast(value, 'UInt32') AS u, CAST(value AS NUMERIC(12, 2)) AS d, \
                 TIMESTAMPTZ '2024-07-02 03:04:05+00' AS i FROM generate_series(1, 20000) ORDER BY n";
    for format in ["parquet", "arrow"] {
        let files = ["here", "there"].map(|name| folder.path().join(format!("{name}.{format}")));
        let [here, there] = files.each_ref().map(|file| file.display().to_string());
        let run: Run = command(&["--format", format, "-o", &here, query])
            .output()
            .unwrap()
            .into();
        assert_eq!(run.code, Some(0), "{}", run.err);
        let run = on(&served, &["--format", format, "-o", &there, query]);
        assert_eq!(run.code, Some(0), "{}", run.err);
        let [here, there] = files.map(|file| std::fs::read(file).unwrap());
        assert!(here == there, "{format} differs");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn results_larger_than_a_message_arrive_whole() {
    let served = serve().await;
    let long = "SELECT value, 'row ' || value AS t FROM generate_series(1, 300000) ORDER BY value";
    same(&served, &["--format", "csv", long]);
    let wide =
        "SELECT value, repeat('wide', 3000) AS t FROM generate_series(1, 3000) ORDER BY value";
    same(&served, &["--format", "csv", wide]);
    same(&served, &["SELECT repeat('x', 20000000) AS t"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_tags_notices_and_errors_are_alike() {
    let served = serve().await;
    let folder = temporary();
    let rows = folder.path().join("rows.csv");
    std::fs::write(&rows, "a,b\n1,x\n2,y\nodd,z\n").unwrap();
    let skipping = format!(
        "SELECT * FROM read_csv('{}', bad_rows => 'skip', dtype => (a = 'INTEGER'))",
        rows.display()
    );
    for script in [
        "CREATE OR REPLACE VIEW v AS SELECT 1 AS a;\nSELECT * FROM v;\nDROP VIEW v;\n",
        "DROP VIEW IF EXISTS nothing; SELECT 1 AS one",
        "SELECT conuty\nFROM (VALUES ('Kent')) t(county)",
        "SELECT 1 AS a;\n\nSELECT\n\tnope;\nSELECT 2;\n",
        "SELECT '東京', nope",
        "SELEC 1",
        "SELECT 1; SELECT 'x",
        "SELECT 1 / (value - 5) AS x FROM generate_series(1, 9)",
        "SELECT CAST('x' AS INT)",
        "SET timezone = 'Europe/Berlin'; SELECT TIMESTAMPTZ '2024-07-02 03:04:05+00' AS t",
        "SET nonsense = 1",
        "BEGIN; SELECT 1; COMMIT; SELECT 1; ROLLBACK",
        "PREPARE p AS SELECT $1 + 1 AS n; EXECUTE p(2); DEALLOCATE p",
        "EXPLAIN SELECT 1; SHOW timezone; VALUES (1), (2)",
        &skipping,
        "/* nothing */;;",
    ] {
        same(&served, &["-c", script]);
        same(&served, &["--format", "csv", script]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_alike() {
    let served = serve().await;
    let view = "CREATE OR REPLACE VIEW \"My view\" AS SELECT 1 AS a, 'x' AS b";
    for line in [
        "\\d",
        "\\d+",
        "\\d \"My view\"",
        "\\d+ \"My view\"",
        "\\d nothing",
        "\\dt system.*",
        "\\dv",
        "\\df sum*",
        "\\dn",
        "\\l",
        "\\set timezone",
        "\\set timezone UTC",
        "\\set timezone Nowhere",
        "\\timin",
        "\\?",
    ] {
        same(&served, &["-c", view, "-c", line]);
    }
    let about = on(&served, &["-c", "\\conninfo"]).out;
    let place = format!("Quern, on 127.0.0.1, port {}\n", served.port);
    assert!(about.starts_with(&place), "{about}");
}
