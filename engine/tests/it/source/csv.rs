//! CSV: options, types, errors.

use super::*;

#[tokio::test]
async fn types_are_learned() {
    let files = Files::new();
    files.write("t.csv", "i,f,d,ts,b,s,e\n1,1.5,2020-01-02,2020-01-02 03:04:05,true,abc,\n2,2,2021-01-01,2021-01-01 00:00:00,false,\"x,y\",\n");
    let rows = files
        .read(
            "t.csv",
            &[],
            "SELECT i + 1, f, d, ts, b, s, e FROM t ORDER BY i",
        )
        .await;
    assert_eq!(
        rows,
        [
            "2|1.5|2020-01-02|2020-01-02T03:04:05|true|abc|",
            "3|2.0|2021-01-01|2021-01-01T00:00:00|false|x,y|"
        ]
    );
}

#[tokio::test]
async fn tsv_has_tabs() {
    let files = Files::new();
    files.write("t.tsv", "a\tb\n1\tx,y\n");
    assert_eq!(
        files.read("t.tsv", &[], "SELECT a, b FROM t").await,
        ["1|x,y"]
    );
}

#[tokio::test]
async fn a_value_of_another_type_is_an_error() {
    let files = Files::new();
    files.write("t.csv", "a\n1\n2\nx\n");
    let options = [("schema_sample_rows", number(2))];
    files
        .create("t", files.spec("t.csv", &options))
        .await
        .unwrap();
    let error = files.error("SELECT sum(a) FROM t").await;
    assert!(error.message.contains('x'), "{error}");
}

#[tokio::test]
async fn a_bad_value_is_placed_and_the_way_out_named() {
    let files = Files::with_partitions(2);
    let text: String = (0..3000).map(|n| format!("{n},\"two\nlines\"\n")).collect();
    files.write("t.csv", format!("amount,note\n{text}oops,x\n"));
    for blocksize in [0, 5000] {
        let options = [
            ("schema_sample_rows", number(100)),
            ("blocksize", number(blocksize)),
        ];
        files
            .create("t", files.spec("t.csv", &options))
            .await
            .unwrap();
        let error = files.error("SELECT sum(amount) FROM t").await;
        assert_eq!(error.sqlstate(), "22P04");
        let message = format!(
            "file \"{}\", line 6002: column \"amount\" is BIGINT, but the value is \"oops\"",
            files.path("t.csv")
        );
        assert_eq!(error.message, message);
        assert!(
            error
                .hint
                .unwrap()
                .contains("dtype = (\"amount\" = 'TEXT')")
        );
        // Other columns can be read all the same.
        assert_eq!(
            files.rows("SELECT count(note), count(*) FROM t").await,
            ["3001|3001"]
        );
    }
    let types = OptionValue::Map(vec![("amount".into(), text_value("TEXT"))]);
    assert_eq!(
        files
            .read("t.csv", &[("dtype", types)], "SELECT max(amount) FROM t")
            .await,
        ["oops"]
    );
    let null = ("null_values", text_value("oops"));
    assert_eq!(
        files
            .read("t.csv", &[null], "SELECT max(amount) FROM t")
            .await,
        ["2999"]
    );
    assert_eq!(
        files
            .read(
                "t.csv",
                &[("schema_sample_rows", text_value("all"))],
                "SELECT max(amount) FROM t"
            )
            .await,
        ["oops"]
    );
}

fn text_value(value: &str) -> OptionValue {
    super::text(value)
}

#[tokio::test]
async fn the_middle_of_a_large_file_is_sampled() {
    let files = Files::new();
    let line = |n: usize| match n {
        410_000 => "text,in the middle\n".to_string(),
        n => format!("{n},filler filler\n"),
    };
    let text: String = (0..800_000).map(line).collect();
    files.write("t.csv", format!("a,b\n{text}"));
    let options = [("schema_sample_rows", number(10))];
    let rows = files
        .read(
            "t.csv",
            &options,
            "SELECT count(*), arrow_typeof(max(a)) FROM t",
        )
        .await;
    assert_eq!(rows, ["800000|Utf8View"]);
}

#[tokio::test]
async fn files_with_other_columns() {
    let files = Files::new();
    files.write("t/1.csv", "a,b\n1,x\n");
    files.write("t/2.csv", "b,c,a\ny,2.5,2\n");
    files.write("t/3.csv", "a\n3.5\n");
    let rows = files
        .read("t", &[], "SELECT a, b, c FROM t ORDER BY a")
        .await;
    assert_eq!(rows, ["1.0|x|", "2.0|y|2.5", "3.5||"]);
    let mut spec = files.spec("t", &[]);
    spec.columns = vec![quern_engine::source::ColumnSpec {
        name: "b".into(),
        data_type: arrow::datatypes::DataType::Utf8,
        nullable: true,
    }];
    files.create("t", spec).await.unwrap();
    assert_eq!(
        files.rows("SELECT * FROM t ORDER BY b").await,
        ["x", "y", ""]
    );
    // Names that no file has: the columns go by place.
    let declared = |names: &[&str]| {
        let mut spec = files.spec("t/1.csv", &[]);
        spec.columns = names
            .iter()
            .map(|name| quern_engine::source::ColumnSpec {
                name: name.to_string(),
                data_type: arrow::datatypes::DataType::Utf8,
                nullable: true,
            })
            .collect();
        spec
    };
    files.create("t", declared(&["x", "y"])).await.unwrap();
    assert_eq!(files.rows("SELECT x, y FROM t").await, ["1|x"]);
    let error = files.resolve(declared(&["x"])).await.unwrap_err();
    assert!(
        error.message.contains("none of the table's columns"),
        "{error}"
    );
}

#[tokio::test]
async fn options_of_the_dialect() {
    let files = Files::new();
    files.write("t.txt", "# head\n1;'a;b';NA\n2;'it\\'s';-\n");
    let options = [
        ("format", text_value("csv")),
        ("delimiter", text_value(";")),
        ("quote", text_value("'")),
        ("escape", text_value("\\")),
        ("comment", text_value("#")),
        ("header", OptionValue::Boolean(false)),
        (
            "null_values",
            OptionValue::Array(vec![text_value("NA"), text_value("-")]),
        ),
    ];
    let rows = files
        .read(
            "t.txt",
            &options,
            "SELECT column1, column2, column3 FROM t ORDER BY 1",
        )
        .await;
    assert_eq!(rows, ["1|a;b|", "2|it's|"]);
}

#[tokio::test]
async fn ragged_rows_and_other_encodings_are_errors() {
    let files = Files::new();
    files.write("t.csv", "a,b\n1,2\n3\n");
    let error = files.resolve(files.spec("t.csv", &[])).await.unwrap_err();
    assert!(
        error
            .message
            .contains("1 fields where the file has 2 columns"),
        "{error}"
    );
    files.write("l.csv", b"a,b\nM\xfcller,2\n");
    files.create("t", files.spec("l.csv", &[])).await.unwrap();
    let error = files.error("SELECT a FROM t").await;
    assert!(
        error.message.contains("line 2: the text is not UTF-8"),
        "{error}"
    );
}
