//! How rows are written, format by format.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::support::{command, out, run, temporary};

/// One row with a value of each kind that formats treat differently, and one of NULLs.
const ROWS: &str = "SELECT * FROM (VALUES \
    (1, 1.50, 'a,\"b\"', DATE '2024-01-02', true, CAST(2.5e20 AS DOUBLE), '' , [1, NULL]), \
    (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL)) \
    t(id, price, note, day, ok, x, empty, list) ORDER BY id";

fn formatted(format: &str) -> String {
    out(&["--format", format, ROWS])
}

#[test]
fn tables_are_aligned_and_numbers_stand_right() {
    assert_eq!(
        out(&[ROWS]),
        concat!(
            " id | price | note  |    day     |  ok  |    x    | empty |   list   \n",
            "----+-------+-------+------------+------+---------+-------+----------\n",
            "  1 |  1.50 | a,\"b\" | 2024-01-02 | true | 2.5e+20 |       | {1,NULL}\n",
            "  2 |  NULL | NULL  | NULL       | NULL |    NULL | NULL  | NULL\n",
            "(2 rows)\n\n"
        )
    );
}

#[test]
fn tables_show_lines_wide_characters_and_control_characters() {
    assert_eq!(
        out(&["SELECT 'a' || chr(10) || 'b' AS two, '東京' AS city, chr(7) || chr(9) AS odd"]),
        concat!(
            " two | city |  odd   \n",
            "-----+------+--------\n",
            " a  +| 東京 | \\x07\\t\n",
            " b   |      | \n",
            "(1 row)\n\n"
        )
    );
}

#[test]
fn tables_write_long_results_as_they_come() {
    let rows = out(&["SELECT value AS n FROM generate_series(1, 12345)"]);
    assert_eq!(rows.lines().count(), 12345 + 4);
    // The first rows decide the width.
    assert!(
        rows.starts_with("  n   \n------\n    1\n"),
        "{}",
        &rows[..40]
    );
    assert!(rows.ends_with("\n 12345\n(12345 rows)\n\n"));
}

#[test]
fn expanded_tables_have_a_block_for_each_row() {
    let text = out(&[
        "-c",
        "\\x on",
        "-c",
        "SELECT 1 AS id, 'x' AS long_name UNION ALL SELECT 2, NULL ORDER BY id",
    ]);
    assert_eq!(
        text,
        concat!(
            "-[ RECORD 1 ]---\n",
            "id        | 1\n",
            "long_name | x\n",
            "-[ RECORD 2 ]---\n",
            "id        | 2\n",
            "long_name | NULL\n",
            "(2 rows)\n\n"
        )
    );
}

#[test]
fn csv_quotes_what_needs_it_and_tells_null_from_empty() {
    assert_eq!(
        formatted("csv"),
        concat!(
            "id,price,note,day,ok,x,empty,list\n",
            "1,1.50,\"a,\"\"b\"\"\",2024-01-02,true,2.5e+20,\"\",\"{1,NULL}\"\n",
            "2,,,,,,,\n"
        )
    );
    assert_eq!(
        out(&["--format", "tsv", "SELECT 'a' || chr(9) AS x, 'b,c' AS y"]),
        "x\ty\n\"a\t\"\tb,c\n"
    );
    assert_eq!(
        out(&["--format", "csv", "SELECT 1 AS a WHERE false"]),
        "a\n"
    );
}

#[test]
fn json_has_numbers_nulls_and_nested_values() {
    assert_eq!(
        formatted("json"),
        concat!(
            "[\n",
            r#"{"id":1,"price":1.50,"note":"a,\"b\"","day":"2024-01-02","ok":true,"x":2.5e+20,"empty":"","list":[1,null]},"#,
            "\n",
            r#"{"id":2,"price":null,"note":null,"day":null,"ok":null,"x":null,"empty":null,"list":null}"#,
            "\n]\n"
        )
    );
    assert_eq!(
        out(&["--format", "json", "SELECT 1 AS a WHERE false"]),
        "[]\n"
    );
    assert_eq!(
        out(&[
            "--format",
            "ndjson",
            "SELECT CAST('NaN' AS DOUBLE) AS x UNION ALL SELECT 1"
        ])
        .lines()
        .count(),
        2
    );
}

#[test]
fn markdown_escapes_its_bars() {
    assert_eq!(
        out(&["--format", "markdown", "SELECT 1 AS n, 'a|b' AS t"]),
        "| n | t |\n| --: | --- |\n| 1 | a\\|b |\n\n"
    );
}

#[test]
fn machine_formats_print_rows_only() {
    let sql = "CREATE VIEW v AS SELECT 1 AS a; SELECT * FROM v; DROP VIEW v";
    assert_eq!(out(&["--format", "csv", sql]), "a\n1\n");
    assert_eq!(
        out(&[sql]),
        "CREATE VIEW\n a \n---\n 1\n(1 row)\n\nDROP VIEW\n"
    );
}

#[test]
fn parquet_and_arrow_files_read_back() {
    let folder = temporary();
    for format in ["parquet", "arrow"] {
        let file = folder.path().join(format!("rows.{format}"));
        let path = file.display().to_string();
        out(&["--format", format, "-o", &path, ROWS]);
        let back =
            format!("SELECT id, price, note, day, ok, x, empty, list FROM '{path}' ORDER BY id");
        assert_eq!(out(&[&back]), out(&[ROWS]), "{format}");
    }
    // To a pipe, Arrow is a stream: it has no magic at its beginning.
    let piped = command(&["--format", "arrow", "SELECT 1"])
        .output()
        .unwrap();
    assert!(piped.status.success() && piped.stdout.starts_with(&[0xff; 4]));
    let piped = command(&["--format", "parquet", "SELECT 1"])
        .output()
        .unwrap();
    assert!(piped.stdout.starts_with(b"PAR1") && piped.stdout.ends_with(b"PAR1"));
}

#[test]
fn a_binary_file_holds_one_result() {
    let folder = temporary();
    let path = folder.path().join("x.parquet").display().to_string();
    let run = run(&["--format", "parquet", "-o", &path, "SELECT 1; SELECT 2"]);
    assert_eq!(run.code, Some(1));
    assert!(
        run.err
            .starts_with("ERROR:  one result fills a Parquet file\n"),
        "{}",
        run.err
    );
}
